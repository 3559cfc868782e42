"""Snapshots the factor tests build on: real data where installed, and a hand-made market of a few symbols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vfr.data.panel import Panel
from vfr.data.records import Actions, Fundamentals, Securities
from vfr.data.snapshot import Snapshot


@pytest.fixture(scope="session")
def real_snapshot(shared_data: Path) -> Snapshot:
    """The shared folder as its provider reads it: 480 stocks, statements, macro series, tweets."""
    from vfr.adapters.providers.files import FilesProvider

    return FilesProvider(shared_data).load()[0]


@pytest.fixture
def market() -> Callable[..., Snapshot]:
    """Return a builder of plain markets: flat prices of 100 USD, a volume of 1,000, closes at 21:00 UTC."""

    def build(n_sessions: int = 10, n_symbols: int = 6, start: str = "2014-01-01", **inputs: Any) -> Snapshot:
        sessions = np.busday_offset(np.datetime64(start), np.arange(n_sessions), roll="forward")
        shape = (n_sessions, n_symbols)
        price = np.full(shape, 100.0)
        fields = {name: price.copy() for name in ("open", "high", "low", "close", "adj_close")}
        symbols = tuple(f"S{i}" for i in range(n_symbols))
        panel = Panel(sessions, symbols, **fields, volume=np.full(shape, 1000.0), adjustment="split")
        sector = inputs.pop("sector", ("Energy",) * n_symbols)
        panel = replace(panel, **inputs.pop("panel", {}))
        securities = Securities(symbols, sector, ("",) * n_symbols)
        closes_at = (sessions.astype("datetime64[h]") + 21).astype("datetime64[s]")
        return Snapshot("plain", "1", panel, closes_at, securities, **inputs)

    return build


@pytest.fixture
def statements() -> Callable[..., Fundamentals]:
    """Return a builder of statements from rows (column, period end, known at, items), sorted by the day known."""

    def build(*rows: tuple[int, str, str, dict[str, float]]) -> Fundamentals:
        rows = tuple(sorted(rows, key=lambda row: row[2]))
        names = sorted({name for row in rows for name in row[3]})
        return Fundamentals(
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype="datetime64[D]"),
            np.array([row[2] for row in rows], dtype="datetime64[D]"),
            {name: np.array([row[3].get(name, np.nan) for row in rows]) for name in names},
        )

    return build


@pytest.fixture
def splits() -> Callable[..., Actions]:
    """Return a builder of splits from rows (column, day, ratio)."""

    def build(*rows: tuple[int, str, float]) -> Actions:
        return Actions(
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype="datetime64[D]"),
            np.array([row[2] for row in rows]),
        )

    return build
