from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from vfr.data.snapshot import Snapshot
from vfr.factors import compute
from vfr.factors.carried import carried, own
from vfr.factors.registry import FACTORS, SUB_FACTORS
from vfr.factors.scores import Reason
from vfr.factors.shares import market_value
from vfr.scoring import composite

BOARD_INPUTS = {"prices", "volume", "fundamentals", "macro", "texts", "membership", "benchmark"}
WEIGHTS_BEFORE = {
    "sentiment.texts.tone": 0.8,
    "sentiment.texts.attention": 0.2,
    "alternative.liquidity.amihud": 0.6,
    "alternative.liquidity.turnover": 0.4,
}
"""What these weighed when there were neither insiders nor analysts."""


def permuted(snapshot: Snapshot, order: np.ndarray) -> Snapshot:
    place = np.argsort(order)
    fundamentals, texts, actions = snapshot.fundamentals, snapshot.texts, snapshot.actions
    membership, securities = snapshot.membership, snapshot.securities
    assert fundamentals is not None
    assert texts is not None
    assert actions is not None
    assert membership is not None
    insiders, ratings = snapshot.insiders, snapshot.ratings
    assert insiders is not None
    assert ratings is not None
    return replace(
        snapshot,
        panel=snapshot.panel.take(order),
        securities=replace(
            securities,
            name=tuple(securities.name[i] for i in order),
            sector=tuple(securities.sector[i] for i in order),
            sub_industry=tuple(securities.sub_industry[i] for i in order),
        ),
        fundamentals=replace(fundamentals, column=place[fundamentals.column]),
        texts=replace(texts, column=place[texts.column]),
        actions=replace(actions, column=place[actions.column]),
        membership=replace(membership, member=membership.member[:, order]),
        insiders=replace(insiders, column=place[insiders.column]),
        ratings=replace(ratings, column=place[ratings.column]),
    )


def test_scores_are_stacked_in_registry_order(seeded_snapshot: Snapshot) -> None:
    rows = np.array([400, 699])
    scores = compute.score(seeded_snapshot, rows)
    shape = (len(SUB_FACTORS), 2, len(seeded_snapshot.symbols))
    assert scores.names == tuple(SUB_FACTORS)
    assert scores.value.shape == scores.score.shape == scores.reason.shape == scores.as_of.shape == shape
    assert scores.market_cap.shape == shape[1:]
    np.testing.assert_array_equal(scores.sessions, seeded_snapshot.sessions[rows])
    np.testing.assert_array_equal(scores.reason == Reason.PRESENT, np.isfinite(scores.score))
    assert np.nanmin(scores.score) >= 0.0
    assert np.nanmax(scores.score) <= 100.0
    alone = FACTORS["technical"](seeded_snapshot, rows, own(seeded_snapshot), market_value(seeded_snapshot, rows))
    name = "technical.trend.macd"
    np.testing.assert_array_equal(scores.score[scores.names.index(name)], alone[name].score)


def test_every_sub_factor_is_measured_somewhere(seeded_snapshot: Snapshot) -> None:
    scores = compute.score(seeded_snapshot, np.arange(250, 700, 15))
    unknown = [name for k, name in enumerate(scores.names) if not np.isfinite(scores.score[k]).any()]
    assert unknown == [], "the seeded snapshot has every input"


def test_no_factor_sees_the_future(seeded_snapshot: Snapshot) -> None:
    rows = np.array([250, 431, 640])
    full = compute.score(seeded_snapshot, rows)
    for r, row in enumerate(rows):
        cut = compute.score(seeded_snapshot.upto(seeded_snapshot.sessions[row]), np.array([row]))
        for field in ("value", "score", "reason", "as_of"):
            for k, name in enumerate(full.names):
                whole, prefix = getattr(full, field)[k, r], getattr(cut, field)[k, 0]
                np.testing.assert_array_equal(whole, prefix, err_msg=f"{name}.{field}")
        np.testing.assert_array_equal(full.market_cap[r], cut.market_cap[0])


def test_a_past_session_read_from_the_whole_is_the_same_to_the_last_bit(seeded_snapshot: Snapshot) -> None:
    kept = []
    along = carried(seeded_snapshot, lambda figures: kept.append(figures.nbytes) or figures.copy())
    assert kept
    for row in (0, 9, 250, 431, 640, 699, *np.random.default_rng(8).integers(0, 700, 24).tolist()):
        past, last = seeded_snapshot.upto(seeded_snapshot.sessions[row]), np.array([row])
        alone, read = compute.score(past, last), compute.score(past, last, along)
        for field in ("value", "score", "reason", "as_of", "market_cap"):
            assert getattr(alone, field).tobytes() == getattr(read, field).tobytes(), (row, field)


def test_the_board_of_a_past_session_read_from_the_whole_is_the_same(seeded_snapshot: Snapshot) -> None:
    along = carried(seeded_snapshot)
    for row in (0, 1, 250, 431, 699):
        past = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        alone, read = compute.compute_board(past), compute.compute_board(past, along)
        for field in ("price", "change", "last_bar"):
            assert getattr(alone, field).tobytes() == getattr(read, field).tobytes(), (row, field)
        assert alone.inputs == read.inputs, row


def test_what_sessions_carry_along_is_read_and_nothing_else(seeded_snapshot: Snapshot) -> None:
    row, along = np.array([640]), carried(seeded_snapshot)
    plain = compute.score(seeded_snapshot, row, along)
    assert along.economy is not None
    assert along.texts is not None
    assert along.traded is not None
    calm = replace(along.economy, readings=tuple(replace(one, value=one.value + 1.0) for one in along.economy.readings))
    silent = replace(along.texts, tone=np.zeros_like(along.texts.tone))
    halved = replace(along.traded, dollars=replace(along.traded.dollars, filled=along.traded.dollars.filled / 2.0))
    for other, name in (
        (replace(along, economy=calm), "macro.stress.vix"),
        (replace(along, texts=silent), "sentiment.texts.tone"),
        (replace(along, traded=halved), "alternative.liquidity.turnover"),
    ):
        k = plain.names.index(name)
        found = compute.score(seeded_snapshot, row, other)
        assert not np.array_equal(found.value[k], plain.value[k], equal_nan=True), name


def test_a_kernel_that_did_not_run_in_time_is_an_error(seeded_snapshot: Snapshot) -> None:
    readings = carried(seeded_snapshot).histories.closes
    with pytest.raises(LookupError, match="did not run"):
        readings.of(print, (), 1, slice(None), slice(None))


def test_permuting_symbols_permutes_every_factor(seeded_snapshot: Snapshot) -> None:
    order = np.random.default_rng(4).permutation(len(seeded_snapshot.symbols))
    rows = np.array([500])
    plain = compute.score(seeded_snapshot, rows)
    moved = compute.score(permuted(seeded_snapshot, order), rows)
    for k, name in enumerate(plain.names):
        np.testing.assert_allclose(plain.score[k][:, order], moved.score[k], rtol=1e-12, err_msg=name)


def test_rows_outside_the_panel_are_refused(seeded_snapshot: Snapshot) -> None:
    for row in (-1, 700):
        with pytest.raises(ValueError, match="rows"):
            compute.score(seeded_snapshot, np.array([row]))


def test_a_factor_that_fails_raises(seeded_snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, object]:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(compute, "FACTORS", {**FACTORS, "macro": broken})
    with pytest.raises(ZeroDivisionError):
        compute.score(seeded_snapshot, np.array([699]))
    monkeypatch.setattr(compute, "FACTORS", {**FACTORS, "macro": lambda *_: {}})
    with pytest.raises(ValueError, match="macro: measures"):
        compute.score(seeded_snapshot, np.array([699]))


def test_board_of_the_last_session(seeded_snapshot: Snapshot) -> None:
    board, panel = compute.compute_board(seeded_snapshot), seeded_snapshot.panel
    assert board.as_of == seeded_snapshot.as_of
    assert board.scores.score.shape == (len(SUB_FACTORS), 1, 60)
    assert (board.data_name, board.data_version) == (seeded_snapshot.name, seeded_snapshot.version)
    assert board.price[7] == panel.close[-1, 7]
    assert board.change[7] == panel.close[-1, 7] - panel.close[-2, 7]
    bars = np.flatnonzero(np.isfinite(panel.close[:, 4]))  # delisted early
    assert board.price[4] == panel.close[bars[-1], 4]
    assert board.change[4] == panel.close[bars[-1], 4] - panel.close[bars[-2], 4]
    assert board.last_bar[4] == panel.sessions[bars[-1]] < board.as_of
    assert set(board.inputs) == BOARD_INPUTS | {"insiders", "ratings"}
    for kind, status in board.inputs.items():
        assert status.available, kind
        assert status.newest is not None
        assert np.datetime64(status.newest) <= board.as_of, f"{kind}: nothing is known before its time"


def test_without_insiders_and_analysts_answers_are_what_they_were_bit_for_bit(seeded_snapshot: Snapshot) -> None:
    with_both, bare = compute.compute_board(seeded_snapshot), replace(seeded_snapshot, insiders=None, ratings=None)
    board = compute.compute_board(bare)
    assert set(board.inputs) == BOARD_INPUTS
    names = [name for name, entry in SUB_FACTORS.items() if entry.needs is None]
    assert board.scores.names == tuple(names)
    kept = [with_both.scores.names.index(name) for name in names]
    for field in ("value", "score", "reason", "as_of"):
        whole, part = getattr(with_both.scores, field)[kept], getattr(board.scores, field)
        np.testing.assert_array_equal(whole, part, err_msg=field)
    before = {
        name: replace(SUB_FACTORS[name], weight=WEIGHTS_BEFORE.get(name, SUB_FACTORS[name].weight)) for name in names
    }
    now, then = composite.score(board), composite.score(board, sub_factors=before)
    for field in fields(now):
        assert getattr(now, field.name).tobytes() == getattr(then, field.name).tobytes(), field.name
    together = composite.score(with_both)
    assert (together.coverage >= 0).all()
    assert not np.array_equal(together.composite, now.composite, equal_nan=True)


def test_board_says_what_is_missing(seeded_snapshot: Snapshot) -> None:
    nan = np.full(seeded_snapshot.panel.shape, np.nan)
    panel = replace(seeded_snapshot.panel, open=nan.copy(), high=nan.copy(), low=nan.copy(), volume=nan.copy())
    bare = Snapshot("bare", "1", panel, seeded_snapshot.closes_at, seeded_snapshot.securities)
    board = compute.compute_board(bare)
    assert [kind for kind, status in board.inputs.items() if status.available] == ["prices"]
    assert board.inputs["texts"].newest is None
    unknown = [name for k, name in enumerate(board.scores.names) if not np.isfinite(board.scores.score[k]).any()]
    assert "technical.volume.vwap" in unknown
    assert "technical.trend.macd" not in unknown
    assert np.isnan(board.scores.market_cap).all()


def test_a_symbol_with_one_bar_has_a_price_without_a_change(seeded_snapshot: Snapshot) -> None:
    closes = np.array(seeded_snapshot.panel.close)
    closes[:-1, 8] = np.nan
    closes[:, 9] = np.nan
    board = compute.compute_board(replace(seeded_snapshot, panel=replace(seeded_snapshot.panel, close=closes)))
    assert board.price[8] == closes[-1, 8]
    assert np.isnan(board.change[8])
    assert np.isnan(board.price[9])
    assert np.isnat(board.last_bar[9])
