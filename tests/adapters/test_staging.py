"""Staged answers: whole or none, forgotten by name, and a disk that is full said in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.workflows.scripted import BARS, NOW, START, Scripted, frame

from vfr.adapters.store.staging import DirectoryStaging
from vfr.data.quality import Finding
from vfr.errors import DataError
from vfr.workflows.staging import SyncDiary
from vfr.workflows.sync_ask import Outcome
from vfr.workflows.sync_plan import Task


def task(subject: str) -> Task:
    return Task("one", BARS, subject, START)


def outcome(subject: str, at=NOW) -> Outcome:
    batches = Scripted().fetch(task(subject).order(NOW))
    found = (Finding("gap", "info", 1, ("2024-01-02",), "a gap"),)
    told = {batch.kind: batch.frame for batch in batches}
    return Outcome(task(subject), at, accepted=told, quarantined={"bars": frame("bars", [])}, findings=found)


@pytest.fixture
def staging(tmp_path: Path) -> DirectoryStaging:
    return DirectoryStaging(tmp_path, "live")


def folder(home: Path, subject: str) -> Path:
    return home / "sync/live/answers" / task(subject).key


def test_gives_back_what_was_kept(staging: DirectoryStaging) -> None:
    told = outcome("ACME")
    staging.keep(told)
    found = staging.kept(task("ACME"), NOW)
    assert found is not None
    assert found.accepted["bars"].equals(told.accepted["bars"])
    assert found.accepted["actions"].is_empty()
    assert list(found.quarantined) == ["bars"]
    assert found.findings == told.findings
    assert staging.kept(task("ACME"), NOW + timedelta(seconds=1)) is None


def shorter(path: Path) -> None:
    pl.read_parquet(path).head(3).write_parquet(path)


BREAKERS: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "short": shorter,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "flipped": lambda path: path.write_bytes(bytes([*path.read_bytes()[:100], 1, *path.read_bytes()[101:]])),
}


@pytest.mark.parametrize("how", BREAKERS)
def test_an_answer_without_one_of_its_parts_counts_as_none(staging: DirectoryStaging, tmp_path: Path, how: str) -> None:
    staging.keep(outcome("ACME"))
    BREAKERS[how](folder(tmp_path, "ACME") / "accepted-bars.parquet")
    assert staging.kept(task("ACME"), NOW) is None


def test_forgets_what_it_is_told_and_what_is_old(staging: DirectoryStaging, tmp_path: Path) -> None:
    for subject, hours in (("ACME", 0), ("BOLT", 0), ("CORE", 30)):
        staging.keep(outcome(subject, NOW - timedelta(hours=hours)))
    (tmp_path / "sync/live/answers/.tmp-left").mkdir()
    staging.clear([task("ACME")])
    kept = {subject for subject in ("ACME", "BOLT", "CORE") if staging.kept(task(subject), NOW - timedelta(days=9))}
    assert kept == {"BOLT", "CORE"}
    assert not (tmp_path / "sync/live/answers/.tmp-left").exists()
    staging.clear([], before=NOW - timedelta(hours=12))
    assert not folder(tmp_path, "CORE").exists()
    assert folder(tmp_path, "BOLT").exists()
    staging.clear()
    assert not folder(tmp_path, "BOLT").exists()


@pytest.mark.parametrize("use", ["keep", "write_diary"])
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, use: str) -> None:
    home = tmp_path / "home"
    home.write_text("a file where a folder must be")
    staging = DirectoryStaging(home, "live")
    with pytest.raises(DataError, match="VFR_DATA_HOME") as refusal:
        staging.keep(outcome("ACME")) if use == "keep" else staging.write_diary(SyncDiary())
    assert str(tmp_path) not in refusal.value.message


def test_an_answer_that_cannot_be_written_whole_leaves_nothing(staging: DirectoryStaging, tmp_path: Path) -> None:
    import resource

    staging.keep(outcome("ACME"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = outcome("BOLT")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DataError, match="File too large"):
            staging.keep(told)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (tmp_path / "sync/live/answers").iterdir()] == [task("ACME").key]
