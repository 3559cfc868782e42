from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.factors.board import InputStatus
from vfr.factors.compute import compute_board
from vfr.factors.scores import FACTOR_NAMES, Reason, SubFactor
from vfr.scoring.composite import combine, score
from vfr.scoring.confidence import confidence
from vfr.scoring.explain import explain, label
from vfr.scoring.table import DEFAULT

NAN = np.nan
ENTRIES = {f"{f}.group.item": SubFactor(f"{f}.group.item", f, 1.0, "fraction", "what", "who") for f in FACTOR_NAMES}
NAMES = tuple(ENTRIES)
TODAY = np.datetime64("2019-06-28", "D")


def trust(points, ages=(0, 0, 0, 0, 0)):
    scores = combine(np.array(points, dtype=np.float64)[:, None], np.array([NAN]), NAMES, DEFAULT, ENTRIES)
    dates = (TODAY - np.array(ages, dtype="timedelta64[D]"))[:, None]
    return int(confidence(scores, dates, TODAY, NAMES, DEFAULT, ENTRIES)[0])


def test_full_fresh_and_agreeing_is_a_hundred():
    assert trust([70.0] * 5) == 100


def test_coverage_scales_it():
    assert trust([70.0, NAN, NAN, NAN, NAN]) == 28
    assert trust([NAN] * 5) == 0


def test_inputs_lose_half_their_weight_over_a_half_life():
    assert trust([70.0, NAN, NAN, NAN, NAN], (5, 0, 0, 0, 0)) == 14
    assert trust([NAN, 70.0, NAN, NAN, NAN], (0, 365, 0, 0, 0)) == 14


def test_disagreement_lowers_it_by_the_spread():
    # Two equal weights at 0 and 100: the standard deviation is 50, so half of the coverage of 0.56 is left.
    assert trust([0.0, 100.0, NAN, NAN, NAN]) == 28


def test_an_undated_input_counts_as_old():
    scores = combine(np.full((5, 1), 50.0), np.array([NAN]), NAMES, DEFAULT, ENTRIES)
    assert confidence(scores, np.full((5, 1), "NaT", "datetime64[D]"), TODAY, NAMES, DEFAULT, ENTRIES).tolist() == [0]


@pytest.fixture(scope="module")
def board(seeded_snapshot):
    return compute_board(seeded_snapshot)


def told(board, column=0, today=None):
    return explain(board, column, score(board), column, board.as_of if today is None else today)


def test_the_leading_sentences_are_the_largest_moves(board):
    found = score(board)
    moves = np.abs(found.contributions[:, 0] - 50 * found.weights[:, 0])
    leading = board.scores.names[int(np.argmax(moves))]
    first = told(board).primary_factors[0]
    assert label(leading) in first
    assert f"{moves.max():.1f}" in first
    assert len(told(board).primary_factors) == 3


def test_a_missing_factor_says_why(board):
    scores = board.scores
    k = [n for n, name in enumerate(scores.names) if name.startswith("sentiment.")]
    points, reason = scores.score.copy(), scores.reason.copy()
    points[k], reason[k] = NAN, Reason.STALE
    stale = replace(board, scores=replace(scores, score=points, reason=reason))
    assert "No sentiment score: its inputs are too old (STALE)" in told(stale).warnings


def test_old_data_and_old_bars_are_said(board):
    last_bar = board.last_bar.copy()
    last_bar[0] = np.datetime64("2018-01-05", "D")
    warnings = told(replace(board, last_bar=last_bar), 0, board.as_of + np.timedelta64(30, "D")).warnings
    assert any("No price since 2018-01-05" in text for text in warnings)
    assert any("30 days before the day asked for" in text for text in warnings)
    fresh = told(board, 0).warnings
    assert not any("No price since" in text or "The data ends" in text for text in fresh)


def test_survivors_are_said_where_membership_is_unknown(board):
    inputs = dict(board.inputs)
    assert not any("survivors" in text for text in told(board).warnings)
    inputs["membership"] = InputStatus(available=False, source="x", newest=None)
    assert any("survivors" in text for text in told(replace(board, inputs=inputs)).warnings)


def test_weak_and_strong_factors_are_named(board):
    scores = board.scores
    points = scores.score.copy()
    k = [n for n, name in enumerate(scores.names) if name.startswith("technical.")]
    m = [n for n, name in enumerate(scores.names) if name.startswith("macro.")]
    points[k], points[m] = 90.0, 10.0
    found = told(replace(board, scores=replace(scores, score=points)))
    assert "The technical score is strong: 90 of 100" in found.opportunities
    assert "The macro score is weak: 10 of 100" in found.warnings
    assert "The factors disagree widely" in found.warnings
