"""Where each figure of a share comes from: its source, since when it is known, and the filing it was read in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from vfr.data.bitemporal.sources import in_order, preferred
from vfr.data.bitemporal.tables import Kind
from vfr.data.bitemporal.versions import as_of
from vfr.workflows.archive import Archive
from vfr.workflows.sync_publish import chosen

__all__ = ["provenance"]

_BAR: Final = ("open", "high", "low", "close", "volume")
_ANNUAL: Final = "FY"
_KINDS: Final[tuple[Kind, ...]] = ("bars", "profile", "fundamentals")


def provenance(
    archive: Archive, symbols: Sequence[str], moment: datetime, version: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return the origin of the newest figures of each share, as they were in force at a moment.

    Parameters
    ----------
    archive : Archive
    symbols : sequence of str
    moment : datetime
        Aware, UTC.
    version : str, optional
        Of the archive; the newest by default.

    Returns
    -------
    dict
        By symbol: ``bar``, ``profile`` and ``statement``, each a mapping of field to ``source``, ``knownAt`` and, for
        statements, ``form``, ``accession`` and ``filedAt``. What is not known is left out.
    """
    version, sources = chosen(archive, version)
    held = {kind: as_of(kind, archive.read(kind, version=version, subjects=symbols), moment) for kind in _KINDS}
    bars = preferred("bars", held["bars"].filter(pl.col("close").is_not_null()), sources)
    profile = preferred("profile", held["profile"], sources)
    filed = held["fundamentals"].filter(pl.col("period") == _ANNUAL)
    return {
        symbol: {
            "bar": _bar(bars.filter(pl.col("symbol") == symbol)),
            "profile": {row["field"]: _origin(row) for row in _of(profile, symbol)},
            "statement": _statement(filed.filter(pl.col("symbol") == symbol), sources),
        }
        for symbol in symbols
    }


def _bar(rows: pl.DataFrame) -> dict[str, Any]:
    if rows.is_empty():
        return {}
    newest = rows.sort("date").row(-1, named=True)
    return {field: _origin(newest) for field in _BAR if newest[field] is not None}


def _statement(rows: pl.DataFrame, sources: Sequence[str]) -> dict[str, Any]:
    """Return the origin of each item of the newest year, which comes from one source whole."""
    if rows.is_empty():
        return {}
    newest = rows.filter(pl.col("period_end") == pl.col("period_end").max())
    best = in_order(newest, sources)[0]
    return {
        row["item"]: _origin(row)
        | {"form": row["form"], "accession": row["accession"], "filedAt": row["filed_at"] and str(row["filed_at"])}
        for row in newest.filter(pl.col("source") == best).iter_rows(named=True)
    }


def _of(frame: pl.DataFrame, symbol: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("symbol") == symbol).rows(named=True)


def _origin(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"source": row["source"], "knownAt": row["known_at"].isoformat()}
