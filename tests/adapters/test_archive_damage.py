"""A damaged archive: nothing wrong is ever read, what is wrong is named, and a repair leaves a whole version."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.test_archive import NOW, bars, unlocked

from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.objects import open_objects
from vfr.errors import DataError, DatasetCorrupt, NoData
from vfr.workflows.archive import QUARANTINE, LostPart


@pytest.fixture(params=["folder", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> ParquetArchive:
    url = str(tmp_path / "archives") if request.param == "folder" else f"memory://{tmp_path.name}/damage"
    return ParquetArchive(open_objects(url), "live", unlocked)


def filled(archive: ParquetArchive) -> list[str]:
    """Publish three versions: 2020 whole, then more of it, then 2021."""
    steps = [bars(2020, 2.0), bars(2020, 2.0, 3.0), bars(2021, 4.0)]
    return [
        archive.publish({"bars": rows}, sources=["one"], now=NOW + timedelta(days=n)) for n, rows in enumerate(steps)
    ]


def file_of(archive: ParquetArchive, version: str, part: str) -> str:
    plain = json.loads(archive.objects.get(f"live/versions/{version}.json"))
    return f"live/files/bars/{plain['tables']['bars'][part]['file']}"


def flip(archive: ParquetArchive, name: str, at: float) -> None:
    data = bytearray(archive.objects.get(name))
    data[int(at * len(data))] ^= 0x10
    archive.objects.put(name, bytes(data))


def refused(reason: str) -> pl.DataFrame:
    return pl.DataFrame([("one", "bars", "ACME", reason, "{}", NOW)], schema=dict(QUARANTINE), orient="row")


@pytest.mark.parametrize("at", [n / 40 for n in range(40)])
def test_a_single_flipped_bit_is_never_read(archive: ParquetArchive, at: float) -> None:
    *_, newest = filled(archive)
    name = file_of(archive, newest, "2020")
    flip(archive, name, at)
    with pytest.raises(DatasetCorrupt, match=r"vfr data repair live.*--as live --refetch") as refusal:
        archive.read("bars")
    assert name.removeprefix("live/files/") in refusal.value.message
    assert archive.damaged() == [name.removeprefix("live/files/")]


def test_a_missing_file_is_named_and_cannot_be_extended(archive: ParquetArchive) -> None:
    *_, newest = filled(archive)
    archive.objects.remove(file_of(archive, newest, "2021"))
    with pytest.raises(DatasetCorrupt, match="is missing"):
        archive.publish({"bars": bars(2021, 4.0, 5.0)}, sources=["one"], now=NOW)
    assert archive.versions()[0].version == newest


@pytest.mark.parametrize("content", [b"{", b"", b"[1]", b'{"tables": {}, "sources": [], "publishedAt": "2024-03-01"}'])
def test_an_old_description_that_cannot_be_read_stops_nothing(archive: ParquetArchive, content: bytes) -> None:
    first, second, newest = filled(archive)
    archive.objects.put(f"live/versions/{first}.json", content)
    assert [one.version for one in archive.versions()] == [newest, second]
    assert archive.damaged() == [f"versions/{first}.json"]
    archive.publish({"bars": bars(2022, 1.0)}, sources=["one"], now=NOW + timedelta(days=400))
    assert archive.read("bars", version=second).height == 2
    with pytest.raises(DatasetCorrupt, match="vfr data versions live"):
        archive.read("bars", version=first)
    assert archive.repair(NOW).set_aside == (f"versions/{first}.json",)
    assert archive.damaged() == []


def test_an_old_description_that_cannot_be_read_keeps_its_files(archive: ParquetArchive) -> None:
    first, *_ = filled(archive)
    name, whole = file_of(archive, first, "2020"), archive.objects.get(f"live/versions/{first}.json")
    archive.objects.put(f"live/versions/{first}.json", b"{")
    archive.publish({"bars": bars(2022, 1.0)}, sources=["one"], now=NOW + timedelta(days=4000))
    archive.objects.put(f"live/versions/{first}.json", whole)
    assert name.rsplit("/", 1)[1] in archive.objects.names("live/files/bars")
    assert archive.read("bars", version=first).height == 1


def test_a_wrong_figure_in_a_description_is_damage(archive: ParquetArchive) -> None:
    *_, newest = filled(archive)
    name = f"live/versions/{newest}.json"
    archive.objects.put(name, archive.objects.get(name).replace(b'"rows": 2', b'"rows": 3'))
    with pytest.raises(DatasetCorrupt, match="vfr data repair live"):
        archive.versions()


BREAKERS: dict[str, Callable[[ParquetArchive, str], None]] = {
    "description": lambda archive, newest: archive.objects.put(f"live/versions/{newest}.json", b"{"),
    "description gone": lambda archive, newest: archive.objects.remove(f"live/versions/{newest}.json"),
    "pointer": lambda archive, newest: archive.objects.put("live/current", b"\xff" + newest.encode()[1:]),
    "pointer empty": lambda archive, newest: archive.objects.put("live/current", b""),
    "pointer gone": lambda archive, newest: archive.objects.remove("live/current"),
}


@pytest.mark.parametrize("what", BREAKERS)
def test_without_its_newest_version_an_archive_says_so_until_it_is_repaired(archive: ParquetArchive, what: str) -> None:
    _, second, newest = filled(archive)
    BREAKERS[what](archive, newest)
    for use in (
        archive.versions,
        lambda: archive.read("bars"),
        lambda: archive.publish({"bars": bars(2022, 1.0)}, sources=["one"], now=NOW),
    ):
        with pytest.raises(DatasetCorrupt, match="vfr data repair live"):
            use()
    [named] = archive.damaged()
    assert named == (f"versions/{newest}.json" if what == "description" else "current")
    with archive.lock():
        repaired = archive.repair(NOW + timedelta(days=9))
    assert repaired.version == (second if "description" in what else newest)
    assert (repaired.changed, repaired.lost) == (True, ())
    [made, *_] = archive.versions()
    assert (made.version, made.published_at) == (
        repaired.version,
        NOW + timedelta(days=1 if made.version == second else 2),
    )
    assert archive.damaged() == []


def test_a_repair_takes_the_same_year_of_an_older_version_and_tells_what_is_lost(archive: ParquetArchive) -> None:
    _, second, newest = filled(archive)
    flip(archive, file_of(archive, newest, "2020"), 0.5)
    flip(archive, file_of(archive, newest, "2021"), 0.5)
    repaired = archive.repair(NOW + timedelta(days=9))
    assert repaired.lost == (LostPart("bars", "2020", 1, 1), LostPart("bars", "2021", 1, 0))
    assert repaired.changed
    assert archive.damaged() == []
    assert archive.read("bars").equals(bars(2020, 2.0))
    assert archive.versions()[0].sources == ("one",)
    with pytest.raises(DatasetCorrupt, match="choose another"):
        archive.read("bars", version=second)
    archive.publish({"bars": pl.concat([bars(2020, 3.0), bars(2021, 4.0)])}, sources=["one"], now=NOW)
    assert archive.read("bars").height == 3


def test_a_repair_of_a_sound_archive_changes_nothing(archive: ParquetArchive) -> None:
    *_, newest = filled(archive)
    before = archive.versions()
    repaired = archive.repair(NOW + timedelta(days=9))
    assert (repaired.version, repaired.changed, repaired.lost, repaired.set_aside) == (newest, False, (), ())
    assert archive.versions() == before


def test_without_any_description_every_intact_file_counts(archive: ParquetArchive) -> None:
    versions = filled(archive)
    flip(archive, file_of(archive, versions[2], "2021"), 0.5)
    for version in versions:
        archive.objects.put(f"live/versions/{version}.json", b"{")
    repaired = archive.repair(NOW)
    assert len(repaired.set_aside) == 3
    assert archive.read("bars").equals(bars(2020, 2.0, 3.0))
    assert archive.damaged() == []


def test_nothing_is_not_repaired(archive: ParquetArchive) -> None:
    with pytest.raises(NoData, match="vfr data sync"):
        archive.repair(NOW)
    assert archive.damaged() == []


def test_damaged_refused_rows_are_set_aside_and_noted(archive: ParquetArchive) -> None:
    filled(archive)
    archive.quarantine(refused("stale_repeat"))
    archive.objects.put("live/quarantine.parquet", b"PAR1xx")
    assert archive.quarantined()["reason"].to_list() == ["file_damaged"]
    assert archive.damaged() == ["quarantine.parquet"]
    archive.quarantine(refused("jump"))
    assert archive.quarantined()["reason"].to_list() == ["file_damaged", "jump"]
    assert archive.objects.get("live/quarantine.parquet.damaged") == b"PAR1xx"
    assert archive.damaged() == []


def test_what_cannot_be_read_for_another_reason_is_no_damage(tmp_path: Path) -> None:
    archive = ParquetArchive(open_objects(str(tmp_path)), "live", unlocked)
    *_, newest = filled(archive)
    path = tmp_path / file_of(archive, newest, "2021")
    path.unlink()
    path.mkdir()
    for use in (lambda: archive.read("bars"), archive.damaged, lambda: archive.repair(NOW)):
        with pytest.raises(DataError, match="cannot be read") as refusal:
            use()
        assert not isinstance(refusal.value, DatasetCorrupt)
        assert str(tmp_path) not in refusal.value.message


def test_a_full_disk_is_one_sentence_without_a_path(tmp_path: Path) -> None:
    archive = ParquetArchive(open_objects(str(tmp_path)), "live", unlocked)
    *_, newest = filled(archive)
    (tmp_path / "live/quarantine.parquet").mkdir()
    (tmp_path / "live/files/actions").touch()
    rows = bars(2020, 1.0).select("symbol", "date", "source", "known_at", action=pl.lit("split"), value=pl.lit(2.0))
    for use in (
        lambda: archive.quarantine(refused("jump")),
        lambda: archive.publish({"actions": rows}, sources=["one"], now=NOW),
    ):
        with pytest.raises(DataError, match="archive live cannot be") as refusal:
            use()
        assert str(tmp_path) not in refusal.value.message
    assert archive.versions()[0].version == newest


@pytest.mark.parametrize("use", ["publish", "quarantine"])
def test_a_file_that_cannot_be_written_whole_leaves_what_was(tmp_path: Path, use: str) -> None:
    import resource

    archive = ParquetArchive(open_objects(str(tmp_path)), "live", unlocked)
    *_, newest = filled(archive)
    archive.quarantine(refused("jump"))
    uses: dict[str, Callable[[], object]] = {
        "publish": lambda: archive.publish({"bars": bars(2022, 1.0)}, sources=["one"], now=NOW),
        "quarantine": lambda: archive.quarantine(refused("stale_repeat")),
    }
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(DataError, match=r"File too large.*is unchanged") as refusal:
            uses[use]()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) not in refusal.value.message
    assert archive.versions()[0].version == newest
    assert archive.quarantined().equals(refused("jump"))
    assert archive.damaged() == []


def test_what_cannot_be_removed_is_no_error_of_publishing(tmp_path: Path) -> None:
    root = tmp_path / "archives"
    archive = ParquetArchive(open_objects(str(root)), "live", unlocked, kept=1)
    first = archive.publish({"bars": bars(2020, 2.0)}, sources=["one"], now=NOW)
    old = root / f"live/versions/{first}.json"
    description = old.read_bytes()
    # The next publish meets an old version whose file cannot be unlinked: a folder stands in its place.
    stuck = root / file_of(archive, first, "2020")
    content = stuck.read_bytes()
    newest = archive.publish({"bars": bars(2020, 2.0, 3.0)}, sources=["one"], now=NOW + timedelta(days=1))
    old.write_bytes(description)
    stuck.mkdir()
    assert archive.publish({}, sources=["one"], now=NOW + timedelta(days=2)) == newest
    assert stuck.is_dir()
    assert archive.read("bars").height == 2
    stuck.rmdir()
    stuck.write_bytes(content)
    old.write_bytes(description)
    archive.publish({}, sources=["one"], now=NOW + timedelta(days=3))
    assert not stuck.exists()
    assert [one.version for one in archive.versions()] == [newest]
