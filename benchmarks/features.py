"""All features: whole panels, the daily update, and the same features in pandas."""

from __future__ import annotations

import numpy as np

from benchmarks import pandas_features
from benchmarks.measure import Row, medians
from vfr.data import synthetic
from vfr.data.snapshot import Snapshot
from vfr.factors.compute import compute_board
from vfr.features import compute
from vfr.features.ranks import cross_sectional
from vfr.features.registry import FEATURES


def panel(n_symbols: int, n_sessions: int) -> Snapshot:
    return synthetic.snapshot(np.random.default_rng(7), n_sessions=n_sessions, n_symbols=n_symbols)


def measure(quick: bool) -> list[Row]:
    big, small = (panel(60, 700), panel(10, 700)) if quick else (panel(500, 2520), panel(25, 2520))
    compute(small)  # compile, or load what was compiled
    rows = _against_pandas(big, 1 if quick else 2)
    repeats = 3 if quick else 7
    (of_small,) = medians(repeats, lambda: compute(small))
    rows.append(Row(_size("all features", small), of_small, "ms", 60.0, repeats))
    matrix = compute(big, slice(-21, None))
    (ranks,) = medians(repeats, lambda: cross_sectional(matrix.values))
    rows.append(Row(f"ranks of {len(FEATURES)} features, 21 sessions x {len(big.symbols)}", ranks, "ms", None, repeats))
    (board,) = medians(3, lambda: compute_board(big))
    rows.append(Row(_size("factor board of the last session", big), board, "ms", None, 3))
    day = big.sessions[big.sessions.size // 2]
    (past,) = medians(3, lambda: compute_board(big.upto(day)))
    rows.append(Row(_size("factor board as of half way", big), past, "ms", None, 3))
    return rows


def _against_pandas(snapshot: Snapshot, peer_repeats: int) -> list[Row]:
    last = slice(snapshot.sessions.size - 1, None)
    repeats = 5
    full, update = medians(repeats, lambda: compute(snapshot), lambda: compute(snapshot, last))
    (peer,) = medians(peer_repeats, lambda: pandas_features.compute(snapshot))
    return [
        Row(_size("all features", snapshot), full, "ms", 1500.0, repeats),
        Row(_size("last session", snapshot), update, "ms", None, repeats),
        Row("last session against all", full / update, "times faster", 10.0, repeats),
        Row(_size("the same without statements and macro, pandas groupby", snapshot), peer, "ms", None, peer_repeats),
        Row("all features against pandas groupby", peer / full, "times faster", 10.0, peer_repeats),
    ]


def _size(what: str, snapshot: Snapshot) -> str:
    sessions, symbols = snapshot.panel.shape
    return f"{what}, {symbols} symbols x {sessions} sessions"
