"""XGBoost: scored as XGBoost itself scores, stopped by the rows it watches, refused when it is no such model."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Rows
from vfr.models.xgboost_learner import XgBoost

LEARNER = XgBoost()
TARGETS = ("direction", "excess")


def asked(rows: Rows, target: str) -> Rows:
    return replace(rows, y=(rows.y > 0.05).astype(float)) if target == "direction" else rows


def part(rows: Rows, chosen: slice) -> Rows:
    return Rows(rows.X[chosen], rows.y[chosen], rows.weight[chosen], rows.session[chosen])


def theirs(blob: bytes) -> xgboost.Booster:
    booster = xgboost.Booster(model_file=bytearray(blob))
    booster.set_param({"nthread": 1})
    return booster


@pytest.fixture(scope="module")
def fitted(faint):
    return {target: LEARNER.fit(asked(faint, target), target=target, seed=3) for target in TARGETS}


def trees_of(blob: bytes) -> list[dict]:
    return json.loads(blob)["learner"]["gradient_booster"]["model"]["trees"]


@pytest.mark.parametrize("target", TARGETS)
def test_scores_are_those_of_xgboost_on_and_beside_every_threshold(fitted, at_thresholds, target):
    blob = fitted[target].dump()
    splits = [
        (column, cut)
        for tree in trees_of(blob)
        for child, column, cut in zip(
            tree["left_children"], tree["split_indices"], tree["split_conditions"], strict=True
        )
        if child >= 0
    ]
    assert len(splits) > 50
    column, cut = (np.array(values) for values in zip(*splits, strict=True))
    X = at_thresholds(column, cut, 12)
    got, want = LEARNER.load(blob).score(X), theirs(blob).inplace_predict(X, predict_type="margin")
    assert np.ptp(want) > 0.05
    np.testing.assert_array_equal(got, want)


def test_shares_are_xgboosts_total_gain(fitted):
    names = [f"f{k}" for k in range(12)]
    gain = theirs(fitted["excess"].dump()).get_score(importance_type="total_gain")
    shares = fitted["excess"].importance(names)
    for name in names:
        assert shares[name] == pytest.approx(gain.get(name, 0.0) / sum(gain.values()), rel=1e-5)
    assert set(sorted(shares, key=shares.__getitem__)[-3:]) == {"f0", "f1", "f2"}


def test_being_unknown_is_a_value_of_its_own(fitted):
    row = np.zeros((2, 12), dtype=np.float32)
    row[1, 2] = np.nan
    known, unknown = fitted["excess"].score(row)
    assert unknown - known > 0.1


@pytest.mark.parametrize("target", TARGETS)
def test_fits_side_by_side_give_the_bytes_of_one_alone(faint, fitted, target):
    with ThreadPoolExecutor(max_workers=3) as pool:
        blobs = list(
            pool.map(lambda seed: LEARNER.fit(asked(faint, target), target=target, seed=seed).dump(), [3, 4, 3])
        )
    assert blobs[0] == blobs[2] == fitted[target].dump() != blobs[1]


def rounds(scorer) -> int:
    return len(trees_of(scorer.dump()))


@pytest.mark.parametrize("target", TARGETS)
def test_watched_rows_decide_between_the_least_and_the_most_rounds(faint, target):
    older, newest = part(asked(faint, target), slice(7000)), part(asked(faint, target), slice(7000, None))
    params = LEARNER.params(8000, target)
    contrary = replace(newest, y=1 - newest.y if target == "direction" else -newest.y)
    assert rounds(LEARNER.fit(older, target=target, seed=0, watch=contrary)) == params["min_boost_round"]
    found = rounds(LEARNER.fit(older, target=target, seed=0, watch=newest))
    assert params["min_boost_round"] < found <= params["max_boost_round"]


def test_after_watching_all_rows_are_fitted_with_that_number(faint):
    older, newest = part(faint, slice(7000)), part(faint, slice(7000, None))
    watched = LEARNER.fit(older, target="excess", seed=0, watch=newest)
    plain = LEARNER.fit(faint, target="excess", seed=0, tuned={"num_boost_round": rounds(watched)})
    assert plain.dump() == watched.dump()


def test_watched_outcomes_teach_nothing_before_they_have_decided(faint):
    """Held to so few rounds that nothing can be decided, the first fit must not lean on what it is judged by."""
    older, newest = part(faint, slice(7000)), part(faint, slice(7000, None))
    seen: list[list[float]] = []
    train = xgboost.train

    def listening(*arguments, evals=(), **options):
        if not evals:
            return train(*arguments, **options)
        path: dict = {}
        booster = train(*arguments, evals=evals, evals_result=path, **options)
        seen.append([*path["watch"]["rmse"], float(np.sum(booster.predict(xgboost.DMatrix(older.X))))])
        return booster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xgboost, "train", listening)
        for y in (newest.y, newest.y + 5.0):
            LEARNER.fit(
                older,
                target="excess",
                seed=0,
                watch=replace(newest, y=y),
                tuned={"max_boost_round": 5, "min_boost_round": 5},
            )
    assert seen[0][:-1] != seen[1][:-1]
    assert seen[0][-1] == seen[1][-1]


def test_tuned_values_replace_its_own(faint):
    stumps = LEARNER.fit(faint, target="excess", seed=0, tuned={"max_depth": 1, "num_boost_round": 7})
    assert rounds(stumps) == 7
    assert {len(tree["left_children"]) for tree in trees_of(stumps.dump())} == {3}


def test_only_ratios_of_weights_matter(faint):
    one = part(faint, slice(3000))
    heavy, light = (
        LEARNER.fit(replace(one, weight=scale * one.weight), target="excess", seed=0) for scale in (4.0, 0.125)
    )
    assert heavy.dump() == light.dump()


@pytest.mark.parametrize("chance", ["2.5E-1", "[7.4E-1]"])
def test_logistic_trees_of_another_start_are_read_too(fitted, faint, chance):
    blob = damaged(fitted["direction"].dump(), put("learner", "learner_model_param", "base_score", chance))
    got, want = LEARNER.load(blob).score(faint.X), theirs(blob).inplace_predict(faint.X, predict_type="margin")
    assert abs(fitted["direction"].score(faint.X) - got).min() > 1.0
    # One logarithm or the other: the last bit of the start may differ.
    np.testing.assert_allclose(got, want, rtol=0, atol=5e-7)


def test_serving_needs_no_xgboost(fitted, faint, monkeypatch):
    blob, want = fitted["excess"].dump(), fitted["excess"].score(faint.X)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ImportError):
        LEARNER.fit(faint, target="excess", seed=0)
    np.testing.assert_array_equal(LEARNER.load(blob).score(faint.X), want)


def test_rows_of_another_width_are_refused(fitted):
    with pytest.raises(ArtifactCorrupt, match=r"xgboost: .*12 columns"):
        fitted["excess"].score(np.zeros((2, 11), dtype=np.float32))


def damaged(blob: bytes, change) -> bytes:
    body = json.loads(blob)
    change(body["learner"], body["learner"]["gradient_booster"]["model"]["trees"][0])
    return json.dumps(body).encode()


def put(*path):
    *way, last, value = path

    def change(learner, tree):
        at = {"learner": learner, "tree": tree}
        for key in way:
            at = at[key]
        at[last] = value

    return change


DAMAGE = {
    "a child that is itself": put("tree", "left_children", 0, 0),
    "a circle": put("tree", "left_children", 1, 0),
    "a child outside": put("tree", "right_children", 0, 10**6),
    "a child beyond any number": put("tree", "right_children", 0, 10**30),
    "one child": put("tree", "right_children", 0, -1),
    "a threshold that is not a number": put("tree", "split_conditions", 0, float("nan")),
    "a leaf without end": put("tree", "split_conditions", -1, 1e300),
    "a column too many": put("tree", "split_indices", 0, 12),
    "a column before the first": put("tree", "split_indices", 0, -2),
    "a list cut off": put("tree", "split_indices", [0]),
    "a list that is none": put("tree", "default_left", 1),
    "a gain without end": put("tree", "loss_changes", 0, float("inf")),
    "categories": put("tree", "split_type", 0, 1),
    "no trees": put("learner", "gradient_booster", "model", "trees", []),
    "a linear booster": put("learner", "gradient_booster", "name", "gblinear"),
    "dropped trees": put("learner", "gradient_booster", "name", "dart"),
    "another objective": put("learner", "objective", "name", "rank:ndcg"),
    "classes": put("learner", "learner_model_param", "num_class", "3"),
    "targets": put("learner", "learner_model_param", "num_target", "2"),
    "many columns": put("learner", "learner_model_param", "num_feature", "2000000000"),
    "no columns": put("learner", "learner_model_param", "num_feature", "0"),
    "no start": put("learner", "learner_model_param", "base_score", "[]"),
    "a start without end": put("learner", "learner_model_param", "base_score", "[1E300]"),
    "a start that is a certainty": put("learner", "learner_model_param", "base_score", "[1E0]"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused_by_name(fitted, change):
    blob = fitted["direction"].dump()
    LEARNER.load(damaged(blob, lambda *_: None))
    with pytest.raises(ArtifactCorrupt, match="xgboost"):
        LEARNER.load(damaged(blob, change))


@pytest.mark.parametrize("blob", [b"[" * 100_000, b'{"learner": []}', b"\xff\xfe", b"null", b" " * (33 << 20)])
def test_what_is_no_model_is_refused_by_name(blob):
    with pytest.raises(ArtifactCorrupt, match="xgboost"):
        LEARNER.load(blob)


def test_no_damaged_byte_makes_it_hang_or_crash(fitted):
    rng, blob = np.random.default_rng(0), fitted["direction"].dump()
    X = rng.uniform(-0.5, 0.5, (20, 12)).astype(np.float32)
    outcomes = {"refused": 0, "scored": 0}
    for _ in range(200):
        bad = bytearray(blob)
        for at in rng.integers(0, len(bad), 3):
            bad[at] = rng.choice(list(b'0123456789-.,[]{}":eE'))
        try:
            assert np.isfinite(LEARNER.load(bytes(bad)).score(X)).all()
            outcomes["scored"] += 1
        except ArtifactCorrupt:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10
