"""Ridge regression and ridge-penalised logistic regression, stored as JSON coefficients."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Params, Rows
from vfr.typing import FloatArray, Matrix32, Target
from vfr.validation.calibration import expit, logit

__all__ = ["Linear"]

_CLIP = 3.0

_BYTES: Final = 1 << 20
"""Largest text that is parsed: many times what training writes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    centre: FloatArray
    scale: FloatArray
    coef: FloatArray
    intercept: float

    def score(self, X: Matrix32) -> FloatArray:
        return np.asarray(_standardise(X, self.centre, self.scale) @ self.coef + self.intercept, dtype=np.float64)

    def dump(self) -> bytes:
        body = {
            "kind": "linear",
            "intercept": self.intercept,
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "coef": self.coef.tolist(),
        }
        return json.dumps(body, allow_nan=False).encode()

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        size = np.abs(self.coef)
        total = float(size.sum())
        return {name: float(s) / total if total > 0 else 0.0 for name, s in zip(names, size, strict=True)}


def _standardise(X: Matrix32, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Centre, scale and clip; an unknown input takes the training mean, which says nothing either way."""
    Z = np.subtract(X, centre, dtype=np.float64)
    Z /= scale
    np.clip(Z, -_CLIP, _CLIP, out=Z)
    Z[np.isnan(Z)] = 0.0
    return Z


def _moments(X: Matrix32) -> tuple[FloatArray, FloatArray]:
    known = np.isfinite(X)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, X, 0.0)
    centre = filled.sum(axis=0, dtype=np.float64) / count
    variance = np.where(known, (filled - centre) ** 2, 0.0).sum(axis=0, dtype=np.float64) / count
    scale = np.sqrt(variance)
    return centre, np.where(scale > 1e-12, scale, 1.0)


@dataclass(frozen=True, slots=True)
class Linear:
    """The regularised baseline that every other member must earn its keep against.

    References
    ----------
    Hoerl and Kennard (1970), *Ridge regression: biased estimation for nonorthogonal problems*.
    """

    name: str = "linear"
    suffix: str = "json"
    lookback: int = 1
    watches: bool = False
    ridge: float = 0.02
    """Penalty per row, in units of one standardised column's variance."""

    def unavailable(self) -> None:
        """Return None: it needs nothing but NumPy."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return all design columns."""
        return tuple(names)

    def max_rows(self, n_names: int) -> int:
        """Return 640,000, as for the trees it is averaged with: even a plane gains from rows of so faint a signal."""
        del n_names
        return 640_000

    def params(self, n_rows: int, target: Target) -> Params:
        """Return the penalty; it does not depend on the number of rows."""
        del n_rows
        return {"ridge": self.ridge, "clip": _CLIP, "model": "logistic" if target == "direction" else "ridge"}

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> _Plane:
        """Fit a plane to design rows; closed form for excess, Newton steps for direction; see `Learner.fit`."""
        del seed
        if watch is not None:
            rows = rows.joined(watch)
        y, w = rows.y, rows.weight / rows.weight.mean()
        centre, scale = _moments(rows.X)
        Z = _standardise(rows.X, centre, scale)
        penalty = float((tuned or {}).get("ridge", self.ridge)) * y.size * np.eye(Z.shape[1])
        mean = float(np.average(y, weights=w))
        if target == "excess":
            coef = np.linalg.solve((Z * w[:, None]).T @ Z + penalty, Z.T @ (w * (y - mean)))
            return _Plane(centre, scale, coef, mean)
        coef, intercept = np.zeros(Z.shape[1]), logit(mean)
        for _ in range(3):
            p = expit(intercept + Z @ coef)
            curvature = (Z * (w * p * (1 - p))[:, None]).T @ Z + penalty
            coef = coef + np.linalg.solve(curvature, Z.T @ (w * (y - p)) - penalty @ coef)
            drift = float(np.average(y - expit(intercept + Z @ coef), weights=w))
            intercept += drift / float(np.average(p * (1 - p), weights=w))
        return _Plane(centre, scale, coef, intercept)

    def load(self, blob: bytes) -> _Plane:
        """Read JSON coefficients; see `Learner.load`."""
        if len(blob) > _BYTES:
            raise ArtifactCorrupt("linear: the artifact is too large")
        try:
            body = json.loads(blob)
            centre, scale, coef = (np.asarray(body[key], dtype=np.float64) for key in ("centre", "scale", "coef"))
            intercept = float(body["intercept"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtifactCorrupt("linear: the coefficients cannot be read") from error
        fits = centre.shape == scale.shape == coef.shape == (coef.size,)
        if not fits or not bool(np.all(np.isfinite([*coef, intercept]))):
            raise ArtifactCorrupt("linear: the coefficients do not fit together")
        return _Plane(centre, scale, coef, intercept)
