"""Rehearsals, wired: only where the settings allow them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vfr.adapters.store.chaos_file import ChaosFile
    from vfr.adapters.store.models import DirectoryModels
    from vfr.settings import Settings
    from vfr.workflows.chaos import Chaos
    from vfr.workflows.forecaster import Forecaster

__all__ = ["chaos_of", "failing_forecaster", "failing_models", "told"]


def chaos_of(settings: Settings) -> ChaosFile | None:
    """Return what is broken on purpose here; None where the settings allow no rehearsal, whatever is stored."""
    if not settings.chaos:
        return None
    from vfr.adapters.store.chaos_file import ChaosFile

    return ChaosFile(settings.data_home)


def failing_models(home: Path, chaos: Chaos) -> DirectoryModels:
    """Return the versions of a data home, which fail as a rehearsal says."""
    from vfr.adapters.store.chaos_file import FailingModels

    return FailingModels(home, chaos)


def failing_forecaster(inner: Forecaster, chaos: Chaos) -> Forecaster:
    """Return a forecaster that fails as a rehearsal says."""
    from vfr.workflows.chaos_ml import FailingForecaster

    return FailingForecaster(inner, chaos)


def told(chaos: ChaosFile | None) -> dict[str, Any] | None:
    """Return what is broken on purpose and until when, for JSON; None while nothing is."""
    from datetime import UTC, datetime

    state = None if chaos is None else chaos.read()
    if not state:
        return None
    until = datetime.fromtimestamp(state.until, UTC).isoformat(timespec="seconds")
    return {"faults": state.to_dict(), "until": until}
