"""Past sessions computed from what the whole data set carries along: the same bits as from the past alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.panel import PRICE_FIELDS
from vfr.features import compute
from vfr.features.carried import Carried, carried, with_recursive
from vfr.features.counts import bar_counts
from vfr.features.history import MAX_GAP, REACH
from vfr.features.symbols import fields

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot

SESSIONS = 2_400


@pytest.fixture(scope="module")
def long() -> Snapshot:
    """Return decades in which bars are missing: some, many, single fields, for long, before a listing, after an end."""
    rng = np.random.default_rng(7)
    market = synthetic.snapshot(rng, n_sessions=SESSIONS, n_symbols=16)
    prices = {name: np.array(getattr(market.panel, name)) for name in (*PRICE_FIELDS, "volume")}

    def lose(column: int, rows: np.ndarray | slice, names: tuple[str, ...] = (*PRICE_FIELDS, "volume")) -> None:
        for name in names:
            prices[name][rows, column] = np.nan

    lose(0, rng.choice(SESSIONS, 20, replace=False))
    lose(1, rng.choice(SESSIONS, 900, replace=False))
    lose(2, rng.choice(SESSIONS, 300, replace=False), ("volume",))
    lose(3, rng.choice(SESSIONS, 300, replace=False), ("open",))
    lose(4, rng.choice(SESSIONS, 50, replace=False), ("adj_close",))
    lose(5, slice(0, 700))
    lose(6, slice(0, 2_150))
    lose(7, slice(1_000, 1_000 + MAX_GAP))
    lose(8, slice(1_000, 1_001 + MAX_GAP))
    for first in range(500, SESSIONS, 64):  # gaps that lie across the rows from which bars are read
        lose(9, slice(first, first + MAX_GAP))
    lose(10, slice(2_100, None))
    lose(11, slice(0, None), ("high", "low"))
    lose(12, slice(1_990, 2_020))
    for first in range(576 - MAX_GAP - 1, SESSIONS, 640):
        lose(13, slice(first, first + MAX_GAP + 1))
    return replace(market, panel=replace(market.panel, **prices))


@pytest.fixture(scope="module")
def along(long: Snapshot) -> Carried:
    return carried(long)


@pytest.mark.parametrize("row", [9, 1_630, 1_688, 1_700, 2_014, 2_025, 2_111, 2_240, 2_272, 2_399])
def test_a_past_session_is_the_same_to_the_last_bit(long: Snapshot, along: Carried, row: int) -> None:
    past = long.upto(long.sessions[row])
    rows = slice(row - 9, row + 1)
    np.testing.assert_array_equal(compute(past, rows, along=along).values, compute(past, rows).values)


def test_what_runs_on_from_long_ago_may_be_held(long: Snapshot, along: Carried) -> None:
    held = with_recursive(along, long)
    rows = np.random.default_rng(3).integers(10, SESSIONS, 24).tolist()
    for row in [0, 9, 1_040, 1_630, 2_014, 2_399, *rows]:
        past, wanted = long.upto(long.sessions[row]), slice(max(row - 9, 0), row + 1)
        found, expected = (compute(past, wanted, along=one).values for one in (held, along))
        np.testing.assert_array_equal(found, expected, err_msg=str(row))
    np.testing.assert_array_equal(compute(long, along=held).values, compute(long).values)


def test_bars_long_ago_are_not_read(long: Snapshot, along: Carried) -> None:
    rows = slice(SESSIONS - 1, SESSIONS)
    begin, _ = along.bars.before(rows.start)
    assert 0 < begin <= SESSIONS - REACH
    whole = compute(long, rows, along=along).values
    changed = {name: np.array(getattr(long.panel, name)) for name in PRICE_FIELDS}
    dense = [14, 15]
    for name in PRICE_FIELDS:
        changed[name][: begin - 1, dense] *= 1.5
    other = replace(long, panel=replace(long.panel, **changed))
    np.testing.assert_array_equal(compute(other, rows, along=along).values[:, :, dense], whole[:, :, dense])


def test_what_is_carried_begins_with_what_the_past_carries(long: Snapshot, along: Carried) -> None:
    past = carried(long.upto(long.sessions[1_499]))
    np.testing.assert_array_equal(along.market.level[:1_500], past.market.level)
    np.testing.assert_array_equal(along.bars.counts[: len(past.bars.counts)], past.bars.counts)
    size = past.filings.expires.size
    np.testing.assert_array_equal(along.filings.expires[:size], past.filings.expires)
    np.testing.assert_array_equal(along.filings.counts.shares[:size], past.filings.counts.shares)
    np.testing.assert_array_equal(along.filings.counts.newest[:size], past.filings.counts.newest)
    for name, figures in past.filings.figures.items():
        np.testing.assert_array_equal(along.filings.figures[name][:size], figures, err_msg=name)


def test_counts_are_of_the_history_that_goes_on(long: Snapshot) -> None:
    counts = bar_counts(fields(long.panel)).counts
    known = np.isfinite(long.panel.adj_close)
    for column in range(16):
        bars, last = 0, -1
        for row in range(SESSIONS):
            if row % 64 == 0:
                assert counts[row // 64, column, 0].tolist() == [bars, last + 1]
            if known[row, column]:
                bars = bars + 1 if last >= 0 and row - last <= MAX_GAP + 1 else 1
                last = row
