from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.validation.splits import calibration_split, matured, walk_forward


def _sessions(n: int, start: str = "2001-01-01") -> np.ndarray:
    days = np.arange(np.datetime64(start), np.datetime64(start) + 2 * n + 10)
    return days[np.is_busday(days)][:n]


@examples(60)
@given(
    n=st.integers(50, 1500),
    span=st.integers(1, 30),
    embargo=st.one_of(st.none(), st.integers(0, 40)),
    months=st.sampled_from([1, 3, 12, 24]),
    min_train=st.integers(1, 300),
)
def test_no_training_label_interval_meets_the_test_span(n, span, embargo, months, min_train):
    folds = walk_forward(_sessions(n), span, min_train=min_train, embargo=embargo, months=months)
    tested: set[int] = set()
    for fold in folds:
        gap = span if embargo is None else embargo
        assert fold.train.size >= min_train
        assert (fold.train + span + gap < fold.test[0]).all()
        assert np.array_equal(fold.test, np.arange(fold.test[0], fold.test[-1] + 1))
        assert not tested & set(fold.test.tolist())
        tested |= set(fold.test.tolist())
    sizes = [fold.train.size for fold in folds]
    assert sizes == sorted(sizes)


def test_refits_are_yearly_and_named_by_year():
    sessions = _sessions(1400)
    folds = walk_forward(sessions, 6, min_train=240)
    years = sessions.astype("datetime64[Y]").astype(int) + 1970
    assert [f.name for f in folds] == ["2002", "2003", "2004", "2005", "2006"]
    for fold in folds:
        assert set(years[fold.test]) == {int(fold.name)}


def test_first_leaves_out_earlier_test_rows_without_shrinking_training():
    sessions = _sessions(1400)
    folds = walk_forward(sessions, 2, min_train=250, first=np.datetime64("2003-07-01"))
    assert sessions[folds[0].test[0]] >= np.datetime64("2003-07-01")
    assert folds[0].train.size > 500


@examples(60)
@given(start=st.integers(0, 300), n=st.integers(0, 900), span=st.integers(1, 25), before=st.integers(0, 1300))
def test_calibrator_and_conformal_rows_are_purged_of_each_other_and_of_the_future(start, n, span, before):
    split = calibration_split(np.arange(start, start + n), span, before, conformal=200)
    if split is None:
        return
    assert split.conformal.size <= 200
    assert (split.calibrator + span < split.conformal[0]).all()
    assert (split.conformal + span < before).all()
    assert min(split.calibrator.size, split.conformal.size) >= 60


def test_too_few_out_of_fold_rows_give_no_calibration():
    assert calibration_split(np.arange(100), 5, 100) is None


def test_matured_is_strict():
    assert matured(np.array([0, 1, 2]), span=3, before=5).tolist() == [0, 1]
