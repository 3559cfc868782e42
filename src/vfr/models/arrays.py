"""Arrays of floats as npy bytes, read without trusting what their header promises."""

from __future__ import annotations

import io
from math import prod
from typing import Final

import numpy as np

from vfr.typing import FloatArray, Matrix32

__all__ = ["npy_bytes", "read_npy"]

_KINDS: Final = (np.dtype("<f4"), np.dtype("<f8"))


def npy_bytes(array: Matrix32 | FloatArray) -> bytes:
    """Return an array as npy bytes; equal arrays give equal bytes.

    Examples
    --------
    >>> read_npy(npy_bytes(np.array([1.0, np.nan]))).tolist()
    [1.0, nan]
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_npy(blob: bytes) -> FloatArray | Matrix32:
    """Read an array of 32- or 64-bit floats; the header is held to the bytes there are before memory is reserved.

    Raises
    ------
    ValueError
        If the bytes are anything else: a pickle, an archive, another kind of array, more or less than promised.
    """
    buffer = io.BytesIO(blob)
    if np.lib.format.read_magic(buffer) != (1, 0):
        raise ValueError("not the form that is written")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(buffer)
    rest = blob[buffer.tell() :]
    if kind not in _KINDS or fortran or len(rest) != kind.itemsize * prod(shape):
        raise ValueError("not an array of floats")
    return np.asarray(np.frombuffer(rest, dtype=kind).reshape(shape))
