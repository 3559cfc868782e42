"""Settlement: exactly the right session, price and adjustment for each horizon, and nothing after the label's end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data import synthetic
from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.journal.records import LastReturns, Outcomes
from vfr.journal.settlement import GRACE, restatements, settle_session
from vfr.typing import HORIZONS, Horizon

PANEL = synthetic.snapshot(np.random.default_rng(5), n_sessions=120, n_symbols=24).panel
ROW = 60
AS_OF = PANEL.sessions[ROW]
WHOLE = tuple(symbol for n, symbol in enumerate(PANEL.symbols) if n not in (3, 4, 6))


def counts(panel: Panel) -> np.ndarray:
    return np.isfinite(panel.adj_close)


def settled(panel: Panel, horizon: Horizon, symbols=WHOLE, as_of=AS_OF) -> Outcomes | None:
    return settle_session(panel, counts(panel), horizon, as_of, symbols)


def without(panel: Panel, symbol: str, rows: slice) -> Panel:
    arrays = {name: getattr(panel, name).copy() for name in (*PRICE_FIELDS, "volume")}
    for array in arrays.values():
        array[rows, panel.column(symbol)] = np.nan
    return replace(panel, **arrays)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_return_is_from_the_next_open_to_the_open_h_sessions_later(horizon: Horizon) -> None:
    h = HORIZONS[horizon]
    assert settled(PANEL.rows(0, ROW + 1 + h), horizon) is None, "the last price is not there yet"
    found = settled(PANEL.rows(0, ROW + 2 + h), horizon)
    assert found is not None
    adjusted = PANEL.open * PANEL.adj_close / PANEL.close
    columns = [PANEL.column(symbol) for symbol in WHOLE]
    expected = adjusted[ROW + 1 + h, columns] / adjusted[ROW + 1, columns] - 1.0
    assert found.symbols == WHOLE
    assert found.basis == "open"
    np.testing.assert_allclose(found.returns, expected, rtol=1e-12)
    np.testing.assert_array_equal(found.direction, (expected > 0) * 1.0)
    whole = adjusted[ROW + 1 + h] / adjusted[ROW + 1] - 1.0
    whole[~counts(PANEL)[ROW]] = np.nan
    np.testing.assert_allclose(found.excess, expected - np.nanmedian(whole), rtol=1e-9, atol=1e-15)
    assert found.counted.all()
    assert set(found.reason) == {None}


def test_closes_serve_where_there_are_no_opens() -> None:
    bare = replace(PANEL, open=np.full(PANEL.shape, np.nan))
    found = settled(bare, "1d")
    assert found is not None
    columns = [PANEL.column(symbol) for symbol in WHOLE]
    expected = PANEL.adj_close[ROW + 2, columns] / PANEL.adj_close[ROW + 1, columns] - 1.0
    assert found.basis == "close"
    np.testing.assert_allclose(found.returns, expected, rtol=1e-12)


@pytest.mark.parametrize("horizon", HORIZONS)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), more=st.integers(1, 30))
def test_no_price_after_the_labels_end_is_read(horizon: Horizon, seed: int, more: int) -> None:
    end = ROW + 1 + HORIZONS[horizon]
    rng = np.random.default_rng(seed)
    known = PANEL.rows(0, end + 1 + more)
    arrays = {name: getattr(known, name).copy() for name in (*PRICE_FIELDS, "volume")}
    for array in arrays.values():
        later = array[end + 1 :]
        later *= rng.uniform(0.01, 100.0, later.shape)
        later[rng.random(later.shape) < 0.3] = np.nan
    other = replace(known, **arrays)
    member = rng.random(known.shape) < 0.7
    changed = member.copy()
    changed[end + 1 :] = ~changed[end + 1 :]
    one = settle_session(known, member, horizon, AS_OF, PANEL.symbols)
    two = settle_session(other, changed, horizon, AS_OF, PANEL.symbols)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        for name in ("returns", "direction", "excess", "counted"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert (one.symbols, one.reason) == (two.symbols, two.reason)


def test_a_split_between_forecast_and_outcome_is_no_loss() -> None:
    """The day after 4:1 the source restates the whole history on the new basis; both ends are taken from it."""
    symbol = WHOLE[0]
    column = PANEL.column(symbol)
    rebased = {name: getattr(PANEL, name).copy() for name in PRICE_FIELDS}
    for array in rebased.values():
        array[:, column] /= 4.0
    before, after = settled(PANEL, "7d"), settled(replace(PANEL, **rebased), "7d")
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after.returns, before.returns, rtol=1e-12)
    assert restatements(looked_at(before), after) == []


def test_a_dividend_is_part_of_the_return() -> None:
    symbol, paid = WHOLE[0], 0.05
    adjusted = PANEL.adj_close.copy()
    adjusted[: ROW + 3, PANEL.column(symbol)] *= 1.0 - paid
    before, after = settled(PANEL, "7d"), settled(replace(PANEL, adj_close=adjusted), "7d")
    assert before is not None
    assert after is not None
    np.testing.assert_allclose((1.0 + after.returns[0]) * (1.0 - paid), 1.0 + before.returns[0])
    np.testing.assert_allclose(after.returns[1:], before.returns[1:])


def test_a_name_that_leaves_waits_and_is_then_unknown_with_its_reason() -> None:
    gone = WHOLE[2]
    end = ROW + 1 + 5
    left = without(PANEL, gone, slice(ROW + 3, None))
    early = settled(left.rows(0, end + GRACE), "7d")
    assert early is not None
    assert gone not in early.symbols
    assert len(early.symbols) == len(WHOLE) - 1
    late = settled(left.rows(0, end + 1 + GRACE), "7d")
    assert late is not None
    place = late.symbols.index(gone)
    assert np.isnan([late.returns[place], late.direction[place], late.excess[place]]).all()
    assert (
        late.reason[place]
        == f"no price on {PANEL.sessions[end]}, where the return ends; last close on {PANEL.sessions[ROW + 2]}"
    )


def test_a_name_without_a_price_to_enter_at_says_so() -> None:
    absent = without(PANEL, WHOLE[0], slice(ROW + 1, ROW + 2))
    found = settled(absent, "1d")
    assert found is not None
    assert found.reason[0] == f"no price on {PANEL.sessions[ROW + 1]}, where the return begins"


def test_a_name_that_the_data_lost_is_unknown_after_the_wait() -> None:
    end = ROW + 1 + 1
    early = settled(PANEL.rows(0, end + 1), "1d", ("NOBODY", *WHOLE))
    late = settled(PANEL.rows(0, end + 1 + GRACE), "1d", ("NOBODY", *WHOLE))
    assert early is not None
    assert late is not None
    assert early.symbols == WHOLE
    assert (late.symbols[0], late.reason[0], bool(late.counted[0])) == ("NOBODY", "not in the data any more", False)


def test_a_bar_that_comes_late_is_waited_for() -> None:
    end = ROW + 1 + 1
    holed = without(PANEL, WHOLE[1], slice(end, end + 1))
    first = settled(holed.rows(0, end + 3), "1d")
    then = settled(PANEL.rows(0, end + 4), "1d", (WHOLE[1],))
    assert first is not None
    assert then is not None
    assert WHOLE[1] not in first.symbols
    assert np.isfinite(then.returns).all()


def test_while_too_many_names_lack_a_price_all_wait() -> None:
    """Else the median, which every excess return is taken over, would be that of the few that came first."""
    end = ROW + 1 + 1
    partial = PANEL
    for symbol in WHOLE[:6]:
        partial = without(partial, symbol, slice(end, end + 1))
    assert settled(partial.rows(0, end + GRACE), "1d") is None
    late = settled(partial.rows(0, end + 1 + GRACE), "1d")
    assert late is not None
    assert sum(reason is not None for reason in late.reason) == 6


def test_a_session_that_the_data_lost_is_unknown_after_the_wait() -> None:
    keep = np.arange(PANEL.sessions.size) != ROW
    arrays = {name: getattr(PANEL, name)[keep] for name in (*PRICE_FIELDS, "volume")}
    cut = replace(PANEL, sessions=PANEL.sessions[keep], **arrays)
    assert settled(cut.rows(0, ROW + 3), "1d") is None
    late = settled(cut, "1d")
    assert late is not None
    assert set(late.reason) == {"the data hold no such session any more"}
    assert settled(PANEL, "1d", as_of=PANEL.sessions[-1] + 30) is None


def test_only_a_return_that_moved_is_restated() -> None:
    first = settled(PANEL, "1d")
    assert first is not None
    moved = first.returns.copy()
    moved[0] += 0.01
    moved[1] += 1e-9
    moved[2] = np.nan
    now = replace(first, returns=moved)
    (one,) = restatements(looked_at(first), now)
    assert (one.symbol, one.times) == (WHOLE[0], 0)
    last = LastReturns(first.as_of, first.symbols, moved, np.array([1] + [0] * (len(WHOLE) - 1)))
    assert restatements(last, now) == []
    assert [one.symbol for one in restatements(last, first)] == [WHOLE[0], WHOLE[2]]
    assert restatements(last, first)[0].times == 1
    some = replace(first, symbols=(WHOLE[2], "NOBODY", WHOLE[0]), returns=np.array([0.5, 0.6, 0.7]))
    assert [(one.symbol, one.returns) for one in restatements(last, some)] == [(WHOLE[0], 0.7), (WHOLE[2], 0.5)]


def looked_at(settled: Outcomes) -> LastReturns:
    """What was looked at is what was settled."""
    return LastReturns(settled.as_of, settled.symbols, settled.returns, np.zeros(len(settled.symbols), dtype=np.int64))
