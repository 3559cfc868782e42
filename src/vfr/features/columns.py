"""Work on the columns of a panel, shared between threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["shared"]

_PIECES: Final = 4
"""Pieces of work per thread: few enough to reuse memory, enough to even out."""


def shared(work: Callable[[tuple[int, int]], None], n_symbols: int) -> None:
    """Split columns between threads; the kernels release the interpreter lock.

    Plain threads instead of numba's own: those may not be entered by two threads of a server at once.
    """
    from concurrent.futures import ThreadPoolExecutor

    from numba import config

    from vfr.features.history import TILE

    threads = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]  # set when numba starts
    tiles = -(-n_symbols // TILE)
    many = tiles > _PIECES * threads
    size = TILE * (tiles // (_PIECES * threads)) if many else -(-n_symbols // threads)
    pieces = [(first, min(first + size, n_symbols)) for first in range(0, n_symbols, size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, pieces))
