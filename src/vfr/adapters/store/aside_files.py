"""Arrays on disk instead of in memory: what is read a row at a time, and can be computed again."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from vfr.typing import FloatArray

__all__ = ["on_disk"]


def on_disk(folder: Path) -> Callable[[FloatArray], FloatArray]:
    """Return what puts arrays into files of a folder and maps them; a file goes when nobody maps it any more.

    Only the pages that are read take memory, and the system may have them back. The files have no name: nothing is left
    of them, however the process ends.

    Examples
    --------
    >>> from tempfile import gettempdir
    >>> on_disk(Path(gettempdir()))(np.arange(4.0)).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    def keep(array: FloatArray) -> FloatArray:
        if not array.size:
            return array
        with TemporaryFile(dir=folder) as file:
            array.tofile(file)
            file.flush()
            pages = mmap.mmap(file.fileno(), array.nbytes, access=mmap.ACCESS_READ)
        return np.frombuffer(pages, dtype=array.dtype).reshape(array.shape)

    return keep
