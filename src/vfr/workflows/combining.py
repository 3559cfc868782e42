"""Whoever knows what the members of an ensemble have earned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from vfr.typing import Horizon

if TYPE_CHECKING:
    import numpy as np

    from vfr.ensemble.combine import Base

__all__ = ["Combining"]


class Combining(Protocol):
    """Weights of members, and what was fitted on their record; whatever it raises means equal weights."""

    def at(self, data_name: str, horizon: Horizon, members: Sequence[str], day: np.datetime64) -> Base:
        """Return what outcomes matured before a session allow its forecast to use.

        Parameters
        ----------
        data_name : str
        horizon : Horizon
        members : sequence of str
            Members that have a version for that session.
        day : numpy.datetime64
            The session forecast from.
        """

    def stamp(self) -> str:
        """Return a key that changes whenever any answer of `at` may; cheap enough for every request."""
