"""Answers of a running sync as small folders, each put in place by one rename, and its diary as JSON."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from vfr.adapters.store.content import content_hash, parquet_bytes
from vfr.adapters.store.diary import HOME, read_diary, sync_folder, write_diary
from vfr.adapters.store.disk_errors import writing
from vfr.adapters.store.publishing import TEMPORARY
from vfr.data.quality import Finding
from vfr.workflows.staging import SyncDiary
from vfr.workflows.sync_ask import Outcome

if TYPE_CHECKING:
    from vfr.workflows.sync_plan import Task

__all__ = ["DirectoryStaging"]

_OUTCOME: Final = "outcome.json"
_PARTS: Final = ("accepted", "quarantined")


class DirectoryStaging:
    """Staged answers and diary of one data set, under ``HOME/sync/<name>``.

    Parameters
    ----------
    home : Path
        Data home.
    name : str
        Name of the data set.
    """

    def __init__(self, home: Path, name: str) -> None:
        self._folder = sync_folder(home, name)
        self._answers = self._folder / "answers"

    def keep(self, outcome: Outcome) -> None:
        """Write an answer beside, then rename it into place."""
        with writing(HOME):
            self._answers.mkdir(parents=True, exist_ok=True)
            target = self._answers / outcome.task.key
            work = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=self._answers))
            try:
                parts = {part: _written(work, part, getattr(outcome, part)) for part in _PARTS}
                plain = {
                    "at": outcome.at.isoformat(),
                    "code": outcome.code,
                    "message": outcome.message,
                    "findings": [asdict(one) for one in outcome.findings],
                    "parts": parts,
                }
                (work / _OUTCOME).write_text(json.dumps(plain), encoding="utf-8")
                shutil.rmtree(target, ignore_errors=True)
                work.rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def kept(self, task: Task, not_before: datetime) -> Outcome | None:
        """Return the answer to a task if one was kept since a moment; one that lacks anything counts as none."""
        folder = self._answers / task.key
        try:
            plain = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
            at = datetime.fromisoformat(plain["at"])
            if at < not_before:
                return None
            frames: dict[str, dict[Any, pl.DataFrame]] = {
                part: {kind: _read(folder, part, kind, wanted) for kind, wanted in plain["parts"][part].items()}
                for part in _PARTS
            }
            found = tuple(Finding(**one | {"examples": tuple(one["examples"])}) for one in plain["findings"])
            return Outcome(task, at, plain["code"], plain["message"], findings=found, **frames)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError):
            return None

    def clear(self, tasks: Iterable[Task] | None = None, *, before: datetime | None = None) -> None:
        """Forget the answers to some tasks, or every answer; those kept before a moment; what a killed writer left."""
        if tasks is None:
            shutil.rmtree(self._answers, ignore_errors=True)
            return
        gone = {task.key for task in tasks}
        for folder in self._answers.glob("*"):
            if folder.name in gone or folder.name.startswith(TEMPORARY) or (before and _older(folder, before)):
                shutil.rmtree(folder, ignore_errors=True)

    def diary(self) -> SyncDiary:
        """Return what earlier syncs left."""
        return read_diary(self._folder)

    def write_diary(self, diary: SyncDiary) -> None:
        """Replace the diary in one step."""
        write_diary(self._folder, diary)


def _written(folder: Path, part: str, frames: Mapping[Any, pl.DataFrame]) -> dict[str, str]:
    """Write the tables of an answer and return what must be found again: the hash of each, by kind."""
    hashes = {}
    for kind, frame in frames.items():
        data = parquet_bytes(frame)
        (folder / f"{part}-{kind}.parquet").write_bytes(data)
        hashes[kind] = content_hash(data)
    return hashes


def _read(folder: Path, part: str, kind: str, wanted: str) -> pl.DataFrame:
    """Return a table of an answer; `ValueError` if it is not what was written."""
    data = (folder / f"{part}-{kind}.parquet").read_bytes()
    if content_hash(data) != wanted:
        raise ValueError(f"{part}-{kind} is not what was written")
    return pl.read_parquet(io.BytesIO(data))


def _older(folder: Path, moment: datetime) -> bool:
    """Tell whether an answer was kept before a moment; one that does not say when counts as old."""
    try:
        return datetime.fromisoformat(json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))["at"]) < moment
    except (OSError, ValueError, KeyError, TypeError):
        return True
