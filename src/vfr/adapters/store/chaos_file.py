"""What is broken on purpose, in a file that every process of a data home looks at.

::

    HOME/chaos.json     the faults and when they end; replaced in one rename, absent while all is well
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from vfr.adapters.store.models import DirectoryModels
from vfr.adapters.store.replace import replace_file
from vfr.clock import elapsed_ms, epoch_ms
from vfr.errors import InvalidField
from vfr.models.prediction import Predictor
from vfr.workflows.chaos import CALM, Chaos, ChaosState, parse_faults
from vfr.workflows.chaos_ml import FailingPredictor

__all__ = ["ChaosFile", "FailingModels"]

LOOK_MS: Final = 250.0
"""The file is looked at no more often than this."""

_LARGEST: Final = 1_000


class ChaosFile:
    """The state of one data home; implements `vfr.workflows.chaos.Chaos`.

    Parameters
    ----------
    home : Path
        Data home.

    Notes
    -----
    A file that cannot be read breaks nothing.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "chaos.json"
        self._looked = -LOOK_MS
        self._state = CALM

    def read(self) -> ChaosState:
        """Return the state as of a quarter of a second ago at most."""
        now = elapsed_ms()
        if now - self._looked >= LOOK_MS:
            self._state, self._looked = self._stored(), now
        return self._state if epoch_ms() < 1e3 * self._state.until else CALM

    def write(self, state: ChaosState) -> None:
        """Break what a state says, in every process, until it is over."""
        replace_file(self._path, json.dumps(asdict(state)).encode())
        self._looked = -LOOK_MS

    def clear(self) -> None:
        """End it, in every process."""
        self._path.unlink(missing_ok=True)
        self._looked = -LOOK_MS

    def _stored(self) -> ChaosState:
        try:
            raw = json.loads(self._path.read_bytes()[:_LARGEST])
            found = parse_faults(f"{part}={raw[part]}" for part in ("ml", "cache", "db") if raw[part] is not None)
            return ChaosState(found.ml, found.cache, found.db, float(raw["until"]))
        except (OSError, ValueError, KeyError, TypeError, InvalidField):
            return CALM


class FailingModels(DirectoryModels):
    """The versions of a data home, every one of which fails as a rehearsal says.

    Parameters
    ----------
    home : Path
    chaos : Chaos
    """

    def __init__(self, home: Path, chaos: Chaos) -> None:
        super().__init__(home)
        self._chaos = chaos

    def load(self, model_id: str) -> Predictor:
        """Load and verify a version; it fails where it predicts."""
        return FailingPredictor(super().load(model_id), self._chaos)

    def stamp(self) -> str:
        """Return a key that also changes when a rehearsal begins or ends: nothing computed in it outlives it."""
        fault = self._chaos.read().ml
        return super().stamp() + (f" {fault}" if fault else "")
