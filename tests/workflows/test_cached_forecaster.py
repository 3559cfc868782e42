"""Forecasts and boards of past days through a cache: the same bits, only what lasts, never of other versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from vfr.adapters.store.codecs import decode_board, decode_forecast, encode_board, encode_forecast
from vfr.cache.memory import MemoryCache
from vfr.cache.read_through import ReadThrough
from vfr.errors import NoData
from vfr.factors.board import Board
from vfr.factors.compute import compute_board
from vfr.workflows.answering import UNREAD
from vfr.workflows.cached_forecaster import CachedBoards, CachedForecaster
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable

LATEST = np.datetime64("2019-12-31")
PAST = np.datetime64("2019-06-28")
MEMBERS = ("lightgbm", "linear")
SYMBOLS = ("AAA", "BBB", "CCC")


def member(name: str, status: str = "ok", **changed: Any) -> MemberForecast:
    rows = np.array([0.51, np.nan, 0.49])
    made = MemberForecast(name, f"{name}-7d-a", status, None, rows, rows - 0.5, np.array([0.5, 0.0, 0.5]), 3.5)
    return replace(made, **changed)


def forecast(**changed: Any) -> Forecast:
    row = np.array([0.52, np.nan, 0.48])
    made = Forecast(
        data_version="v1",
        as_of=PAST,
        horizon="7d",
        symbols=SYMBOLS,
        p_up=row,
        expected_excess=row - 0.5,
        low=row - 0.6,
        high=row - 0.4,
        confidence=row,
        level=0.9,
        base_rate=np.nan,
        score=100 * row,
        agreement=row,
        members=(member("lightgbm"), member("linear")),
        method_applied="learned_weights",
        note=None,
        small_universe=True,
        importance=(("mom", 0.5),),
        computed_at=1_700_000_000_000,
        latency_ms=100.0,
        from_cache=False,
    )
    return replace(made, **changed)


@dataclass
class Inner:
    """A forecaster that answers what it is told to, and remembers what it was asked."""

    answer: Forecast | MlUnavailable = field(default_factory=forecast)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    meanwhile: Any = None

    def at(self, *question: Any) -> Forecast | MlUnavailable:
        self.asked.append(question)
        answer = self.answer
        self.started.set()
        assert self.let_go.wait(20)
        if self.meanwhile is not None:
            self.meanwhile()
        return answer

    def ready(self, *question: Any) -> Forecast | MlUnavailable | None:
        return MlUnavailable("DISABLED", str(question))


class Setting:
    """A cached forecaster, and everything it depends on."""

    def __init__(self) -> None:
        self.inner = Inner()
        self.inner.let_go.set()
        self.versions: dict[str, Any] = {"data": "sp500/1", "models": "1"}
        self.broken = False
        self.on = True
        self.memory = MemoryCache(10_000_000)
        self.cached = self.reader()

    def reader(self) -> CachedForecaster:
        """A forecaster of another process beside the same cache."""
        self.read = ReadThrough(
            self.memory, "predictions", encode=encode_forecast, decode=decode_forecast, rng=np.random.default_rng(1)
        )
        return CachedForecaster(self.inner, self.read, self._versions, lambda: LATEST, lambda: self.on)

    def _versions(self) -> dict[str, Any]:
        if self.broken:
            raise NoData("nothing installed")
        return dict(self.versions)

    def at(self, **changed: Any) -> Forecast | MlUnavailable:
        question = {"as_of": PAST, "horizon": "7d", "members": MEMBERS, "method": "weighted", "timeout_ms": 5_000}
        return self.cached.at(**question | changed)


@pytest.fixture
def setting() -> Iterator[Setting]:
    made = Setting()
    yield made
    made.read.close()


def test_a_past_day_is_computed_once_and_comes_back_bit_for_bit(setting: Setting) -> None:
    first = setting.at()
    assert first is setting.inner.answer
    setting.cached = setting.reader()
    second = setting.at()
    assert isinstance(second, Forecast)
    assert second.from_cache
    assert second.latency_ms < 5_000
    assert encode_forecast(replace(second, from_cache=False, latency_ms=100.0)) == encode_forecast(forecast())
    assert len(setting.inner.asked) == 1


def test_waiting_for_another_process_takes_nothing_beyond_the_deadline(setting: Setting) -> None:
    setting.memory.claim = lambda key, lease_ms: False  # type: ignore[method-assign]
    setting.at(timeout_ms=200)
    assert 50 <= setting.inner.asked[0][-1] <= 100


def test_what_was_made_of_a_forecast_stays_with_it(setting: Setting) -> None:
    setting.at()
    first, second = setting.at(), setting.at()
    assert isinstance(first, Forecast)
    assert isinstance(second, Forecast)
    assert first.memo is second.memo


@pytest.mark.parametrize("day", [None, LATEST, LATEST + 1])
def test_the_latest_session_passes(setting: Setting, day: Any) -> None:
    setting.at(as_of=day)
    setting.at(as_of=day)
    assert len(setting.inner.asked) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"as_of": PAST - 1},
        {"horizon": "1d"},
        {"members": ("linear", "lightgbm")},
        {"members": ("lightgbm",)},
        {"method": "voting"},
    ],
)
def test_another_question_is_another_forecast(setting: Setting, changed: dict[str, Any]) -> None:
    setting.at()
    setting.at(**changed)
    assert len(setting.inner.asked) == 2


@pytest.mark.parametrize("name", ["data", "models", "off"])
def test_other_versions_are_another_forecast(setting: Setting, name: str) -> None:
    setting.at()
    setting.versions[name] = "2"
    setting.at()
    assert len(setting.inner.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        MlUnavailable("NO_MODEL_AS_OF", "none"),
        MlUnavailable("TIMEOUT", "late"),
        forecast(members=(member("lightgbm"), member("linear", "timeout"))),
        forecast(members=(member("lightgbm"), member("linear", "failed"))),
        forecast(members=(member("lightgbm"), member("linear", "corrupt"))),
        forecast(members=(member("lightgbm", warning="an earlier version answers"),)),
        forecast(note=UNREAD),
    ],
)
def test_what_passes_is_not_kept(setting: Setting, answer: Forecast | MlUnavailable) -> None:
    setting.inner.answer = answer
    assert setting.at() is answer
    setting.inner.answer = forecast()
    assert setting.at() is setting.inner.answer


def test_a_member_without_a_version_lasts(setting: Setting) -> None:
    setting.inner.answer = forecast(members=(member("lightgbm"), member("lstm", "no_model_as_of", version=None)))
    setting.at()
    setting.at()
    assert len(setting.inner.asked) == 1


def test_what_was_computed_across_a_change_is_not_kept(setting: Setting) -> None:
    setting.inner.meanwhile = lambda: setting.versions.update(models="2")
    setting.at()
    setting.versions["models"] = "1"
    setting.at()
    assert len(setting.inner.asked) == 2


def test_switched_off_it_asks_whoever_says_so(setting: Setting) -> None:
    setting.at()
    setting.on = False
    setting.inner.answer = MlUnavailable("DISABLED", "off")
    assert setting.at() is setting.inner.answer


def test_without_data_the_inner_forecaster_says_what_is_wrong(setting: Setting) -> None:
    setting.broken = True
    setting.inner.answer = MlUnavailable("ML_ERROR", "the model store cannot be read")
    assert setting.at() is setting.inner.answer


def test_what_is_ready_is_what_the_inner_forecaster_has(setting: Setting) -> None:
    found = setting.cached.ready(PAST, "7d", MEMBERS, "weighted")
    assert isinstance(found, MlUnavailable)


def test_a_request_waits_for_another_until_its_own_deadline(setting: Setting) -> None:
    setting.inner.let_go.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(setting.at)
        assert setting.inner.started.wait(20)
        found = setting.at(timeout_ms=30)
        setting.inner.let_go.set()
        assert isinstance(slow.result(), Forecast)
    assert isinstance(found, MlUnavailable)
    assert found.code == "TIMEOUT"


def test_a_request_with_more_time_than_the_one_it_waited_for_asks_itself(setting: Setting) -> None:
    setting.inner.let_go.clear()
    setting.inner.answer = MlUnavailable("TIMEOUT", "too little time")
    with ThreadPoolExecutor(2) as pool:
        hasty = pool.submit(setting.at, timeout_ms=10)
        assert setting.inner.started.wait(20)
        patient = pool.submit(setting.at, timeout_ms=20_000)
        while setting.read.stats().shared == 0 and len(setting.inner.asked) < 2 and not patient.done():
            setting.inner.answer = forecast()
            threading.Event().wait(0.05)
            setting.inner.let_go.set()
        assert isinstance(hasty.result(), MlUnavailable)
        assert isinstance(patient.result(), Forecast)


class TestBoards:
    @pytest.fixture
    def board(self, seeded_snapshot: Any) -> Board:
        return compute_board(seeded_snapshot)

    def test_a_board_is_computed_once_for_a_day_and_versions(self, board: Board) -> None:
        memory, days, data = MemoryCache(10_000_000), [], {"data": "v1"}

        def boards() -> CachedBoards:
            read = ReadThrough(
                memory, "boards", encode=encode_board, decode=decode_board, rng=np.random.default_rng(1), held=0
            )
            return CachedBoards(lambda day: days.append(day) or board, read, lambda: dict(data))  # type: ignore[func-returns-value]

        assert boards()(PAST) is board
        assert encode_board(boards()(PAST)) == encode_board(board)
        assert days == [PAST]
        boards()(PAST - 1)
        data["data"] = "v2"
        boards()(PAST)
        assert days == [PAST, PAST - 1, PAST]

    def test_an_error_passes_and_is_not_kept(self, board: Board) -> None:
        answers: list[Any] = [NoData("before the first session"), board]

        def compute(day: np.datetime64) -> Board:
            found = answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        read = ReadThrough(
            MemoryCache(10_000_000), "boards", encode=encode_board, decode=decode_board, rng=np.random.default_rng(1)
        )
        boards = CachedBoards(compute, read, dict)
        with pytest.raises(NoData):
            boards(PAST)
        assert boards(PAST) is board
