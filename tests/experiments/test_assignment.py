from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare, kstest
from tests.examples import examples
from tests.experiments.made import HALF, experiment

from vfr.experiments.assignment import assign, place, subject_key
from vfr.experiments.experiment import ARMS

SUBJECTS = [f"user-{n}" for n in range(20_000)]


@st.composite
def shares(draw):
    parts = [draw(st.integers(0, 100)) for _ in ARMS]
    if not sum(parts):
        parts[0] = 1
    return {arm: part / sum(parts) for arm, part in zip(ARMS, parts, strict=True)}


@given(st.text(max_size=40), shares(), st.floats(0.0, 0.9))
def test_a_subject_keeps_its_arm(subject, dealt, holdout):
    one = experiment(shares=dealt, holdout=holdout)
    arm = assign(one, subject)
    assert arm == assign(experiment(shares=dealt, holdout=holdout), subject)
    assert one.share(arm) > 0


@given(shares(), shares())
@examples(40)
def test_shares_that_change_move_the_fewest_through_classic_and_twice_that_at_most(before, after):
    subjects = SUBJECTS[:3_000]
    first, second = (experiment(shares=dealt) for dealt in (before, after))
    moved = sum(assign(first, s) != assign(second, s) for s in subjects) / len(subjects)
    fewest = sum(max(after[arm] - before[arm], 0.0) for arm in ARMS)
    opposed = min(abs(after[arm] - before[arm]) for arm in ("ml", "shadow"))
    # Who moves stands on two intervals at most, and none holds more subjects beyond its length than two distances.
    luck = 4.0 * kstest([place("5a17", "3f2a", "arm", s) for s in subjects], "uniform").statistic
    assert fewest - luck <= moved <= fewest + opposed + luck


def test_a_ramp_moves_nobody_back():
    def arm(share: float, subject: str) -> str:
        return assign(experiment(shares={"classic": 1.0 - share, "ml": share}), subject)

    for subject in SUBJECTS[:500]:
        arms = [arm(share, subject) for share in (0.0, 0.1, 0.4, 0.9, 1.0)]
        assert arms == sorted(arms)  # classic before ml, and never back


def test_a_wider_holdout_only_takes_and_leaves_the_other_arms_alone():
    for subject in SUBJECTS[:2_000]:
        narrow, wide = (assign(experiment(holdout=h), subject) for h in (0.1, 0.3))
        assert wide in (narrow, "holdout")


@pytest.mark.parametrize(
    ("dealt", "holdout"),
    [(HALF, 0.0), (HALF, 0.1), ({"classic": 0.2, "ml": 0.5, "shadow": 0.3}, 0.25), ({"shadow": 1.0}, 0.0)],
)
def test_arms_get_their_shares(dealt, holdout):
    one = experiment(shares=dealt, holdout=holdout)
    seen = Counter(assign(one, s) for s in SUBJECTS)
    expected = {arm: one.share(arm) * len(SUBJECTS) for arm in (*ARMS, "holdout") if one.share(arm) > 0}
    assert seen.keys() == expected.keys()
    if len(expected) > 1:
        assert chisquare([seen[arm] for arm in expected], list(expected.values())).pvalue > 1e-3


def test_places_are_uniform():
    assert kstest([place("salt", "3f", "arm", s) for s in SUBJECTS], "uniform").pvalue > 1e-3


@pytest.mark.parametrize("other", [{"id": "40b1"}, {"salt": "other"}])
def test_experiments_deal_independently(other):
    first, second = experiment(), experiment(**other)
    table = Counter((assign(first, s), assign(second, s)) for s in SUBJECTS)
    counts = [[table[a, b] for b in ("classic", "ml")] for a in ("classic", "ml")]
    assert chi2_contingency(counts).pvalue > 1e-3


def test_the_holdout_says_nothing_of_the_arm():
    one, dealt = experiment(holdout=0.3), experiment()
    table = Counter((assign(one, s) == "holdout", assign(dealt, s)) for s in SUBJECTS)
    assert chi2_contingency([[table[held, arm] for arm in ("classic", "ml")] for held in (True, False)]).pvalue > 1e-3


def test_what_is_kept_of_a_subject_is_no_name_and_differs_between_experiments():
    keys = {
        subject_key(experiment(), "alice"),
        subject_key(experiment(id="40b1"), "alice"),
        subject_key(experiment(), "bob"),
    }
    assert len(keys) == 3
    assert all(len(key) == 32 and "alice" not in key for key in keys)
