"""Use case: what was known on a day, in plain figures: prices as quoted, statements in their version of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from vfr.data.people import GRADES
from vfr.data.snapshot import Snapshot
from vfr.errors import UnknownSymbol
from vfr.typing import FloatArray

__all__ = ["describe_view"]

_LAST_TRADES: Final = 5


def describe_view(snapshot: Snapshot, symbols: Sequence[str]) -> dict[str, Any]:
    """Return a view of a day as plain JSON types.

    Parameters
    ----------
    snapshot : Snapshot
        Everything known at the close of its last session.
    symbols : sequence of str
        Shares to tell about in detail.

    Raises
    ------
    UnknownSymbol
        If one of them is not in the view.
    """
    kinds = ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings")
    unknown = [symbol for symbol in symbols if symbol not in snapshot.symbols]
    if unknown:
        raise UnknownSymbol(f"{', '.join(unknown)}: not known on {snapshot.as_of}")
    return {
        "name": snapshot.name,
        "asOf": str(snapshot.as_of),
        "dataVersion": snapshot.version,
        "sessions": int(snapshot.panel.shape[0]),
        "symbols": int(snapshot.panel.shape[1]),
        "priceAdjustment": snapshot.panel.adjustment,
        "inputs": [kind for kind in kinds if getattr(snapshot, kind) is not None],
        "stocks": [_stock(snapshot, symbol) for symbol in symbols],
        "macro": _macro(snapshot),
    }


def _stock(snapshot: Snapshot, symbol: str) -> dict[str, Any]:
    column = snapshot.panel.column(symbol)
    closes = snapshot.panel.close[:, column]
    known = np.flatnonzero(np.isfinite(closes))
    last = int(known[-1]) if known.size else None
    return {
        "symbol": symbol,
        "name": snapshot.securities.name[column],
        "lastBar": None if last is None else str(snapshot.sessions[last]),
        "close": None if last is None else _plain(closes[last]),
        "volume": None if last is None else _plain(snapshot.panel.volume[last, column]),
        "member": bool(snapshot.membership.member[-1, column]) if snapshot.membership is not None else None,
        "statements": _statements(snapshot, column),
        "ratings": _ratings(snapshot, column),
        "insiderTrades": _trades(snapshot, column),
    }


def _statements(snapshot: Snapshot, column: int) -> list[dict[str, Any]]:
    """Return the version in force of every period, newest period first."""
    f = snapshot.fundamentals
    if f is None:
        return []
    rows = np.flatnonzero(f.column == column)
    versions: dict[str, list[int]] = {}
    for row in rows.tolist():
        versions.setdefault(str(f.period_end[row]), []).append(row)
    return [
        {
            "periodEnd": period,
            "knownAt": str(f.known_at[held[-1]]),
            "firstKnownAt": str(f.known_at[held[0]]),
            "restated": any(_changed(figures[held]) for figures in f.values.values()),
            "items": {item: _plain(figures[held[-1]]) for item, figures in f.values.items()},
        }
        for period, held in sorted(versions.items(), reverse=True)
    ]


def _changed(figures: FloatArray) -> bool:
    """Tell whether versions differ in a figure that they know; another source that repeats it restates nothing."""
    return np.unique(figures[np.isfinite(figures)]).size > 1


def _ratings(snapshot: Snapshot, column: int) -> dict[str, Any] | None:
    """Return what analysts last said, None where nothing is known."""
    r = snapshot.ratings
    rows = np.flatnonzero(r.column == column) if r is not None else np.array([], dtype=np.int64)
    if r is None or not rows.size:
        return None
    last = int(rows[-1])
    counts = {grade: _plain(count) for grade, count in zip(GRADES, r.counts[last], strict=True)}
    return {
        "date": str(r.date[last]),
        "knownAt": str(r.known_at[last]),
        "counts": counts,
        "targetMean": _plain(r.target_mean[last]),
    }


def _trades(snapshot: Snapshot, column: int) -> list[dict[str, Any]]:
    """Return the transactions of insiders that became known last, newest first."""
    i = snapshot.insiders
    if i is None:
        return []
    return [
        {
            "date": str(i.date[row]),
            "knownAt": str(i.known_at[row]),
            "owner": i.owners[i.owner[row]],
            "manager": bool(i.manager[row]),
            "code": str(i.code[row]),
            "shares": _plain(i.shares[row]),
            "price": _plain(i.price[row]),
        }
        for row in np.flatnonzero(i.column == column)[: -_LAST_TRADES - 1 : -1].tolist()
    ]


def _macro(snapshot: Snapshot) -> dict[str, Any]:
    """Return the newest observation of each series in its version of the day."""
    if snapshot.macro is None:
        return {}
    out = {}
    for name, series in sorted(snapshot.macro.series.items()):
        if series.date.size:
            newest = np.flatnonzero(series.date == series.date.max())[-1]
            out[name] = {
                "date": str(series.date[newest]),
                "knownAt": str(series.known_at[newest]),
                "value": _plain(series.value[newest]),
            }
    return out


def _plain(figure: float | FloatArray) -> float | None:
    number = float(figure)
    return number if np.isfinite(number) else None
