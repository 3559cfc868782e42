"""The kernel of cross-sectional ranks."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.kernels import kernel
from vfr.typing import Matrix32

__all__ = ["rank_rows"]

_Keys: TypeAlias = NDArray[np.uint64]


def rank_rows(values: Matrix32, out: Matrix32) -> None:
    """Write the midranks of each row of [R x N] to `out`; NaN where unknown.

    A value and its column are packed into one whole number whose order is the value's, so that one plain sort finds
    both.
    """
    keys = _pack(values)
    keys.sort(axis=1)
    _unpack(keys, values, out)


@kernel
def _pack(values: Matrix32) -> _Keys:
    keys = np.empty(values.shape, dtype=np.uint64)
    last = np.uint64(0xFFFFFFFF)
    for r in range(values.shape[0]):
        bits = (values[r] + np.float32(0.0)).view(np.uint32)  # adding 0 turns -0 into 0
        for n in range(values.shape[1]):
            order = np.uint64(bits[n])
            order = last - order if order >> np.uint64(31) else order | np.uint64(0x80000000)
            if not np.isfinite(values[r, n]):
                order = last
            keys[r, n] = (order << np.uint64(32)) | np.uint64(n)
    return keys


@kernel
def _unpack(keys: _Keys, values: Matrix32, out: Matrix32) -> None:
    columns = values.shape[1]
    for r in range(values.shape[0]):
        known = 0
        for n in range(columns):
            known += np.isfinite(values[r, n])
        out[r, :] = np.nan
        first = 0
        while first < known:
            value = keys[r, first] >> np.uint64(32)
            last = first + 1
            while last < known and keys[r, last] >> np.uint64(32) == value:
                last += 1
            rank = 0.5 * (first + last) / known - 0.5
            for k in range(first, last):
                out[r, np.int64(keys[r, k] & np.uint64(0xFFFFFFFF))] = rank
            first = last
