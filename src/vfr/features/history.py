"""From panels to each symbol's own bars, and sums over windows of them: what the kernels of all families share.

**Missing bars** (the rule of `vfr.indicators.bars`). A kernel sees a symbol's own bars: sessions on which every input
of its family is known, oldest first. A session without a bar is skipped: its features are unknown, and windows carry
on with the next bar, so that a return over one session after a gap of a day spans the gap. More than `MAX_GAP`
sessions without a bar end the history; a new one starts from nothing.

**Sums over windows** run inside blocks of `BLOCK` bars counted from the start of the history. A sum over up to `BLOCK`
bars is the rest of one block plus the beginning of the next. Unlike one running sum from the first bar on, it never
depends on more than the two blocks it touches: the last day is computed, bit for bit, from the last two blocks, and
rounding does not pile up over decades. Chunks and blocks are multiples of 20 because `cci` sums its ring in slot order.

**Recursions** (RSI, MACD, ADX, ATR) likewise run inside chunks of `CHUNK` bars, each started `WARM_UP` bars before it.
A start so long ago weighs less than rounding: (13/14)^520 is 2e-17.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray

__all__ = [
    "BLOCK",
    "CHUNK",
    "MAX_GAP",
    "REACH",
    "TILE",
    "WARM_UP",
    "block_start",
    "farthest",
    "gather",
    "run_ends",
    "span",
    "spans",
    "sums",
]

MAX_GAP: Final = 9
"""Sessions without a bar that a history survives: as in the technical factor, the tenth ends it."""

BLOCK: Final = 260
"""Bars between resets of the running sums; at least the longest window of a sum."""

CHUNK: Final = 4 * BLOCK
WARM_UP: Final = 2 * BLOCK
"""Bars a recursion runs for, and before it counts."""

REACH: Final = CHUNK + WARM_UP
"""Bars before the first one wanted that any kernel reads at most: a recursion does."""

TILE: Final = 8
"""Symbols read together: 8 columns of a panel are one cache line of each row."""


@kernel
def gather(field: FloatArray, column: int, width: int, out: FloatArray) -> None:
    """Copy the first rows of `width` columns of a panel to `out` [symbols x rows]: each symbol contiguous."""
    for t in range(out.shape[1]):
        for j in range(width):
            out[j, t] = field[t, column + j]


@kernel
def run_ends(rows: IntArray) -> IntArray:
    """Return the end (exclusive) of each history: a gap of more than `MAX_GAP` sessions ends one."""
    ends = np.empty(rows.size + 1, dtype=np.int64)
    count = 0
    unbroken = rows.size == 0 or rows[-1] - rows[0] <= rows.size - 1 + MAX_GAP
    for i in range(1, 0 if unbroken else rows.size):
        if rows[i] - rows[i - 1] > MAX_GAP + 1:
            ends[count] = i
            count += 1
    ends[count] = rows.size
    return ends[: count + 1] if rows.size else ends[:0]


@kernel
def block_start(first: int, lookback: int) -> int:
    """Return the bar from which a history must be read to know bar `first` with a lookback: a block's beginning."""
    return max(0, (first - lookback) // BLOCK * BLOCK)


@kernel
def sums(x: FloatArray) -> FloatArray:
    """Return running sums that restart every `BLOCK` bars, ``out[i]`` being that of the block up to bar i."""
    out = np.empty(x.size)
    total = 0.0
    for i in range(x.size):
        total = x[i] if i % BLOCK == 0 else total + x[i]
        out[i] = total
    return out


@kernel
def span(running: FloatArray, i: int, n: int) -> float:
    """Return the sum of the `n` <= `BLOCK` bars up to bar i from running sums; needs ``i >= n - 1``."""
    begin = i - n + 1
    edge = i // BLOCK * BLOCK
    if begin > edge:
        return float(running[i] - running[begin - 1])
    if begin == edge:
        return float(running[i])
    before = running[edge - 1] - (running[begin - 1] if begin % BLOCK else 0.0)
    return float(before + running[i])


@kernel
def spans(running: FloatArray, first: int, n: int) -> FloatArray:
    """Return `span` for every bar from ``max(first, n - 1)`` on, block by block; the others are left unset."""
    out = np.empty(running.size)
    for edge in range(first // BLOCK * BLOCK, running.size, BLOCK):
        begin, end = max(first, edge, n - 1), min(running.size, edge + BLOCK)
        crossing = min(edge + n - 1, end)
        before = running[edge - 1] if edge > 0 else 0.0
        for i in range(begin, crossing):
            out[i] = (before - running[i - n]) + running[i]
        if begin <= crossing < end:
            out[crossing] = running[crossing]
        for i in range(max(begin, crossing + 1), end):
            out[i] = running[i] - running[i - n]
    return out


@kernel
def farthest(x: FloatArray, first: int, n: int, sign: float) -> IntArray:
    """Return for each bar >= `first` the latest bar of the highest ``sign * x`` among the last `n`; -1 before.

    A monotone queue: one pass, whatever the window.
    """
    out = np.full(x.size, -1, dtype=np.int64)
    queue = np.empty(x.size, dtype=np.int64)
    head, tail = 0, 0
    for i in range(max(0, first - n + 1), x.size):
        while tail > head and sign * x[queue[tail - 1]] <= sign * x[i]:
            tail -= 1
        queue[tail] = i
        tail += 1
        if queue[head] <= i - n:
            head += 1
        if i >= first:
            out[i] = queue[head]
    return out
