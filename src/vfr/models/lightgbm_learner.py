"""Gradient-boosted trees (LightGBM), stored as LightGBM's own text.

Ke, Meng, Finley, Wang, Chen, Ma, Ye and Liu (2017), *LightGBM: a highly efficient gradient boosting decision tree*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vfr.errors import ArtifactCorrupt
from vfr.models.forest import Forest
from vfr.models.learner import Params, Rows
from vfr.models.lightgbm_text import read
from vfr.typing import FloatArray, Matrix32, Target

__all__ = ["LightGbm"]


_BYTES: Final = 32 << 20
"""Largest text that is parsed: many times what training writes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    text: bytes
    forest: Forest
    gain: FloatArray

    def score(self, X: Matrix32) -> FloatArray:
        try:
            return self.forest.total(X)
        except ValueError as error:
            raise ArtifactCorrupt(f"lightgbm: {error}") from error

    def dump(self) -> bytes:
        return self.text

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        total = float(self.gain.sum())
        return {name: float(g) / total if total > 0 else 0.0 for name, g in zip(names, self.gain, strict=True)}


@dataclass(frozen=True, slots=True)
class LightGbm:
    """Shallow, strongly regularised trees; their number is fixed in advance, so no early-stopping split is needed.

    Scores are the walk of `vfr.models.forest` over the numbers in the text: serving needs no LightGBM.
    """

    name: str = "lightgbm"
    suffix: str = "txt"
    lookback: int = 1
    watches: bool = False

    def unavailable(self) -> None:
        """Return None: LightGBM is always installed."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return all design columns."""
        return tuple(names)

    def max_rows(self, n_names: int) -> int:
        """Return 640,000, or 1,500 sessions of a narrow universe, whose names share few independent surprises."""
        return min(640_000, 1_500 * n_names)

    def params(self, n_rows: int, target: Target) -> Params:
        """Return LightGBM parameters: many small trees on many rows, as little else is learned from so faint a signal.

        A leaf holds at least half a percent of the rows; direction gets fewer trees.
        """
        return {
            "objective": "binary" if target == "direction" else "regression",
            "num_iterations": 80 if target == "direction" else 200,
            "learning_rate": 0.06,
            "num_leaves": 4,
            "min_data_in_leaf": max(50, n_rows // 200),
            "feature_fraction": 0.3,
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "lambda_l2": 10.0,
            "max_bin": 31,
        }

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> _Trees:
        """Fit trees to design rows; see `Learner.fit`.

        One thread per fit: two fits side by side beat one fit on two threads, by far on a busy machine, and the bytes
        do not depend on the number of threads.
        """
        import lightgbm

        if watch is not None:
            rows = rows.joined(watch)
        settings: dict[str, object] = {
            **self.params(rows.y.size, target),
            **(tuned or {}),
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": seed,
            "verbosity": -1,
            "feature_pre_filter": False,
        }
        data = lightgbm.Dataset(
            rows.X, label=rows.y, weight=rows.weight, params=settings | {"bin_construct_sample_cnt": 20_000}
        )
        booster = lightgbm.train(settings, data)
        return self.load(_portable(booster.model_to_string()).encode())

    def load(self, blob: bytes) -> _Trees:
        """Read LightGBM's text; see `Learner.load`."""
        if len(blob) > _BYTES:
            raise ArtifactCorrupt("lightgbm: the model text is too large")
        try:
            nodes, columns, gain = read(blob.decode("ascii"))
            return _Trees(blob, Forest.of(nodes, columns), gain)
        except (KeyError, ValueError, OverflowError) as error:
            raise ArtifactCorrupt(f"lightgbm: the model text cannot be read: {error}") from error


def _portable(text: str) -> str:
    """Drop the parameter echo, which names the thread count: the same model has the same bytes everywhere."""
    head, _, _ = text.partition("\nparameters:")
    return head.rstrip("\n") + "\n\npandas_categorical:null\n"
