from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vfr.adapters.store.models import DirectoryModels
from vfr.errors import ArtifactCorrupt, ModelError, NoModel
from vfr.features import spec_hash
from vfr.models.calibrated import Calibrated
from vfr.models.design import Design
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.models.prediction import ModelCard, ModelStore
from vfr.models.scale import Scale
from vfr.validation.calibration import Platt

NAMES = ("volatility_21", "momentum", "vix")
SAMPLE = np.random.default_rng(5).uniform(0.1, 0.4, (30, 3)).astype(np.float32)


def _member(name: str = "linear") -> Member:
    rng = np.random.default_rng(0)
    design = Design(NAMES, NAMES[:2], NAMES[2:])
    learner = LEARNERS[name]
    X = rng.uniform(-0.5, 0.5, (500, 3)).astype(np.float32)
    y = X[:, 0] + rng.normal(0, 0.3, 500)
    direction = learner.fit(X, (y > 0).astype(float), np.ones(500), target="direction", seed=0)
    excess = learner.fit(X[:, :2], y, np.ones(500), target="excess", seed=0)
    scale = Scale(NAMES[:1], (1.0,), 0.0, 0.02)
    calibrated = Calibrated(
        Platt(0.1, 0.0, (0.2, 0.3), (0.0, 0.0)), 0.01, Platt(0, 0.01, (0.05,), (0.25,)), scale, 0.5, 0.9
    )
    return Member(name, direction, excess, design, calibrated)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return _member().files(SAMPLE)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return ModelCard(
        model_id="linear-7d-20200131-abc",
        member="linear",
        horizon="7d",
        status="staged",
        created_at="2020-02-01T00:00:00+00:00",
        data_name="bundled",
        data_version="v1",
        feature_spec=spec_hash(),
        feature_names=NAMES,
        labels_end="2020-01-31",
        train_start="2010-01-04",
        n_rows=500,
        n_dates=50,
        seed=0,
        params={},
        metrics={"rank_ic": 0.02},
        importance={"momentum": 1.0},
        gates={"passed": True},
        libraries={"numpy": "2"},
        files={},
    )


@pytest.fixture
def store(tmp_path) -> DirectoryModels:
    return DirectoryModels(tmp_path)


def test_a_saved_version_comes_back_whole(store, card, files):
    saved = store.save(card, files)
    assert set(saved.files) == set(files)
    loaded = store.load(card.model_id)
    assert loaded.card == saved
    now = loaded.predict(SAMPLE)
    assert np.array_equal(now.p_up, _member().predict(SAMPLE).p_up)
    assert [c.model_id for c in store.cards()] == [card.model_id]
    assert store.problems() == {}


def test_the_stamp_changes_with_every_version_and_status_and_only_then(store, card, files):
    seen = [store.stamp()]
    store.save(card, files)
    seen.append(store.stamp())
    store.set_status(card.model_id, "shadow", who="test", why="test")
    seen.append(store.stamp())
    assert len(set(seen)) == 3
    store.cards()
    store.load(card.model_id)
    assert store.stamp() == seen[-1]


def test_it_implements_the_protocol(store):
    as_protocol: ModelStore = store
    assert list(as_protocol.cards()) == []


@pytest.mark.parametrize(
    "name",
    ["model_direction.json", "model_excess.json", "calibration.json", "parity_inputs.npy", "parity_outputs.npy"],
)
@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_file_is_refused_by_name(store, card, files, tmp_path, name, damage):
    store.save(card, files)
    path = tmp_path / "models" / card.model_id / name
    blob = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(blob[:-20] if damage == "truncated" else blob[:-1] + bytes([blob[-1] ^ 1]))
    with pytest.raises(ArtifactCorrupt, match=name.replace(".", r"\.")):
        store.load(card.model_id)
    assert card.model_id in store.problems()


def test_a_changed_card_is_refused_and_not_listed(store, card, files, tmp_path):
    store.save(card, files)
    path = tmp_path / "models" / card.model_id / "card.json"
    body = json.loads(path.read_text())
    body["labels_end"] = "2001-01-31"
    path.write_text(json.dumps(body))
    with pytest.raises(ArtifactCorrupt, match="card"):
        store.load(card.model_id)
    assert store.cards() == []
    assert "card" in store.problems()[card.model_id]


def test_changing_file_and_card_together_does_not_help(store, card, files, tmp_path):
    """The log holds the card's hash, so a forger must forge the log too."""
    from hashlib import sha256

    store.save(card, files)
    folder = tmp_path / "models" / card.model_id
    forged = files["calibration.json"].replace(b'"width": 0.5', b'"width": 0.1')
    (folder / "calibration.json").write_bytes(forged)
    body = json.loads((folder / "card.json").read_text())
    body["files"]["calibration.json"] = sha256(forged).hexdigest()
    (folder / "card.json").write_text(json.dumps(body))
    with pytest.raises(ArtifactCorrupt):
        store.load(card.model_id)


def test_a_sample_that_predicts_otherwise_is_refused(store, card, files):
    other = dict(files) | {"parity_outputs.npy": _member().files(SAMPLE[::-1].copy())["parity_outputs.npy"]}
    store.save(card, other)
    with pytest.raises(ArtifactCorrupt, match="parity"):
        store.load(card.model_id)


def test_another_feature_specification_is_refused(store, card, files):
    store.save(replace(card, feature_spec="0123456789abcdef"), files)
    with pytest.raises(ArtifactCorrupt, match="feature specification 0123456789abcdef"):
        store.load(card.model_id)


def test_features_that_differ_from_the_card_are_refused(store, card, files):
    store.save(replace(card, feature_names=NAMES[::-1]), files)
    with pytest.raises(ArtifactCorrupt, match="features"):
        store.load(card.model_id)


def test_a_pickle_is_never_read(store, card, files):
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([object()]), allow_pickle=True)
    store.save(card, dict(files) | {"parity_inputs.npy": buffer.getvalue()})
    with pytest.raises(ArtifactCorrupt):
        store.load(card.model_id)


def test_a_foreign_folder_is_a_problem_and_never_served(store, card, files, tmp_path):
    store.save(card, files)
    foreign = tmp_path / "models" / "stranger"
    foreign.mkdir()
    (foreign / "card.json").write_text("{}")
    assert [c.model_id for c in store.cards()] == [card.model_id]
    assert "stranger" in store.problems()
    with pytest.raises(NoModel):
        store.load("stranger")


@pytest.mark.parametrize("model_id", ["../../etc/passwd", "a/b", "", ".hidden", "UPPER"])
def test_names_that_are_paths_are_refused(store, card, files, model_id):
    with pytest.raises(ModelError):
        store.save(replace(card, model_id=model_id), files)
    with pytest.raises(NoModel):
        store.load(model_id)


def test_one_champion_per_member_horizon_and_data_set(store, card, files):
    one, two = card, replace(card, model_id="linear-7d-20200228-def", created_at="2020-03-01T00:00:00+00:00")
    elsewhere = replace(card, model_id="linear-7d-20200131-pit", data_name="pit")
    for version in (one, two, elsewhere):
        store.save(version, files)
        store.set_status(version.model_id, "champion", who="test", why="gates")
    assert {c.model_id: c.status for c in store.cards()} == {
        one.model_id: "retired",
        two.model_id: "champion",
        elsewhere.model_id: "champion",
    }
    store.set_status(one.model_id, "champion", who="operator", why="rollback: drift")
    assert {c.model_id for c in store.cards() if c.status == "champion"} == {one.model_id, elsewhere.model_id}
    rows = [row for row in store.log() if row["event"] == "status"]
    assert rows[-2]["who"] == "operator"
    assert rows[-2]["gates"] == {"passed": True}
    assert rows[-1]["why"] == f"replaced by {one.model_id}"


def test_refits_are_never_promoted(store, card, files):
    store.save(replace(card, status="historical"), files)
    with pytest.raises(ModelError, match="past"):
        store.set_status(card.model_id, "champion", who="test", why="try")
    assert store.cards()[0].status == "historical"


def test_status_of_an_unknown_version(store):
    with pytest.raises(NoModel):
        store.set_status("linear-none", "champion", who="test", why="try")


def test_saving_the_same_version_again_changes_nothing(store, card, files):
    store.save(card, files)
    store.set_status(card.model_id, "champion", who="test", why="gates")
    again = store.save(replace(card, created_at="2021-01-01T00:00:00+00:00"), files)
    assert again.status == "champion"
    assert again.created_at == card.created_at
    assert len(store.log()) == 2


def test_saving_repairs_a_damaged_version(store, card, files, tmp_path):
    store.save(card, files)
    (tmp_path / "models" / card.model_id / "calibration.json").write_bytes(b"")
    store.save(card, files)
    assert store.problems() == {}


def test_a_kill_between_rename_and_log_row_leaves_no_version(store, card, files, tmp_path):
    store.save(card, files)
    (tmp_path / "models" / "promotions.jsonl").write_bytes(b"")
    assert store.cards() == []
    store.save(card, files)
    assert store.load(card.model_id).card.model_id == card.model_id


def test_a_log_row_cut_short_never_happened_and_the_next_one_is_whole(store, card, files, tmp_path):
    store.save(card, files)
    log = tmp_path / "models" / "promotions.jsonl"
    log.write_bytes(log.read_bytes() + b'{"event": "status", "model_id": "lin')
    assert store.cards()[0].status == "staged"
    store.set_status(card.model_id, "champion", who="test", why="gates")
    assert store.cards()[0].status == "champion"


def test_leftovers_of_a_killed_save_are_cleared(store, card, files, tmp_path):
    leftover = tmp_path / "models" / ".staging-x"
    leftover.mkdir(parents=True)
    (leftover / "half").write_bytes(b"x")
    store.save(card, files)
    assert not leftover.exists()
    assert store.problems() == {}


def _save(home: Path, number: int, card: ModelCard, files: dict[str, bytes]) -> None:
    DirectoryModels(home).save(replace(card, model_id=f"linear-7d-{number}"), files)


def test_processes_that_save_at_once_do_not_lose_rows(tmp_path, card, files):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_save, args=(tmp_path, n, card, files)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    store = DirectoryModels(tmp_path)
    assert len(store.cards()) == 4
    assert store.problems() == {}
