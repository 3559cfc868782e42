"""Columns of a table of facts as the plain arrays that records are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["columns_of", "days_of", "figures_of"]


def columns_of(frame: pl.DataFrame, columns: Mapping[str, int]) -> IntArray:
    """Return the column of each row's symbol; every symbol must have one."""
    place = frame["symbol"].replace_strict(columns, return_dtype=pl.Int64)
    return np.asarray(place.to_numpy(), dtype=np.int64)


def days_of(frame: pl.DataFrame, name: str) -> DateArray:
    """Return a column of dates; NaT where null."""
    return frame[name].to_numpy().astype("datetime64[D]")


def figures_of(frame: pl.DataFrame, name: str) -> FloatArray:
    """Return a column of figures of their own memory; NaN where null, and everywhere if there is no such column."""
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return np.array(frame[name].fill_null(np.nan).to_numpy(), dtype=np.float64)
