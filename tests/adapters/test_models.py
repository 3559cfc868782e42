"""The directory of model versions: what is stored comes back whole, and whatever was damaged is refused by name."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from tests.models.stored_versions import LOOKBACK, MEMBERS, NAMES, SAMPLE, files_of, member
from tests.models.stored_versions import card as stored_card

from vfr.adapters.store import models_files
from vfr.adapters.store.models import DirectoryModels
from vfr.errors import ArtifactCorrupt, ModelError, NoModel
from vfr.models.learners import LEARNERS
from vfr.models.prediction import CARD_VERSION, ModelCard, ModelStore


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return files_of("linear")


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return stored_card()


@pytest.fixture
def store(tmp_path: Path) -> DirectoryModels:
    return DirectoryModels(tmp_path)


def later(card: ModelCard, tail: str, **changes: object) -> ModelCard:
    return replace(card, model_id=f"{card.member}-7d-{tail}", **changes)


def champion(store: DirectoryModels, card: ModelCard, files: dict[str, bytes]) -> ModelCard:
    store.save(card, files)
    store.set_status(card.model_id, "champion", who="test", why="gates")
    return card


@pytest.mark.parametrize("name", MEMBERS)
def test_a_saved_version_comes_back_whole(store: DirectoryModels, card: ModelCard, name: str) -> None:
    card = replace(card, member=name)
    saved = store.save(card, files_of(name))
    assert set(saved.files) == set(files_of(name))
    loaded = store.load(card.model_id)
    assert loaded.card == saved
    now, then = loaded.predict(SAMPLE), member(name).predict(SAMPLE)
    for field in ("p_up", "expected_excess", "low", "high", "confidence"):
        assert np.array_equal(getattr(now, field), getattr(then, field))
    assert [c.model_id for c in store.cards()] == [card.model_id]
    assert dict(store.read(card.model_id)) == files_of(name)
    assert store.problems() == store.unreadable() == {}


def test_the_stamp_changes_with_every_version_and_status_and_only_then(store, card, files):
    seen = [store.stamp()]
    store.save(card, files)
    seen.append(store.stamp())
    store.set_status(card.model_id, "shadow", who="test", why="test")
    seen.append(store.stamp())
    assert len(set(seen)) == 3
    store.cards()
    store.load(card.model_id)
    store.set_status(card.model_id, "shadow", who="test", why="it is already")
    assert store.stamp() == seen[-1]


def test_it_implements_the_protocol(store):
    as_protocol: ModelStore = store
    assert list(as_protocol.cards()) == []
    assert as_protocol.succession() == {}


# Damage: every kind of it, to every member's version, is refused by name, and the version is not served.


def flipped(path: Path) -> None:
    blob = path.read_bytes()
    path.write_bytes(blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:])


def linked(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def huge(path: Path) -> None:
    os.truncate(path, models_files.FILE_BYTES + 1)  # sparse: it takes no room


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "flipped": flipped,
    "missing": Path.unlink,
    "linked": linked,
    "piped": piped,
    "huge": huge,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "pickled": lambda path: path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94."),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", MEMBERS)
def test_a_damaged_file_is_refused_by_name(store, card, tmp_path, name, damage):
    card = replace(card, member=name)
    store.save(card, files_of(name))
    for file in files_of(name):
        path = tmp_path / "models" / card.model_id / file
        whole = path.read_bytes()
        DAMAGE[damage](path)
        with pytest.raises(ArtifactCorrupt, match=f"^{card.model_id}: {file}"):
            store.load(card.model_id)
        assert file in store.problems()[card.model_id]
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    assert store.problems() == {}
    store.load(card.model_id)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_version_with_an_extra_file_is_refused(store, card, tmp_path, name):
    card = replace(card, member=name)
    store.save(card, files_of(name))
    (tmp_path / "models" / card.model_id / "model.pkl").write_bytes(b"x")
    with pytest.raises(ArtifactCorrupt, match=r"model\.pkl is not a file of this version"):
        store.load(card.model_id)


def test_a_folder_that_is_a_link_is_refused(store, card, files, tmp_path):
    store.save(card, files)
    folder = tmp_path / "models" / card.model_id
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(ArtifactCorrupt, match="its folder is a link"):
        store.load(card.model_id)
    store.save(card, files)
    assert not folder.is_symlink()
    assert store.problems() == {}


@pytest.mark.parametrize("name", MEMBERS)
def test_files_of_another_member_are_refused(store, card, name):
    """Whole files with right hashes, but made by another learner or for other features."""
    other = "linear" if name != "linear" else "lightgbm"
    for tail, swapped in (
        ("whole", dict(files_of(other))),
        ("models", files_of(name) | {f: b for f, b in files_of(other).items() if f.startswith("model_")}),
        ("renamed", files_of(name) | _renamed(files_of(other), LEARNERS[name].suffix)),
    ):
        version = later(replace(card, member=name), tail)
        store.save(version, swapped)
        if tail == "models" and LEARNERS[name].suffix != LEARNERS[other].suffix:
            store.load(version.model_id)  # the other's models lie beside its own and are not read
            continue
        with pytest.raises(ArtifactCorrupt, match=f"^{version.model_id}: "):
            store.load(version.model_id)


def _renamed(files: dict[str, bytes], suffix: str) -> dict[str, bytes]:
    return {f"{f.split('.')[0]}.{suffix}": blob for f, blob in files.items() if f.startswith("model_")}


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("blob", [b"", b"\x80\x04N.", b"{}", b"[" * 100_000, b"tree\nend of trees", b"\x00" * 5000])
def test_bytes_that_are_no_model_are_refused_though_their_hash_is_right(store, card, name, blob):
    for file in files_of(name):
        version = later(replace(card, member=name), sha256(file.encode()).hexdigest()[:8])
        store.save(version, files_of(name) | {file: blob})
        with pytest.raises(ArtifactCorrupt, match=f"^{version.model_id}: "):
            store.load(version.model_id)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _claiming(shape: str) -> bytes:
    """An array file whose header promises far more than there is."""
    whole = _npy(np.zeros((1, 1, 1), dtype=np.float32))
    return whole.replace(b"(1, 1, 1), ", shape.encode().ljust(11)[:11])


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * (1 << 20))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "blob",
    [
        _npy(np.array([object()])),
        _npy(np.array(["text"])),
        _npy(np.zeros((LOOKBACK, 30, 2), dtype=np.float32)),
        _npy(np.zeros(3, dtype=np.float32)),
        _npy(np.zeros((), dtype=np.float32)),
        _claiming("(9**9,), "),
        _claiming("(99999999,)"),
        _zipped(),
    ],
    ids=["pickle", "text", "columns", "flat", "scalar", "expression", "bomb", "zip"],
)
@pytest.mark.parametrize("file", ["parity_inputs.npy", "parity_outputs.npy"])
def test_an_array_that_is_not_the_sample_is_refused(store, card, files, file, blob):
    store.save(card, files | {file: blob})
    with pytest.raises(ArtifactCorrupt, match=r"parity sample|features"):
        store.load(card.model_id)


def test_a_calibration_larger_than_any_is_not_parsed(store, card, files):
    store.save(card, files | {"calibration.json": files["calibration.json"] + b" " * (1 << 20)})
    with pytest.raises(ArtifactCorrupt, match="too large"):
        store.load(card.model_id)


def test_what_would_not_be_read_is_not_written(store, card, files, monkeypatch):
    monkeypatch.setattr(models_files, "FILE_BYTES", 100)
    with pytest.raises(ModelError, match="is larger than"):
        store.save(card, files)
    assert store.cards() == []


# Cards.


def test_a_changed_card_is_refused_and_not_listed(store, card, files, tmp_path):
    store.save(card, files)
    path = tmp_path / "models" / card.model_id / "card.json"
    body = json.loads(path.read_text())
    body["labels_end"] = "2001-01-31"
    path.write_text(json.dumps(body))
    with pytest.raises(ArtifactCorrupt, match="card"):
        store.load(card.model_id)
    assert store.cards() == []
    assert "card" in store.unreadable()[card.model_id]
    assert "card" in store.problems()[card.model_id]


def test_changing_file_and_card_together_does_not_help(store, card, files, tmp_path):
    """The log holds the card's hash, so a forger must forge the log too."""
    store.save(card, files)
    folder = tmp_path / "models" / card.model_id
    forged = files["calibration.json"].replace(b'"width": 0.5', b'"width": 0.1')
    (folder / "calibration.json").write_bytes(forged)
    body = json.loads((folder / "card.json").read_text())
    body["files"]["calibration.json"] = sha256(forged).hexdigest()
    (folder / "card.json").write_text(json.dumps(body))
    with pytest.raises(ArtifactCorrupt):
        store.load(card.model_id)


def _rewritten(tmp_path: Path, card: ModelCard, change: Callable[[dict[str, object]], object]) -> None:
    """Store another card in place of a saved one, as an older or newer VFR would have: the log names its hash."""
    path, log = tmp_path / "models" / card.model_id / "card.json", tmp_path / "models" / "promotions.jsonl"
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    row = {"at": "2020", "event": "saved", "model_id": card.model_id, "status": "staged", "who": "store", "why": ""}
    log.write_text(json.dumps(row | {"card_sha256": sha256(path.read_bytes()).hexdigest()}) + "\n")


def test_a_card_of_the_first_form_still_loads(store, card, files, tmp_path):
    store.save(card, files)
    new = ("card_version", "folds", "tuning", "device", "python", "machine", "parity", "limitations", "evidence")

    def older(body: dict[str, object]) -> None:
        for field in (*new, "training_seconds", "peak_rss_mb"):
            del body[field]

    _rewritten(tmp_path, card, older)
    found = store.load(card.model_id).card
    assert (found.card_version, found.folds, found.device, found.tuning["trials"]) == (1, (), "cpu", 0)
    assert found.metrics == card.metrics


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"card_version": CARD_VERSION + 1}, f"has form {CARD_VERSION + 1}.*update VFR"),
        ({"model_id": "linear-7d-other"}, "belongs to another version"),
        ({"n_rows": "many"}, "cannot be read"),
        ({"horizon": "2d"}, "cannot be read"),
        ({"files": {"../../passwd": "0"}}, "not a plain name"),
    ],
)
def test_a_card_that_cannot_be_trusted_is_refused_by_name(store, card, files, tmp_path, change, reason):
    store.save(card, files)
    _rewritten(tmp_path, card, lambda body: body.update(change))
    with pytest.raises(ArtifactCorrupt, match=reason):
        store.load(card.model_id)
    assert card.model_id in store.unreadable()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"[" * 200_000, b"\xff\xfe"])
def test_a_card_that_is_none_is_refused(store, card, files, tmp_path, body):
    store.save(card, files)
    path, log = tmp_path / "models" / card.model_id / "card.json", tmp_path / "models" / "promotions.jsonl"
    path.write_bytes(body)
    row = {"event": "saved", "model_id": card.model_id, "status": "staged", "card_sha256": sha256(body).hexdigest()}
    log.write_text(json.dumps(row) + "\n")
    with pytest.raises(ArtifactCorrupt, match=r"card\.json cannot be read"):
        store.load(card.model_id)


def test_a_sample_of_one_cross_section_is_replayed_as_it_was_before_learners_looked_back(store, card, files):
    inputs = np.lib.format.read_array(io.BytesIO(files["parity_inputs.npy"]))
    store.save(card, files | {"parity_inputs.npy": _npy(inputs[-1])})
    store.load(card.model_id)


def test_a_sample_that_predicts_otherwise_is_refused(store, card, files):
    swapped = member("linear").files(np.ascontiguousarray(SAMPLE[:, ::-1]))["parity_outputs.npy"]
    store.save(card, files | {"parity_outputs.npy": swapped})
    with pytest.raises(ArtifactCorrupt, match="parity"):
        store.load(card.model_id)


@pytest.mark.parametrize("names", [0, 12])
def test_a_sample_that_shows_nothing_is_refused(store, card, files, names):
    unknown = {
        "parity_inputs.npy": _npy(np.full((1, names, len(card.feature_names)), np.nan, dtype=np.float32)),
        "parity_outputs.npy": _npy(np.full((5, names), np.nan)),
    }
    store.save(card, files | unknown)
    with pytest.raises(ArtifactCorrupt, match="shows nothing"):
        store.load(card.model_id)


def test_another_feature_specification_is_refused(store, card, files):
    store.save(replace(card, feature_spec="0123456789abcdef"), files)
    with pytest.raises(ArtifactCorrupt, match="feature specification 0123456789abcdef"):
        store.load(card.model_id)
    assert store.problems() == {}  # nothing is damaged


def test_features_that_differ_from_the_card_are_refused(store, card, files):
    store.save(replace(card, feature_names=NAMES[::-1]), files)
    with pytest.raises(ArtifactCorrupt, match="features"):
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


# Statuses and the log.


def test_one_champion_per_member_horizon_and_data_set(store, card, files):
    one, two = card, later(card, "20200228-def", created_at="2020-03-01T00:00:00+00:00")
    elsewhere = later(card, "20200131-pit", data_name="pit")
    for version in (one, two, elsewhere):
        champion(store, version, files)
    assert {c.model_id: c.status for c in store.cards()} == {
        one.model_id: "retired",
        two.model_id: "champion",
        elsewhere.model_id: "champion",
    }
    store.set_status(one.model_id, "champion", who="operator", why="rollback: drift")
    assert {c.model_id for c in store.cards() if c.status == "champion"} == {one.model_id, elsewhere.model_id}
    rows = [row for row in store.log() if row["event"] == "status"]
    assert (rows[-2]["who"], rows[-2]["from"], rows[-2]["gates"]) == ("operator", "retired", stored_card().gates)
    assert (rows[-1]["model_id"], rows[-1]["why"]) == (two.model_id, f"rolled back to {one.model_id}")


def test_a_promotion_leaves_a_row_for_every_step(store, card, files):
    champion(store, card, files)
    steps = [(row["from"], row["status"]) for row in store.log() if row["event"] == "status"]
    assert steps == [("staged", "shadow"), ("shadow", "champion")]


@pytest.mark.parametrize(
    ("way", "target"),
    [
        ((), "retired"),
        (("shadow",), "staged"),
        (("shadow",), "retired"),
        (("champion",), "shadow"),
        (("champion",), "staged"),
        (("historical",), "champion"),
        (("historical",), "retired"),
        (("champion", "retired"), "staged"),
    ],
)
def test_every_other_change_of_status_is_refused_with_a_sentence(store, card, files, way, target):
    store.save(card, files)
    for status in way:
        store.set_status(card.model_id, status, who="test", why="test")
    rows = len(store.log())
    with pytest.raises(ModelError, match=f"^{card.model_id}: it cannot become {target}: it is "):
        store.set_status(card.model_id, target, who="test", why="try")
    assert len(store.log()) == rows


def test_refits_are_never_promoted(store, card, files):
    store.save(replace(card, status="historical"), files)
    with pytest.raises(ModelError, match="past"):
        store.set_status(card.model_id, "champion", who="test", why="try")
    assert store.cards()[0].status == "historical"


def test_status_of_an_unknown_version(store):
    with pytest.raises(NoModel):
        store.set_status("linear-none", "champion", who="test", why="try")


def test_the_line_of_champions_follows_promotions_not_dates(store, card, files):
    place = card.place
    a, b, c = (later(card, name, created_at=f"20{30 - n}-01-01") for n, name in enumerate("abc"))
    for version in (a, b, c):
        champion(store, version, files)
    ids = tuple(version.model_id for version in (a, b, c))
    assert store.succession() == {place: ids[::-1]}
    store.set_status(b.model_id, "champion", who="test", why="rollback")
    assert store.succession() == {place: (ids[1], ids[0])}
    d = champion(store, later(card, "d"), files)
    assert store.succession() == {place: (d.model_id, ids[1], ids[0])}
    store.set_status(c.model_id, "shadow", who="test", why="trained again")
    store.set_status(c.model_id, "champion", who="test", why="second try")
    assert store.succession() == {place: (ids[2], d.model_id, ids[1], ids[0])}
    store.set_status(c.model_id, "retired", who="test", why="nobody follows")
    assert store.succession() == {}


def test_saving_the_same_version_again_changes_nothing(store, card, files):
    champion(store, card, files)
    rows = len(store.log())
    again = store.save(replace(card, created_at="2021-01-01T00:00:00+00:00"), files)
    assert again.status == "champion"
    assert again.created_at == card.created_at
    assert len(store.log()) == rows


def test_saving_repairs_a_damaged_version_which_stays_what_it_was(store, card, files, tmp_path):
    champion(store, card, files)
    stamp = store.stamp()
    (tmp_path / "models" / card.model_id / "calibration.json").write_bytes(b"")
    assert store.damage([card.model_id, "unknown"]).keys() == {card.model_id}
    assert store.save(card, files).status == "champion"
    assert store.problems() == store.damage([card.model_id]) == {}
    assert store.stamp() != stamp


def test_files_are_read_again_only_when_they_changed(store, card, files, monkeypatch):
    store.save(card, files)
    store.damage([card.model_id])
    monkeypatch.setattr(models_files, "verified_files", lambda *_: pytest.fail("read again"))
    assert store.damage([card.model_id]) == {}


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
    assert store.problems() == {}


def _lines(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "models" / "promotions.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: [rows[0], *rows[2:]], "before row 2 were changed or are missing"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "before row 1"),
        (lambda rows: [*rows[:2], rows[2].replace(b"gates", b"seems"), *rows[3:]], "row 3 was changed"),
        (lambda rows: [*rows[:2], b'{"event": "status"}\n', *rows[2:]], "row 3 is not chained"),
        (lambda rows: [*rows[:2], rows[2][:40] + b"\n", *rows[3:]], "before row 4"),
        (lambda rows: [*rows[:-1], b"\x00\xff\n"], "cannot be read"),
        (lambda rows: [*rows, b'{"previous": "x", "entry": {"a": NaN}, "hash": "y"}\n'], "row 8 was changed"),
        (lambda rows: [*rows, b'{"previous": "\\ud800", "entry": {}, "hash": "\\ud800"}\n'], "row 8 was changed"),
    ],
    ids=["dropped", "moved", "changed", "inserted", "damaged", "last", "no figure", "no text"],
)
def test_any_change_to_the_log_is_seen(store, card, files, tmp_path, change, reason):
    champion(store, card, files)
    champion(store, later(card, "two"), files)
    (tmp_path / "models" / "promotions.jsonl").write_bytes(b"".join(change(_lines(tmp_path))))
    reader = DirectoryModels(tmp_path)
    assert reason in reader.problems()["promotions.jsonl"]
    assert reader.save(later(card, "three"), files).status == "staged"


def test_a_row_that_was_changed_is_not_believed_and_the_champion_before_it_answers(store, card, files, tmp_path):
    champion(store, card, files)
    two = later(card, "two")
    store.save(two, files)
    rows = _lines(tmp_path)
    store.set_status(two.model_id, "champion", who="test", why="gates")
    forged = [row.replace(b'"gates"', b'"forged"') for row in _lines(tmp_path)[len(rows) :]]
    (tmp_path / "models" / "promotions.jsonl").write_bytes(b"".join([*rows, *forged]))
    reader = DirectoryModels(tmp_path)
    assert reader.succession() == {card.place: (card.model_id,)}
    # Life goes on after the break, which stays on record.
    reader.set_status(two.model_id, "champion", who="test", why="again")
    assert reader.succession()[card.place][0] == two.model_id
    assert "was changed" in reader.problems()["promotions.jsonl"]


def test_a_log_without_hashes_is_read_sealed_by_the_next_row_and_then_guarded(store, card, files, tmp_path):
    """Homes of before logs were chained keep their champions."""
    one, two = card, later(card, "two")
    champion(store, one, files)
    champion(store, two, files)
    log = tmp_path / "models" / "promotions.jsonl"
    bare = []
    for line in _lines(tmp_path):
        entry = json.loads(line)["entry"]
        bare.append({k: v for k, v in entry.items() if k not in ("from", "member", "horizon", "data_name")})
    plain = "".join(json.dumps(row) + "\n" for row in bare)
    log.write_text(plain + '{"cut short')
    reader = DirectoryModels(tmp_path)
    assert reader.succession() == {card.place: (two.model_id, one.model_id)}
    reader.set_status(one.model_id, "champion", who="test", why="rollback")
    assert reader.problems() == {}
    assert DirectoryModels(tmp_path).succession() == {card.place: (one.model_id,)}
    sealed = log.read_text()
    log.write_text(sealed.replace("replaced by", "followed by", 1))
    assert "before row" in DirectoryModels(tmp_path).problems()["promotions.jsonl"]


@pytest.mark.parametrize("damage", ["linked", "piped", "a folder"])
def test_a_log_that_is_no_plain_file_is_not_followed(store, card, files, tmp_path, damage):
    store.save(card, files)
    DAMAGE[damage](tmp_path / "models" / "promotions.jsonl")
    reader = DirectoryModels(tmp_path)
    with pytest.raises(ArtifactCorrupt, match=r"promotions\.jsonl"):
        reader.cards()
    assert list(reader.problems()) == ["promotions.jsonl"]


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
