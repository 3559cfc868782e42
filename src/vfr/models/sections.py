"""Cross-sections that several members are asked about: ranked once, whoever asks first."""

from __future__ import annotations

from threading import Lock
from typing import TypeAlias

import numpy as np

from vfr.models.design import Design
from vfr.typing import BoolArray, Matrix32

__all__ = ["Sections"]

_Known: TypeAlias = tuple[BoolArray, Matrix32]


class Sections:
    """Raw feature rows of L whole cross-sections, and the design rows that members read of them; safe in threads.

    Versions that were trained on the same rows read the same columns: the second of them finds its rows made.

    Parameters
    ----------
    X : float32 array, shape (L, M, F)
        NaN where unknown. It must not change any more.
    """

    def __init__(self, X: Matrix32) -> None:
        self.X = X
        self._lock = Lock()
        self._made: dict[tuple[Design, tuple[str, ...], int], _Known] = {}

    def rows(self, design: Design, columns: tuple[str, ...], lookback: int) -> _Known:
        """Return what a version reads of the last cross-section; nobody may write to it.

        Parameters
        ----------
        design : Design
        columns : tuple of str, length C
            Design columns wanted.
        lookback : int
            Sessions that a row looks back over, its own included.

        Returns
        -------
        bool array, shape (M,)
            Names of which anything is known.
        float32 array, shape (m, C), or (m, lookback, C) where `lookback` is more than 1
            Design rows of these names; sessions missing at the beginning are unknown.

        Raises
        ------
        ArtifactCorrupt
            If the design is one of other features.
        """
        key = (design, columns, lookback)
        with self._lock:
            if key not in self._made:
                self._made[key] = _rows(self.X, *key)
            return self._made[key]


def _rows(X: Matrix32, design: Design, columns: tuple[str, ...], lookback: int) -> _Known:
    known = design.predictable(X[-1])
    rows = design.rows(X[-lookback:], columns)
    if lookback == 1:
        return known, rows[0][known]
    # Row by row in memory, as whoever looks back reads them.
    found = np.full((int(known.sum()), lookback, rows.shape[2]), np.nan, dtype=np.float32)
    found[:, lookback - rows.shape[0] :] = rows.transpose(1, 0, 2)[known]
    return known, found
