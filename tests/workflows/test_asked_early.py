"""A forecast asked for while the classic answer is made is the one that would have been asked for after it."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from vfr import clock
from vfr.workflows.asked_early import AskedEarly
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.query import AnalyzeQuery

LATE = MlUnavailable("TIMEOUT", "not ready")
NONE = MlUnavailable("NO_MODEL", "nothing is stored")


class Scripted:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked, self.told = list(answers), [], Event()

    def at(self, *question):
        self.asked.append(question)
        self.told.set()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ready(self, *question):
        return question


@pytest.fixture
def query():
    return AnalyzeQuery.parse(
        {"mode": "single", "symbols": ["A"], "include_ml": True, "as_of": "2015-03-02", "ml_horizon": "7d"}
    )


def question(query, **changed):
    names = ("as_of", "ml_horizon", "ml_models", "ml_method", "ml_timeout_ms")
    return tuple(changed.get(name, getattr(query, name)) for name in names)


def test_it_is_asked_before_anybody_wants_it_and_only_once(query):
    inner = Scripted(NONE)
    early = AskedEarly(inner, query)
    assert inner.told.wait(10.0)
    assert early.at(*question(query)) is NONE
    assert len(inner.asked) == 1
    assert inner.asked[0][:2] == (query.as_of, "7d")


@pytest.mark.parametrize(("waited", "left"), [(0.0, 1_000), (399.5, 601), (999.0, 1)])
def test_where_time_was_short_beside_the_classic_answer_it_is_asked_again_for_what_is_left(
    query, monkeypatch, waited, left
):
    monkeypatch.setattr(clock, "elapsed_ms", lambda since=None: 0.0 if since is None else waited)
    inner = Scripted(LATE, NONE)
    assert AskedEarly(inner, query).at(*question(query)) is NONE
    assert [asked[-1] for asked in inner.asked] == [query.ml_timeout_ms, left]
    assert AskedEarly(Scripted(LATE, LATE), query).at(*question(query)) is LATE


def test_what_fails_when_asked_again_was_short_of_time_before(query, monkeypatch):
    monkeypatch.setattr(clock, "elapsed_ms", lambda since=None: 0.0 if since is None else 900.0)
    alone = MlUnavailable("ML_ERROR", "left alone")
    assert AskedEarly(Scripted(LATE, alone), query).at(*question(query)) is LATE
    assert AskedEarly(Scripted(alone), query).at(*question(query)) is alone


def test_nobody_waits_longer_than_the_query_gives(query, monkeypatch):
    monkeypatch.setattr(clock, "elapsed_ms", lambda since=None: 0.0 if since is None else 1_000.0)
    inner = Scripted(LATE, NONE)
    assert AskedEarly(inner, query).at(*question(query)) is LATE
    assert len(inner.asked) == 1


def test_without_a_thread_it_is_asked_when_it_is_wanted(query, monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)
    inner = Scripted(NONE)
    assert AskedEarly(inner, query).at(*question(query)) is NONE
    assert len(inner.asked) == 1


def test_another_question_is_asked_of_the_inner_forecaster(query):
    inner = Scripted(NONE, LATE)
    early = AskedEarly(inner, query)
    assert inner.told.wait(10.0)
    assert early.at(*question(query, ml_horizon="1d")) is LATE
    assert early.ready(query.as_of, "7d", (), "weighted") == (query.as_of, "7d", (), "weighted")


def test_what_it_raises_is_raised_where_it_is_wanted(query):
    with pytest.raises(ZeroDivisionError):
        AskedEarly(Scripted(ZeroDivisionError()), query).at(*question(query))
