"""Extremely randomised trees (scikit-learn), stored as flat arrays, one `.npy` after the other.

Geurts, Ernst and Wehenkel (2006), *Extremely randomized trees*.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vfr.errors import ArtifactCorrupt
from vfr.models.forest import Forest, Nodes
from vfr.models.learner import Params, Rows
from vfr.typing import FloatArray, Matrix32, Target

__all__ = ["Trees"]

_BYTES: Final = 32 << 20
"""Largest artifact that is parsed: many times what training writes."""

_EDGE: Final = 1e-6
"""A mean of leaves this close to 0 or 1 is as certain as a logit gets."""

_FEWEST: Final = 20
"""Rows below which a leaf is not a mean of anything."""

_HEADER: Final = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<kind>...)', 'fortran_order': False, 'shape': \((?P<count>\d{1,9}),\), \} *\n",
    re.DOTALL,
)
"""What numpy writes before a vector."""

_FILE: Final = (
    ("target", "|u1"),
    ("share", "<f8"),
    ("sizes", "<i4"),
    ("column", "<i2"),
    ("left", "|u1"),
    ("number", "<f8"),
)
"""Vectors of the artifact in their order: 1 for direction, importance by column, and those of `Nodes`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    blob: bytes
    forest: Forest
    trees: int
    direction: bool
    share: FloatArray

    def score(self, X: Matrix32) -> FloatArray:
        try:
            mean = self.forest.total(X) / self.trees
        except ValueError as error:
            raise ArtifactCorrupt(f"trees: {error}") from error
        if not self.direction:
            return mean
        chance = np.clip(mean, _EDGE, 1.0 - _EDGE)
        return np.asarray(np.log(chance / (1.0 - chance)))

    def dump(self) -> bytes:
        return self.blob

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        return {name: float(share) for name, share in zip(names, self.share, strict=True)}


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees split at random values, each fitted to a draw of the rows and none to what another left over.

    They average where boosting adds up: their errors are those of neighbourhoods, smooth and hard to overfit.

    One regression serves both targets: least squares on 0 and 1 splits as Gini's impurity does, the mean of the leaves
    is a chance, and the score its logit. Scores are the walk of `vfr.models.forest` and equal scikit-learn's to the
    last bit: serving needs no scikit-learn.
    """

    name: str = "trees"
    suffix: str = "npy"
    lookback: int = 1
    watches: bool = False

    def unavailable(self) -> None:
        """Return None: scikit-learn is always installed."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return all design columns."""
        return tuple(names)

    def max_rows(self, n_names: int) -> int:
        """Return 320,000, or 1,500 sessions of a narrow universe, whose names share few independent surprises."""
        return min(320_000, 1_500 * n_names)

    def params(self, n_rows: int, target: Target) -> Params:
        """Return scikit-learn's parameters, the same for both targets, and the least share of its rows in a leaf.

        A tree draws a 25th of many rows: two hundred draws still see each row eight times, and differ the more.
        """
        del target
        return {
            "n_estimators": 200,
            "max_samples": min(n_rows, max(2_000, n_rows // 25)),
            "max_features": 0.2,
            "min_share_leaf": 0.005,
        }

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> _Mean:
        """Fit trees to design rows; see `Learner.fit`."""
        from sklearn.ensemble import ExtraTreesRegressor

        if watch is not None:
            rows = rows.joined(watch)
        settings: dict[str, Any] = {**self.params(rows.y.size, target), **(tuned or {})}
        leaf = max(_FEWEST, round(float(settings.pop("min_share_leaf")) * int(settings["max_samples"])))
        model = ExtraTreesRegressor(min_samples_leaf=leaf, **settings, bootstrap=True, random_state=seed, n_jobs=1)
        model.fit(rows.X, rows.y, sample_weight=rows.weight)
        return self.load(_written(model, target))

    def load(self, blob: bytes) -> _Mean:
        """Read the arrays; see `Learner.load`."""
        if len(blob) > _BYTES:
            raise ArtifactCorrupt("trees: the artifact is too large")
        try:
            target, share, sizes, column, left, number = _arrays(blob)
            nodes = Nodes(sizes.astype(np.int64), column.astype(np.int64), left != 0, number)
            forest = Forest.of(nodes, share.size)
        except ValueError as error:
            raise ArtifactCorrupt(f"trees: the arrays cannot be read: {error}") from error
        if target.shape != (1,) or not bool(np.isfinite(share).all()):
            raise ArtifactCorrupt("trees: the arrays do not fit together")
        return _Mean(blob, forest, sizes.size, bool(target[0]), share)


def _written(model: Any, target: Target) -> bytes:
    """Return a fitted forest of scikit-learn as `_FILE` says."""
    trees = [estimator.tree_ for estimator in model.estimators_]

    def every(values: Sequence[NDArray[Any]]) -> Any:
        return np.concatenate(values)

    left = every([tree.children_left for tree in trees])
    nodes = Nodes.of_children(
        np.array([tree.node_count for tree in trees], dtype=np.int64),
        left,
        every([tree.children_right for tree in trees]),
        every([tree.feature for tree in trees]),
        every([tree.missing_go_to_left for tree in trees]).astype(np.bool_),
        np.where(left < 0, every([tree.value[:, 0, 0] for tree in trees]), every([tree.threshold for tree in trees])),
    )
    direction = np.array([target == "direction"])
    vectors = (direction, model.feature_importances_, nodes.sizes, nodes.column, nodes.missing_left, nodes.number)
    buffer = io.BytesIO()
    for (_, kind), vector in zip(_FILE, vectors, strict=True):
        np.lib.format.write_array(buffer, vector.astype(kind), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _arrays(blob: bytes) -> list[NDArray[Any]]:
    """Read the vectors of `_FILE`, in the one form that is written: no foreign header is parsed, no size believed."""
    at, vectors = 0, []
    for name, kind in _FILE:
        header = _HEADER.match(blob, at)
        if header is None or header["kind"] != kind.encode():
            raise ValueError(f"{name} is not a vector of {kind}")
        start, count = header.end(), int(header["count"])
        at = start + count * np.dtype(kind).itemsize
        if at > len(blob):
            raise ValueError(f"{name} is cut off")
        vectors.append(np.frombuffer(blob, kind, count, start))
    if at != len(blob):
        raise ValueError("there is more than the arrays")
    return vectors
