"""Kernels on volume: how much is traded against habit, and what a trade does to the price. Catalogue order."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.features.history import block_start, span, sums
from vfr.indicators.volume import obv_trend, volume_rank
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_FEATURES", "trading"]

N_FEATURES: Final = 11

_YEAR: Final = 252
_QUARTER: Final = 63
_MONTH: Final = 21
_RANK: Final = 50
_STILL: Final = 1e-12
"""Variance of daily returns, and relative variance of volume, below which nothing moved."""


@kernel
def trading(
    close: FloatArray,
    adj_close: FloatArray,
    volume: FloatArray,
    rows: IntArray,
    first: int,
    start: int,
    out: Matrix32,
) -> None:
    """Compute the family on one history; see `closes` for the parameters."""
    offset = block_start(first, _YEAR + 1)
    own = rows[offset:]
    c, adj, v = close[own], adj_close[own], volume[own]
    r = np.zeros(own.size)
    for i in range(1, own.size):
        r[i] = adj[i] / adj[i - 1] - 1.0
    if offset > 0:
        r[0] = adj[0] / adj_close[rows[offset - 1]] - 1.0
    at, first = own - start, first - offset
    s_v = sums(v)
    _habit(v, s_v, offset, at, first, out)
    _liquidity(r, c * v, v, offset, at, first, out)
    _together(r, v, s_v, offset, at, first, out[8])
    begin = max(0, first - _RANK)
    value = np.empty(own.size - begin)
    obv_trend(adj[begin:], v[begin:], _MONTH, value)
    for i in range(first, own.size):
        out[9, at[i]] = value[i - begin]
    volume_rank(v[begin:], _RANK, value)
    for i in range(first, own.size):
        out[10, at[i]] = value[i - begin]


@kernel
def _log_ratio(a: float, b: float) -> float:
    """Return the log of a / b; unknown where either is not positive."""
    return float(np.log(a / b)) if a > 0.0 and b > 0.0 else np.nan


@kernel
def _habit(v: FloatArray, s_v: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    s_vv = sums(v * v)
    for i in range(first, v.size):
        bars = offset + i + 1
        if bars >= _MONTH:
            out[0, at[i]] = _log_ratio(v[i], span(s_v, i, _MONTH) / _MONTH)
        if bars >= _QUARTER:
            mean = span(s_v, i, _QUARTER) / _QUARTER
            out[1, at[i]] = _log_ratio(span(s_v, i, 5) / 5, mean)
            if mean > 0.0:
                variance = span(s_vv, i, _QUARTER) / _QUARTER - mean * mean
                out[4, at[i]] = np.sqrt(max(variance, 0.0)) / mean
        if bars >= _YEAR:
            out[2, at[i]] = _log_ratio(span(s_v, i, _MONTH) / _MONTH, span(s_v, i, _YEAR) / _YEAR)


@kernel
def _liquidity(
    r: FloatArray, usd: FloatArray, v: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    """Write dollar volume, Amihud's price impact over days with trades, and the share of days without."""
    impact = np.zeros(r.size)
    for i in range(r.size):
        if usd[i] > 0.0:
            impact[i] = abs(r[i]) / usd[i]
    s_usd, s_impact, traded = sums(usd), sums(impact), sums((v > 0.0).astype(np.float64))
    for i in range(first, r.size):
        bars = offset + i + 1
        if bars >= _QUARTER:
            out[3, at[i]] = _log_ratio(span(s_usd, i, _QUARTER) / _QUARTER, 1.0)
        if bars > _MONTH:
            out[5, at[i]] = _log_ratio(span(s_impact, i, _MONTH), span(traded, i, _MONTH))
        if bars > _YEAR:
            days = span(traded, i, _YEAR)
            out[6, at[i]] = _log_ratio(span(s_impact, i, _YEAR), days)
            out[7, at[i]] = 1.0 - days / _YEAR


@kernel
def _together(
    r: FloatArray, v: FloatArray, s_v: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    """Write the correlation of returns with volume; unknown where either hardly moves."""
    n = _MONTH
    s_r, s_rr, s_vv, s_rv = sums(r), sums(r * r), sums(v * v), sums(r * v)
    for i in range(max(first, n - offset), r.size):
        mean_r, mean_v = span(s_r, i, n) / n, span(s_v, i, n) / n
        var_r = span(s_rr, i, n) / n - mean_r * mean_r
        var_v = span(s_vv, i, n) / n - mean_v * mean_v
        if var_r > _STILL and var_v > _STILL * mean_v * mean_v:
            out[at[i]] = (span(s_rv, i, n) / n - mean_r * mean_v) / np.sqrt(var_r * var_v)
