"""Fits and scores of every learner there is, scores beside the libraries' own calls for a model of the same size.

Rows hold the registry's first 90 features; every call takes other rows, or the processor would learn the ways down the
trees by heart. All of it runs in one thread, whose processor time is counted: a busy machine may be measured too.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import Row
from vfr.features.registry import FEATURES
from vfr.models.learner import Rows
from vfr.models.learners import LEARNERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfr.models.learner import Learner
    from vfr.typing import Matrix32

    Predict = Callable[[Matrix32], object]
    Call = Callable[[int, int], object]

FEATURES_READ = 90
CALLS = {1: 500, 25: 200, 500: 60}
"""How often so many rows at once are scored."""

LIMIT_US = 2_000.0
"""Published: one row, 99 times in 100."""


def measure(quick: bool) -> list[Row]:
    names = tuple(FEATURES)[:FEATURES_READ]
    out: list[Row] = []
    served: list[Call] = []
    usual: list[Call] = []
    for member, learner in LEARNERS.items():
        if learner.unavailable() is not None:
            continue
        rows = made(learner, len(learner.columns(names)), 4_000 if quick else 160_000)
        start = time.thread_time()
        scorer = learner.fit(rows, target="excess", seed=1)
        taken = time.thread_time() - start
        out.append(Row(f"{member}, fit of {rows.y.size:,} x {rows.X.shape[-1]}", taken, "s"))
        out.append(Row(f"{member}, artifact", len(scorer.dump()) / 1e3, "KB"))
        score = call(scorer.score, rows.X)
        own = PEERS[member](dict(learner.params(rows.y.size, "excess")), scorer.dump(), rows)
        peers = {f"{member} by {name}": call(predict, rows.X) for name, predict in own.items()}
        out += timed({member: score, **peers}, quick, limited=member)
        served.append(score)
        usual += list(peers.values())[:1]
    together = f"{len(served)} members"
    return out + timed({together: chain(served), f"{together} by the usual wrappers": chain(usual)}, quick)


def made(learner: Learner, columns: int, n: int) -> Rows:
    """Return ranks, a twentieth of them unknown, and outcomes with a little signal."""
    rng = np.random.default_rng(3)
    shape = (n, columns) if learner.lookback == 1 else (n, learner.lookback, columns)
    X = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    X[rng.random(shape) < 0.05] = np.nan
    last = X.reshape(n, -1, columns)[:, -1]
    y = 0.2 * np.nan_to_num(last[:, 0]) + 0.2 * np.nan_to_num(last[:, 1] * last[:, 2]) + rng.uniform(-0.5, 0.5, n)
    return Rows(X, y, np.ones(n), np.arange(n) // 500)


def call(predict: Predict, X: Matrix32) -> Call:
    return lambda start, size: predict(X[start : start + size])


def chain(calls: list[Call]) -> Call:
    return lambda start, size: [one(start, size) for one in calls]


def timed(calls: dict[str, Call], quick: bool, *, limited: str = "") -> list[Row]:
    """Return the median and the 99th percentile of each call, in turn so that a noisy moment hits all alike."""
    rows = []
    for size, repeats in CALLS.items():
        n = max(10, repeats // 10) if quick else repeats
        taken = np.empty((n, len(calls)))
        for one in calls.values():
            one(0, size)
        for i in range(n):
            for k, one in enumerate(calls.values()):
                start = time.thread_time()
                one((7 * i) % 3_400, size)
                taken[i, k] = 1e6 * (time.thread_time() - start)
        for name, times in zip(calls, taken.T, strict=True):
            what = f"{name}, {size} row{'s' * (size > 1)}"
            limit = LIMIT_US if name == limited and size == 1 else None
            rows += [
                Row(f"{what}, median", float(np.median(times)), "us", None, n),
                Row(f"{what}, 99th percentile", float(np.percentile(times, 99)), "us", limit, n),
            ]
    return rows


def lightgbm_peers(params: dict[str, Any], model: bytes, rows: Rows) -> dict[str, Predict]:
    import lightgbm

    booster = lightgbm.Booster(model_str=model.decode())
    rounds = params.pop("num_iterations")
    wrapper = lightgbm.LGBMRegressor(n_estimators=rounds, **params, verbosity=-1, num_threads=1).fit(rows.X, rows.y)
    return {
        "LGBMRegressor": wrapper.predict,
        "Booster.predict": lambda X: booster.predict(X, raw_score=True, num_threads=1),
    }


def xgboost_peers(_params: dict[str, Any], model: bytes, _rows: Rows) -> dict[str, Predict]:
    import xgboost

    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
    wrapper = xgboost.XGBRegressor(n_jobs=1)
    wrapper.load_model(bytearray(model))
    return {
        "XGBRegressor": wrapper.predict,
        "DMatrix": lambda X: booster.predict(xgboost.DMatrix(X, nthread=1)),
        "inplace_predict": booster.inplace_predict,
    }


def trees_peers(params: dict[str, Any], _model: bytes, rows: Rows) -> dict[str, Predict]:
    from sklearn.ensemble import ExtraTreesRegressor

    leaf = max(20, round(params.pop("min_share_leaf") * params["max_samples"]))
    forest = ExtraTreesRegressor(**params, min_samples_leaf=leaf, bootstrap=True, random_state=1, n_jobs=1)
    return {"ExtraTreesRegressor": forest.fit(rows.X, rows.y).predict}


def linear_peers(_params: dict[str, Any], _model: bytes, rows: Rows) -> dict[str, Predict]:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {"Ridge pipeline": make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(rows.X, rows.y).predict}


def lstm_peers(params: dict[str, Any], _model: bytes, rows: Rows) -> dict[str, Predict]:
    """A network of torch of the same size, its weights left as they start: they cost no less."""
    if find_spec("torch") is None:
        return {}
    import torch

    hidden = int(params["hidden"])
    torch.set_num_threads(1)
    network, head = torch.nn.LSTM(rows.X.shape[2], hidden, batch_first=True), torch.nn.Linear(hidden, 1)

    def predict(X: Matrix32) -> object:
        with torch.no_grad():
            return head(network(torch.from_numpy(np.nan_to_num(X)))[0][:, -1]).numpy()

    return {"torch": predict}


PEERS: dict[str, Callable[[dict[str, Any], bytes, Rows], dict[str, Predict]]] = {
    "lightgbm": lightgbm_peers,
    "xgboost": xgboost_peers,
    "trees": trees_peers,
    "linear": linear_peers,
    "lstm": lstm_peers,
}
"""By member: its libraries' own calls, the one a tutorial would show first."""
