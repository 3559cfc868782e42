from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV
from tests.examples import examples

from vfr.validation.combinatorial import combinatorial_purged, purged


@st.composite
def _splits(draw):
    steps = draw(st.lists(st.integers(1, 4), min_size=8, max_size=70))
    rows = np.cumsum(steps)
    groups = draw(st.integers(2, min(7, rows.size)))
    tested = draw(st.integers(1, groups - 1))
    span = draw(st.integers(0, 12))
    return rows, span, groups, tested, span + draw(st.integers(0, 9))


@examples(120)
@given(case=_splits())
def test_training_is_everything_whose_interval_meets_no_tested_one_nor_an_embargo(case):
    rows, span, groups, tested, embargo = case
    for fold in combinatorial_purged(rows, span, groups=groups, tested=tested, embargo=embargo).folds:
        test = set(np.concatenate(fold.tests).tolist())
        expected = []
        for s in rows.tolist():
            own = set(range(s, s + span + 1))
            meets = any(own & set(range(u, u + span + 1)) for u in test)
            embargoed = any(part[-1] + span < s <= part[-1] + span + embargo for part in fold.tests)
            if s not in test and not meets and not embargoed:
                expected.append(s)
        assert fold.train.tolist() == expected


@examples(60)
@given(case=_splits())
def test_every_path_covers_every_row_once_and_every_test_lies_on_one_path(case):
    rows, span, groups, tested, embargo = case
    split = combinatorial_purged(rows, span, groups=groups, tested=tested, embargo=embargo)
    assert len(split.folds) == comb(groups, tested)
    assert split.paths.shape == (comb(groups, tested) * tested // groups, groups)
    used = []
    for path in split.paths.tolist():
        covered = []
        for g, number in enumerate(path):
            fold = split.folds[number]
            covered.append(fold.tests[fold.groups.index(g)])
            used.append((number, g))
        assert np.array_equal(np.concatenate(covered), rows)
    assert len(used) == len(set(used)) == comb(groups, tested) * tested


@pytest.mark.parametrize(
    ("groups", "tested", "span", "embargo"), [(6, 2, 2, 2), (6, 2, 6, 9), (5, 3, 1, 4), (8, 4, 0, 0)]
)
def test_is_skfolios_split_where_groups_are_of_one_size(groups, tested, span, embargo):
    """Their purge takes `purged_size` rows off both sides and adds the embargo after: the label's span, and ours."""
    n = groups * 40
    theirs = CombinatorialPurgedCV(n_folds=groups, n_test_folds=tested, purged_size=span, embargo_size=embargo)
    ours = combinatorial_purged(np.arange(n), span, groups=groups, tested=tested, embargo=embargo)
    ids = theirs.get_path_ids()
    for number, (fold, (train, tests)) in enumerate(zip(ours.folds, theirs.split(np.zeros((n, 1))), strict=True)):
        assert np.array_equal(fold.train, train)
        for place, (g, mine, test) in enumerate(zip(fold.groups, fold.tests, tests, strict=True)):
            assert np.array_equal(mine, test)
            assert ours.paths[ids[number, place], g] == number


def test_groups_differ_by_one_row_at_most_where_skfolios_last_takes_the_rest():
    ours = combinatorial_purged(np.arange(83), 1, groups=6, tested=2)
    sizes = {test.size for fold in ours.folds for test in fold.tests}
    assert sizes == {13, 14}
    theirs = CombinatorialPurgedCV(n_folds=6, n_test_folds=2).split(np.zeros((83, 1)))
    assert {test.size for _, tests in theirs for test in tests} == {13, 18}


def test_short_groups_leave_no_training_rows_rather_than_leaking_ones():
    split = combinatorial_purged(np.arange(12), 6, groups=4, tested=2)
    assert split.folds[1].train.size == 0
    assert purged(np.arange(4), 3, np.array([], dtype=np.int64), 3).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("setting", "field"),
    [({"tested": 6}, "tested"), ({"tested": 0}, "tested"), ({"groups": 50}, "rows"), ({"embargo": 2}, "embargo")],
)
def test_says_which_setting_cannot_be(setting, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        combinatorial_purged(np.arange(40), 3, **setting)
