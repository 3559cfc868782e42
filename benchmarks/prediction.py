"""One session's predictions: LightGBM on 480 rows of as many features as are registered, one thread."""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Row, medians
from vfr.features.registry import FEATURES

ROWS = 480


def measure(quick: bool) -> list[Row]:
    import lightgbm

    rng = np.random.default_rng(3)
    X = rng.normal(size=(20_000, len(FEATURES))).astype(np.float32)
    y = X[:, 0] + rng.normal(size=X.shape[0])
    params = {"num_leaves": 31, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1, "seed": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=50 if quick else 300)
    repeats = 5 if quick else 31
    one, many = medians(
        repeats,
        lambda: booster.predict(X[:1], num_threads=1),
        lambda: booster.predict(X[:ROWS], num_threads=1),
    )
    return [
        Row("lightgbm, 1 row", one, "ms", 10.0, repeats),
        Row(f"lightgbm, {ROWS} rows", many, "ms", None, repeats),
    ]
