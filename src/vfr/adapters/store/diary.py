"""The diary of a data set's syncs as one small JSON file; reading it needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final

from vfr.adapters.store.disk_errors import writing
from vfr.adapters.store.replace import replace_file
from vfr.workflows.datasets import checked_name
from vfr.workflows.staging import ProviderDiary, SyncDiary

__all__ = ["HOME", "read_diary", "sync_folder", "write_diary"]

HOME: Final = "the data home (VFR_DATA_HOME)"
"""How messages name where it lies."""

_FILE: Final = "diary.json"


def sync_folder(home: Path, name: str) -> Path:
    """Return the folder of what a data set's syncs keep."""
    return home / "sync" / checked_name(name)


def read_diary(folder: Path) -> SyncDiary:
    """Return what earlier syncs left; a diary that cannot be read is an empty one, so that all is asked again."""
    try:
        plain = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return SyncDiary(
            asked=_moments(plain["asked"]),
            unknown=_moments(plain["unknown"]),
            providers={
                name: ProviderDiary(_moment(one["answeredAt"]), _moment(one["failedAt"]), one["code"], one["message"])
                for name, one in plain["providers"].items()
            },
            finished_at=_moment(plain["finishedAt"]),
            universe=str(plain["universe"]),
            start=plain["start"] and date.fromisoformat(plain["start"]),
            named=tuple(plain["named"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return SyncDiary()


def write_diary(folder: Path, diary: SyncDiary) -> None:
    """Replace the diary in one step.

    Raises
    ------
    DataError
        If the data home cannot be written.
    """
    plain = {
        "asked": {topic: at.isoformat() for topic, at in diary.asked.items()},
        "unknown": {topic: at.isoformat() for topic, at in diary.unknown.items()},
        "providers": {name: one.to_dict() for name, one in diary.providers.items()},
        "finishedAt": diary.finished_at and diary.finished_at.isoformat(),
        "universe": diary.universe,
        "start": diary.start and diary.start.isoformat(),
        "named": list(diary.named),
    }
    with writing(HOME):
        replace_file(folder / _FILE, json.dumps(plain).encode())


def _moments(plain: Mapping[str, str]) -> dict[str, datetime]:
    return {topic: datetime.fromisoformat(at) for topic, at in plain.items()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
