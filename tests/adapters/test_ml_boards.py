"""Scoreboards on disk: what is read is what was published, and whatever is damaged or foreign is as good as absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.adapters.store.ml_board_plain import BoardPlain, board_of, board_plain
from vfr.adapters.store.ml_boards import DirectoryMlBoards
from vfr.ensemble.asking import MemberResult
from vfr.ensemble.combine import Base
from vfr.ensemble.confidence import Confidence
from vfr.ensemble.stacking import Stacker
from vfr.errors import InvalidField
from vfr.models.prediction import Prediction
from vfr.typing import HORIZONS
from vfr.workflows.ml_board import Answer, BoardKey, HorizonAnswers, MlBoard, Universe

NAMES = ("AAA", "BBB", "CCC")


def board(name="data", version="v1", seed=0, **changes):
    """A board on which one member answered with a stand-in, one failed and one has no version."""
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(5, 3))
    series[:, 1] = np.nan
    said = MemberResult("linear", "linear-b", Prediction(*series, 0.9), "ok", None, None, 1.25, "linear-a: damaged")
    failed = MemberResult("trees", "trees-a", None, "timeout", "no answer within 2 ms", None, 2.0)
    stacker = Stacker(("linear", "trees"), 0.1, np.array([0.3, 1 / 3]), np.array([0.0, 0.7]), True, "it beat them")
    earned = Base(
        {"linear": 1 / 3, "lstm": 0.1, "trees": 0.7}, "learned", "learned_weights", stacker, Confidence(0.1, 0.2)
    )
    equal = Base.equal(["trees"])
    answers = {
        "linear": Answer("linear", ("linear-a", "linear-b"), "ok", None, "older", said, {"x": 0.1 + 0.2, "y": 2.0}),
        "trees": Answer("trees", ("trees-a",), "ok", None, None, failed, {}),
        "lstm": Answer("lstm", (), "no_model", "was never trained", None, None, {}),
    }
    bases = {("linear",): earned, ("linear", "trees"): earned, ("trees",): equal}
    horizons = {
        h: HorizonAnswers(h, answers, bases, np.nan, ("lstm-7d-x",), 1_700_000_000_123, False) for h in HORIZONS
    }
    key = BoardKey(f"{name}/{version}-1", "spec", "(1, 2)", "abc", "v0")
    made = MlBoard(key, Universe(name, version, np.datetime64("2019-12-31"), NAMES), horizons)
    return replace(made, **changes)


def content(one):
    """Return everything a value holds, arrays as bytes, in order."""
    if isinstance(one, np.ndarray):
        return one.dtype.str, one.shape, one.tobytes()
    if is_dataclass(one):
        return type(one).__name__, [(f.name, content(getattr(one, f.name))) for f in fields(one)]
    if isinstance(one, dict):
        return [(content(key), content(value)) for key, value in one.items()]
    return [content(x) for x in one] if isinstance(one, tuple | list) else repr(one)


@pytest.fixture
def told():
    return []


@pytest.fixture
def boards(tmp_path, told):
    return DirectoryMlBoards(tmp_path, told.append)


def folder_of(boards, name="data"):
    root = boards.root / name
    return root / (root / "current").read_text().strip()


def test_what_is_read_is_what_was_published(boards, told):
    assert boards.latest("data") is None
    assert boards.stamp("data") is None
    boards.publish(board())
    found = boards.latest("data")
    assert content(found) == content(board())
    assert told == []
    # Bases that are one are one again, and predictions are views of what is mapped.
    bases = found.horizons["7d"].bases
    assert bases[("linear",)] is bases[("linear", "trees")]
    said = found.horizons["7d"].answers["linear"].result.prediction
    assert said.p_up.base is not None
    assert not said.p_up.flags.writeable


def test_a_new_board_has_a_new_stamp_and_the_last_two_are_kept(boards):
    stamps = set()
    for seed in range(4):
        boards.publish(board(seed=seed))
        stamps.add(boards.stamp("data"))
        time.sleep(0.01)
    assert len(stamps) == 4
    assert len([p for p in (boards.root / "data").iterdir() if p.is_dir()]) == 2
    assert content(boards.latest("data")) == content(board(seed=3))


def test_whoever_maps_an_older_board_keeps_its_pages(boards):
    boards.publish(board())
    held, before = boards.latest("data"), content(board())
    for seed in range(1, 4):
        boards.publish(board(seed=seed))
    assert content(held) == before


def test_each_data_set_has_its_own(boards):
    boards.publish(board())
    boards.publish(board("other", seed=1))
    assert content(boards.latest("other")) == content(board("other", seed=1))
    assert content(boards.latest("data")) == content(board())
    with pytest.raises(InvalidField):
        boards.latest("../data")


def test_a_board_on_which_nobody_answered(boards):
    nobody = {
        h: HorizonAnswers(h, {"lstm": Answer("lstm", (), "no_model", "none", None, None, {})}, {}, 0.5, (), 1, True)
        for h in HORIZONS
    }
    boards.publish(board(horizons=nobody))
    assert content(boards.latest("data")) == content(board(horizons=nobody))


def damage_pointer(folder):
    (folder.parent / "current").write_text("../../../etc")


def empty_pointer(folder):
    (folder.parent / "current").write_text("")


def lose_folder(folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def flip(folder):
    path = folder / "predictions.npy"
    raw = bytearray(path.read_bytes())
    raw[-9] ^= 1
    path.write_bytes(raw)


def cut(folder):
    path = folder / "board.json"
    path.write_bytes(path.read_bytes()[:-20])


def lose_manifest(folder):
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("damage", [damage_pointer, empty_pointer, lose_folder, flip, cut, lose_manifest])
def test_a_damaged_board_is_refused_by_name_and_made_again_by_the_next_publication(boards, told, damage):
    boards.publish(board())
    damage(folder_of(boards))
    assert boards.latest("data") is None
    [why] = told
    assert why.startswith("the scoreboard of data is not used: ")
    assert str(boards.root) not in why
    boards.publish(board())
    assert content(boards.latest("data")) == content(board())


def rewrite(boards, change):
    """Publish a board whose plain part is changed, with a manifest that fits."""
    from hashlib import sha256

    boards.publish(board())
    folder = folder_of(boards)
    plain = json.loads((folder / "board.json").read_bytes())
    change(plain)
    (folder / "board.json").write_text(json.dumps(plain))
    manifest = json.loads((folder / "manifest.json").read_text())
    raw = (folder / "board.json").read_bytes()
    manifest["files"]["board.json"] = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


CHANGES = {
    "another format": lambda p: p.update(format=2),
    "another data set": lambda p: p.update(data_name="other"),
    "more symbols": lambda p: p["symbols"].append("DDD"),
    "more predictions": lambda p: p.update(predictions=9),
    "no session": lambda p: p.update(as_of="NaT"),
    "no day": lambda p: p.update(as_of="soon"),
    "another horizon": lambda p: p["horizons"].update({"9d": p["horizons"]["7d"]}),
    "a field too many": lambda p: p.update(secret=1),
    "a negative weight": lambda p: p["horizons"]["7d"]["bases"][0]["weights"][0].__setitem__(1, -1.0),
    "a base that is not there": lambda p: p["horizons"]["7d"]["sets"][0].__setitem__(1, 7),
    "a row that is not there": lambda p: p["horizons"]["7d"]["answers"]["linear"]["result"].update(row=99),
    "a row before the first": lambda p: p["horizons"]["7d"]["answers"]["linear"]["result"].update(row=-1),
    "ok without a prediction": lambda p: p["horizons"]["7d"]["answers"]["linear"]["result"].update(row=None),
    "an answer without a version": lambda p: p["horizons"]["7d"]["answers"]["linear"].update(versions=[]),
    "fewer coefficients": lambda p: p["horizons"]["7d"]["stackers"][0].update(excess=[0.1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_foreign_board_is_refused(boards, told, change):
    rewrite(boards, change)
    assert boards.latest("data") is None
    assert len(told) == 1


@examples(150)
@given(st.data())
def test_bytes_of_a_plain_part_that_were_changed_raise_what_is_caught(data):
    raw = bytearray(msgspec.json.encode(board_plain(board())[0]))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    block = board_plain(board())[1]
    with suppress(ValueError, LookupError, TypeError, msgspec.MsgspecError):
        board_of(msgspec.json.decode(bytes(raw), type=BoardPlain), block)


KILLED = """
import os, sys
from pathlib import Path
from tests.adapters.test_ml_boards import board
from vfr.adapters.store import ml_boards

where = sys.argv[2]
real = getattr(ml_boards, where)
setattr(ml_boards, where, lambda *asked: os._exit(9))
ml_boards.DirectoryMlBoards(Path(sys.argv[1])).publish(board(seed=1))
"""


@pytest.mark.parametrize("where", ["publish_folder", "replace_text", "prune"])
def test_a_killed_writer_leaves_nothing_that_counts(boards, tmp_path, where):
    boards.publish(board())
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", KILLED, str(tmp_path), where],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ran.returncode == 9
    assert content(boards.latest("data")) == content(board(seed=1 if where == "prune" else 0))
    boards.publish(board(seed=2))
    assert content(boards.latest("data")) == content(board(seed=2))
    assert not list((boards.root / "data").glob(".tmp-*"))
