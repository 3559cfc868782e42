"""A damaged archive is mended, and a sync that asks for the whole history brings back every fact as first known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.workflows.scripted import NOW, Scripted
from tests.workflows.test_sync import Desk

from vfr.data.bitemporal.tables import TABLES
from vfr.errors import DatasetCorrupt, SyncBusy
from vfr.workflows.sync_publish import view_as_of


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("how", ["flipped", "missing"])
def test_what_a_repair_lost_comes_back_with_a_refetch(desk: Desk, tmp_path: Path, how: str) -> None:
    desk.sync(Scripted())
    whole = {kind: desk.archive.read(kind) for kind in TABLES}
    past = NOW - timedelta(days=200)
    seen = view_as_of(desk.archive, past).version
    for path in [*tmp_path.glob("archives/live/files/bars/2023-*"), *tmp_path.glob("archives/live/files/profile/*")]:
        content = bytearray(path.read_bytes())
        content[200] ^= 0x10
        path.write_bytes(content)
        if how == "missing":
            path.unlink()
    with pytest.raises(DatasetCorrupt, match="vfr data repair live"):
        desk.sync(Scripted(), now=NOW + timedelta(days=1), refetch=True)
    with desk.archive.lock():
        repaired = desk.archive.repair(NOW + timedelta(days=1))
    assert [(one.table, one.part) for one in repaired.lost] == [("bars", "2023"), ("profile", "all")]
    assert sum(one.rows for one in repaired.lost) == whole["bars"].height - desk.archive.read("bars").height + 4
    report = desk.sync(Scripted(), now=NOW + timedelta(hours=1), refetch=True)
    assert report.complete
    assert {kind: count for kind, count in report.corrected.items() if count} == {}
    for kind, table in whole.items():
        assert desk.archive.read(kind).equals(table), kind
    assert view_as_of(desk.archive, past).version == seen
    assert desk.archive.damaged() == []


def test_a_sync_overtaken_by_another_keeps_its_answers(desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path)
    desk.sync(Scripted())

    def overtaken(order, batches):
        if order.subject == "DELT":
            other.archive.publish({}, sources=("two",), now=NOW)
        return batches

    later = NOW + timedelta(days=4)
    before = desk.archive.read("bars")
    with pytest.raises(SyncBusy, match="sync again"):
        desk.sync(Scripted(behave=overtaken), now=later)
    assert desk.archive.versions()[0].sources == ("two",)
    assert desk.archive.read("bars").equals(before)
    again = Scripted()
    report = desk.sync(again, now=later)
    assert report.complete
    assert report.resumed > 0
    assert report.new["one bars"] == 5
