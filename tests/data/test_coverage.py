"""Survivorship: how many members are priced, by year, and what is said where it cannot be known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vfr.data.coverage import UNKNOWN, YearCoverage, survivorship, survivorship_text
from vfr.data.records import Membership
from vfr.data.snapshot import Snapshot


@pytest.fixture
def two_years(seeded_snapshot: Snapshot) -> Snapshot:
    """Four sessions about new year of 2017 and three symbols; an index of two to four."""
    first = int(np.searchsorted(seeded_snapshot.sessions, np.datetime64("2017-01-01"))) - 2
    panel = seeded_snapshot.panel.rows(first, first + 4).take(np.array([8, 9, 10]))
    adj_close = panel.adj_close.copy()
    adj_close[3, 1] = np.nan
    member = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1]], dtype=np.bool_)
    membership = Membership("index", member, np.array([2, 3, 4, 4]), renamed=0, unreconciled=("GONE",))
    return replace(seeded_snapshot, panel=replace(panel, adj_close=adj_close), membership=membership)


def test_members_with_a_close_are_counted_by_year(two_years: Snapshot) -> None:
    years = survivorship(two_years)
    assert years == (YearCoverage(2016, 1.5, 2.5), YearCoverage(2017, 2.5, 4.0))
    text = "2 of 2 members in 2016 ... 2 of 4 in 2017 are priced (mean of the sessions)"
    assert survivorship_text(years) == f"{text}; delisted names stay to their last bar"


def test_sessions_the_table_is_silent_about_do_not_count(two_years: Snapshot) -> None:
    silent = replace(two_years.membership, index_size=np.array([2, 0, 0, 0]))
    years = survivorship(replace(two_years, membership=silent))
    assert years == (YearCoverage(2016, 2.0, 2.0),)
    assert survivorship_text(years).startswith("2 of 2 members in 2016 are priced")
    never = replace(two_years.membership, index_size=np.zeros(4, dtype=np.int64))
    assert survivorship(replace(two_years, membership=never)) == ()


def test_without_membership_it_cannot_be_measured(two_years: Snapshot) -> None:
    assert survivorship_text(survivorship(replace(two_years, membership=None))) == UNKNOWN


def test_survivors_of_2021_price_less_than_half_of_the_index_of_2005(shared_data: Path) -> None:
    from vfr.adapters.providers.files import FilesProvider

    snapshot, quality = FilesProvider(shared_data).load()
    years = survivorship(snapshot)
    assert [year.year for year in years] == list(range(2005, 2020))
    shares = [year.priced / year.members for year in years]
    assert shares[0] < 0.5
    assert shares[-1] > 0.85
    assert quality.facts["membersPriced"] == survivorship_text(years)
