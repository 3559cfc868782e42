"""Searches and what they found, one folder of the data home.

::

    HOME/tuning/trials/KEY.log                     optuna's journal, JSON lines: a killed search goes on from it
    HOME/tuning/NAME-HORIZON-MEMBER.json           what was found last; replaced in one rename
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from vfr.adapters.store.replace import replace_file
from vfr.errors import DatasetCorrupt
from vfr.typing import Horizon
from vfr.workflows.tuning import Tuned

__all__ = ["TuningFiles"]


class TuningFiles:
    """Tuning of one data home; implements `vfr.workflows.tuning.TuningStore`.

    Parameters
    ----------
    home : Path
        Data home.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "tuning"

    def storage(self, key: str) -> Any:
        """Return optuna storage in a journal file of that name."""
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        trials = self._folder / "trials"
        trials.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(trials / f"{key}.log")))

    def save(self, tuned: Tuned) -> None:
        """Replace what was found before."""
        body = json.dumps(asdict(tuned), indent=1, allow_nan=False).encode()
        replace_file(self._file(tuned.data_name, tuned.horizon, tuned.member), body)

    def found(self, data_name: str, horizon: Horizon, member: str) -> Tuned | None:
        """Return what was found last.

        Raises
        ------
        DatasetCorrupt
            If the file is not what `save` writes.
        """
        path = self._file(data_name, horizon, member)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Tuned, strict=True)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise DatasetCorrupt(f"tuning/{path.name} cannot be read; delete it or run `vfr tune` again") from error

    def _file(self, data_name: str, horizon: Horizon, member: str) -> Path:
        return self._folder / f"{data_name}-{horizon}-{member}.json"
