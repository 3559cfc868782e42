"""The kernel that walks rows down flat trees; importing it loads numba.

Values are compared as whole numbers in the same order, an unknown one being the least or the greatest of all, so that a
step is one comparison. Two rows go down four trees at once and without a branch: a leaf leads to itself, so a step has
no condition to mispredict, and eight independent chains of look-ups hide each other's waiting.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.kernels import kernel
from vfr.typing import FloatArray, Matrix32

__all__ = ["add_leaves", "keys"]

_Whole: TypeAlias = NDArray[np.uint32]
_Keys: TypeAlias = NDArray[np.int32]
_Nodes: TypeAlias = tuple[_Whole, _Keys, _Whole]

_LEAST = np.int32(-(2**31))
_MOST = np.int32(2**31 - 1)


@kernel
def keys(X: Matrix32) -> _Keys:
    """Return whole numbers in the order of the values of rows [M x C], twice, [M x 2C]: NaN is the greatest, the least.

    No number, infinite ones included, is either.
    """
    rows, columns = X.shape
    found = np.empty((rows, 2 * columns), dtype=np.int32)
    for i in range(rows):
        bits = (X[i] + np.float32(0.0)).view(np.int32)  # adding 0 turns -0 into 0
        for c in range(columns):
            key = bits[c] if bits[c] >= 0 else bits[c] ^ _MOST
            unknown = np.isnan(X[i, c])
            found[i, c] = _MOST if unknown else key
            found[i, columns + c] = _LEAST if unknown else key
    return found


@kernel
def _next(row: _Keys, k: np.uint32, nodes: _Nodes) -> np.uint32:
    column, key, child = nodes
    return np.uint32(child[k] + np.uint32(row[column[k]] > key[k]))


@kernel
def add_leaves(
    rows: _Keys, nodes: _Nodes, value: FloatArray | Matrix32, root: _Whole, depth: _Whole, out: FloatArray | Matrix32
) -> None:
    """Add to `out`, shape (M,), the value of each row's leaf in every tree, in the order of the trees.

    `rows` are `keys`, and `nodes` column, key and child of `vfr.models.forest.Forest`, whose checks keep the walk
    inside the arrays; nothing is checked here. The number of trees is a multiple of four.
    """
    last = rows.shape[0] - 1
    for t in range(0, root.size, 4):
        deepest = max(depth[t], depth[t + 1], depth[t + 2], depth[t + 3])
        for i in range(0, last + 1, 2):
            one, other = rows[i], rows[min(i + 1, last)]
            a, b, c, d = root[t], root[t + 1], root[t + 2], root[t + 3]
            e, f, g, h = a, b, c, d
            for _ in range(deepest):
                a, e = _next(one, a, nodes), _next(other, e, nodes)
                b, f = _next(one, b, nodes), _next(other, f, nodes)
                c, g = _next(one, c, nodes), _next(other, g, nodes)
                d, h = _next(one, d, nodes), _next(other, h, nodes)
            _add(out, i, value, (a, b, c, d))
            if i < last:
                _add(out, i + 1, value, (e, f, g, h))


@kernel
def _add(out: FloatArray | Matrix32, i: int, value: FloatArray | Matrix32, leaves: tuple[np.uint32, ...]) -> None:
    a, b, c, d = leaves
    total = out[i] + value[a]
    total += value[b]
    total += value[c]
    total += value[d]
    out[i] = total
