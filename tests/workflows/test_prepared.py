"""Prepared answers are those of a direct computation, byte for byte, whoever asked before."""

from __future__ import annotations

import gc
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from weakref import ref

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.workflows.direct_answer import direct

from vfr import clock
from vfr.adapters.providers.bundled import BundledProvider
from vfr.errors import UnknownSector
from vfr.factors.board import InputStatus
from vfr.factors.compute import compute_board
from vfr.factors.scores import Reason
from vfr.scoring.table import DEFAULT
from vfr.typing import MEMBER_NAMES
from vfr.workflows.analyze import analyze, ready
from vfr.workflows.data_age import InputAges, age_warnings, ages, described
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable
from vfr.workflows.prepared import KEPT_RANKINGS, Prepared, PreparedBoards
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.repeated import GivenAnswers, Repeated

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
SECTORS = ("energy", "45", "Health Care", "financials", "consumer staples")


@pytest.fixture(autouse=True)
def _still(monkeypatch):
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)


class Boards(list):
    """Boards, each with what has been prepared of it; Hypothesis would print every figure."""

    def __repr__(self):
        return "Boards"


@pytest.fixture(scope="module")
def boards(seeded_snapshot):
    """A synthetic board with gaps of every kind, and the bundled one."""
    whole = compute_board(seeded_snapshot)
    scores = whole.scores
    points, reason, price = scores.score.copy(), scores.reason.copy(), whole.price.copy()
    rng = np.random.default_rng(5)
    gone = rng.random(points.shape) < 0.2
    gone[:, :, 7] = True
    points[gone] = np.nan
    reason[gone] = rng.integers(1, len(Reason), int(gone.sum()))
    price[[7, 9]] = np.nan
    holed = replace(whole, price=price, scores=replace(scores, score=points, reason=reason))
    bundled = compute_board(BundledProvider().load()[0])
    return Boards((board, PreparedBoards()) for board in (holed, bundled))


def predicted(board, seed=0):
    """A forecast with gaps, of the board's symbols in another order."""
    rng = np.random.default_rng(seed)
    symbols = tuple(rng.permutation(board.scores.symbols).tolist())
    n = len(symbols)
    holed = np.where(rng.random(n) < 0.1, np.nan, 1.0)
    members = tuple(
        MemberForecast(name, f"{name}-7d-v", "ok", None, rng.uniform(0.4, 0.6, n), rng.normal(0, 0.01, n), holed, 1.25)
        for name in MEMBER_NAMES[:-1]
    )
    nothing = np.full(n, np.nan)
    absent = MemberForecast(MEMBER_NAMES[-1], None, "no_model", "no version", nothing, nothing, np.zeros(n), 0.0)
    return Forecast(
        data_version=board.data_version,
        as_of=board.as_of,
        horizon="7d",
        symbols=symbols,
        p_up=rng.uniform(0.4, 0.6, n) * holed,
        expected_excess=rng.normal(0, 0.01, n) * holed,
        low=rng.normal(-0.05, 0.01, n) * holed,
        high=rng.normal(0.05, 0.01, n) * holed,
        confidence=rng.uniform(0.3, 0.7, n) * holed,
        level=0.9,
        base_rate=0.54,
        score=rng.uniform(0, 100, n) * holed,
        agreement=rng.uniform(0, 1, n) * holed,
        members=(*members, absent),
        method_applied="weighted",
        note=None,
        small_universe=False,
        importance=(("momentum_12_1", 0.4), ("beta", 0.1)),
        computed_at=1_700_000_000_000,
        latency_ms=float(seed),
        from_cache=seed % 2 == 0,
    )


class Given:
    """A forecaster with a given answer, which may or may not be ready."""

    def __init__(self, found, *, late=False):
        self.found, self.late = found, late

    def at(self, *_):
        return self.found

    def ready(self, *_):
        return None if self.late else self.found


@st.composite
def requests(draw):
    which = draw(st.integers(0, 1))
    body = {"mode": draw(st.sampled_from(["single", "multiple", "sector"])), "sector": draw(st.sampled_from(SECTORS))}
    body["symbols"] = draw(st.lists(st.integers(-1, 24), min_size=1, max_size=12))
    body["limit"] = draw(st.integers(1, 50))
    body["later"] = draw(st.sampled_from([None, 0, 1, 7, 400]))
    body["include_ml"] = draw(st.booleans())
    body["ml_weight"] = draw(st.sampled_from([0, 0.15, 0.5, 1]))
    body["ml_confidence_threshold"] = draw(st.sampled_from([0, 0.5, 0.6]))
    return which, body, draw(st.integers(0, 3))


def parsed(board, body):
    symbols = board.scores.symbols
    later = body.pop("later")
    body["symbols"] = ["ZZZZ" if n < 0 else symbols[n % len(symbols)] for n in body["symbols"]]
    day = None if later is None else str(board.as_of + np.timedelta64(later, "D"))
    return AnalyzeQuery.parse(body | {"as_of": day})


@examples(120)
@given(request=requests())
def test_prepared_answers_are_those_of_a_direct_computation(boards, request):
    which, body, seed = request
    board, prepared = boards[which]
    query = parsed(board, body)
    outcome = predicted(board, seed) if seed < 3 else MlUnavailable("TRAINING", "on their way")
    asked = {"board_at": lambda _: board, "forecast": Given(outcome), "request_id": "id"}
    try:
        expected = direct(query, board, outcome if query.include_ml else None, request_id="id", now=NOW)
    except UnknownSector:
        with pytest.raises(UnknownSector):
            analyze(query, **asked)
        return
    for options in ({}, {"prepare": prepared.of}, {"prepare": prepared.of}):
        found = analyze(query, **asked, **options).to_dict()
        summary = [found["metadata"].pop(key, None) for key in ("mlEnhancement", "mlEnhancementEnabled")]
        assert orjson.dumps(found) == orjson.dumps(expected)
        assert (summary[0] is not None) is query.include_ml


def test_a_forecast_seen_again_by_another_request_has_that_requests_figures(boards):
    board, prepared = boards[0]
    first = predicted(board)
    again = replace(first, latency_ms=77.0, from_cache=False)
    query = AnalyzeQuery.parse({"mode": "multiple", "symbols": board.scores.symbols[:5], "include_ml": True})
    for outcome in (first, again, first):
        found = analyze(
            query, board_at=lambda _: board, forecast=Given(outcome), request_id="id", prepare=prepared.of
        ).to_dict()["stocks"]
        expected = direct(query, board, outcome, request_id="id", now=NOW)["stocks"]
        assert orjson.dumps(found) == orjson.dumps(expected)
    assert again.memo is first.memo


@examples(60)
@given(request=requests())
def test_answers_given_again_are_those_made_anew(boards, request):
    which, body, seed = request
    board, prepared, given = boards[which][0], PreparedBoards(), GivenAnswers()
    query = parsed(board, {**body, "later": None})
    outcome = predicted(board, seed) if seed < 3 else MlUnavailable("TRAINING", "on their way")
    later = replace(outcome, latency_ms=41.0625) if isinstance(outcome, Forecast) else outcome
    asked = {"board_at": lambda _: board, "forecast": Given(later), "request_id": "again", "prepare": prepared.of}
    try:
        expected = analyze(query, **asked)
    except UnknownSector:
        return

    def found(forecast, request_id):
        named = {"table": DEFAULT, "request_id": request_id, "prepared": prepared, "given": given}
        return ready(query, board=board, forecast=Given(forecast), **named)

    assert found(outcome, "first").stocks == analyze(query, **asked | {"forecast": Given(outcome)}).stocks
    again = found(later, "again")
    assert isinstance(again, Repeated) is bool(expected.stocks)
    assert orjson.dumps(again.to_dict()) == orjson.dumps(expected.to_dict())


def test_an_answer_is_given_again_only_while_all_it_rests_on_is_the_same(boards, monkeypatch):
    (board, prepared), other, given = boards[0], replace(boards[0][0]), GivenAnswers()
    query = AnalyzeQuery.parse({"mode": "single", "symbols": [board.scores.symbols[0]], "include_ml": True})
    outcome = predicted(board)

    def repeated(query=query, outcome=outcome, board=board):
        prepared.of(board, DEFAULT, board.as_of).stocks([0])
        named = {"table": DEFAULT, "request_id": "id", "prepared": prepared, "given": given}
        return isinstance(ready(query, board=board, forecast=Given(outcome), **named), Repeated)

    assert [repeated(), repeated()] == [False, True]
    assert not repeated(replace(query, ml_weight=0.3)), "another question"
    assert not repeated(outcome=predicted(board)), "another forecast"
    assert not repeated(outcome=replace(outcome, from_cache=not outcome.from_cache))
    assert not repeated(replace(query, as_of=board.as_of)), "a day"
    assert repeated()
    monkeypatch.setattr(clock, "utc_now", lambda: NOW + timedelta(minutes=15))
    assert [repeated(), repeated()] == [False, True], "its inputs are older"
    assert not repeated(board=other), "another board"
    assert not repeated(), "what was of the board before is let go"


def test_few_answers_are_kept(boards):
    board, prepared = boards[0]
    held, symbols = prepared.of(board, DEFAULT, board.as_of), board.scores.symbols
    kept, age = GivenAnswers(stocks=5), held.ages.at(NOW)
    queries = [AnalyzeQuery("multiple", symbols[n : n + 2]) for n in range(0, 6, 2)]
    for query in queries:
        answer = analyze(query, board_at=lambda _: board, request_id="id", prepare=prepared.of)
        kept.keep(held, query, None, age, answer)
        kept.keep(held, query, None, age, answer)  # Again, from another thread: it counts once.
    assert [kept.find(held, query, None, age) is not None for query in queries] == [False, True, True]
    many = AnalyzeQuery("multiple", symbols[:6])
    kept.keep(held, many, None, age, analyze(many, board_at=lambda _: board, request_id="id", prepare=prepared.of))
    assert kept.find(held, many, None, age) is None, "more stocks than all may have"
    assert kept.find(held, queries[2], None, age) is not None


def test_copies_are_those_of_the_general_way(boards):
    board, prepared = boards[0]
    made, (stock,) = predicted(board), prepared.of(board, DEFAULT, board.as_of).stocks([0])
    late = MlUnavailable("TIMEOUT", "late")
    for mine, theirs in (
        (made.answered(7.5, from_cache=False), replace(made, latency_ms=7.5, from_cache=False)),
        (stock.blended(51.5, "BUY", late), replace(stock, composite=51.5, recommendation="BUY", ml=late)),
    ):
        for one in fields(theirs):
            assert getattr(mine, one.name) is getattr(theirs, one.name), one.name


def test_only_what_needs_no_waiting_is_ready(boards):
    board, _ = boards[0]
    prepared, given = PreparedBoards(), GivenAnswers()
    many = AnalyzeQuery.parse({"mode": "multiple", "symbols": board.scores.symbols[:6]})
    few = AnalyzeQuery.parse({"mode": "multiple", "symbols": board.scores.symbols[:2], "include_ml": True})

    def found(query, *, late=False, data_version=board.data_version):
        forecaster = Given(replace(predicted(board), data_version=data_version), late=late)
        named = {"table": DEFAULT, "request_id": "id", "prepared": prepared, "given": given}
        return ready(query, board=board, forecast=forecaster, **named)

    assert found(many) is None, "the board is not prepared"
    prepared.of(board, DEFAULT, board.as_of)
    assert found(few) is not None
    assert found(few, late=True) is None
    assert found(few, data_version="of the data before") is None
    assert found(many) is not None, "four more stocks can be made on the way"
    sector = AnalyzeQuery.parse({"mode": "sector", "sector": "energy", "limit": 50})
    assert found(sector) is None, "too many stocks to be made"
    analyze(sector, board_at=lambda _: board, request_id="id", prepare=prepared.of)
    assert found(sector).to_dict() == direct(sector, board, request_id="id", now=NOW)
    assert found(sector).to_dict() == direct(sector, board, request_id="id", now=NOW), "given again"


def test_little_is_kept_and_it_goes_with_its_board(boards):
    board, _ = boards[0]
    prepared = PreparedBoards(kept=2)
    days = [board.as_of + np.timedelta64(n, "D") for n in range(3)]
    first = prepared.of(board, DEFAULT, days[0])
    assert prepared.of(board, DEFAULT, days[0]) is first
    for day in days[1:]:
        prepared.of(board, DEFAULT, day)
    assert prepared.ready(board, DEFAULT, days[0]) is None
    gone = ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_rankings_of_many_weights_do_not_pile_up(boards):
    board, _ = boards[0]
    held = Prepared(board, DEFAULT, board.as_of)
    forecaster = Given(predicted(board))
    for n in range(3 * KEPT_RANKINGS):
        query = AnalyzeQuery.parse({"mode": "single", "symbols": ["SYNAA"], "include_ml": True, "ml_weight": n / 100})
        analyze(query, board_at=lambda _: board, forecast=forecaster, request_id="id", prepare=lambda *_: held)
    assert len(held._rankings) == KEPT_RANKINGS


@examples(200)
@given(
    start=st.integers(0, 3 * 366 * 86_400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s)),
    later=st.integers(0, 7200),
)
def test_remembered_ages_are_those_of_the_moment(start, later):
    inputs = {
        "prices": InputStatus(True, "s", "2024-02-28"),
        "macro": InputStatus(True, "s", "2024-02-20"),
        "texts": InputStatus(False, "s", None),
    }
    kept = InputAges(inputs)
    for moment in (start, start + timedelta(seconds=later), start):
        found = ages(inputs, moment)
        assert kept.at(moment) == (described(found), age_warnings(found))
