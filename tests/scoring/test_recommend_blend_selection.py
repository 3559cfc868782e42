from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.errors import UnknownSector
from vfr.scoring.blend import blend
from vfr.scoring.recommend import recommend
from vfr.scoring.selection import rank, sector_members

NAN = np.nan


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (100.0, "STRONG_BUY"),
        (85.0, "STRONG_BUY"),
        (84.99999999, "BUY"),
        (70.0, "BUY"),
        (69.99999999, "MODERATE_BUY"),
        (60.0, "MODERATE_BUY"),
        (59.99999999, "HOLD"),
        (40.0, "HOLD"),
        (39.99999999, "MODERATE_SELL"),
        (30.0, "MODERATE_SELL"),
        (29.99999999, "SELL"),
        (20.0, "SELL"),
        (19.99999999, "STRONG_SELL"),
        (0.0, "STRONG_SELL"),
    ],
)
def test_tiers_at_their_edges(score, tier):
    assert recommend(np.array([score])) == [tier]


@pytest.mark.parametrize("score", [NAN, -0.1, 100.1])
def test_an_unknown_score_has_no_recommendation(score):
    with pytest.raises(ValueError, match="scores"):
        recommend(np.array([50.0, score]))


def test_blend_follows_the_published_formula():
    found = blend(np.full(5, 60.0), np.full(5, 90.0), np.array([0.52, 0.5, 0.4999, NAN, 1.0]), 0.15, 0.5)
    np.testing.assert_allclose(found.weight, [0.078, 0.075, 0.0, 0.0, 0.15])
    np.testing.assert_allclose(found.composite, [62.34, 62.25, 60.0, 60.0, 64.5])


def test_a_lower_threshold_is_the_callers_choice():
    assert blend(np.array([60.0]), np.array([90.0]), np.array([0.4]), 0.2, 0.0).weight == pytest.approx(0.08)


def test_no_weight_or_no_prediction_leaves_the_classic_score_untouched():
    classic = np.array([61.23456789, 12.0])
    untouched = blend(classic, np.array([90.0, NAN]), np.array([0.6, 0.6]), 0.0, 0.5)
    np.testing.assert_array_equal(untouched.composite, classic)
    assert blend(classic, np.array([NAN, NAN]), np.array([0.6, 0.6]), 0.5, 0.0).weight.tolist() == [0.0, 0.0]


unit = st.floats(0, 1)


@given(st.floats(0, 100), st.floats(0, 100), unit, unit, unit)
def test_a_blend_lies_between_its_parts(classic, ml, confidence, weight, threshold):
    found = blend(np.array([classic]), np.array([ml]), np.array([confidence]), weight, threshold)
    assert min(classic, ml) - 1e-9 <= found.composite[0] <= max(classic, ml) + 1e-9
    assert 0 <= found.weight[0] <= weight


def test_best_first_ties_by_symbol():
    assert rank(np.array([1.0, 3.0, 3.0, 2.0]), ("A", "Z", "B", "C")).tolist() == [2, 1, 3, 0]
    assert rank(np.array([]), ()).tolist() == []


SECTORS = ("Information Technology", "Health Care", "", "information technology", "Financials")


@pytest.mark.parametrize(
    "asked",
    ["Information Technology", "information-technology", " INFORMATION_TECHNOLOGY ", "45", "Technology"],
)
def test_sectors_in_any_spelling(asked):
    assert sector_members(SECTORS, asked).tolist() == [0, 3]


@pytest.mark.parametrize("asked", ["Energy", "", "-", "45 45", "%s"])
def test_an_unknown_sector_names_the_known_ones(asked):
    with pytest.raises(UnknownSector, match="Financials, Health Care, Information Technology"):
        sector_members(SECTORS, asked)
