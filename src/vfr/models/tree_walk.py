"""The kernel that walks rows down flat trees; importing it loads numba.

Four trees are walked at once and without a branch: a leaf leads to itself, so a step has no condition to mispredict,
and four independent chains of look-ups hide each other's waiting.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vfr.typing import BoolArray, FloatArray, Matrix32

__all__ = ["add_leaves"]

_Whole: TypeAlias = NDArray[np.uint32]
_Nodes: TypeAlias = tuple[_Whole, Matrix32, BoolArray, _Whole]


@njit(cache=True, nogil=True)
def _next(row: Matrix32, k: np.uint32, nodes: _Nodes) -> np.uint32:
    column, threshold, missing_left, child = nodes
    x = row[column[k]]
    left = (x <= threshold[k]) | (np.isnan(x) & missing_left[k])
    return np.uint32(child[k] + np.uint32(not left))


@njit(cache=True, nogil=True)
def add_leaves(
    X: Matrix32, nodes: _Nodes, value: FloatArray | Matrix32, root: _Whole, depth: _Whole, out: FloatArray | Matrix32
) -> None:
    """Add to `out`, shape (M,), the value of each row's leaf in every tree, in the order of the trees.

    `nodes` are column, threshold, missing_left and child of `vfr.models.forest.Forest`, whose checks keep the walk
    inside the arrays; nothing is checked here. The number of trees is a multiple of four.
    """
    for t in range(0, root.size, 4):
        deepest = max(depth[t], depth[t + 1], depth[t + 2], depth[t + 3])
        for i in range(X.shape[0]):
            row = X[i]
            a, b, c, d = root[t], root[t + 1], root[t + 2], root[t + 3]
            for _ in range(deepest):
                a = _next(row, a, nodes)
                b = _next(row, b, nodes)
                c = _next(row, c, nodes)
                d = _next(row, d, nodes)
            total = out[i] + value[a]
            total += value[b]
            total += value[c]
            total += value[d]
            out[i] = total
