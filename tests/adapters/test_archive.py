from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.objects import LocalObjects, RemoteObjects, open_objects
from vfr.data.bitemporal.tables import TABLES
from vfr.errors import InvalidField, NoData, SettingsError, UnknownDataset
from vfr.workflows.archive import QUARANTINE, Held

NOW = datetime(2024, 3, 1, 22, tzinfo=UTC)


def bars(year: int, *closes: float, symbol: str = "ACME") -> pl.DataFrame:
    lines = [
        (symbol, date(year, 1, 2 + n), c, c, c, c, 1.0, "USD", "one", datetime(year, 1, 2 + n, 21, tzinfo=UTC))
        for n, c in enumerate(closes)
    ]
    return pl.DataFrame(lines, schema=dict(TABLES["bars"].columns), orient="row")


@contextlib.contextmanager
def unlocked(name: str) -> Iterator[Held]:
    del name
    yield lambda: True


@pytest.fixture(params=["folder", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> ParquetArchive:
    """The same suite over a local folder and over an fsspec file system."""
    if request.param == "folder":
        return ParquetArchive(open_objects(str(tmp_path / "archives")), "live", unlocked, kept=2)
    objects = open_objects(f"memory://{tmp_path.name}/vfr")
    assert isinstance(objects, RemoteObjects)
    return ParquetArchive(objects, "live", unlocked, kept=2)


def test_is_empty_before_the_first_publish(archive: ParquetArchive) -> None:
    assert archive.versions() == []
    with pytest.raises(NoData, match="vfr data sync"):
        archive.read("bars")


def test_gives_back_what_was_published_in_order(archive: ParquetArchive) -> None:
    rows = pl.concat([bars(2021, 5.0, 6.0), bars(2020, 3.0, symbol="BOLT"), bars(2020, 2.0)])
    version = archive.publish({"bars": rows.reverse()}, sources=["one"], now=NOW)
    assert archive.read("bars").equals(rows.sort("symbol", "date"))
    assert archive.read("bars", subjects=["BOLT"])["close"].to_list() == [3.0]
    assert archive.read("macro").is_empty()
    [only] = archive.versions()
    assert (only.version, only.rows, only.sources, only.published_at) == (version, {"bars": 4}, ("one",), NOW)


def test_a_version_names_its_content_alone(archive: ParquetArchive) -> None:
    first = archive.publish({"bars": bars(2020, 2.0, 3.0)}, sources=["one"], now=NOW)
    assert archive.publish({}, sources=["one"], now=NOW + timedelta(days=1)) == first
    assert len(archive.versions()) == 1
    assert archive.publish({"bars": bars(2021, 4.0)}, sources=["one"], now=NOW) != first


def test_old_versions_are_kept_and_then_forgotten_with_their_files(archive: ParquetArchive) -> None:
    versions = [
        archive.publish({"bars": bars(2020 + n, float(n + 1))}, sources=["one"], now=NOW + timedelta(days=n))
        for n in range(3)
    ]
    assert [one.version for one in archive.versions()] == versions[:0:-1]
    assert archive.read("bars", version=versions[1]).height == 2
    with pytest.raises(UnknownDataset, match=versions[0]):
        archive.read("bars", version=versions[0])
    # A year that did not change keeps its file.
    assert len(archive.objects.names("live/files/bars")) == 3


def test_what_a_killed_writer_left_is_removed_after_a_day(archive: ParquetArchive) -> None:
    written = datetime.now(UTC)
    archive.objects.put("live/files/bars/2019-left.parquet", b"left by a killed writer")
    archive.publish({"bars": bars(2020, 2.0)}, sources=["one"], now=written + timedelta(hours=23))
    assert len(archive.objects.names("live/files/bars")) == 2
    archive.publish({}, sources=["one"], now=written + timedelta(hours=25))
    assert len(archive.objects.names("live/files/bars")) == 1


def test_a_row_that_is_there_is_not_added_again(archive: ParquetArchive) -> None:
    first = archive.publish({"bars": bars(2020, 2.0, 3.0)}, sources=["one"], now=NOW)
    assert archive.publish({"bars": bars(2020, 2.0)}, sources=["one"], now=NOW) == first
    assert archive.read("bars").height == 2


def test_refused_rows_are_kept_once(archive: ParquetArchive) -> None:
    assert archive.quarantined().is_empty()
    row = pl.DataFrame([("one", "bars", "ACME", "stale_repeat", "{}", NOW)], schema=dict(QUARANTINE), orient="row")
    archive.quarantine(row)
    archive.quarantine(row.with_columns(seen_at=pl.lit(NOW + timedelta(days=1)).cast(QUARANTINE["seen_at"])))
    assert archive.quarantined().equals(row)


def test_duckdb_reads_the_files(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    archive = ParquetArchive(LocalObjects(tmp_path), "live", unlocked)
    archive.publish({"bars": pl.concat([bars(2020, 2.0, 3.0), bars(2021, 4.0)])}, sources=["one"], now=NOW)
    files = str(tmp_path / "live/files/bars/*.parquet")
    query = "select count(*), sum(close), max(known_at at time zone 'UTC') from read_parquet(?)"
    assert duckdb.execute(query, [files]).fetchone() == (3, 9.0, datetime(2021, 1, 2, 21))  # noqa: DTZ001


def test_refuses_a_name_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidField):
        ParquetArchive(LocalObjects(tmp_path), "../live", unlocked)


def test_an_unknown_protocol_names_the_setting() -> None:
    with pytest.raises(SettingsError, match="VFR_ARCHIVE_URL"):
        open_objects("nosuch://bucket/vfr")
