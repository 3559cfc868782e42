"""Extremely randomised trees: scored as scikit-learn scores, stored as plain arrays, refused when these do not fit."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Rows
from vfr.models.trees_learner import Trees

LEARNER = Trees()
TARGETS = ("direction", "excess")
FEW = {"n_estimators": 30}
NAMES = ("target", "share", "sizes", "column", "left", "number")


def asked(rows: Rows, target: str) -> Rows:
    return replace(rows, y=(rows.y > 0.05).astype(float)) if target == "direction" else rows


@pytest.fixture(scope="module")
def fitted(faint):
    return {target: LEARNER.fit(asked(faint, target), target=target, seed=3, tuned=FEW) for target in TARGETS}


@pytest.fixture(scope="module")
def theirs(faint):
    """Scikit-learn's own forests, from the parameters that are published."""
    params = dict(LEARNER.params(8000, "excess")) | FEW
    leaf = max(20, round(params.pop("min_share_leaf") * params["max_samples"]))
    model = ExtraTreesRegressor(**params, min_samples_leaf=leaf, bootstrap=True, random_state=3)
    return {
        target: ExtraTreesRegressor(**model.get_params()).fit(faint.X, asked(faint, target).y, faint.weight)
        for target in TARGETS
    }


@pytest.mark.parametrize("target", TARGETS)
def test_scores_are_those_of_scikit_learn_on_and_beside_every_threshold(fitted, theirs, at_thresholds, target):
    trees = [estimator.tree_ for estimator in theirs[target].estimators_]
    column, cut = (
        np.concatenate([getattr(tree, name)[tree.children_left >= 0] for tree in trees])
        for name in ("feature", "threshold")
    )
    assert column.size > 500
    X = at_thresholds(column, cut, 12)
    want = theirs[target].predict(X)
    if target == "direction":
        assert 0.05 < want.min() < want.max() < 0.95
        want = np.log(want / (1.0 - want))
    np.testing.assert_array_equal(LEARNER.load(fitted[target].dump()).score(X), want)


def test_shares_are_scikit_learns(fitted, theirs):
    shares = fitted["excess"].importance([f"f{k}" for k in range(12)])
    np.testing.assert_array_equal(list(shares.values()), theirs["excess"].feature_importances_)


def test_being_unknown_is_a_value_of_its_own(fitted):
    row = np.zeros((2, 12), dtype=np.float32)
    row[1, 2] = np.nan
    known, unknown = fitted["excess"].score(row)
    assert unknown - known > 0.02


@pytest.mark.parametrize("target", TARGETS)
def test_fits_side_by_side_give_the_bytes_of_one_alone(faint, fitted, target):
    with ThreadPoolExecutor(max_workers=3) as pool:
        fits = pool.map(
            lambda seed: LEARNER.fit(asked(faint, target), target=target, seed=seed, tuned=FEW).dump(), [3, 4, 3]
        )
    one, other, again = fits
    assert one == again == fitted[target].dump() != other


def test_watched_rows_are_rows_like_any(faint, fitted):
    def part(chosen: slice) -> Rows:
        return Rows(faint.X[chosen], faint.y[chosen], faint.weight[chosen], faint.session[chosen])

    joined = LEARNER.fit(part(slice(7000)), target="excess", seed=3, watch=part(slice(7000, None)), tuned=FEW)
    assert joined.dump() == fitted["excess"].dump()


def test_certain_leaves_keep_a_finite_logit():
    X = np.repeat(np.array([-0.5, 0.5], dtype=np.float32), 200)[:, None]
    rows = Rows(X, (X[:, 0] > 0).astype(float), np.ones(400), np.arange(400) // 20)
    score = LEARNER.fit(rows, target="direction", seed=0, tuned=FEW).score(X)
    assert np.isfinite(score).all()
    assert score[-1] == pytest.approx(-score[0]) == pytest.approx(np.log(1e6), rel=1e-3)


def arrays(blob: bytes) -> dict[str, np.ndarray]:
    buffer = io.BytesIO(blob)
    found = {name: np.load(buffer, allow_pickle=False) for name in NAMES}
    assert not buffer.read()
    return found


def written(values: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    for values_of_one in values.values():
        np.save(buffer, values_of_one, allow_pickle=True)
    return buffer.getvalue()


def test_the_artifact_is_arrays_that_numpy_reads_one_after_the_other(fitted):
    blob = fitted["direction"].dump()
    found = arrays(blob)
    assert written(found) == blob
    assert found["target"].tolist() == [1]
    assert found["sizes"].size == 30
    assert found["share"].size == 12
    # 2,000 rows are drawn for each tree, 10 of them at least for a leaf.
    assert found["sizes"].max() < 2 * 200


def test_tuned_values_replace_its_own(faint, fitted):
    coarse = LEARNER.fit(faint, target="excess", seed=3, tuned={"n_estimators": 5, "min_share_leaf": 0.1})
    sizes = arrays(coarse.dump())["sizes"]
    assert sizes.size == 5
    # 2,000 rows are drawn: ten leaves of a tenth of them at most.
    assert sizes.max() <= 19 < arrays(fitted["excess"].dump())["sizes"].min()


def test_serving_needs_no_scikit_learn(fitted, faint, monkeypatch):
    blob, want = fitted["excess"].dump(), fitted["excess"].score(faint.X)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ImportError):
        LEARNER.fit(faint, target="excess", seed=0)
    np.testing.assert_array_equal(LEARNER.load(blob).score(faint.X), want)


def test_rows_of_another_width_are_refused(fitted):
    with pytest.raises(ArtifactCorrupt, match=r"trees: .*12 columns"):
        fitted["excess"].score(np.zeros((2, 13), dtype=np.float32))


def with_value(name: str, at: int, value: float):
    def change(values):
        values[name] = values[name].copy()
        values[name][at] = value

    return change


def with_array(name: str, make):
    return lambda values: values.update({name: make(values[name])})


DAMAGE = {
    "a leaf where a split was": with_value("column", 0, -1),
    "a split where a leaf was": with_value("column", -1, 0),
    "a column too many": with_value("column", 0, 12),
    "a column before the first": with_value("column", 0, -2),
    "a threshold that is not a number": with_value("number", 0, np.nan),
    "a leaf without end": with_value("number", -1, np.inf),
    "a share that is not a number": with_value("share", 0, np.nan),
    "a tree too long": with_value("sizes", 0, 10**6),
    "an empty tree": with_value("sizes", 0, 0),
    "a tree less than empty": with_value("sizes", 0, -3),
    "no trees": with_array("sizes", lambda sizes: sizes[:0]),
    "fewer numbers than nodes": with_array("number", lambda number: number[:-1]),
    "objects": with_array("number", lambda number: number.astype(object)),
    "another kind": with_array("column", lambda column: column.astype("<i8")),
    "another byte order": with_array("number", lambda number: number.astype(">f8")),
    "a table": with_array("number", lambda number: number[None]),
    "no target": with_array("target", lambda target: target[:0]),
    "more than there should be": lambda values: values.update(more=np.zeros(3)),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused_by_name(fitted, change):
    values = arrays(fitted["direction"].dump())
    LEARNER.load(written(values))
    change(values)
    with pytest.raises(ArtifactCorrupt, match="trees"):
        LEARNER.load(written(values))


def header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "blob",
    [
        b"\x93NUMPY\x01\x00",
        header("(10000000000000,)"),
        header("(99999999999999999999999999,)"),
        header("(-1,)"),
        header("(1.5,)"),
        header("(((((((", "|u1"),
        header("(1,)", "|O"),
        header("(1,)").replace(b"\x01\x00", b"\x03\x00", 1),
        b" " * (33 << 20),
    ],
    ids=["no header", "terabytes", "beyond any number", "negative", "half", "open", "objects", "version", "too large"],
)
def test_what_is_no_model_is_refused_by_name(blob):
    with pytest.raises(ArtifactCorrupt, match="trees"):
        LEARNER.load(blob)


def test_no_damaged_byte_makes_it_hang_or_crash(fitted):
    rng, blob = np.random.default_rng(0), fitted["direction"].dump()
    X = rng.uniform(-0.5, 0.5, (20, 12)).astype(np.float32)
    outcomes = {"refused": 0, "scored": 0}
    for _ in range(300):
        bad = bytearray(blob if rng.random() < 0.8 else blob[: int(rng.integers(len(blob)))])
        for at in rng.integers(0, len(bad) if rng.random() < 0.5 else min(len(bad), 900), 2):
            bad[at] = rng.integers(256)
        try:
            assert np.isfinite(LEARNER.load(bytes(bad)).score(X)).all()
            outcomes["scored"] += 1
        except ArtifactCorrupt:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10
