from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.errors import SettingsError
from vfr.factors.scores import FACTOR_NAMES
from vfr.scoring.table import DEFAULT, CapTilt, Tier


def test_the_published_numbers():
    assert DEFAULT.to_dict() == {
        "weights": {"technical": 0.28, "fundamental": 0.28, "macro": 0.20, "sentiment": 0.18, "alternative": 0.06},
        "tilts": [
            {"floor": 200e9, "fundamental": 1.20, "technical": 0.85},
            {"floor": 10e9, "fundamental": 1.10, "technical": 0.92},
            {"floor": 2e9, "fundamental": 1.0, "technical": 1.0},
            {"floor": 0.0, "fundamental": 0.90, "technical": 1.10},
        ],
        "tiers": [
            {"floor": 85.0, "recommendation": "STRONG_BUY"},
            {"floor": 70.0, "recommendation": "BUY"},
            {"floor": 60.0, "recommendation": "MODERATE_BUY"},
            {"floor": 40.0, "recommendation": "HOLD"},
            {"floor": 30.0, "recommendation": "MODERATE_SELL"},
            {"floor": 20.0, "recommendation": "SELL"},
            {"floor": 0.0, "recommendation": "STRONG_SELL"},
        ],
        "halfLifeDays": {
            "technical": 5.0,
            "fundamental": 365.0,
            "macro": 60.0,
            "sentiment": 7.0,
            "alternative": 30.0,
        },
    }


@pytest.mark.parametrize(
    ("cap", "fundamental", "technical"),
    [
        (200e9, 1.20, 0.85),
        (199.99e9, 1.10, 0.92),
        (10e9, 1.10, 0.92),
        (9.99e9, 1.0, 1.0),
        (2e9, 1.0, 1.0),
        (1.99e9, 0.90, 1.10),
        (1.0, 0.90, 1.10),
        (np.nan, 1.0, 1.0),
    ],
)
def test_market_cap_tilts_at_their_edges(cap, fundamental, technical):
    raw = np.array([0.28 * technical, 0.28 * fundamental, 0.20, 0.18, 0.06])
    np.testing.assert_allclose(DEFAULT.tilted(np.array([cap]))[:, 0], raw / raw.sum(), rtol=1e-12)


@given(st.lists(st.floats(0, 1e13) | st.just(float("nan")), min_size=1, max_size=6))
def test_tilted_weights_are_positive_and_sum_to_one(caps):
    weights = DEFAULT.tilted(np.array(caps))
    assert weights.shape == (5, len(caps))
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-12)


def test_tilts_keep_the_shape_of_their_input():
    assert DEFAULT.tilted(np.full((3, 4), np.nan)).shape == (5, 3, 4)


EVEN = dict.fromkeys(FACTOR_NAMES, 0.2)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("weights", EVEN | {"macro": 0.3}),
        ("weights", EVEN | {"macro": 0.0, "technical": 0.4}),
        ("weights", EVEN | {"macro": -0.2, "technical": 0.6}),
        ("weights", EVEN | {"macro": float("nan")}),
        ("weights", {"technical": 1.0}),
        ("weights", EVEN | {"luck": 0.1}),
        ("half_life_days", EVEN | {"macro": 0.0}),
        ("tilts", ()),
        ("tilts", (CapTilt(0.0, 1.0, 0.0),)),
        ("tilts", (CapTilt(1e9, 1.0, 1.0),)),
        ("tilts", (CapTilt(0.0, 1.0, 1.0), CapTilt(1e9, 1.0, 1.0))),
        ("tiers", DEFAULT.tiers[:-1]),
        ("tiers", tuple(reversed(DEFAULT.tiers))),
        ("tiers", (Tier(101.0, "STRONG_BUY"), *DEFAULT.tiers[1:])),
        ("tiers", (DEFAULT.tiers[0], Tier(85.0, "BUY"), *DEFAULT.tiers[2:])),
        ("tiers", (*DEFAULT.tiers[:-1], Tier(5.0, "STRONG_SELL"))),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(part, value):
    with pytest.raises(SettingsError, match=rf"^{part}: "):
        replace(DEFAULT, **{part: value})


def test_a_table_can_be_overridden_and_is_frozen():
    table = replace(DEFAULT, weights=EVEN)
    assert dict(table.weights) == EVEN
    with pytest.raises(TypeError):
        table.weights["macro"] = 0.9
    with pytest.raises(AttributeError):
        table.tiers = ()
