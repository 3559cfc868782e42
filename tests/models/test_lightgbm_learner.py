"""LightGBM: scored as LightGBM itself scores, and refused when it is no such model."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Rows
from vfr.models.lightgbm_learner import LightGbm

LEARNER = LightGbm()
TARGETS = ("direction", "excess")
FEW = {"num_iterations": 41, "num_leaves": 7}
"""As many trees as leave one over when four are walked at once."""


def asked(rows: Rows, target: str) -> Rows:
    return replace(rows, y=(rows.y > 0.05).astype(float)) if target == "direction" else rows


def theirs(blob: bytes, X: np.ndarray) -> np.ndarray:
    return lightgbm.Booster(model_str=blob.decode()).predict(X, raw_score=True, num_threads=1)


def values(blob: bytes, key: str) -> np.ndarray:
    lines = [line.partition("=")[2] for line in blob.decode().splitlines() if line.startswith(f"{key}=")]
    return np.array(" ".join(lines).split(), dtype=float)


@pytest.fixture(scope="module")
def fitted(faint):
    return {target: LEARNER.fit(asked(faint, target), target=target, seed=3, tuned=FEW) for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_scores_are_those_of_lightgbm_on_and_beside_every_threshold(fitted, at_thresholds, target):
    blob = fitted[target].dump()
    column, cut = values(blob, "split_feature").astype(int), values(blob, "threshold")
    assert column.size > 200
    X = at_thresholds(column, cut, 12)
    want = theirs(blob, X)
    assert np.ptp(want) > 0.05
    np.testing.assert_array_equal(LEARNER.load(blob).score(X), want)
    np.testing.assert_array_equal(fitted[target].score(X), want)


def test_values_about_0_and_without_end_go_lightgbms_way(faint, fitted):
    """Columns that know everything have no way of their own for the unknown; LightGBM takes tiny values for 0."""
    full = replace(faint, X=np.nan_to_num(faint.X))
    scorer = LEARNER.fit(full, target="excess", seed=3, tuned=FEW)
    zero = np.float32(1e-35)
    assert (values(scorer.dump(), "decision_type") == 2).all()
    assert set(values(fitted["excess"].dump(), "decision_type")) == {8, 10}
    steps = [np.nextafter(zero, np.float32(to)) for to in (0, 1)]
    special = np.array([0, zero, *steps, 1e-40, 1e30, np.inf], dtype=np.float32)
    special = np.concatenate([special, -special, [np.float32(np.nan)]])
    X = np.random.default_rng(2).choice(special, (10_000, 12))
    for cut in ("0", "1e-40", "-1e-40", "1.0000000180025095e-35", "-1.0000000180025095e-35", "2e-35", "-2e-35"):
        moved = at_one_threshold(scorer.dump(), cut)
        want = theirs(moved, X)
        assert np.ptp(want) > 0
        np.testing.assert_array_equal(LEARNER.load(moved).score(X), want)


def at_one_threshold(blob: bytes, cut: str) -> bytes:
    """Let every split of a model stand at one threshold."""
    return rewritten(blob, lambda tree: tree.update(threshold=" ".join([cut] * len(tree["threshold"].split()))))


def rewritten(blob: bytes, change) -> bytes:
    """Change the fields of every tree, and say the sizes of the blocks that come of it."""
    head, _, rest = blob.decode().partition("\n\n")
    body, _, end = rest.partition("end of trees\n")
    blocks = []
    for block in body.split("\n\n\n")[:-1]:
        first, *lines = block.split("\n")
        fields = dict(line.split("=", 1) for line in lines)
        change(fields)
        blocks.append("\n".join([first, *(f"{key}={value}" for key, value in fields.items())]) + "\n\n\n")
    sizes = " ".join(str(len(block)) for block in blocks)
    kept = [line for line in head.split("\n") if not line.startswith("tree_sizes=")]
    return ("\n".join([*kept, f"tree_sizes={sizes}"]) + "\n\n" + "".join(blocks) + "end of trees\n" + end).encode()


def test_shares_are_lightgbms_gain(fitted):
    gain = lightgbm.Booster(model_str=fitted["excess"].dump().decode()).feature_importance(importance_type="gain")
    shares = fitted["excess"].importance([f"f{k}" for k in range(12)])
    np.testing.assert_array_equal(list(shares.values()), gain / gain.sum())
    assert set(sorted(shares, key=shares.__getitem__)[-3:]) == {"f0", "f1", "f2"}


def test_being_unknown_is_a_value_of_its_own(fitted):
    row = np.zeros((2, 12), dtype=np.float32)
    row[1, 2] = np.nan
    known, unknown = fitted["excess"].score(row)
    assert unknown - known > 0.05


def test_where_nothing_can_be_split_the_mean_is_the_score():
    rows = Rows(np.zeros((60, 2), dtype=np.float32), np.full(60, 0.25), np.ones(60), np.arange(60) // 10)
    scorer = LEARNER.fit(rows, target="excess", seed=0)
    assert LEARNER.load(scorer.dump()).score(rows.X[:2]).tolist() == [0.25, 0.25]
    assert scorer.importance(["a", "b"]) == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize("target", TARGETS)
def test_fits_side_by_side_give_the_bytes_of_one_alone(faint, fitted, target):
    with ThreadPoolExecutor(max_workers=3) as pool:
        fits = pool.map(
            lambda seed: LEARNER.fit(asked(faint, target), target=target, seed=seed, tuned=FEW).dump(), [3, 4, 3]
        )
    one, other, again = fits
    assert one == again == fitted[target].dump() != other


def test_serving_needs_no_lightgbm(fitted, faint, monkeypatch):
    blob, want = fitted["excess"].dump(), fitted["excess"].score(faint.X)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ImportError):
        LEARNER.fit(faint, target="excess", seed=0)
    np.testing.assert_array_equal(LEARNER.load(blob).score(faint.X), want)


def test_rows_of_another_width_are_refused(fitted):
    with pytest.raises(ArtifactCorrupt, match=r"lightgbm: .*12 columns"):
        fitted["excess"].score(np.zeros((2, 11), dtype=np.float32))


def put(key: str, at: int, value: str):
    def change(tree):
        words = tree[key].split()
        words[at] = value
        tree[key] = " ".join(words)

    return lambda blob: rewritten(blob, change)


def swapped(old: str, new: str):
    return lambda blob: blob.replace(old.encode(), new.encode(), 1)


DAMAGE = {
    "a child that is itself": put("left_child", 0, "0"),
    "a circle": put("left_child", 1, "0"),
    "a split that is not there": put("right_child", 0, "6"),
    "a leaf that is not there": put("right_child", 0, "-8"),
    "a child beyond any number": put("right_child", 0, "1" * 30),
    "a child before any number": put("right_child", 0, str(-(2**63))),
    "a threshold that is not a number": put("threshold", 0, "nan"),
    "a leaf without end": put("leaf_value", -1, "inf"),
    "a leaf of letters": put("leaf_value", -1, "zero"),
    "a column too many": put("split_feature", 0, "12"),
    "a column before the first": put("split_feature", 0, "-1"),
    "a gain without end": put("split_gain", 0, "inf"),
    "a category": put("decision_type", 0, "1"),
    "zeros that are missing": put("decision_type", 0, "6"),
    "another kind of split": put("decision_type", 0, "-1"),
    "a value too few": lambda blob: rewritten(blob, lambda tree: tree.update(threshold=tree["threshold"][:-25])),
    "a field too few": lambda blob: rewritten(blob, lambda tree: tree.pop("threshold")),
    "no leaves": put("num_leaves", 0, "0"),
    "billions of leaves": put("num_leaves", 0, "9999999999"),
    "categories": put("num_cat", 0, "1"),
    "lines in leaves": put("is_linear", 0, "1"),
    "a field twice": lambda blob: rewritten(blob, lambda tree: tree.update(more="1\nmore=2")),
    "a size that is wrong": swapped("tree_sizes=", "tree_sizes=1"),
    "a size below 0": swapped("tree_sizes=", "tree_sizes=-1 "),
    "a tree left out": swapped("Tree=1\n", "Tree=2\n"),
    "no end": swapped("end of trees", "end of tree"),
    "classes": swapped("num_class=1", "num_class=3"),
    "several scores": swapped("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
    "another objective": swapped("objective=binary", "objective=lambdarank"),
    "an average": swapped("label_index=0", "average_output"),
    "another version": swapped("version=v4", "version=v3"),
    "fewer columns": swapped("max_feature_idx=11", "max_feature_idx=1"),
    "no columns": swapped("max_feature_idx=11", "max_feature_idx=-1"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused_by_name(fitted, change):
    blob = fitted["direction"].dump()
    LEARNER.load(rewritten(blob, lambda _: None))
    assert change(blob) != blob
    with pytest.raises(ArtifactCorrupt, match="lightgbm"):
        LEARNER.load(change(blob))


@pytest.mark.parametrize("blob", [b"\xff\xfe", b"tree\n\n", b"tree\nversion=v4\n\nend of trees\n", b" " * (33 << 20)])
def test_what_is_no_model_is_refused_by_name(blob):
    with pytest.raises(ArtifactCorrupt, match="lightgbm"):
        LEARNER.load(blob)


def test_no_damaged_byte_makes_it_hang_or_crash(fitted):
    rng, blob = np.random.default_rng(0), fitted["direction"].dump()
    X = rng.uniform(-0.5, 0.5, (20, 12)).astype(np.float32)
    outcomes = {"refused": 0, "scored": 0}
    for _ in range(200):
        bad = bytearray(blob)
        for at in rng.integers(0, len(bad), 3):
            bad[at] = rng.choice(list(b"0123456789-. =\neE"))
        try:
            assert np.isfinite(LEARNER.load(bytes(bad)).score(X)).all()
            outcomes["scored"] += 1
        except ArtifactCorrupt:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10
