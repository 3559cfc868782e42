from __future__ import annotations

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.fingerprint import fingerprint
from vfr.data.items import ITEMS
from vfr.data.snapshot import Snapshot


def test_every_input_is_present_and_has_holes(seeded_snapshot: Snapshot) -> None:
    s = seeded_snapshot
    assert s.actions is not None
    assert s.fundamentals is not None
    assert s.macro is not None
    assert s.texts is not None
    assert s.membership is not None
    assert s.benchmark is not None
    assert s.insiders is not None
    assert s.ratings is not None
    assert s.panel.shape == (700, 60)
    assert len(set(s.securities.sector)) == 6
    assert np.isnan(s.panel.close[:175, 3]).all()
    assert np.isnan(s.panel.close[560:, 4]).all()
    assert tuple(s.fundamentals.values) == ITEMS
    assert set(s.macro.series) >= {"VIXCLS", "DGS10", "DGS2", "DGS3MO", "DFF", "CPIAUCSL", "UNRATE", "BAA", "AAA"}


def test_statements_and_unemployment_are_restated(seeded_snapshot: Snapshot) -> None:
    f = seeded_snapshot.fundamentals
    assert f is not None
    assert seeded_snapshot.macro is not None
    # SYNAC restates within the year; SYNAD after the next statement.
    for column, days in ((2, 100), (3, 375)):
        rows = np.flatnonzero((f.column == column) & (f.period_end == np.datetime64("2016-12-31")))
        first, second = rows.tolist()
        assert f.known_at[second] - f.known_at[first] == np.timedelta64(days)
        assert f.values["revenue"][second] == f.values["revenue"][first] * 0.94
        assert f.values["cash"][second] == f.values["cash"][first]
    jobs = seeded_snapshot.macro.series["UNRATE"]
    assert jobs.date.size == 2 * np.unique(jobs.date).size


def test_same_seed_same_market_other_seed_another() -> None:
    one, two, other = (
        synthetic.snapshot(np.random.default_rng(seed), n_sessions=60, n_symbols=10) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.panel.close, two.panel.close)
    assert one.texts is not None
    assert two.texts is not None
    assert one.texts.text == two.texts.text
    assert fingerprint(one) == fingerprint(two)
    assert not np.array_equal(one.panel.close, other.panel.close, equal_nan=True)


def test_bars_are_consistent_and_records_are_sorted(seeded_snapshot: Snapshot) -> None:
    p = seeded_snapshot.panel
    known = np.isfinite(p.close)
    assert (p.high[known] >= np.maximum(p.open, p.close)[known]).all()
    assert (p.low[known] <= np.minimum(p.open, p.close)[known]).all()
    assert seeded_snapshot.fundamentals is not None
    assert seeded_snapshot.texts is not None
    assert (np.diff(seeded_snapshot.fundamentals.known_at).astype(int) >= 0).all()
    assert (np.diff(seeded_snapshot.texts.created_at).astype(int) >= 0).all()
    for record in (seeded_snapshot.insiders, seeded_snapshot.ratings):
        assert record is not None
        assert (np.diff(record.known_at).astype(int) >= 0).all()
        assert (record.known_at > record.date).all()
        assert len(seeded_snapshot.symbols) - 1 not in record.column


def test_too_small_a_market_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 40 sessions"):
        synthetic.snapshot(np.random.default_rng(1), n_sessions=10)
