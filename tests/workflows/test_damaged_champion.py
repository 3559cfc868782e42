"""Whatever becomes of the champion's files, the champion before it answers, and says so."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vfr.adapters.store import models_files
from vfr.adapters.store.models import DirectoryModels
from vfr.bootstrap.registry import in_office
from vfr.features import compute, spec_hash
from vfr.models.calibrated import Calibrated
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.models.prediction import ModelCard
from vfr.models.scale import Scale
from vfr.validation.calibration import Platt
from vfr.validation.splits import Fold, matured
from vfr.workflows.availability import health
from vfr.workflows.enhancement import Enhancement
from vfr.workflows.forecast import Forecasts
from vfr.workflows.forecaster import Forecast
from vfr.workflows.train_card import make_card
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Task, fit_refit

UP, SURE = Platt(0.1, 0.0, (0.2, 0.3), (0.0, 0.0)), Platt(0, 0.01, (0.05,), (0.25,))
CALIBRATED = Calibrated(UP, 0.01, SURE, Scale(("volatility_21",), (1.0,), 0.0, 0.02), 0.5, 0.9)
MEMBERS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(learner.unavailable()), reason=str(learner.unavailable())))
    for name, learner in LEARNERS.items()
]


@dataclass
class Datasets:
    held: Any

    def stamp(self) -> str:
        return "one"

    def snapshot(self, name: str | None = None) -> Any:
        return self.held


@pytest.fixture(scope="module")
def fitted(seeded_snapshot) -> Callable[[str], tuple[ModelCard, dict[str, bytes]]]:
    """A version of any member, trained in a moment on real features."""
    s = seeded_snapshot
    inputs = prepare(compute(s), s.panel.trading())
    labelled = targets(s, "7d", counting(s)[0])
    rows = matured(np.arange(s.sessions.size), labelled.labels.span, s.sessions.size)[-90:]
    made: dict[str, tuple[ModelCard, dict[str, bytes]]] = {}

    def make(name: str) -> tuple[ModelCard, dict[str, bytes]]:
        if name not in made:
            task = Task(inputs, labelled, LEARNERS[name], Recipe(), 0)
            refit = fit_refit(task, Fold("all", rows, np.empty(0, dtype=np.int64)))
            files = Member(name, refit.direction, refit.excess, refit.design, CALIBRATED).files(inputs.sample)
            made[name] = make_card(s, inputs, Recipe(), labelled, name, refit, files, seed=0), files
        return made[name]

    return make


@dataclass
class Home:
    path: Path
    store: DirectoryModels
    before: ModelCard
    champion: ModelCard
    files: dict[str, bytes]

    @property
    def folder(self) -> Path:
        return self.path / "models" / self.champion.model_id

    def replace_champion(self, **changes: Any) -> None:
        """Promote another version, whole in itself, in the champion's place."""
        files = changes.pop("files", self.files)
        self.champion = replace(self.champion, model_id=f"{self.champion.member}-7d-other", **changes)
        self.store.save(self.champion, files)
        self.store.set_status(self.champion.model_id, "champion", who="test", why="test")


@pytest.fixture
def home(tmp_path: Path, fitted) -> Callable[[str], Home]:
    """A store with a champion and the one before it."""

    def make(name: str) -> Home:
        card, files = fitted(name)
        store = DirectoryModels(tmp_path)
        ids = [f"{name}-7d-{tail}" for tail in ("before", "champion")]
        for model_id in ids:
            store.save(replace(card, model_id=model_id), files)
            store.set_status(model_id, "champion", who="test", why="test")
        one, two = (replace(card, model_id=model_id) for model_id in ids)
        return Home(tmp_path, store, one, two, files)

    return make


def ask(home: Home, snapshot: Any) -> tuple[Any, list[tuple[str, str]], dict[str, Any]]:
    """Return the forecast, what was logged, and the health, from a process that has just started."""
    told: list[tuple[str, str]] = []
    forecasts = Forecasts(
        Datasets(snapshot), DirectoryModels(home.path), lambda: None, lambda what, why: told.append((what, str(why)))
    )
    try:
        found = forecasts.at(None, "7d", (home.champion.member,), "weighted", 60_000)
        return found, told, health(forecasts)["parts"]["7d"]
    finally:
        forecasts.close()


def model_file(home: Home) -> Path:
    return home.folder / f"model_excess.{LEARNERS[home.champion.member].suffix}"


def truncated(home: Home) -> None:
    path = model_file(home)
    path.write_bytes(path.read_bytes()[:-20])


def flipped(home: Home) -> None:
    path = model_file(home)
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))


def missing(home: Home) -> None:
    model_file(home).unlink()


def extra_file(home: Home) -> None:
    (home.folder / "model.pkl").write_bytes(b"x")


def card_edited(home: Home) -> None:
    path = home.folder / "card.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))


def card_missing(home: Home) -> None:
    (home.folder / "card.json").unlink()


def linked(home: Home) -> None:
    path = model_file(home)
    path.rename(home.path / "elsewhere")
    path.symlink_to(home.path / "elsewhere")


def piped(home: Home) -> None:
    path = model_file(home)
    path.unlink()
    os.mkfifo(path)


def huge(home: Home) -> None:
    os.truncate(model_file(home), models_files.FILE_BYTES + 1)


def pickled(home: Home) -> None:
    (home.folder / "parity_inputs.npy").write_bytes(b"\x80\x04\x8c\x02os\x94.")


def pickled_with_a_right_hash(home: Home) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([object()]), allow_pickle=True)
    home.replace_champion(files=home.files | {"parity_inputs.npy": buffer.getvalue()})


def other_members_files(home: Home) -> None:
    home.replace_champion(
        files={name: blob for name, blob in home.files.items() if not name.startswith("model_")}
        | {f"model_{target}.{LEARNERS[home.champion.member].suffix}": b"{}" for target in ("direction", "excess")}
    )


def other_specification(home: Home) -> None:
    home.replace_champion(feature_spec="0123456789abcdef")


def other_sample(home: Home) -> None:
    body = json.loads(home.files["calibration.json"])
    body["calibrated"]["width"] *= 3
    home.replace_champion(files=home.files | {"calibration.json": json.dumps(body).encode()})


def folder_gone(home: Home) -> None:
    for path in home.folder.iterdir():
        path.unlink()
    home.folder.rmdir()


DAMAGE = [
    truncated, flipped, missing, extra_file, card_edited, card_missing, linked, piped, huge, pickled,
    pickled_with_a_right_hash, other_members_files, other_specification, other_sample, folder_gone,
]  # fmt: skip

NOT_ON_DISK = (pickled_with_a_right_hash, other_members_files, other_specification, other_sample)
"""What only opening a version tells: its files are those that were stored."""


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda made: made.__name__)
@pytest.mark.parametrize("name", MEMBERS)
def test_the_champion_before_answers_with_a_warning(home, seeded_snapshot, name, damage):
    made = home(name)
    damage(made)
    if damage in NOT_ON_DISK:  # The one that was damaged replaced a sound champion.
        made.before = replace(made.before, model_id=f"{name}-7d-champion")
    found, told, health = ask(made, seeded_snapshot)
    assert isinstance(found, Forecast), found
    assert found.versions == (made.before.model_id,)
    assert np.isfinite(found.p_up).sum() > 50
    (warning,) = found.warnings
    assert warning.startswith(made.champion.model_id)
    assert warning.endswith(f"{made.before.model_id} answers in its place")
    assert health == {"status": "degraded", "message": warning}
    unread = damage in (card_edited, card_missing, folder_gone, other_specification)
    assert unread or [what for what, _ in told][:1] == [made.champion.model_id]
    # The answer of a request, and readiness.
    body = Enhancement.of(found, seeded_snapshot.symbols[:3])
    shown = [body.of_symbol(place, 0.1) for place in range(3)]
    assert body.metadata(shown)["mlEnhancement"]["warnings"] == [warning]
    assert shown[0].body["members"][0]["warning"] == warning
    champions, warnings = in_office(DirectoryModels(made.path), seeded_snapshot.name)
    if damage in NOT_ON_DISK:
        assert warnings == []
    else:
        assert warnings == [warning]
    assert [c["modelId"] for c in champions] in ([made.champion.model_id], [])


@pytest.mark.parametrize("name", MEMBERS)
def test_a_sound_champion_answers_without_a_warning(home, seeded_snapshot, name):
    made = home(name)
    found, told, health = ask(made, seeded_snapshot)
    assert (found.versions, found.warnings, told) == ((made.champion.model_id,), (), [])
    assert health["status"] == "healthy"
    assert in_office(made.store, seeded_snapshot.name)[1] == []
    body = Enhancement.of(found, seeded_snapshot.symbols[:1])
    assert "warnings" not in body.metadata([body.of_symbol(0, 0.1)])["mlEnhancement"]


def test_with_every_version_damaged_the_reason_is_said(home, seeded_snapshot):
    made = home("linear")
    truncated(made)
    (made.path / "models" / made.before.model_id / "calibration.json").unlink()
    found, told, _ = ask(made, seeded_snapshot)
    assert found.code == "ARTIFACT_CORRUPT"
    assert [what for what, _ in told][:2] == [made.champion.model_id, made.before.model_id]
    _, warnings = in_office(made.store, seeded_snapshot.name)
    assert warnings[0].endswith("no earlier champion can answer; train again")


def test_a_log_that_was_changed_is_told_and_one_that_cannot_be_read_has_no_champions(home, seeded_snapshot):
    made = home("linear")
    log = made.path / "models" / "promotions.jsonl"
    log.write_text(log.read_text().replace('"why": "test"', '"why": "best"', 1))
    found, _, _ = ask(made, seeded_snapshot)
    assert found.versions == (made.champion.model_id,)
    champions, warnings = in_office(DirectoryModels(made.path), seeded_snapshot.name)
    assert champions
    assert "was changed after it was written" in warnings[0]
    log.unlink()
    os.mkfifo(log)
    assert in_office(DirectoryModels(made.path), seeded_snapshot.name) == ([], ["promotions.jsonl is not a plain file"])
    found, _, _ = ask(made, seeded_snapshot)
    assert found.code == "ML_ERROR"


def test_the_versions_here_are_of_this_specification(fitted):
    assert fitted("linear")[0].feature_spec == spec_hash()
