"""Every run that reads out-of-sample outcomes leaves a row, so that nobody forgets how often they looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Ledger"]


class Ledger(Protocol):
    """An append-only, hash-chained list of runs."""

    def append(self, entry: Mapping[str, Any]) -> str:
        """Append a run's configuration, code version and figures; return the row's hash."""

    def entries(self) -> Sequence[Mapping[str, Any]]:
        """Return the entry of every run, oldest first; all of them only while there are no `problems`."""

    def problems(self) -> Sequence[str]:
        """Return what is wrong with rows whose hash does not follow from the row before; empty when whole."""
