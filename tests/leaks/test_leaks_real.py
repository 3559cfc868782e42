"""The same on a market of real size: real features with shuffled labels, and walks in real listings (`make verify`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.adapters.providers.files import FilesProvider
from vfr.data.snapshot import Snapshot

pytestmark = [
    pytest.mark.evidence,
    pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning"),
    # Members may tie on a feature throughout a session: its variance is then rounding, of either sign.
    pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt:RuntimeWarning"),
]

MEMBERS = ("lightgbm", "linear")


@pytest.fixture(scope="module")
def market(shared_data) -> Snapshot:
    return FilesProvider(shared_data).load()[0]


@pytest.mark.parametrize("member", MEMBERS)
def test_shuffled_labels_of_real_prices_cannot_be_predicted(run, shuffled, ic, failed, market, member):
    """Blocks of a quarter: longer than a label, shorter than a refit."""
    shuffled(63)
    study, report = run(market, member, horizon="7d")
    found = ic(study)
    assert found.low < 0 < found.high
    assert found.high - found.low < 0.03
    assert not any(gate.startswith("leak") for gate in failed(report))


@pytest.mark.parametrize("member", MEMBERS)
def test_walks_with_real_volatilities_and_listings_cannot_be_predicted(run, walks, ic, lift, failed, market, member):
    made = replace(market, panel=walks(market.panel, np.random.default_rng(3)))
    study, report = run(made, member, horizon="1d")
    found, more = ic(study), lift(study)
    assert found.low < 0 < found.high
    assert found.high - found.low < 0.03
    assert more.low <= 0 <= more.high
    assert not any(gate.startswith("leak") for gate in failed(report))
