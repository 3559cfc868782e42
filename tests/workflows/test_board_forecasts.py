"""The published scoreboard answers what asking the members would, to the last bit, and imports no model for it."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import combinations

import numpy as np
import pytest
from tests.workflows.five import HERE, direct, home_of_five, market, promote, publish, told

from vfr.adapters.store.ml_boards import DirectoryMlBoards
from vfr.typing import HORIZONS, MEMBER_NAMES
from vfr.workflows.board_forecasts import BoardForecasts
from vfr.workflows.forecaster import Forecast, MlUnavailable
from vfr.workflows.toggles import Toggle, ToggleState

METHODS = ("weighted", "voting", "stacking")
LONG = 60_000


class Switches:
    """Switches in memory."""

    def __init__(self, **off):
        self.state = ToggleState(off=off)

    def read(self):
        return self.state


class Elsewhere:
    """A forecaster that counts how often it is asked."""

    asked = 0

    def at(self, as_of, horizon, members, method, timeout_ms):
        self.asked += 1
        return MlUnavailable("TIMEOUT", "elsewhere")

    def ready(self, as_of, horizon, members, method, /):
        return None


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose board is published: lstm has no version at 30d."""
    folder = tmp_path_factory.mktemp("five")
    app = home_of_five(folder, without={("lstm", "30d")})
    assert app.refreshing.due()
    app.refreshing.step()
    assert not app.refreshing.due()
    yield folder, app
    app.close()


@pytest.fixture
def from_board(home):
    folder, app = home

    def make(off=None, voting="hard", **options):
        switches = Switches(**(off or {}))
        elsewhere = options.pop("elsewhere", Elsewhere())
        return BoardForecasts(
            DirectoryMlBoards(folder), app.datasets.stamp, switches, elsewhere, voting=voting, **options
        )

    return make


SETS = [names for size in range(1, len(HERE) + 1) for names in combinations(HERE, size)]
OFF = [
    {},
    {"linear": "drifting"},
    {"linear-7d-a": "this version only", "trees": "drifting"},
    {"linear-1d-a": "of another horizon"},
    dict.fromkeys(MEMBER_NAMES, "maintenance"),
]


@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("method", METHODS)
def test_every_set_of_members_is_answered_as_the_members_would(home, from_board, method, voting):
    board, asking = from_board(voting=voting), direct(home[1], voting=voting)
    try:
        for names in SETS:
            found = board.at(None, "7d", names, method, LONG)
            assert isinstance(found, Forecast)
            assert found.from_cache
            assert (found.method_applied == "stacking") == (method == "stacking" and {"lightgbm", "linear"} <= {*names})
            assert told(found) == told(asking.at(None, "7d", names, method, LONG)), names
    finally:
        asking.close()


@pytest.mark.parametrize("off", OFF, ids=lambda off: "+".join(off) or "none")
def test_switches_leave_out_whom_they_would_where_members_are_asked(home, from_board, off):
    board, asking = from_board(off), direct(home[1], disabled=lambda: off)
    questions = [
        (horizon, names, method)
        for horizon in HORIZONS
        for method in METHODS
        for names in (HERE, HERE[::-1], ("linear",), ("trees", "linear"), ("prophet", "linear"), ("prophet",))
    ]
    try:
        for horizon, names, method in questions:
            found = board.at(None, horizon, names, method, LONG)
            assert told(found) == told(asking.at(None, horizon, names, method, LONG)), (horizon, names, method)
    finally:
        asking.close()


def test_a_member_without_a_version_is_answered_with_the_same_reason(home, from_board):
    board, asking = from_board(), direct(home[1])
    try:
        for names in (("lstm",), ("lstm", "prophet"), HERE):
            found = board.at(None, "30d", names, "weighted", LONG)
            assert told(found) == told(asking.at(None, "30d", names, "weighted", LONG))
        assert board.at(None, "30d", ("lstm",), "weighted", LONG).code == "NO_MODEL"
    finally:
        asking.close()


def test_the_latest_session_by_its_day_is_on_the_board_and_others_are_asked_for_elsewhere(home, from_board):
    elsewhere = Elsewhere()
    board = from_board(elsewhere=elsewhere)
    latest = home[1].datasets.board().as_of
    for day in (latest, latest + np.timedelta64(1, "D")):
        assert told(board.at(day, "7d", HERE, "weighted", LONG)) == told(board.at(None, "7d", HERE, "weighted", LONG))
    assert board.ready(latest - np.timedelta64(1, "D"), "7d", HERE, "weighted") is None
    assert elsewhere.asked == 0
    assert board.at(latest - np.timedelta64(1, "D"), "7d", HERE, "weighted", LONG).message == "elsewhere"
    assert elsewhere.asked == 1


def test_what_is_ready_is_what_would_be_answered_and_reading_a_board_is_not_ready(from_board):
    board = from_board()
    assert board.ready(None, "7d", HERE, "weighted") is None
    first = board.at(None, "7d", HERE, "weighted", LONG)
    found = board.ready(None, "7d", HERE, "weighted")
    assert told(found) == told(first)
    assert found.memo is first.memo
    assert isinstance(board.ready(None, "1d", ("linear",), "voting"), Forecast)


def test_everything_switched_off_says_who_said_so(from_board):
    board = from_board()
    board._toggles.state = ToggleState(Toggle("ml", False, "it hangs", "ada", "2020-01-01T00:00:00+00:00"))
    off = MlUnavailable("DISABLED", "machine learning is switched off: it hangs")
    assert board.at(None, "7d", HERE, "weighted", LONG) == board.ready(None, "7d", HERE, "weighted") == off
    found = from_board(ml_enabled=False).ready(None, "7d", HERE, "weighted")
    assert found == MlUnavailable("DISABLED", "machine learning is switched off by VFR_ML_ENABLED")


def test_a_switch_is_followed_at_the_next_request(from_board):
    board = from_board()
    assert board.at(None, "7d", HERE, "weighted", LONG).members[HERE.index("linear")].status == "ok"
    board._toggles.state = ToggleState(off={"linear": "drifting"}, revision=1)
    linear = board.ready(None, "7d", HERE, "weighted").members[HERE.index("linear")]
    assert (linear.status, linear.reason) == ("disabled", "drifting")
    board._toggles.state = ToggleState(revision=2)
    assert board.ready(None, "7d", HERE, "weighted").members[HERE.index("linear")].status == "ok"


def test_combinations_held_are_bounded(from_board):
    board = from_board(kept=3)
    for names in SETS[:6]:
        board.at(None, "7d", names, "weighted", LONG)
    assert len(board._made) == 3


def test_a_board_that_does_not_fit_is_not_used(from_board):
    elsewhere = Elsewhere()
    board = from_board(elsewhere=elsewhere, fits=lambda key: False)
    assert board.at(None, "7d", HERE, "weighted", LONG).message == "elsewhere"
    assert board.ready(None, "7d", HERE, "weighted") is None


def test_a_question_no_board_could_hold_is_asked_for_elsewhere_and_said(from_board):
    told_of, elsewhere = [], Elsewhere()
    board = from_board(elsewhere=elsewhere, failed=lambda what, error: told_of.append((what, type(error))))
    assert board.at(None, "9d", HERE, "weighted", LONG).message == "elsewhere"
    assert board.ready(None, "9d", HERE, "weighted") is None
    assert told_of == [("scoreboard", KeyError)]


def test_new_data_is_forecast_elsewhere_until_there_is_a_board_of_it(tmp_path):
    app = home_of_five(tmp_path)
    elsewhere = Elsewhere()
    board = BoardForecasts(DirectoryMlBoards(tmp_path), app.datasets.stamp, Switches(), elsewhere)
    try:
        assert board.at(None, "7d", HERE, "weighted", LONG).message == "elsewhere"
        app.refreshing.step()
        before = board.at(None, "7d", HERE, "weighted", LONG)
        assert isinstance(before, Forecast)
        publish(app, market(sessions=331))
        assert board.ready(None, "7d", HERE, "weighted") is None
        assert board.at(None, "7d", HERE, "weighted", LONG).message == "elsewhere"
        app.refreshing.step()
        after = board.at(None, "7d", HERE, "weighted", LONG)
        assert after.as_of > before.as_of
        # A promotion is answered when it is on the board.
        promoted = promote(app, "linear", tail="b", seed=9)
        assert "linear-7d-a" in board.ready(None, "7d", HERE, "weighted").versions
        app.refreshing.step()
        assert promoted in board.at(None, "7d", HERE, "weighted", LONG).versions
    finally:
        app.close()


ANSWERS = """
import sys
from pathlib import Path

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numba", "lightgbm", "xgboost", "onnxruntime", "sklearn", "sqlalchemy", "scipy"}:
            raise ImportError(f"a process that answers from the scoreboard imports {name}")

sys.meta_path.insert(0, Refused())
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.ml_boards import DirectoryMlBoards
from vfr.typing import HORIZONS, MEMBER_NAMES
from vfr.workflows.board_forecasts import BoardForecasts
from vfr.workflows.toggles import ToggleState

class On:
    def read(self):
        return ToggleState()

home = Path(sys.argv[1])
board = BoardForecasts(DirectoryMlBoards(home), DirectoryDatasets(home).stamp, On(), None)
for horizon in HORIZONS:
    for method in ("weighted", "voting", "stacking"):
        found = board.at(None, horizon, MEMBER_NAMES, method, 1)
        assert found is not None and found == found and board.ready(None, horizon, MEMBER_NAMES, method) is not None
        print(found.p_up.tobytes().hex(), found.score.tobytes().hex(), found.confidence.tobytes().hex(), found.note)
"""


def test_other_processes_say_the_same_without_models(home):
    folder, app = home
    ran = [
        subprocess.run([sys.executable, "-c", ANSWERS, str(folder)], capture_output=True, text=True, check=False)  # noqa: S603
        for _ in range(2)
    ]
    assert [one.stderr for one in ran] == ["", ""]
    asking = direct(app)
    try:
        found = [asking.at(None, h, MEMBER_NAMES, method, LONG) for h in HORIZONS for method in METHODS]
    finally:
        asking.close()
    lines = [
        f"{f.p_up.tobytes().hex()} {f.score.tobytes().hex()} {f.confidence.tobytes().hex()} {f.note}" for f in found
    ]
    assert ran[0].stdout == ran[1].stdout == "\n".join(lines) + "\n"


def test_a_board_that_could_not_be_read_for_a_moment_is_read_again(home, from_board, monkeypatch):
    monkeypatch.setattr("vfr.workflows.board_forecasts.AGAIN_MS", 50.0)
    elsewhere = Elsewhere()
    board = from_board(elsewhere=elsewhere)
    [folder] = (path.parent for path in (home[0] / "scoreboards").glob("*/current"))
    build = folder / (folder / "current").read_text().strip()
    away = build.rename(folder / "away")
    try:
        assert board.at(None, "7d", HERE, "weighted", LONG).code == "TIMEOUT"
    finally:
        away.rename(build)
    time.sleep(0.1)
    assert isinstance(board.at(None, "7d", HERE, "weighted", LONG), Forecast)
    assert elsewhere.asked == 1


def test_what_is_kept_of_many_combinations_is_bounded_by_symbols_and_let_go_with_them(from_board, monkeypatch):
    monkeypatch.setattr("vfr.workflows.board_forecasts.PLACES", 1)
    board = from_board()
    made = []
    for names in SETS[:10]:
        found = board.at(None, "7d", names, "weighted", LONG)
        found.memo["of an answer"] = b"large"
        made.append(found)
    assert [bool(found.memo) for found in made] == [False] * 4 + [True] * 6
    again = board.at(None, "7d", SETS[9], "weighted", LONG)
    assert again.memo is made[9].memo
