"""From raw features to what a learner sees: ranks within the session, and the state of the market as it is.

A rank within the session says how a name stands among its peers that evening and nothing about the year, so that a
rule learned in 2008 still reads in 2016. A feature that is the same for every name has no rank; it goes in raw, and
only for the direction target, which asks where the whole market goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.features.ranks import cross_sectional
from vfr.typing import BoolArray, FloatArray, IntArray, Matrix32, Target
from vfr.validation.correlation import row_midranks

__all__ = ["Design", "session_ranks"]

_FEW = 1_000
"""Sessions up to which loading the compiled kernel takes longer than doing without it."""


def session_ranks(score: FloatArray) -> FloatArray:
    """Return midranks in (-0.5, 0.5) within each session, shape (R, N); NaN stays NaN.

    Examples
    --------
    >>> session_ranks(np.array([[3.0, 1.0, np.nan, 2.0]])).round(3).tolist()
    [[0.333, -0.333, nan, 0.0]]
    """
    values = score.astype(np.float32).astype(np.float64)
    if values.shape[0] == 1 or values.shape[0] > _FEW:
        return np.asarray(cross_sectional(values[None].astype(np.float32))[0], dtype=np.float64)
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    ranks = (row_midranks(values, known) - 0.5) / count - 0.5
    return np.asarray(np.where(known, ranks, np.nan).astype(np.float32), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Design:
    """Which features are ranked and which describe the market.

    Parameters
    ----------
    names : tuple of str, length F
        Raw features, in the order of the rows passed to a predictor.
    ranked, market : tuple of str
        Usable names, no name in both. `Design.of` uses all; a version keeps those that were known well enough by the
        end of its training rows.
    """

    names: tuple[str, ...]
    ranked: tuple[str, ...]
    market: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str], values: Matrix32) -> Design:
        """Tell the features of an [F x R x N] block apart; market features never differ within a session."""
        ranked: list[str] = []
        market: list[str] = []
        for name, block in zip(names, values, strict=True):
            known = np.isfinite(block)
            high = np.where(known, block, -np.inf).max(axis=1)
            low = np.where(known, block, np.inf).min(axis=1)
            (market if bool(np.all(high <= low)) else ranked).append(name)
        return cls(tuple(names), tuple(ranked), tuple(market))

    def columns(self, target: Target) -> tuple[str, ...]:
        """Return the design columns of a target."""
        return self.ranked + self.market if target == "direction" else self.ranked

    def _positions(self, names: tuple[str, ...]) -> IntArray:
        return _places(self.names, names)

    def rank(self, values: Matrix32, among: BoolArray) -> Matrix32:
        """Return [R x N x K] ranks of an [F x R x N] block among some cells [R x N]; a row is contiguous."""
        out = np.empty((*values.shape[1:], len(self.ranked)), dtype=np.float32)
        for k, f in enumerate(self._positions(self.ranked)):
            block = np.where(among, values[f], np.float32(np.nan))
            out[:, :, k] = cross_sectional(block[None])[0]
        return out

    def state(self, values: Matrix32) -> Matrix32:
        """Return the market features of an [F x R x N] block, [R x K]: the one value of each session."""
        return _one_value(values[self._positions(self.market)]).T

    def rows(self, X: Matrix32, columns: Sequence[str]) -> Matrix32:
        """Return [L x M x C] design columns of L whole cross-sections of raw rows, shape (L, M, F).

        The state of the market is known for a name that did not trade that evening, too.
        """
        if X.shape[2] != len(self.names):
            raise ArtifactCorrupt(f"rows have {X.shape[2]} features, the model expects {len(self.names)}")
        wanted = frozenset(columns)
        ranked = self._positions(tuple(name for name in self.ranked if name in wanted))
        market = self._positions(tuple(name for name in self.market if name in wanted))
        sessions, names, _ = X.shape
        # All features in one call: sessions are few here, and a hundred calls would take longer than the ranking.
        values = X[:, :, ranked].transpose(2, 0, 1).reshape(1, ranked.size * sessions, names)
        ranks = cross_sectional(values).reshape(ranked.size, sessions, names).transpose(1, 2, 0)
        state = _one_value(X[:, :, market].transpose(2, 0, 1)).T
        every = np.broadcast_to(state[:, None], (sessions, names, market.size))
        return np.asarray(np.concatenate([ranks, every], axis=2), dtype=np.float32)

    def predictable(self, X: Matrix32) -> BoolArray:
        """Return which raw rows, shape (M, F), hold at least one known feature of the name itself."""
        return np.asarray(np.isfinite(X[:, self._positions(self.ranked)]).any(axis=1))

    def to_dict(self) -> dict[str, list[str]]:
        """Return the three lists, for JSON."""
        return {"names": list(self.names), "ranked": list(self.ranked), "market": list(self.market)}

    @classmethod
    def from_dict(cls, body: Mapping[str, Sequence[str]]) -> Design:
        """Read `to_dict`."""
        return cls(tuple(body["names"]), tuple(body["ranked"]), tuple(body["market"]))


@lru_cache(maxsize=256)
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> IntArray:
    """Return the places of some names, found once: for one row, looking them up takes longer than ranking it."""
    place = {name: f for f, name in enumerate(names)}
    found = np.array([place[name] for name in wanted], dtype=np.int64)
    found.flags.writeable = False
    return found


def _one_value(block: Matrix32) -> Matrix32:
    """Return the one known value of each session of an [S x R x N] block, [S x R]; NaN where there is none."""
    high = np.where(np.isfinite(block), block, -np.inf).max(axis=2, initial=-np.inf)
    return np.asarray(np.where(np.isfinite(high), high, np.nan), dtype=np.float32)
