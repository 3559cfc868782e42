"""Arrays on disk instead of in memory: what is read a row at a time, and can be computed again."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryFile
from typing import Any, Final, TypeVar, cast

import numpy as np

__all__ = ["on_disk"]

SPARE: Final = 2 << 30
"""Bytes of a disk that are left to everything else."""

_Array = TypeVar("_Array", bound="np.ndarray[Any, Any]")


def on_disk(folder: Path, spare: int = SPARE) -> Callable[[_Array], _Array]:
    """Return what puts arrays into files of a folder and maps them; a file goes when nobody maps it any more.

    Only the pages that are read take memory, and the system may have them back. The files have no name: nothing is left
    of them, however the process ends. It raises `OSError` where a disk would be left with less than `spare` bytes.

    Examples
    --------
    >>> from tempfile import gettempdir
    >>> on_disk(Path(gettempdir()), spare=0)(np.arange(4.0)).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    def keep(array: _Array) -> _Array:
        if not array.size:
            return array
        if disk_usage(folder).free < array.nbytes + spare:
            raise OSError(ENOSPC, "too little room is left on the disk")
        with TemporaryFile(dir=folder) as file:
            array.tofile(file)
            file.flush()
            pages = mmap.mmap(file.fileno(), array.nbytes, access=mmap.ACCESS_READ)
        return cast("_Array", np.frombuffer(pages, dtype=array.dtype).reshape(array.shape))

    return keep
