"""The alternative factor: liquidity by hand, reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.factors import alternative
from vfr.factors.scores import Reason

AMIHUD, TURNOVER = "alternative.liquidity.amihud", "alternative.liquidity.turnover"


def reasons(measured, row=0):
    return [Reason(int(code)).name for code in measured.reason[row]]


def zigzag(snapshot, volume):
    """Let total returns alternate between +10 % and -10 % on the given volumes [N]."""
    t, n = snapshot.panel.shape
    step = np.where(np.arange(t) % 2 == 1, 1.1, 0.9)
    step[0] = 1.0
    adj = np.repeat(np.cumprod(step)[:, None], n, axis=1)
    return replace(snapshot, panel=replace(snapshot.panel, adj_close=adj, volume=np.tile(np.asarray(volume), (t, 1))))


def test_amihud_by_hand(market):
    snapshot = zigzag(market(n_sessions=300), [1e3, 2e3, 3e3, 4e3, 5e3, 6e3])
    measured = alternative.measure(snapshot, np.array([299]))[AMIHUD]
    # |return| of 0.1 on 100,000 USD a day: 1 per million USD.
    np.testing.assert_allclose(measured.value[0], 1 / np.arange(1, 7))
    np.testing.assert_allclose(measured.score[0], 100 * (np.arange(6, 0, -1) - 0.5) / 6)
    assert (measured.as_of == snapshot.sessions[299]).all()


def test_days_without_trade_are_left_out_and_half_a_year_is_needed(market):
    snapshot = zigzag(market(n_sessions=300), [1e3] * 6)
    volume = snapshot.panel.volume.copy()
    volume[:150, 0] = 0.0
    volume[:200, 1] = np.nan
    snapshot = replace(snapshot, panel=replace(snapshot.panel, volume=volume))
    measured = alternative.measure(snapshot, np.array([299]))[AMIHUD]
    assert measured.value[0, 0] == pytest.approx(1.0)
    assert reasons(measured)[:3] == ["PRESENT", "NO_HISTORY", "PRESENT"]


def test_turnover_by_hand(market, statements):
    known = statements(*[(i, "2013-12-31", "2014-01-01", {"shares": 1e4 * (i + 1)}) for i in range(5)])
    snapshot = market(n_sessions=40, fundamentals=known)
    measured = alternative.measure(snapshot, np.array([39]))[TURNOVER]
    np.testing.assert_allclose(measured.value[0, :5], 0.1 / np.arange(1, 6))
    np.testing.assert_allclose(measured.score[0, :5], [10, 30, 50, 70, 90])
    assert reasons(measured)[5] == "NOT_COVERED"
    assert reasons(alternative.measure(snapshot, np.array([10]))[TURNOVER])[0] == "NO_HISTORY"
    assert reasons(alternative.measure(market(n_sessions=40), np.array([39]))[TURNOVER]) == ["NO_INPUT"] * 6


def test_who_no_longer_trades_is_stale(market):
    snapshot = zigzag(market(n_sessions=600), [1e3] * 6)
    close = snapshot.panel.close.copy()
    close[300:, 0] = np.nan
    snapshot = replace(snapshot, panel=replace(snapshot.panel, close=close))
    measured = alternative.measure(snapshot, np.array([304, 305, 551, 552]))[AMIHUD]
    assert [Reason(int(code)).name for code in measured.reason[:, 0]] == ["PRESENT", "STALE", "STALE", "NOT_COVERED"]
    assert measured.as_of[0, 0] == snapshot.sessions[299]


def test_closes_alone_give_no_input(market):
    nothing = np.full((10, 6), np.nan)
    for measured in alternative.measure(market(panel={"volume": nothing}), np.array([2, 9])).values():
        assert (measured.reason == Reason.NO_INPUT).all()


def test_closes_adjusted_for_dividends_are_unusable(market):
    snapshot = market(n_sessions=300, panel={"adjustment": "dividend"})
    for measured in alternative.measure(snapshot, np.array([299])).values():
        assert set(reasons(measured)) <= {"UNUSABLE", "NO_INPUT"}


def test_apple_is_among_the_most_liquid(real_snapshot):
    panel = real_snapshot.panel
    measured = alternative.measure(real_snapshot, np.array([panel.row(np.datetime64("2015-06-30"))]))[AMIHUD]
    assert measured.score[0, panel.column("AAPL")] < 2
    assert np.isfinite(measured.score).mean() > 0.95
