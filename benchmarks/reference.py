"""The reference that machine learning here has to beat: a fixed recipe, apart from `vfr.features` and `vfr.models`.

    python -m benchmarks.reference --prices FILE --membership FILE --out scores.parquet

Sixty-four price and volume features as ranks within the session teach LightGBM and ridge the rank of the close-to-close
excess return; their ranks are averaged. The window expands, is refitted every year and forgets with a half-life of four
years; all names teach. Training labels that reach the test year are dropped, and as many sessions and one more are left
out before it. Scores are out of fold. The rank IC of each universe is printed; nothing was chosen by it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.reference_features import YEAR, features
from vfr.adapters.providers.prices import read_panel
from vfr.adapters.providers.universe_file import read_universe
from vfr.adapters.store.replace import replace_file
from vfr.data.universe import Listings, membership
from vfr.typing import HORIZONS
from vfr.validation.correlation import rank_ic
from vfr.validation.significance import newey_west, overlap_lag
from vfr.validation.splits import walk_forward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vfr.data.panel import Panel
    from vfr.typing import BoolArray, FloatArray, Horizon, IntArray, Matrix32
    from vfr.validation.splits import Fold

HALF_LIFE = 4 * YEAR
SHRINKAGE = 0.1
TREES = 200
PARAMS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 1000,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Market:
    """Prices, their ranked features [T x N x 64] and the index members [T x N], None where unknown."""

    panel: Panel
    ranks: Matrix32
    member: BoolArray | None


def ranked(values: FloatArray) -> FloatArray:
    """Return midranks between -0.5 and 0.5 within each row; NaN stays NaN."""
    from scipy.stats import rankdata

    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    place = rankdata(np.where(known, values, np.inf), axis=1)
    return np.where(known, (place - 0.5) / count - 0.5, np.nan)


def design(panel: Panel) -> Matrix32:
    """Return every feature as ranks within the session, [T x N x 64]."""
    return np.stack([ranked(values).astype(np.float32) for _, values in features(panel)], axis=-1)


def outcome(panel: Panel, h: int) -> FloatArray:
    """Return the return from the close of t to that of t+h; the excess over any median has the same ranks."""
    close = panel.adj_close
    out = np.full(close.shape, np.nan)
    out[:-h] = close[h:] / close[:-h] - 1
    return out


def folds(panel: Panel, h: int, start: int) -> tuple[Fold, ...]:
    """Return yearly refits whose labels end h + 1 sessions and more before the year they score."""
    first = np.datetime64(f"{start}-01-01")
    return walk_forward(panel.sessions, h, min_train=3 * YEAR, embargo=h + 1, first=first)


def scores(
    panel: Panel,
    ranks: Matrix32,
    h: int,
    refits: tuple[Fold, ...],
    *,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> FloatArray:
    """Return the out-of-fold score of every listed name, [T x N] between -0.5 and 0.5, NaN elsewhere."""
    target = ranked(outcome(panel, h))
    listed = np.isfinite(panel.adj_close)
    out = np.full(panel.shape, np.nan)
    for fold in refits:
        started = time.perf_counter()
        # Neighbouring sessions share most of a longer outcome: every second one teaches the same in half the time.
        rows = fold.train[::-1][:: min(h, 2)][::-1]
        r, n = np.nonzero(np.isfinite(target[rows]))
        r = rows[r]
        weight = 0.5 ** ((fold.train[-1] - r) / HALF_LIFE)
        models = (_trees(ranks[r, n], target[r, n], weight, seed), _ridge(ranks, r, n, target[r, n], weight))
        known, rows_seen = listed[fold.test], ranks[fold.test]
        parts = []
        for model in models:
            grid = np.full(known.shape, np.nan)
            grid[known] = model(rows_seen[known])
            parts.append(ranked(grid))
        out[fold.test] = ranked(np.mean(parts, axis=0))
        tell(f"{fold.name}: {r.size:,} rows, {time.perf_counter() - started:.1f} s")
    return out


def _trees(X: Matrix32, y: FloatArray, weight: FloatArray, seed: int) -> Callable[[Matrix32], FloatArray]:
    import lightgbm

    settings = PARAMS | {"seed": seed}
    data = lightgbm.Dataset(X, label=y, weight=weight, params=settings)
    booster = lightgbm.train(settings, data, num_boost_round=TREES)
    return lambda rows: np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64)


def _ridge(
    ranks: Matrix32, r: IntArray, n: IntArray, y: FloatArray, weight: FloatArray
) -> Callable[[Matrix32], FloatArray]:
    """Fit ridge on ranks, 0 (the middle) where unknown; a tenth of the mean diagonal is added to the diagonal."""
    from threadpoolctl import threadpool_limits

    k = ranks.shape[2]
    square, moment = np.zeros((k, k)), np.zeros(k)
    with threadpool_limits(limits=1, user_api="blas"):
        for piece in np.array_split(np.arange(r.size), r.size // 100_000 + 1):
            X = np.nan_to_num(ranks[r[piece], n[piece]].astype(np.float64))
            weighted = X.T * weight[piece]
            square += weighted @ X
            moment += weighted @ y[piece]
        slopes = np.linalg.solve(square + SHRINKAGE * np.trace(square) / k * np.eye(k), moment)
    return lambda rows: (np.nan_to_num(rows.astype(np.float64)) * slopes).sum(axis=1)


def universes(market: Market) -> dict[str, BoolArray]:
    """Return the cells of each universe."""
    every = np.ones(market.panel.shape, dtype=bool)
    if market.member is None:
        return {"all": every}
    return {"members at t": market.member, "all (biased)": every, "non-members at t (biased)": ~market.member}


def table(market: Market, found: Mapping[Horizon, FloatArray]) -> str:
    """Return rank IC (Newey-West t), close to close, by universe and horizon, as Markdown."""
    lines = ["| rank IC (t), close to close | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for name, cells in universes(market).items():
        figures = []
        for horizon, score in found.items():
            h = HORIZONS[horizon]
            test = newey_west(rank_ic(score, outcome(market.panel, h), cells), overlap_lag(h))
            figures.append(f"{test.mean:.4f} ({test.t:.1f})")
        lines.append(f"| {name} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def read(prices: Path, members: Path | None, end: np.datetime64) -> Market:
    """Read a price file and, perhaps, a membership file; nothing after `end` is kept."""
    whole, _, _ = read_panel(prices)
    stop = int(np.searchsorted(whole.sessions, end, side="right"))
    panel = whole.rows(0, stop)
    if members is None:
        return Market(panel, design(panel), None)
    intervals = read_universe(members).intervals
    symbols = [symbol for symbol, _, _ in intervals]
    begin, leave = (np.array([one[k] for one in intervals], dtype="datetime64[D]") for k in (1, 2))
    member = membership("index", symbols, begin, leave, Listings.of(whole)).member[:stop]
    return Market(panel, design(panel), member)


def write(path: Path, panel: Panel, found: Mapping[Horizon, FloatArray]) -> None:
    """Write date, symbol, horizon and score as parquet, whole or not at all."""
    import polars as pl

    frames = []
    for horizon, score in found.items():
        t, n = np.nonzero(np.isfinite(score))
        symbol = pl.Series(panel.symbols).gather(n.astype(np.uint32))
        frames.append(
            pl.DataFrame({"date": panel.sessions[t], "symbol": symbol, "score": score[t, n]}).with_columns(
                horizon=pl.lit(horizon)
            )
        )
    content = BytesIO()
    pl.concat(frames).select("date", "symbol", "horizon", "score").write_parquet(content, compression="zstd")
    replace_file(path, content.getvalue())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference", description="Score by the fixed reference.")
    parser.add_argument("--prices", type=Path, required=True, help="price file, parquet or CSV")
    parser.add_argument("--membership", type=Path, help="symbol, start_date, end_date of the index")
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write")
    parser.add_argument("--horizons", default=",".join(HORIZONS), help="of 1d,7d,30d; all by default")
    parser.add_argument("--start", type=int, default=2010, help="first year scored")
    parser.add_argument("--end", default="2017-12-31", help="no price after this day is used")
    chosen = parser.parse_args(arguments)
    horizons: list[Horizon] = [h for h in HORIZONS if h in chosen.horizons.split(",")]
    if len(horizons) != len(chosen.horizons.split(",")):
        parser.error(f"--horizons: choose from {', '.join(HORIZONS)}")
    market = read(chosen.prices, chosen.membership, np.datetime64(chosen.end))
    print(f"{market.ranks.shape[2]} features ranked", file=sys.stderr, flush=True)
    found: dict[Horizon, FloatArray] = {}
    for horizon in horizons:
        h = HORIZONS[horizon]
        refits = folds(market.panel, h, chosen.start)
        if not refits:
            parser.error(f"{horizon}: no year from {chosen.start} on has three years of outcomes before it")

        def tell(line: str, horizon: Horizon = horizon) -> None:
            print(f"{horizon} {line}", file=sys.stderr, flush=True)

        found[horizon] = scores(market.panel, market.ranks, h, refits, tell=tell)
    write(chosen.out, market.panel, found)
    print(table(market, found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
