from __future__ import annotations

import numpy as np

from vfr.data.checks import check_panel
from vfr.data.panel import Panel
from vfr.data.quality import Finding

SESSIONS = np.busday_offset(np.datetime64("2018-01-01"), np.arange(60))


def panel(**changes: np.ndarray) -> Panel:
    base = 50 + np.arange(60.0)[:, None] * 0.1 + np.arange(3.0)
    fields = {"open": base, "high": base + 1, "low": base - 1, "close": base, "adj_close": base, "volume": base * 1e4}
    fields = {name: array.copy() for name, array in (fields | changes).items()}
    return Panel(sessions=SESSIONS, symbols=("A", "B", "C"), adjustment="split", **fields)


def found(checked: Panel) -> dict[str, Finding]:
    return {f.check: f for f in check_panel(checked)}


def test_a_clean_panel_has_nothing_to_say() -> None:
    assert found(panel()) == {}


def test_each_check_finds_its_fault_and_names_it() -> None:
    p = panel()
    close, high, low, opened, volume = (getattr(p, f).copy() for f in ("close", "high", "low", "open", "volume"))
    for array in (close, high, low, opened):
        array[10, 0] = np.nan  # a gap
        array[50:, 1] = np.nan  # an early end
    opened[20, 2] = high[20, 2] + 1  # outside
    for array in (close, high, low):
        array[30, 2] = close[29, 2]  # stale
    volume[40, 0] = 0
    adjusted = close.copy()
    adjusted[45:, 0] *= 3
    report = found(panel(close=close, high=high, low=low, open=opened, volume=volume, adj_close=adjusted))
    assert report["missing_sessions"].examples == ("A: 1 of 60 sessions",)
    assert report["missing_sessions"].severity == "warning"
    assert report["ends_early"].examples == (f"B {SESSIONS[49]}",)
    assert report["outside_high_low"].examples[0] == f"C {SESSIONS[20]}"
    assert report["stale_bars"].examples == (f"C {SESSIONS[30]}",)
    assert report["zero_volume"].examples == (f"A {SESSIONS[40]}",)
    assert report["large_returns"].examples[0].startswith(f"A {SESSIONS[45]} +2")
    assert "missing_fields" not in report


def test_closes_only_are_stale_after_five_repeats() -> None:
    nothing = np.full((60, 3), np.nan)
    close = panel().close.copy()
    close[20:26, 1] = close[19, 1]
    report = found(panel(close=close, adj_close=close, open=nothing, high=nothing, low=nothing, volume=nothing))
    assert report["stale_bars"].count == 2
    assert report["missing_fields"].count == 4 * 180


def test_a_panel_of_holes_is_an_error() -> None:
    holes = panel().close.copy()
    holes[np.arange(60) % 2 == 1] = np.nan
    assert found(panel(close=holes))["missing_sessions"].severity == "error"
