"""What is wired beside a server: one engine leads a data home, another waits; past days come from another process."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from vfr import bootstrap
from vfr.bootstrap import engine_of, leading, listening, past
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.errors import InvalidField
from vfr.factors import carried
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_home=tmp_path)


def test_a_second_engine_waits_and_takes_over(settings: Settings) -> None:
    never, taken, over = Event(), Event(), Event()

    def second() -> None:
        with leading(settings, never) as lead:
            assert lead
            taken.set()
            over.wait(10)

    with leading(settings, never) as first:
        assert first
        thread = Thread(target=second)
        thread.start()
        assert not taken.wait(0.6)
    assert taken.wait(10)
    over.set()
    thread.join()


def test_an_engine_that_is_told_to_end_while_it_waits_never_leads(settings: Settings) -> None:
    ended = Event()
    with leading(settings, Event()):
        ended.set()
        with leading(settings, ended) as lead:
            assert not lead


def test_what_the_engine_says_of_itself_is_part_of_health(settings: Settings) -> None:
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=8)
    engine = bootstrap.build(settings)
    engine.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    server = bootstrap.build(settings, served=True)
    listener = listening(settings, engine.forecaster, lambda: {"pid": 7, "members": {"linear": {"calls": 1}}})
    try:
        client = engine_of(settings)
        assert client.state(5_000) is not None
        client.close()
        health = server.ml_health()
        assert health["engine"] == {"answers": True, "breaker": "closed", "pid": 7}
        assert health["members"] == {"linear": {"calls": 1}}
        assert health["parts"]["7d"]["message"].startswith("NO_MODEL: ")
    finally:
        listener.close(5.0)
        server.close()
        engine.close()


def test_what_past_days_could_not_carry_along_is_in_the_log_and_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=8)
    here, server = bootstrap.build(settings), bootstrap.build(settings, served=True)
    here.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    made, tries, later = carried.carried, [0], []

    def once(*about: Any) -> carried.Carried:
        tries[0] += 1
        if tries[0] == 1:
            raise MemoryError("no room")
        return made(*about)

    monkeypatch.setattr(carried, "carried", once)
    monkeypatch.setattr(past, "_aside", later.append)
    assert server.beside is not None
    monkeypatch.setattr(server.beside.pool, "run", lambda call, *about: call(*about))
    with capture_logs() as lines:
        for row in (280, 281, 282):
            server.beside.past_board(snapshot.sessions[row])
            while later:
                later.pop()()
    told = [line for line in lines if line["event"] == "past_days_failed"]
    assert [line["error"] for line in told] == ["MemoryError('no room')"]
    assert tries == [2]
    server.close()
    here.close()


def test_past_days_are_the_same_from_another_process(settings: Settings) -> None:
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=8)
    here, server = bootstrap.build(settings), bootstrap.build(settings, served=True)
    here.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    asked = {"mode": "multiple", "symbols": list(snapshot.symbols), "as_of": str(snapshot.sessions[-9])}
    try:
        answers = [app.analyze(AnalyzeQuery.parse(asked)).to_dict() for app in (here, server)]
        assert answers[0]["stocks"] == answers[1]["stocks"]
        with pytest.raises(InvalidField, match=f"as_of: 1900-01-02 is before {snapshot.sessions[0]}"):
            server.analyze(AnalyzeQuery.parse(asked | {"as_of": "1900-01-02"}))
    finally:
        server.close()
        here.close()
