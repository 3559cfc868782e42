"""One process of a data home refreshes at a time; the worker does so after a sync; forecasts are recorded once."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import structlog
from structlog.testing import capture_logs
from tests.workflows.five import HERE, direct, home_of_five, promote, told

from vfr import bootstrap
from vfr.adapters.store.publishing import single_writer
from vfr.bootstrap import worker
from vfr.bootstrap.refreshing import Refreshing
from vfr.settings import Settings
from vfr.typing import HORIZONS

LONG = 60_000


@pytest.fixture
def app(tmp_path):
    made = home_of_five(tmp_path)
    yield made
    made.close()


class Steps:
    """What refreshes, counting."""

    def __init__(self):
        self.steps = 0

    def due(self):
        return True

    def step(self, tell):
        self.steps += 1
        return "board"


def test_while_another_process_refreshes_it_is_left_to_it_or_waited_for(tmp_path):
    steps = Steps()
    refreshing = Refreshing(tmp_path / "scoreboards", lambda: steps, lambda: None)
    assert refreshing.due()
    waited = []
    with single_writer(tmp_path / "scoreboards"):
        assert refreshing.step() is None
        thread = threading.Thread(target=lambda: waited.append(refreshing.step(wait=True)))
        thread.start()
        thread.join(0.1)
        assert (steps.steps, thread.is_alive()) == (0, True)
    thread.join(10)
    assert (waited, steps.steps) == (["board"], 1)
    assert refreshing.step() == "board"


def test_whoever_comes_second_finds_it_done_and_the_journal_holds_each_forecast_once(app, tmp_path):
    app.refreshing.step()
    other = bootstrap.build(Settings(data_home=tmp_path))
    stamp = (tmp_path / "scoreboards" / "synthetic" / "current").stat()
    other.refreshing.step()
    assert (tmp_path / "scoreboards" / "synthetic" / "current").stat() == stamp
    other.close()
    app.journal.close(30.0)
    rows = {row["horizon"]: row["forecasts"] for row in app.journal.state()["rows"]}
    assert rows == dict.fromkeys(HORIZONS, 1)


def test_a_command_answers_from_the_board_until_models_change(app, tmp_path):
    app.refreshing.step()
    command = bootstrap.build(Settings(data_home=tmp_path))
    found = command.forecaster.at(None, "7d", HERE, "weighted", LONG)
    assert found.from_cache
    promoted = promote(app, "linear", tail="b", seed=9)
    # Nobody refreshes here: the members are asked instead.
    after = command.forecaster.at(None, "7d", HERE, "weighted", LONG)
    assert (after.from_cache, promoted in after.versions) == (False, True)
    asking = direct(app)
    assert told(after) == told(asking.at(None, "7d", HERE, "weighted", LONG))
    asking.close()
    assert app.refreshing.due()
    app.refreshing.step()
    assert told(command.forecaster.at(None, "7d", HERE, "weighted", LONG)) == told(after)
    command.close()


@pytest.mark.parametrize("broken", [False, True])
def test_the_worker_refreshes_after_a_sync_which_a_refresh_cannot_fail(app, monkeypatch, broken):
    report = SimpleNamespace(
        new={}, corrected={}, quarantined={}, problems=(), asked=1, answered=1, data_version="v", failed=False
    )
    monkeypatch.setattr("vfr.bootstrap.live.Live.sync", lambda *_: report)
    if broken:
        monkeypatch.setattr("vfr.workflows.refresh.refresh", lambda *_, **__: 1 / 0)
    structlog.reset_defaults()
    with capture_logs() as logs:
        assert worker.run(app, "synthetic", once=True) == 0
    assert [one["event"] for one in logs if one["event"] == "refresh_failed"] == ["refresh_failed"] * broken
    assert app.refreshing.due() == broken


def test_an_application_that_is_closed_asks_no_member_any_more(tmp_path):
    before = set(threading.enumerate())

    def asked() -> list[str]:
        return [one.name for one in set(threading.enumerate()) - before if one.name.startswith("vfr-forecast")]

    app = home_of_five(tmp_path)
    app.refreshing.step()
    assert asked()
    app.close()
    assert asked() == []
    assert app.forecaster.at(None, "7d", HERE, "weighted", LONG).from_cache  # The board needs no member.
