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
    for array in (close, high, low, opened):
        array[30, 2] = close[29, 2]  # no range, though shares were traded
    volume[40, 0] = 0
    adjusted = close.copy()
    adjusted[45:, 0] *= 3
    report = found(panel(close=close, high=high, low=low, open=opened, volume=volume, adj_close=adjusted))
    assert report["missing_sessions"].examples == ("A: 1 of 60 sessions",)
    assert report["missing_sessions"].severity == "warning"
    assert report["ends_early"].examples == (f"B {SESSIONS[49]}",)
    assert report["outside_high_low"].examples[0] == f"C {SESSIONS[20]}"
    assert report["flat_bars"].examples == (f"C {SESSIONS[30]}",)
    assert "stale_bars" not in report  # the next move was an ordinary one
    assert report["zero_volume"].examples == (f"A {SESSIONS[40]}",)
    assert report["large_returns"].examples[0].startswith(f"A {SESSIONS[45]} +2")
    assert "missing_fields" not in report


def test_closes_only_are_stale_after_five_repeats() -> None:
    nothing = np.full((60, 3), np.nan)
    close = panel().close.copy()
    close[20:26, 1] = close[19, 1]
    report = found(panel(close=close, adj_close=close, open=nothing, high=nothing, low=nothing, volume=nothing))
    assert report["stuck_closes"].count == 2
    assert report["missing_fields"].count == 4 * 180


def test_a_panel_of_holes_is_an_error() -> None:
    holes = panel().close.copy()
    holes[np.arange(60) % 2 == 1] = np.nan
    assert found(panel(close=holes))["missing_sessions"].severity == "error"


def walk(seed: int = 3, symbols: int = 30, sessions: int = 90) -> Panel:
    """A market of random walks with ordinary ranges."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, (sessions, symbols)), axis=0))
    opened = close * np.exp(rng.normal(0, 0.004, close.shape))
    high, low = np.maximum(opened, close) * 1.003, np.minimum(opened, close) * 0.997
    return Panel(
        sessions=np.busday_offset(np.datetime64("2018-01-02"), np.arange(sessions), roll="forward"),
        symbols=tuple(f"S{i}" for i in range(symbols)),
        open=opened,
        high=high,
        low=low,
        close=close,
        adj_close=close.copy(),
        volume=rng.uniform(0.5, 2, close.shape) * 1e6,
        adjustment="split",
    )


def repeat_close(made: Panel, row: int, column: int, **changes: np.ndarray) -> Panel:
    """Put the close before in place of a bar, as vendors do when they miss one."""
    fields = {
        f: changes.get(f, getattr(made, f)).copy() for f in ("open", "high", "low", "close", "adj_close", "volume")
    }
    for name in ("open", "high", "low", "close", "adj_close"):
        fields[name][row, column] = made.close[row - 1, column]
    return Panel(sessions=made.sessions, symbols=made.symbols, adjustment="split", **fields)


def test_a_repeated_close_that_hides_a_fall_is_told_from_one_that_hides_nothing() -> None:
    made = walk()
    fallen = {name: getattr(made, name).copy() for name in ("open", "high", "low", "close", "adj_close")}
    for array in fallen.values():
        array[70:, 4] *= 0.8
    report = found(repeat_close(made, 70, 4, **fallen))
    assert report["stale_bars"].examples == (f"S4 {made.sessions[70]}",)
    assert "flat_bars" not in report
    quiet = found(repeat_close(made, 70, 4))
    assert quiet["flat_bars"].examples == (f"S4 {made.sessions[70]}",)
    assert "stale_bars" not in quiet


def test_standing_still_while_everything_fell_is_not_credible() -> None:
    made = walk()
    fallen = {name: getattr(made, name).copy() for name in ("open", "high", "low", "close", "adj_close")}
    for name, array in fallen.items():
        array[70, :] *= 0.94  # the market falls for one session and is back the next
        if name == "open":
            array[71, :] *= 0.94
    report = found(repeat_close(made, 70, 4, **fallen))
    assert report["stale_bars"].examples == (f"S4 {made.sessions[70]}",)


def test_a_bar_without_a_range_is_no_placeholder_where_nothing_was_traded() -> None:
    made = walk()
    volume = made.volume.copy()
    volume[70, 4], volume[60, 5] = 0, 100
    report = found(repeat_close(repeat_close(made, 70, 4, volume=volume), 60, 5))
    assert set(report) == {"zero_volume"}


def test_a_last_bar_without_a_range_hides_nothing_yet() -> None:
    made = walk()
    report = found(repeat_close(made, 89, 0))
    assert report["flat_bars"].count == 1
    assert "stale_bars" not in report


def test_a_whole_bar_repeated_is_found_though_the_volume_differs() -> None:
    made = walk()
    fields = {f: getattr(made, f).copy() for f in ("open", "high", "low", "close", "adj_close")}
    for array in fields.values():
        array[40, 7] = array[39, 7]
    report = found(
        Panel(sessions=made.sessions, symbols=made.symbols, volume=made.volume, adjustment="split", **fields)
    )
    assert report["repeated_bars"].examples == (f"S7 {made.sessions[40]}",)


def test_a_jump_of_the_close_alone_is_told_from_a_return() -> None:
    made = walk()
    close = made.close.copy()
    close[:30, 3] *= 2
    fields = {f: getattr(made, f).copy() for f in ("open", "high", "low", "adj_close", "volume")}
    fields["high"][:30, 3] *= 2
    report = found(Panel(sessions=made.sessions, symbols=made.symbols, close=close, adjustment="split", **fields))
    assert report["close_jumps"].examples[0].startswith(f"S3 {made.sessions[30]} -5")
    assert "large_returns" not in report


def test_a_symbol_that_leaves_and_comes_back_is_named_with_the_move_across() -> None:
    made = walk()
    fields = {f: getattr(made, f).copy() for f in ("open", "high", "low", "close", "adj_close", "volume")}
    for name, array in fields.items():
        array[30:50, 2] = np.nan
        array[60:64, 3] = np.nan  # four sessions: under a week, or just so over a weekend
        if name != "volume":
            array[50:, 2] *= 3
    report = found(Panel(sessions=made.sessions, symbols=made.symbols, adjustment="split", **fields))
    assert report["returned_after_gap"].count == 1
    assert report["returned_after_gap"].examples[0].startswith(f"S2 {made.sessions[29]} to {made.sessions[50]} +")
    assert report["missing_sessions"].count == 24
    assert "large_returns" not in report


def test_a_symbol_missing_on_the_last_sessions_only_has_not_ended() -> None:
    made = walk()
    fields = {f: getattr(made, f).copy() for f in ("open", "high", "low", "close", "adj_close", "volume")}
    for array in fields.values():
        array[-4:, 1] = np.nan
        array[-5:, 2] = np.nan
    report = found(Panel(sessions=made.sessions, symbols=made.symbols, adjustment="split", **fields))
    assert report["ends_early"].examples == (f"S2 {made.sessions[-6]}",)
