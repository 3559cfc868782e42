from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.models.stored_versions import LOOKBACK, NAMES, SAMPLE, card, member

from vfr.ensemble.combine import Base
from vfr.ensemble.committee import PARALLEL_ROWS, Committee, Seat
from vfr.ensemble.lanes import Lanes, Limits
from vfr.errors import ArtifactCorrupt
from vfr.models.design import Design
from vfr.models.learners import LEARNERS
from vfr.models.member import StoredMember
from vfr.models.prediction import Prediction, Predictor

HERE = tuple(name for name, learner in LEARNERS.items() if learner.unavailable() is None)
FIELDS = ("p_up", "expected_excess", "low", "high", "confidence")


@pytest.fixture
def lanes():
    made = Lanes("committee-lane")
    yield made
    made.close()
    assert not [t for t in threading.enumerate() if t.name == "committee-lane"]


@dataclass
class Fake:
    """Predicts its first column; `act` may do otherwise."""

    card: object
    act: object = None

    def predict(self, X):
        if self.act is not None:
            return self.act(X)
        value = X[-1, :, 0].astype(np.float64) / 10
        return Prediction(0.5 + value, value, value - 0.1, value + 0.1, np.full(value.size, 0.52), 0.9)


def seat(name="linear", *tails, **changes):
    return Seat(tuple(card(tail, member=name, **changes) for tail in tails or ("a",)))


def committee(lanes, seats, acts=None, **options):
    """Fakes that act by model id."""
    cards = {one.model_id: one for place in seats for one in place.cards}

    def load(model_id):
        act = (acts or {}).get(model_id)
        if isinstance(act, Exception):
            raise act
        return Fake(cards[model_id], act)

    return Committee(tuple(seats), load, lanes, Base.equal([place.member for place in seats]), **options)


def real(lanes, faults=None, **options):
    """The learners there are, on three features; `faults` replaces what the predictor of a member does."""
    stored = {f"{name}-7d-a": StoredMember(card("a", member=name), member(name)) for name in HERE}

    def load(model_id):
        found = stored[model_id]
        act = (faults or {}).get(found.card.member)
        return found if act is None else Fake(found.card, act)

    return Committee(tuple(seat(name) for name in HERE), load, lanes, Base.equal(HERE), **options)


def same(one, other):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_a_committee_is_a_predictor_of_all_its_members(lanes):
    made: Predictor = real(lanes)
    found = made.predict(SAMPLE)
    each = [member(name).predict(SAMPLE) for name in HERE]
    np.testing.assert_allclose(found.p_up, np.mean([one.p_up for one in each], axis=0))
    np.testing.assert_allclose(found.expected_excess, np.mean([one.expected_excess for one in each], axis=0))
    assert made.card.member == "ensemble"
    assert made.card.model_id == f"ensemble({'+'.join(f'{name}-7d-a' for name in HERE)})"
    assert made.card.feature_names == NAMES
    assert made.card.importance == {"return_5": 1.0}


def test_side_by_side_members_say_what_they_say_in_sequence(lanes):
    X = np.random.default_rng(0).uniform(0.1, 0.4, (LOOKBACK, PARALLEL_ROWS, 3)).astype(np.float32)
    same(real(lanes, width=1).predict(X), real(lanes, width=3).predict(X))


def raises(X):
    raise ZeroDivisionError


def blank(X):
    return Prediction(*np.full((5, X.shape[1]), np.nan), 0.9)


def short(X):
    return Prediction(*np.full((5, X.shape[1] - 1), 0.5), 0.9)


@pytest.mark.parametrize("fault", [raises, blank, short])
@pytest.mark.parametrize("name", HERE)
def test_without_any_one_of_the_learners_the_others_are_what_they_are_without_it(lanes, name, fault):
    found = real(lanes, {name: fault}).verdict(SAMPLE)
    assert [r.status for r in found.results] == ["failed" if one == name else "ok" for one in HERE]
    made = real(lanes)
    without = replace(made, seats=tuple(one for one in made.seats if one.member != name)).verdict(SAMPLE)
    same(found.prediction, without.prediction)


def test_one_learner_that_hangs_leaves_the_others(lanes):
    release = threading.Event()
    name = HERE[0]

    def hang(X):
        assert release.wait(20)
        return blank(X)

    real(lanes).predict(SAMPLE)
    found = real(lanes, {name: hang}, limits=Limits(each=300, overtake=10)).verdict(SAMPLE)
    assert {r.member: r.status for r in found.results} == {one: "timeout" if one == name else "ok" for one in HERE}
    assert np.isfinite(found.prediction.p_up).all()
    release.set()


def test_columns_are_given_to_each_version_in_its_own_order_and_a_foreign_one_fails_alone(lanes):
    seats = [
        seat("linear", feature_names=("a", "b")),
        seat("trees", feature_names=("b", "a")),
        seat("lstm", feature_names=("b", "c")),
    ]
    X = np.array([[[0.1, 0.3], [0.2, 0.1]]], dtype=np.float32)
    found = committee(lanes, seats).verdict(X, ("a", "b"))
    np.testing.assert_allclose(found.results[0].prediction.p_up, [0.51, 0.52])
    np.testing.assert_allclose(found.results[1].prediction.p_up, [0.53, 0.51])
    assert found.results[2].reason == "lstm-7d-a: reads c, which these rows do not hold"
    made = committee(lanes, seats)
    assert made.card.feature_names == ("a", "b", "c")
    wide = np.concatenate([X, X[..., :1]], axis=2)
    assert [r.status for r in made.verdict(wide).results] == ["ok"] * 3


def test_no_member_can_write_to_the_rows_of_the_others(lanes):
    def vandal(X):
        X[:] = 0

    X = np.array(SAMPLE)
    found = committee(lanes, [seat("linear"), seat("trees")], {"linear-7d-a": vandal}).verdict(X)
    assert [r.status for r in found.results] == ["failed", "ok"]
    np.testing.assert_array_equal(X, SAMPLE)
    assert X.flags.writeable


def test_spare_versions_answer_in_order_with_a_warning_and_every_failure_is_told(lanes):
    told = []
    acts = {"linear-7d-a": ArtifactCorrupt("linear-7d-a: x is missing"), "linear-7d-b": raises}
    made = committee(lanes, [seat("linear", "a", "b", "c")], acts, failed=lambda what, why: told.append(what))
    (result,) = made.verdict(SAMPLE).results
    assert (result.version, result.status) == ("linear-7d-c", "ok")
    assert result.warning == (
        "linear-7d-a: x is missing; linear-7d-b: it raised ZeroDivisionError; linear-7d-c answers in its place"
    )
    assert told == ["linear-7d-a", "linear-7d-b"]


def test_who_is_off_is_not_read(lanes):
    seats = [replace(seat("linear"), off="drifting"), seat("trees")]
    found = committee(lanes, seats, {"linear-7d-a": AssertionError("read")}).verdict(SAMPLE)
    assert [(r.status, r.reason) for r in found.results] == [("disabled", "drifting"), ("ok", None)]
    assert found.weights[:, 0].tolist() == [0.0, 1.0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_member_that_ends_its_thread_has_failed(lanes):
    def leave(X):
        raise SystemExit

    told = []
    made = committee(
        lanes, [seat("linear"), seat("trees")], {"linear-7d-a": leave}, failed=lambda what, why: told.append(what)
    )
    assert [r.status for r in made.verdict(SAMPLE).results] == ["failed", "ok"]
    assert told == ["linear-7d-a"]


def test_knowing_nothing_of_names_of_which_nothing_is_known_is_no_failure(lanes):
    X = np.full((1, 4, 3), np.nan, dtype=np.float32)
    X[..., 2] = 0.2  # The same for every name.
    made = committee(lanes, [seat("linear")], {"linear-7d-a": blank})
    assert made.verdict(X).results[0].status == "ok"
    X[0, 1, 0], X[0, 2, 0] = 0.1, 0.2
    assert made.verdict(X).results[0].reason == "it predicted none of the names"


def test_members_that_read_the_same_columns_rank_them_once(lanes, monkeypatch):
    ranked, rows = [], Design.rows

    def counted(self, X, columns):
        ranked.append((X.shape[0], columns))
        return rows(self, X, columns)

    monkeypatch.setattr(Design, "rows", counted)
    alone = [member(name).predict(SAMPLE) for name in HERE]
    assert len(ranked) == len(HERE)
    several = set(ranked)
    ranked.clear()
    for said, wanted in zip(real(lanes).results(SAMPLE), alone, strict=True):
        same(said.prediction, wanted)
    assert set(ranked) == several
    assert len(ranked) == len(several) < len(HERE)
