"""Gradient-boosted trees grown level by level (XGBoost), stored as XGBoost's own JSON.

Chen and Guestrin (2016), *XGBoost: a scalable tree boosting system*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.models.forest import Forest, Nodes
from vfr.models.learner import Params, Rows
from vfr.typing import BoolArray, FloatArray, IntArray, Matrix32, Target

__all__ = ["XgBoost"]

_BYTES: Final = 32 << 20
"""Largest text that is parsed: many times what training writes."""

_COLUMNS: Final = 10_000
"""Most columns that are believed: memory is reserved for each, whatever the trees read."""

_UNREADABLE: Final = (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What parsing foreign bytes may raise."""

_OBJECTIVE: Final[dict[Target, str]] = {"direction": "binary:logistic", "excess": "reg:squarederror"}
_ROUNDS: Final = ("min_boost_round", "num_boost_round", "max_boost_round", "patience")


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    text: bytes
    forest: Forest
    start: float
    gain: FloatArray

    def score(self, X: Matrix32) -> FloatArray:
        try:
            return self.forest.total(X, self.start)
        except ValueError as error:
            raise ArtifactCorrupt(f"xgboost: {error}") from error

    def dump(self) -> bytes:
        return self.text

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        total = float(self.gain.sum())
        return {name: float(g) / total if total > 0 else 0.0 for name, g in zip(names, self.gain, strict=True)}


@dataclass(frozen=True, slots=True)
class XgBoost:
    """Trees of another shape than LightGBM's, so that the two err apart.

    They grow level by level instead of leaf by leaf, to twice as many leaves, draw other columns at every split, tell
    values apart in twice as many bins, and stop where the newest training sessions stop gaining.

    Scores are the walk of `vfr.models.forest` over the numbers in the JSON, summed in float32 as XGBoost sums them:
    serving needs no XGBoost.
    """

    name: str = "xgboost"
    suffix: str = "json"
    lookback: int = 1
    watches: bool = True

    def unavailable(self) -> None:
        """Return None: XGBoost is always installed."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return all design columns."""
        return tuple(names)

    def max_rows(self, n_names: int) -> int:
        """Return 320,000, or 1,500 sessions of a narrow universe, whose names share few independent surprises."""
        return min(320_000, 1_500 * n_names)

    def params(self, n_rows: int, target: Target) -> Params:
        """Return XGBoost's parameters, and how many rounds at least, without rows to watch, at most, and in vain.

        A leaf holds at least a 250th of the rows' weight; direction, whose outcomes share one market, gets fewer
        rounds.
        """
        direction = target == "direction"
        # A row of mean weight weighs 1 in squared error and 1/4, the variance of an even chance, in logistic loss.
        row = 0.25 if direction else 1.0
        return {
            "objective": _OBJECTIVE[target],
            "min_boost_round": 15 if direction else 30,
            "num_boost_round": 25 if direction else 60,
            "max_boost_round": 40 if direction else 90,
            "patience": 20,
            "learning_rate": 0.1,
            "max_depth": 3,
            "min_child_weight": row * max(20.0, n_rows / 250),
            "colsample_bynode": 0.25,
            "subsample": 0.5,
            "reg_lambda": row * 50.0,
            "max_bin": 64,
        }

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> _Trees:
        """Fit trees to design rows; see `Learner.fit`.

        With rows to watch it fits twice. First to the older rows alone (the watched ones weigh nothing): the number of
        rounds that gives the watched rows the least loss is taken, but never fewer than the least there may be, since
        half a year of outcomes is mostly noise. Then to all rows, with that number: the newest sessions, kept out of
        the first fit to judge it, resemble most what will be predicted.
        """
        every = rows if watch is None else rows.joined(watch)
        settings: dict[str, Any] = {**self.params(every.y.size, target), **(tuned or {})}
        low, rounds, high, patience = (int(settings.pop(name)) for name in _ROUNDS)
        settings |= {"tree_method": "hist", "nthread": 1, "seed": seed, "verbosity": 0}
        table = _table(every, settings)
        if watch is not None:
            table.set_weight(_mean_one(np.append(rows.weight, np.zeros(watch.y.size))))
            watched = [(_table(watch, settings, like=table), "watch")]
            stopped = _boosted(settings, table, high, evals=watched, early_stopping_rounds=patience)
            rounds = max(low, stopped.best_iteration + 1)
            table.set_weight(_mean_one(every.weight))
        return self.load(bytes(_boosted(settings, table, rounds).save_raw("json")))

    def load(self, blob: bytes) -> _Trees:
        """Read XGBoost's JSON; see `Learner.load`."""
        if len(blob) > _BYTES:
            raise ArtifactCorrupt("xgboost: the model text is too large")
        try:
            with np.errstate(all="ignore"):
                return _read(blob)
        except _UNREADABLE as error:
            raise ArtifactCorrupt(f"xgboost: the model text cannot be read: {error}") from error


def _mean_one(weight: FloatArray) -> FloatArray:
    """Return weights whose mean is 1, the unit of the penalties."""
    return np.asarray(weight / weight.mean())


def _table(rows: Rows, settings: Mapping[str, Any], like: Any = None) -> Any:
    """Return weighted rows in XGBoost's bins, or in those of another table; weights do not move the bins."""
    import xgboost

    table = xgboost.QuantileDMatrix(rows.X, label=rows.y, max_bin=settings["max_bin"], nthread=1, ref=like)
    table.set_weight(_mean_one(rows.weight))
    return table


def _boosted(settings: Mapping[str, Any], table: Any, rounds: int, **watching: Any) -> Any:
    """Train from where the rows stand: their mean, or an even chance, since ups and downs weigh alike in training."""
    import xgboost

    even = settings["objective"] == _OBJECTIVE["direction"]
    start = 0.5 if even else float(np.average(table.get_label(), weights=table.get_weight()))
    return xgboost.train(
        {**settings, "base_score": start}, table, num_boost_round=rounds, verbose_eval=False, **watching
    )


def _read(blob: bytes) -> _Trees:
    learner = json.loads(blob)["learner"]
    model, common = learner["gradient_booster"]["model"], learner["learner_model_param"]
    logistic = learner["objective"]["name"] == _OBJECTIVE["direction"]
    plain = (
        learner["objective"]["name"] in _OBJECTIVE.values()
        and learner["gradient_booster"]["name"] == "gbtree"
        and (common["num_class"], common["num_target"]) == ("0", "1")
        and not any(map(any, (tree["split_type"] for tree in model["trees"])))
    )
    if not plain:
        raise ValueError("not numeric trees of one target")
    columns = int(common["num_feature"])
    if columns > _COLUMNS:
        raise ValueError("more columns than there are features")
    sizes, left, right, column, missing_left, cut, gain = _arrays(model["trees"])
    split = left >= 0
    # XGBoost sends left what is below the condition, in float32: what is at most the float32 before it.
    number = np.where(split, np.nextafter(cut, np.float32(-np.inf)), cut).astype(np.float64)
    forest = Forest.of(Nodes.of_children(sizes, left, right, column, missing_left, number), columns, single=True)
    base = np.float32(np.ravel(json.loads(common["base_score"]))[0])
    start = float(-np.log(np.float32(1.0) / base - np.float32(1.0)) if logistic else base)
    shares = np.bincount(column[split], gain[split], minlength=columns).astype(np.float64)
    if not np.isfinite([start, *shares]).all():
        raise ValueError("a number is not finite")
    return _Trees(blob, forest, start, shares)


def _arrays(
    trees: Sequence[Mapping[str, Sequence[float]]],
) -> tuple[IntArray, IntArray, IntArray, IntArray, BoolArray, Matrix32, FloatArray]:
    """Return sizes, and node by node the children, column, way of the unknown, condition or leaf, and gain."""

    def all_of(key: str, kind: type[np.generic]) -> Any:
        return np.concatenate([np.asarray(tree[key], dtype=kind) for tree in trees])

    sizes = np.array([len(tree["left_children"]) for tree in trees], dtype=np.int64)
    return (
        sizes,
        all_of("left_children", np.int64),
        all_of("right_children", np.int64),
        all_of("split_indices", np.int64),
        all_of("default_left", np.bool_),
        all_of("split_conditions", np.float32),
        all_of("loss_changes", np.float64),
    )
