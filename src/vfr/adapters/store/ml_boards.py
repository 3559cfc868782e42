"""Scoreboards of machine learning as folders of one array and one JSON file, mapped by every process that reads them.

::

    HOME/scoreboards/<name>/current                          a pointer: the folder below that is current
    HOME/scoreboards/<name>/<version>-<build>/predictions.npy   [K x 5 x N] float64: what K members said of N symbols
    HOME/scoreboards/<name>/<version>-<build>/board.json        everything else
    HOME/scoreboards/<name>/<version>-<build>/manifest.json     sizes and sha256 of both

The folder is whole before the pointer names it. The last two are kept: whoever still maps an older one keeps its pages.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from vfr.adapters.store.ml_board_plain import BoardPlain, board_of, board_plain
from vfr.adapters.store.publishing import (
    TEMPORARY,
    prune,
    publish_folder,
    replace_text,
    single_writer,
    sweep,
    verify_folder,
)
from vfr.errors import DatasetCorrupt
from vfr.workflows.datasets import checked_name
from vfr.workflows.ml_board import MlBoard

__all__ = ["DirectoryMlBoards"]

_KEPT: Final = 2
_POINTER: Final = "current"
_POINTER_BYTES: Final = 256


def _quiet(why: str) -> None:
    """Keep no log."""


class DirectoryMlBoards:
    """Scoreboards under a data home; implements `vfr.workflows.ml_board.MlBoardStore`.

    Parameters
    ----------
    home : Path
        Data home.
    refused : callable
        Told why a board that is there is not used, in a sentence, once for each reading.
    """

    def __init__(self, home: Path, refused: Callable[[str], None] = _quiet) -> None:
        self._root = home / "scoreboards"
        self._refused = refused
        self._pointers: dict[str, str] = {}

    @property
    def root(self) -> Path:
        """Folder of all boards."""
        return self._root

    def publish(self, board: MlBoard) -> None:
        """Put a board in the place of the one before; all or nothing, whenever the writer is killed.

        Raises
        ------
        OSError
            If the data home cannot be written.
        """
        folder = self._root / checked_name(board.universe.data_name)
        plain, predictions = board_plain(board)
        with single_writer(folder):
            sweep(folder)
            work = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
            try:
                np.save(work / "predictions.npy", predictions, allow_pickle=False)
                (work / "board.json").write_bytes(msgspec.json.encode(plain))
                build = publish_folder(work, folder, {"version": board.universe.data_version})
            finally:
                shutil.rmtree(work, ignore_errors=True)
            replace_text(folder / _POINTER, build)
            prune(folder, build, _KEPT)

    def latest(self, data_name: str) -> MlBoard | None:
        """Return the board of a data set; None where there is none that is whole and of this format."""
        folder = self._root / checked_name(data_name)
        if not (folder / _POINTER).exists():
            return None
        try:
            return _read(folder, data_name)
        except DatasetCorrupt as error:
            why = error.message
        except (OSError, ValueError, LookupError, TypeError, EOFError, msgspec.MsgspecError):
            why = "it is no board that this version of VFR can read"
        self._refused(f"the scoreboard of {data_name} is not used: {why}; the next refresh makes it again")
        return None

    def stamp(self, data_name: str) -> Hashable:
        """Return a key that changes whenever `latest` may: one file is asked for its inode and time."""
        path = self._pointers.get(data_name)
        if path is None:
            path = self._pointers[data_name] = str(self._root / checked_name(data_name) / _POINTER)
        try:
            stat = os.stat(path)  # noqa: PTH116 - asked at every request, and a path object takes three times as long
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino


def _read(folder: Path, data_name: str) -> MlBoard:
    with (folder / _POINTER).open(encoding="utf-8") as pointer:
        build = pointer.read(_POINTER_BYTES).strip()
    if not build or Path(build).name != build:
        raise DatasetCorrupt("its pointer names no folder")
    changed = verify_folder(folder / build)
    if changed:
        raise DatasetCorrupt(f"{changed[0]} is damaged")
    plain = msgspec.json.decode((folder / build / "board.json").read_bytes(), type=BoardPlain)
    # An empty file cannot be mapped.
    block = np.load(folder / build / "predictions.npy", mmap_mode="r" if plain.predictions else None)
    board = board_of(plain, np.asarray(block))
    if board.universe.data_name != data_name:
        raise DatasetCorrupt(f"it is of {board.universe.data_name}")
    return board
