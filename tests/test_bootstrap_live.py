"""The live side wired: where archives lie, who may be asked, and an archive that machines share."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.conformance.market import NOW
from tests.conformance.replay import Replay
from tests.conformance.vendors.table import KEYS, VENDORS

from vfr import bootstrap
from vfr.bootstrap.live import Live, SyncOptions
from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField, SyncBusy, UnknownDataset
from vfr.settings import Settings


def live(home: Path, **settings: object) -> Live:
    made = bootstrap.build(Settings(data_home=home, **settings)).live  # type: ignore[arg-type]
    return Live(made.settings, made.datasets, lambda: NOW)


def test_a_provider_without_its_key_is_off(tmp_path: Path) -> None:
    bare = live(tmp_path)
    assert bare.lacking() == {
        "edgar": "VFR_EDGAR_CONTACT",
        "fred": "VFR_FRED_KEY",
        "fmp": "VFR_FMP_KEY",
        "tiingo": "VFR_TIINGO_KEY",
    }
    assert bare.usable() == ("yahoo",)
    assert live(tmp_path, fred_key="k").usable() == ("yahoo", "fred")
    with pytest.raises(InvalidField, match="VFR_FRED_KEY"):
        live(tmp_path, sync_providers=("fred",)).usable()


def test_an_archive_that_machines_share(tmp_path: Path) -> None:
    """One file system and one database, two data homes: what one syncs the other publishes."""
    with Replay(VENDORS["tiingo"].play) as replay:
        shared = {
            "archive_url": f"local://{tmp_path}/shared",
            "database_url": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
            "tiingo_key": KEYS["tiingo_key"],
            "provider_urls": {"tiingo": replay.url},
        }
        one, two = live(tmp_path / "one", **shared), live(tmp_path / "two", **shared)
        options = SyncOptions("QXZ", ("tiingo",), date(2024, 5, 1))
        first = one.sync(options, lambda *_: None)
        with one.archive().lock(), pytest.raises(SyncBusy):
            two.sync(options, lambda *_: None)
        second = two.sync(options, lambda *_: None)
    assert second.new["tiingo bars"] == 0
    assert second.archive_version == first.archive_version
    assert second.data_version == first.data_version
    assert not (tmp_path / "one" / "archives").exists()


def test_an_imported_set_is_cut_back_to_the_basis_of_the_day(tmp_path: Path, seeded_snapshot: Snapshot) -> None:
    from vfr.data.quality import QualityReport
    from vfr.factors.compute import compute_board

    bare = live(tmp_path)
    bare.datasets.publish(seeded_snapshot, QualityReport.of([], {}), compute_board(seeded_snapshot))
    assert seeded_snapshot.actions is not None
    day = seeded_snapshot.actions.date[0]
    before = seeded_snapshot.sessions[seeded_snapshot.panel.row(day) - 1]
    known = bare.view(before, name="synthetic")
    cut = seeded_snapshot.upto(before)
    # Symbol 0 splits 2:1 on the day, symbol 2 later 7:1: neither was known the evening before.
    np.testing.assert_allclose(known.panel.close[:, [0, 1, 2]], cut.panel.close[:, [0, 1, 2]] * [2.0, 1.0, 7.0])
    np.testing.assert_allclose(known.panel.volume[:, 0], cut.panel.volume[:, 0] / 2)
    assert known.actions is None
    after = bare.view(day, name="synthetic")
    np.testing.assert_allclose(after.panel.close[:, 0], seeded_snapshot.upto(day).panel.close[:, 0])
    assert after.actions is not None
    assert after.actions.ratio.tolist() == [2.0]


def test_nothing_is_known_of_a_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownDataset):
        live(tmp_path).view(np.datetime64("2024-06-07"), name="nothing")
