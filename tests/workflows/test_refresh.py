"""The scoreboard is made anew only where something changed, and whatever befalls a member is on it with its reason."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from tests.workflows.faulty import LONG, Faults, Store, ramp

from vfr import features
from vfr.adapters.store.ml_boards import DirectoryMlBoards
from vfr.ensemble.combine import Base
from vfr.errors import ArtifactCorrupt, DataError
from vfr.typing import HORIZONS, MEMBER_NAMES
from vfr.workflows.answering import Answering
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.refresh import LOOK_MS, Refresh

ALL = [(horizon, member) for horizon in HORIZONS for member in MEMBER_NAMES]


@dataclass
class Models(Store):
    """Versions of every member and horizon; `number` of a place raises its version's."""

    number: dict = field(default_factory=dict)
    missing_at: set = field(default_factory=set)

    def cards(self):
        facts = {"data_name": "synthetic", "feature_spec": "spec", "feature_names": ("first",), "status": "champion"}
        ends = {"labels_end": "2018-01-31", "train_start": "2010-01-04", "importance": {"first": 1.0}}
        return [
            SimpleNamespace(member=m, horizon=h, model_id=f"{m}-{h}-{self.number.get((h, m), 1)}", **facts, **ends)
            for h, m in ALL
            if (h, m) not in self.missing_at
        ]

    def stamp(self):
        return f"{sorted(self.number.items())}{sorted(self.missing_at)}"


@dataclass
class Earned:
    version: str = "1"
    broken: bool = False
    asked: int = 0

    def stamp(self):
        return self.version

    def at(self, data_name, horizon, members, day):
        self.asked += 1
        if self.broken:
            raise OSError
        return Base(dict.fromkeys(members, 1.0), f"earned {self.version}", "earned")


@dataclass
class World:
    """Everything a refresh reads, to be changed by tests, and what it told."""

    snapshot: object
    boards: DirectoryMlBoards
    faults: Faults = field(default_factory=Faults)
    earned: Earned = field(default_factory=Earned)
    data: str = "synthetic/1"
    settled: str = "v1"
    off: dict = field(default_factory=dict)
    state: object = None
    journal: object = None
    made: list = field(default_factory=list)
    heard: list = field(default_factory=list)
    failed: list = field(default_factory=list)

    def __post_init__(self):
        self.models = Models(self.faults)
        self.journal = SimpleNamespace(checked=lambda name: self.settled)
        self.answering = []

    def refresh(self):
        """Return what refreshes, as a new process would make it."""
        answering = Answering(
            self.models, lambda what, why: self.failed.append(what), combining=self.earned, heard=self.heard.append
        )
        self.answering.append(answering)
        return Refresh(
            SimpleNamespace(stamp=lambda: self.data, snapshot=lambda: self.snapshot),
            self.models,
            self.boards,
            answering,
            enabled=lambda: self.state,
            off=lambda: self.off,
            journal=lambda: self.journal,
            made=self.made.append,
            failed=lambda what, why: self.failed.append(what),
        )

    def asked(self):
        """Return who was asked since the last time."""
        found, self.faults.asked = self.faults.asked, []
        return sorted(found)


@pytest.fixture
def world(seeded_snapshot, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "compute", ramp)
    monkeypatch.setattr(features, "spec_hash", lambda: "spec")
    monkeypatch.setattr("vfr.workflows.refresh.EACH_MS", 250.0)
    monkeypatch.setattr("vfr.workflows.refresh.LOOK_MS", 0.0)
    made = World(seeded_snapshot, DirectoryMlBoards(tmp_path))
    yield made
    made.faults.release.set()
    for answering in made.answering:
        answering.close()


@pytest.fixture
def hours(monkeypatch):
    """A clock that a test moves on."""
    moved, real = [0.0], time.perf_counter

    def elapsed(since=None):
        now = real() * 1e3 + moved[0]
        return now if since is None else now - since

    monkeypatch.setattr("vfr.clock.elapsed_ms", elapsed)
    return lambda ms: moved.__setitem__(0, moved[0] + ms)


def statuses(board, horizon="7d"):
    return {m: a.result.status if a.result else a.status for m, a in board.horizons[horizon].answers.items()}


def versions(board, horizon="7d"):
    return {m: a.result.version for m, a in board.horizons[horizon].answers.items() if a.result}


def test_everybody_is_asked_once_and_then_nothing_is_due(world):
    refresh = world.refresh()
    assert refresh.due()
    board = refresh.step()
    assert set(statuses(board).values()) == {"ok"}
    assert world.asked() == sorted(MEMBER_NAMES * 3)
    assert not refresh.due()
    stamp = world.boards.stamp("synthetic")
    refresh.step()
    assert (world.asked(), world.boards.stamp("synthetic")) == ([], stamp)
    assert world.boards.latest("synthetic").key == board.key
    # Every set of members has its base.
    assert [len(found.bases) for found in board.horizons.values()] == [31] * 3


def test_after_a_promotion_only_that_member_is_asked(world):
    refresh = world.refresh()
    before = refresh.step()
    world.asked()
    read = world.earned.asked
    world.models.number["7d", "linear"] = 2
    assert refresh.due()
    after = refresh.step()
    assert world.asked() == ["linear"]
    assert world.earned.asked == read
    assert versions(after)["linear"] == "linear-7d-2"
    assert after.horizons["1d"].computed_at == before.horizons["1d"].computed_at
    assert after.horizons["7d"].answers["trees"].result is before.horizons["7d"].answers["trees"].result
    assert not refresh.due()


def test_a_new_process_takes_over_what_is_published(world):
    world.refresh().step()
    world.asked()
    other = world.refresh()
    assert other.due()  # The forecast of the day is told by every process: a journal keeps it once.
    other.step()
    assert (world.asked(), other.due()) == ([], False)
    world.models.number["1d", "trees"] = 2
    other.step()
    assert world.asked() == ["trees"]


def test_who_took_over_a_board_asks_everybody_once_in_advance(world):
    told = []
    first = world.refresh()
    first.step(told.append)
    assert (len(told), first.cold()) == (1, False)
    other = world.refresh()
    other.step(told.append)
    world.asked()
    stamp, made = world.boards.stamp("synthetic"), len(world.made)
    assert other.cold()
    other.warm(told.append)
    assert world.asked() == sorted(MEMBER_NAMES * 3)
    assert (other.cold(), other.due(), len(told)) == (False, False, 2)
    assert (world.boards.stamp("synthetic"), len(world.made)) == (stamp, made)
    # The next promotion reads no features: those of all members are there.
    rows, read = other._answering._inputs._rows, set(other._answering._inputs._rows)
    world.models.number["7d", "linear"] = 2
    other.step()
    assert (world.asked(), set(rows)) == (["linear"], read)
    world.data = "synthetic/2"
    first.step()
    assert (first.cold(), other.cold()) == (False, True)
    world.state = MlUnavailable("DISABLED", "maintenance")
    assert not other.cold()


def test_new_data_asks_everybody_again(world):
    refresh = world.refresh()
    refresh.step()
    world.asked()
    world.data = "synthetic/2"
    assert refresh.due()
    refresh.step()
    assert world.asked() == sorted(MEMBER_NAMES * 3)


def test_data_that_changes_while_it_is_read_is_not_published_under_a_wrong_name(world):
    refresh = world.refresh()

    def snapshot():
        world.data = "synthetic/2"
        return world.snapshot

    refresh._datasets.snapshot = snapshot
    assert refresh.step() is None
    assert world.boards.latest("synthetic") is None
    assert refresh.due()
    assert refresh.step().key.data == "synthetic/2"


@pytest.mark.parametrize("what", ["outcomes", "ensembles"])
def test_new_outcomes_ask_nobody_and_change_what_was_earned(world, what):
    refresh = world.refresh()
    refresh.step()
    world.asked()
    if what == "outcomes":
        world.settled = "v2"
    else:
        world.earned.version = "2"
    assert refresh.due()
    board = refresh.step()
    assert world.asked() == []
    assert board.horizons["7d"].bases[("linear",)].note == f"earned {world.earned.version}"
    assert (board.key.outcomes, board.key.earned) == (world.settled, world.earned.version)
    assert not refresh.due()


def test_without_data_nothing_is_due(world):
    world.data = None
    refresh = world.refresh()
    assert not refresh.due()
    assert refresh.step() is None


def test_switched_off_nobody_is_asked(world):
    world.state = MlUnavailable("DISABLED", "maintenance")
    refresh = world.refresh()
    assert not refresh.due()
    assert refresh.step() is None
    assert world.asked() == []


def test_a_member_that_is_switched_off_is_not_asked_before_it_is_on_again(world):
    world.off = {"linear": "drifting", "trees-7d-1": "this version only"}
    refresh = world.refresh()
    board = refresh.step()
    assert "linear" not in world.faults.asked
    assert world.asked().count("trees") == 2
    assert statuses(board) == dict.fromkeys(MEMBER_NAMES, "ok") | {"linear": "disabled", "trees": "disabled"}
    assert not refresh.due()
    world.off = {}
    assert refresh.due()
    assert set(statuses(refresh.step()).values()) == {"ok"}
    assert world.asked() == ["linear"] * 3 + ["trees"]
    # Off again, its prediction stays: it answers at once when it is on.
    world.off = {"linear": "drifting"}
    assert not refresh.due()


FAULTS = {"raises": "failed", "nan": "failed", "shape": "failed", "missing": "corrupt", "hangs": "timeout"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_member_that_cannot_answer_is_on_the_board_and_asked_again_later(world, hours, monkeypatch, fault):
    monkeypatch.setattr("vfr.workflows.refresh.WHOLE_MS", 400.0)
    world.faults.of = {"lstm": fault}
    refresh = world.refresh()
    board = refresh.step()
    assert statuses(board) == dict.fromkeys(MEMBER_NAMES, "ok") | {"lstm": FAULTS[fault]}
    assert board.horizons["7d"].answers["lstm"].result.reason
    assert not refresh.due()
    stamp = world.boards.stamp("synthetic")
    for _ in range(3):  # Nothing changed, so nothing is published, and the next look is later.
        hours(61_000.0)
        assert refresh.due()
        refresh.step()
        assert not refresh.due()
    assert world.boards.stamp("synthetic") == stamp
    world.faults.of = {}
    world.faults.release.set()
    while refresh._answering.lanes.stuck:
        time.sleep(0.002)
    hours(61_000.0)
    world.asked()
    assert set(statuses(refresh.step()).values()) == {"ok"}
    assert world.asked() == ["lstm"] * 3
    assert not refresh.due()


def test_looks_at_a_member_that_is_late_grow_rarer(world, hours, monkeypatch):
    monkeypatch.setattr("vfr.workflows.refresh.WHOLE_MS", 300.0)
    world.faults.of = {"lstm": "hangs"}
    refresh = world.refresh()
    refresh.step()
    pauses = []
    for _ in range(7):
        pauses.append(refresh._pause)
        hours(refresh._pause)
        refresh.step()
    assert pauses == [2e3, 4e3, 8e3, 16e3, 32e3, 60e3, 60e3]


def test_what_cannot_be_read_of_the_past_is_equal_weights_for_a_while(world, hours):
    world.earned.broken = True
    refresh = world.refresh()
    board = refresh.step()
    assert not board.horizons["7d"].sound
    assert board.horizons["7d"].bases[("linear",)].applied == "equal_weight"
    assert not refresh.due()
    world.earned.broken = False
    hours(61_000.0)
    world.asked()
    assert refresh.step().horizons["7d"].sound
    assert world.asked() == []


def test_a_journal_that_hangs_holds_up_nothing(world, monkeypatch):
    monkeypatch.setattr("vfr.workflows.refresh.OUTCOMES_MS", 20.0)
    gate = threading.Event()
    world.journal = SimpleNamespace(checked=lambda name: gate.wait(LONG / 1e3) and "v1")
    refresh = world.refresh()
    board = refresh.step()
    assert set(statuses(board).values()) == {"ok"}
    assert board.key.outcomes == ""
    gate.set()
    until = time.monotonic() + 10
    while not refresh.due() and time.monotonic() < until:
        time.sleep(0.01)
    assert refresh.step().key.outcomes == "v1"


def test_a_journal_that_is_away_is_told_once_an_outage(world, hours):
    def away(name):
        raise DataError("VFR_DATABASE_URL: is away")

    there, refresh = world.journal, world.refresh()
    refresh.step()
    for _ in range(2):
        world.journal, world.failed = SimpleNamespace(checked=away), []
        for _ in range(3):
            hours(LOOK_MS + 1.0)
            assert not refresh.due()
        assert world.failed == ["outcomes"]
        world.journal = there
        hours(LOOK_MS + 1.0)
        assert not refresh.due()


def test_a_member_without_a_version_is_said_and_a_version_that_comes_is_asked(world):
    world.models.missing_at = {("7d", "lstm")}
    refresh = world.refresh()
    board = refresh.step()
    assert statuses(board)["lstm"] == "no_model"
    assert len(board.horizons["7d"].bases) == 15
    world.asked()
    world.models.missing_at = set()
    assert statuses(refresh.step())["lstm"] == "ok"
    assert world.asked() == ["lstm"]


def test_a_refresh_that_fails_leaves_the_board(world):
    refresh = world.refresh()
    before = refresh.step()
    world.models.number["7d", "linear"] = 2

    def succession():
        raise ArtifactCorrupt("the log cannot be read")

    world.models.succession = succession
    with pytest.raises(ArtifactCorrupt):
        refresh.step()
    assert world.boards.latest("synthetic").key == before.key
    del world.models.succession
    assert versions(refresh.step())["linear"] == "linear-7d-2"


def test_the_forecast_of_the_day_is_told_once_for_each_set_of_versions(world):
    refresh = world.refresh()
    refresh.step()
    assert [one.horizon for one in world.made] == list(HORIZONS)
    assert all(one.method == "weighted" and len(one.versions) == 5 for one in world.made)
    world.settled = "v2"
    refresh.step()
    assert len(world.made) == 3
    world.models.number["7d", "linear"] = 2
    refresh.step()
    assert [(one.horizon, "linear-7d-2" in one.versions) for one in world.made[3:]] == [("7d", True)]
    assert {status for results in world.heard for status in (one.status for one in results)} == {"ok"}
    assert sum(len(results) for results in world.heard) == 16


def test_a_damaged_board_is_made_again(world):
    refresh = world.refresh()
    refresh.step()
    root = world.boards.root / "synthetic"
    (root / (root / "current").read_text().strip() / "predictions.npy").write_bytes(b"")
    other = world.refresh()
    assert other.due()
    world.asked()
    other.step()
    assert world.asked() == sorted(MEMBER_NAMES * 3)
    assert np.isfinite(world.boards.latest("synthetic").horizons["7d"].answers["linear"].result.prediction.p_up).all()


def test_a_board_that_is_damaged_after_it_was_published_is_made_again(world, hours):
    refresh = world.refresh()
    refresh.step()
    root = world.boards.root / "synthetic"
    (root / (root / "current").read_text().strip() / "board.json").write_bytes(b"{}")
    hours(30_000.0)
    assert not refresh.due()
    hours(31_000.0)
    assert refresh.due()
    refresh.step()
    assert world.boards.latest("synthetic") is not None
    assert not refresh.due()
