"""How far a name's excess return usually lands from zero: the width its interval is scaled by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vfr.typing import FloatArray

__all__ = ["SCALE_FEATURES", "Scale", "fit_scale"]

SCALE_FEATURES = ("volatility_21", "volatility_63", "volatility_252")
"""Raw features an interval's width may depend on: volatility over a month, a quarter and a year."""

_FLOOR = 1e-4


def _logs(volatility: FloatArray) -> FloatArray:
    """Return logs of volatilities (..., V); what is unknown or not positive is NaN."""
    return np.log(np.where(volatility > _FLOOR, volatility, np.nan))


@dataclass(frozen=True, slots=True)
class Scale:
    """Log-linear size of |excess return| in trailing volatilities: exp(intercept + sum coef log volatility).

    `features` are the volatilities used; `typical` replaces an unknown prediction where the whole session is unknown.
    """

    features: tuple[str, ...]
    coef: tuple[float, ...]
    intercept: float
    typical: float

    def __call__(self, volatility: FloatArray) -> FloatArray:
        """Return the scale of each cell of an (R, N, V) block, shape (R, N); unknown cells take their session's median.

        A name whose history is too short for a volatility is thereby as wide as the typical name of that evening.
        """
        size = np.full(volatility.shape[:2], np.nan)
        if self.features:
            size = np.exp(self.intercept + _logs(volatility) @ np.array(self.coef))
        for row in size:
            known = np.isfinite(row)
            if not known.all():
                row[~known] = np.median(row[known]) if known.any() else self.typical
        return size

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON."""
        return {
            "features": list(self.features),
            "coef": list(self.coef),
            "intercept": self.intercept,
            "typical": self.typical,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Scale:
        """Read `to_dict`."""
        return cls(tuple(body["features"]), tuple(body["coef"]), float(body["intercept"]), float(body["typical"]))


def fit_scale(names: Sequence[str], volatility: FloatArray, excess: FloatArray) -> Scale:
    """Fit the scale on training rows by least squares of log |excess| on log volatilities.

    Parameters
    ----------
    names : sequence of str, length V
    volatility : float64 array, shape (n, V)
    excess : float64 array, shape (n,)
        NaN where unknown.
    """
    size = np.abs(excess)
    typical = float(np.nanmedian(size)) if np.isfinite(size).any() else 0.01
    logs = _logs(volatility)
    known = np.isfinite(logs).all(axis=1) & (size > _FLOOR / 10)
    if not names or int(known.sum()) < 50 * (len(names) + 1):
        return Scale((), (), 0.0, max(typical, _FLOOR))
    X = np.column_stack([np.ones(int(known.sum())), logs[known]])
    beta, *_ = np.linalg.lstsq(X, np.log(size[known]), rcond=None)
    return Scale(tuple(names), tuple(float(b) for b in beta[1:]), float(beta[0]), max(typical, _FLOOR))
