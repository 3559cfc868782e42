"""The engine's socket: answers come back whole, deadlines hold, and whatever goes wrong is a reason and no more."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.engine.address import LONGEST, NAME, NOTE, connect, leave, listen
from vfr.adapters.engine.client import Engine
from vfr.adapters.engine.frames import MAX_ANSWER, decode_question, encode_question, receive, send
from vfr.adapters.engine.listener import Listener
from vfr.clock import elapsed_ms
from vfr.workflows.breaker import NoAnswer
from vfr.workflows.forecaster import Forecast, MlUnavailable

QUESTION = (np.datetime64("2024-02-29"), "7d", ("trees", "linear"), "voting")


def forecast(n: int = 480) -> Forecast:
    rng = np.random.default_rng(5)
    names = ("p_up", "expected_excess", "low", "high", "confidence", "score", "agreement")
    return Forecast(
        data_version="v",
        as_of=np.datetime64("2024-02-29"),
        horizon="7d",
        symbols=tuple(f"S{i}" for i in range(n)),
        level=0.8,
        base_rate=0.5,
        members=(),
        method_applied="voting",
        note=None,
        small_universe=False,
        importance=(("mom", 1.0),),
        computed_at=1,
        latency_ms=1.0,
        from_cache=False,
        method="voting",
        **{name: rng.random(n) for name in names},
    )


class Models:
    """A forecaster that remembers what it was asked, and waits where it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.go = Event()
        self.go.set()
        self.says: Forecast | MlUnavailable = forecast()

    def at(self, *question: Any) -> Forecast | MlUnavailable:
        self.asked.append(question)
        self.go.wait(30)
        return self.says

    def ready(self, *_question: Any) -> None:
        return None


@contextmanager
def listening(folder: Path, models: Models) -> Iterator[Listener]:
    listener = Listener(folder, models, lambda: {"pid": os.getpid()})
    try:
        yield listener
    finally:
        models.go.set()
        listener.close(5.0)


@contextmanager
def saying(folder: Path, answer: bytes, *, and_close: bool = False) -> Iterator[None]:
    """Somebody else listens and says the same whatever it is asked."""
    listener, stop = listen(folder), Event()
    listener.settimeout(0.05)

    def serve() -> None:
        links = []
        while not stop.is_set():
            try:
                link, _ = listener.accept()
            except TimeoutError:
                continue
            links.append(link)
            link.sendall(answer)
            if and_close:
                link.close()
        for link in links:
            link.close()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        listener.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def engine(run: Path) -> Iterator[Engine]:
    with closing(Engine(run)) as asked:
        yield asked


def test_a_question_and_its_answer_arrive_whole(run: Path, engine: Engine) -> None:
    models = Models()
    with listening(run, models):
        found = engine.ask(*QUESTION, 1_000)
        models.says = MlUnavailable("NO_MODEL_AS_OF", "none yet")
        assert engine.ask(None, "1d", (), "weighted", 2_000) == models.says
        assert engine.state(1_000) == {"pid": os.getpid()}
        assert engine.alive(1_000)
    assert isinstance(found, Forecast)
    assert found.p_up.tobytes() == forecast().p_up.tobytes()
    assert found.symbols == forecast().symbols
    # The engine has a little less time, so that it answers before nobody listens any more.
    assert models.asked == [(*QUESTION, 900), (None, "1d", (), "weighted", 1_900)]


def test_only_the_owner_can_open_it(run: Path) -> None:
    with listening(run, Models()):
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        assert stat.S_IMODE((run / NAME).stat().st_mode) == 0o600
    assert not (run / NAME).exists()


def test_a_socket_that_was_left_behind_is_replaced(run: Path, engine: Engine) -> None:
    listen(run).close()
    assert (run / NAME).exists()
    with listening(run, Models()):
        assert engine.state(1_000) is not None


def test_a_long_name_is_replaced_by_a_short_one(tmp_path: Path) -> None:
    run = tmp_path / ("deep" * 25) / "run"
    assert len(os.fsencode(run / NAME)) > LONGEST
    with listening(run, Models()):
        place = Path((run / NOTE).read_text().strip())
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        with closing(Engine(run)) as engine:
            assert engine.state(1_000) is not None
    assert not place.parent.exists()
    assert not (run / NOTE).exists()
    leave(run)


def test_an_engine_that_is_being_started_is_waited_for_and_has_not_failed(run: Path, engine: Engine) -> None:
    start = elapsed_ms()
    with pytest.raises(NoAnswer) as silence:
        engine.ask(*QUESTION, 120)
    assert 115 <= elapsed_ms(start) < 5_000
    assert (silence.value.instead.code, silence.value.failed) == ("TIMEOUT", False)
    assert "being started" in silence.value.instead.message
    for left_behind in (False, True):  # The socket of an engine that was killed refuses whoever calls.
        if left_behind:
            listen(run).close()
        with ThreadPoolExecutor(1) as one:
            asked = one.submit(engine.ask, *QUESTION, 20_000)
            assert not Event().wait(0.1)
            assert not asked.done()
            with listening(run, Models()):
                assert isinstance(asked.result(20), Forecast)


def test_for_the_latest_day_it_is_told_at_once_that_there_is_no_engine(run: Path, engine: Engine) -> None:
    start = elapsed_ms()
    with pytest.raises(NoAnswer) as silence:
        engine.ask(None, *QUESTION[1:], 30_000)
    assert (silence.value.instead.code, silence.value.failed) == ("ML_ERROR", False)
    assert engine.state(30_000) is None
    assert not engine.alive(30_000)
    assert elapsed_ms(start) < 5_000


def test_the_deadline_holds_and_a_late_answer_is_never_taken_for_another(run: Path, engine: Engine) -> None:
    models = Models()
    with listening(run, models):
        engine.ask(*QUESTION, 1_000)
        models.go.clear()
        start = elapsed_ms()
        with pytest.raises(NoAnswer) as silence:
            engine.ask(*QUESTION, 200)
        assert silence.value.instead.code == "TIMEOUT"
        assert 190 <= elapsed_ms(start) < 2_000
        models.says = MlUnavailable("NO_MODEL", "another")
        models.go.set()
        assert engine.ask(*QUESTION, 5_000) == models.says


def test_an_engine_that_was_started_again_is_found(run: Path, engine: Engine) -> None:
    with listening(run, Models()), ThreadPoolExecutor(4) as four:
        list(four.map(lambda _: engine.ask(*QUESTION, 5_000), range(16)))
    with listening(run, Models()):
        assert isinstance(engine.ask(*QUESTION, 5_000), Forecast)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"VFR1\xff\xff\xff\xff",
        b"VFR1\x04\x00\x00\x00abcd",
        b"VFR1" + (MAX_ANSWER + 1).to_bytes(4, "little"),
    ],
)
def test_nonsense_is_a_reason(run: Path, engine: Engine, answer: bytes) -> None:
    with saying(run, answer), pytest.raises(NoAnswer) as silence:
        engine.ask(*QUESTION, 5_000)
    assert silence.value.instead.code == "ML_ERROR"


def test_an_answer_cut_short_is_a_reason(run: Path, engine: Engine) -> None:
    with saying(run, b"VFR1\x10\x00\x00\x00abc", and_close=True), pytest.raises(NoAnswer) as silence:
        engine.ask(*QUESTION, 5_000)
    assert silence.value.instead.code == "ML_ERROR"
    with saying(run, b"[1]", and_close=True):
        assert engine.state(5_000) is None
        assert not engine.alive(5_000)


def test_who_talks_nonsense_to_the_engine_is_hung_up_on(run: Path, engine: Engine) -> None:
    models = Models()
    with listening(run, models):
        for said in (b"GET / HTTP/1.1\r\n\r\n", b"VFR1\xff\xff\xff\x7f", b"VFR1\x03\x00\x00\x00abc"):
            with connect(run, elapsed_ms() + 5_000) as link:
                link.sendall(said)
                link.settimeout(5)
                with suppress(ConnectionResetError):
                    assert link.recv(1) == b""
        assert isinstance(engine.ask(*QUESTION, 5_000), Forecast)
    assert len(models.asked) == 1


def test_many_server_processes_ask_at_once(run: Path) -> None:
    models = Models()
    models.says = MlUnavailable("NO_MODEL", "none yet")
    models.go.clear()
    with listening(run, models), closing(Engine(run)) as engine, ThreadPoolExecutor(320) as processes:
        asked = [processes.submit(engine.ask, *QUESTION, 20_000) for _ in range(320)]  # Ten processes of 32 threads.
        while len(models.asked) < 320 and not any(one.done() for one in asked):
            Event().wait(0.01)
        models.go.set()
        assert {one.result(20) for one in asked} == {models.says}


def test_closing_finishes_what_was_asked(run: Path, engine: Engine) -> None:
    models = Models()
    models.go.clear()
    listener = Listener(run, models, dict)
    with ThreadPoolExecutor(1) as one:
        asked = one.submit(engine.ask, *QUESTION, 10_000)
        while not models.asked:
            Event().wait(0.01)
        Thread(target=lambda: (Event().wait(0.2), models.go.set())).start()
        assert listener.close(10.0)
        assert isinstance(asked.result(), Forecast)
    with pytest.raises(NoAnswer):
        engine.ask(*QUESTION, 50)


def test_a_frame_must_come_in_time() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"VFR1\x04\x00\x00\x00ab")
        with pytest.raises(TimeoutError):
            receive(ours, 10, elapsed_ms() + 50)
        with pytest.raises(TimeoutError):
            send(ours, b"x", elapsed_ms() - 1)


@given(st.binary(max_size=80))
def test_bytes_are_a_question_or_refused(raw: bytes) -> None:
    with suppress(ValueError):
        assert encode_question(decode_question(raw))
