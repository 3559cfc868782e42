"""Answers of a running sync as small folders, each put in place by one rename, and its diary as JSON."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from vfr.adapters.store.publishing import TEMPORARY
from vfr.adapters.store.replace import replace_file
from vfr.data.quality import Finding
from vfr.workflows.datasets import checked_name
from vfr.workflows.staging import ProviderDiary, SyncDiary
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
        self._folder = home / "sync" / checked_name(name)
        self._answers = self._folder / "answers"
        self._diary = self._folder / "diary.json"

    def keep(self, outcome: Outcome) -> None:
        """Write an answer beside, then rename it into place."""
        self._answers.mkdir(parents=True, exist_ok=True)
        target = self._answers / outcome.task.key
        work = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=self._answers))
        try:
            for part in _PARTS:
                for kind, frame in getattr(outcome, part).items():
                    frame.write_parquet(work / f"{part}-{kind}.parquet")
            plain = {
                "at": outcome.at.isoformat(),
                "code": outcome.code,
                "message": outcome.message,
                "findings": [asdict(one) for one in outcome.findings],
            }
            (work / _OUTCOME).write_text(json.dumps(plain), encoding="utf-8")
            shutil.rmtree(target, ignore_errors=True)
            work.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def kept(self, task: Task, not_before: datetime) -> Outcome | None:
        """Return the answer to a task if one was kept since a moment; a damaged one counts as none."""
        folder = self._answers / task.key
        try:
            plain = json.loads((folder / _OUTCOME).read_text(encoding="utf-8"))
            at = datetime.fromisoformat(plain["at"])
            if at < not_before:
                return None
            frames: dict[str, dict[Any, pl.DataFrame]] = {
                part: {path.stem.removeprefix(f"{part}-"): pl.read_parquet(path) for path in folder.glob(f"{part}-*")}
                for part in _PARTS
            }
            found = tuple(Finding(**one | {"examples": tuple(one["examples"])}) for one in plain["findings"])
            return Outcome(task, at, plain["code"], plain["message"], findings=found, **frames)
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None

    def clear(self) -> None:
        """Forget every answer, and what a killed writer left."""
        shutil.rmtree(self._answers, ignore_errors=True)

    def diary(self) -> SyncDiary:
        """Return what earlier syncs left; a diary that cannot be read is an empty one, so that all is asked again."""
        try:
            plain = json.loads(self._diary.read_text(encoding="utf-8"))
            return SyncDiary(
                asked=_moments(plain["asked"]),
                unknown=_moments(plain["unknown"]),
                providers={
                    name: ProviderDiary(
                        _moment(one["answeredAt"]), _moment(one["failedAt"]), one["code"], one["message"]
                    )
                    for name, one in plain["providers"].items()
                },
                finished_at=_moment(plain["finishedAt"]),
                universe=str(plain["universe"]),
                start=plain["start"] and date.fromisoformat(plain["start"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return SyncDiary()

    def write_diary(self, diary: SyncDiary) -> None:
        """Replace the diary in one step."""
        plain = {
            "asked": {topic: at.isoformat() for topic, at in diary.asked.items()},
            "unknown": {topic: at.isoformat() for topic, at in diary.unknown.items()},
            "providers": {name: one.to_dict() for name, one in diary.providers.items()},
            "finishedAt": diary.finished_at and diary.finished_at.isoformat(),
            "universe": diary.universe,
            "start": diary.start and diary.start.isoformat(),
        }
        replace_file(self._diary, json.dumps(plain).encode())


def _moments(plain: Mapping[str, str]) -> dict[str, datetime]:
    return {topic: datetime.fromisoformat(at) for topic, at in plain.items()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
