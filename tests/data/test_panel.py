from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vfr.data.panel import Panel
from vfr.errors import ImportRejected, InvalidField, UnknownSymbol

SESSIONS = np.array(["2019-01-02", "2019-01-03", "2019-01-04"], dtype="datetime64[D]")


def panel(**changes: Any) -> Panel:
    ones = np.ones((3, 2))
    fields: dict[str, Any] = {f: ones.copy() for f in ("open", "high", "low", "close", "adj_close", "volume")}
    fields |= {"sessions": SESSIONS, "symbols": ("A", "B"), "adjustment": "split"}
    return Panel(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sessions": SESSIONS[::-1]}, "strictly increasing"),
        ({"sessions": SESSIONS.astype("datetime64[s]")}, "datetime64"),
        ({"symbols": ("A", "A")}, "unique"),
        ({"close": np.ones((3, 1))}, "close: must be float64 of shape"),
        ({"close": np.ones((3, 2), dtype=np.float32)}, "close: must be float64"),
        ({"high": np.full((3, 2), np.inf)}, "high: holds an infinite"),
        ({"low": np.zeros((3, 2))}, "low: holds a value of 0"),
        ({"volume": np.full((3, 2), -1.0)}, "volume: holds a value of -1"),
    ],
)
def test_invariants(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportRejected, match=message):
        panel(**changes)


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        panel().close[0, 0] = 2.0


def test_rows_and_columns() -> None:
    p = panel(close=np.arange(1.0, 7).reshape(3, 2))
    assert p.shape == (3, 2)
    assert p.column("B") == 1
    assert p.row(np.datetime64("2019-01-06")) == 2
    assert p.take(np.array([1, 0])).close.tolist() == [[2, 1], [4, 3], [6, 5]]
    last = p.rows(1, 3)
    assert last.sessions.tolist() == SESSIONS[1:].tolist()
    assert last.shape == (2, 2)
    assert last.close.tolist() == [[3, 4], [5, 6]]
    assert np.shares_memory(last.volume, p.volume)
    with pytest.raises(ValueError, match="read-only"):
        last.close[0, 0] = 2.0
    with pytest.raises(InvalidField, match="as_of"):
        p.row(np.datetime64("2018-12-31"))
    with pytest.raises(UnknownSymbol):
        p.column("C")
