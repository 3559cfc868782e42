"""Data sets as folders: ``HOME/datasets/<name>/<version>-<build>/``, with a pointer file per name and one for all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from zipfile import BadZipFile

from vfr.adapters.store.board_files import read_board, write_board
from vfr.adapters.store.publishing import (
    TEMPORARY,
    prune,
    publish_folder,
    read_manifest,
    replace_text,
    single_writer,
    sweep,
    verify_folder,
)
from vfr.data.quality import QualityReport
from vfr.errors import DataError, DatasetCorrupt, ImportRejected, NoData, UnknownDataset
from vfr.workflows.datasets import DatasetInfo, checked_name

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board

__all__ = ["DirectoryDatasets"]

_KEPT: Final = 2
_POINTER: Final = "current"
_T = TypeVar("_T")
_Sign: TypeAlias = tuple[str, int, int, int]


class DirectoryDatasets:
    """Data sets under a data home.

    Parameters
    ----------
    home : Path
        The data home; ``datasets`` is made inside it at the first publish.

    Notes
    -----
    Publishing writes to a temporary folder, syncs it, renames it, and then replaces the pointers one after the other:
    a killed writer leaves the previous version in place, and the next one removes what it left. One writer at a time;
    readers need no lock. The last two versions of a name are kept.
    """

    def __init__(self, home: Path) -> None:
        self._root = home / "datasets"
        self._stamped: tuple[tuple[_Sign, ...], str | None] = ((), None)

    def publish(self, snapshot: Snapshot, quality: QualityReport, board: Board, *, make_current: bool = True) -> str:
        """Store a data set under its name, make it current if wanted, and return its version; all or nothing.

        Raises
        ------
        InvalidField
            If the snapshot's name is not lower-case letters, digits, ``-`` and ``_``.
        DataError
            If the disk is full or the data home cannot be written.
        """
        folder = self._root / checked_name(snapshot.name)
        try:
            self._publish(folder, snapshot, quality, board, make_current=make_current)
        except OSError as error:
            why = error.strerror or "a file was cut short: is the disk full?"  # NumPy drops the system's words.
            raise DataError(f"the data home cannot be written ({why}); the data in it is unchanged") from error
        return snapshot.version

    def _publish(
        self, folder: Path, snapshot: Snapshot, quality: QualityReport, board: Board, *, make_current: bool
    ) -> None:
        from vfr.adapters.store.snapshot_files import write_snapshot
        from vfr.adapters.store.tables import write_tables

        with single_writer(self._root):
            folder.mkdir(exist_ok=True)
            sweep(folder)
            work = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
            try:
                write_snapshot(work, snapshot)
                write_tables(work, snapshot)
                write_board(work, board)
                (work / "quality.json").write_text(json.dumps(quality.to_dict()), encoding="utf-8")
                build = publish_folder(work, folder, _facts(snapshot))
            finally:
                shutil.rmtree(work, ignore_errors=True)
            replace_text(folder / _POINTER, build)
            if make_current:
                replace_text(self._root / _POINTER, snapshot.name)
            prune(folder, build, _KEPT)

    def names(self) -> list[DatasetInfo]:
        """Return every data set, by name; a damaged one says so in its `problem`."""
        if not self._root.is_dir():
            return []
        current = self.current()
        folders = sorted(p for p in self._root.iterdir() if (p / _POINTER).is_file())
        return [self._info(p.name, current=p.name == current) for p in folders]

    def current(self) -> str | None:
        """Return the name of the current data set, None if there is none."""
        return _pointed(self._root)

    def stamp(self) -> str | None:
        """Return name and build of the current data set: two small files, read again once they have been replaced."""
        signs, stamp = self._stamped
        if not signs or tuple(_sign(path) for path, *_ in signs) != signs:
            pointer = f"{self._root}/{_POINTER}"
            seen = [_sign(pointer)]
            name = self.current()
            if name is not None:
                seen.append(_sign(f"{self._root}/{checked_name(name)}/{_POINTER}"))
            build = name and _pointed(self._root / checked_name(name))
            stamp = f"{name}/{build}" if build else None
            self._stamped = tuple(seen), stamp
        return stamp

    def use(self, name: str) -> None:
        """Make a data set current.

        Raises
        ------
        UnknownDataset
            If there is no data set of that name.
        """
        self._manifest(name)
        with single_writer(self._root):
            replace_text(self._root / _POINTER, name)

    def snapshot(self, name: str | None = None, symbols: Sequence[str] | None = None) -> Snapshot:
        """Return everything a data set holds, or everything about some symbols; see `DatasetStore`.

        Price arrays of a whole data set are mapped from disk, not copied; a few symbols are read in milliseconds.

        Raises
        ------
        NoData, UnknownDataset, DatasetCorrupt
            If there is no data set, none of that name, or it fails its checks.
        UnknownSymbol
            If it lacks one of the symbols.
        """
        from vfr.adapters.store.snapshot_files import read_snapshot

        return self._read(
            name, lambda folder, title, version: read_snapshot(folder, name=title, version=version, symbols=symbols)
        )

    def board(self, name: str | None = None) -> Board:
        """Return the prepared last row of a data set, with numpy and JSON alone.

        Raises
        ------
        NoData, UnknownDataset, DatasetCorrupt
            If there is no data set, none of that name, or it fails its checks.
        """
        return self._read(name, lambda folder, title, version: read_board(folder, name=title, version=version))

    def quality(self, name: str | None = None) -> QualityReport:
        """Return what the import of a data set found.

        Raises
        ------
        NoData, UnknownDataset, DatasetCorrupt
            If there is no data set, none of that name, or it fails its checks.
        """
        return self._read(
            name,
            lambda folder, _title, _version: QualityReport.from_dict(
                json.loads((folder / "quality.json").read_text(encoding="utf-8"))
            ),
        )

    def verify(self, name: str | None = None) -> list[str]:
        """Return the files of a data set whose content differs from its manifest, reading every byte."""
        folder, _ = self._manifest(self._chosen(name))
        return verify_folder(folder)

    def _read(self, name: str | None, read: Callable[[Path, str, str], _T]) -> _T:
        chosen = self._chosen(name)
        folder, manifest = self._manifest(chosen)
        try:
            return read(folder, chosen, str(manifest["version"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error, ImportRejected) as error:
            raise DatasetCorrupt(f"data set {chosen}: a file cannot be read; import the data again") from error

    def _chosen(self, name: str | None) -> str:
        chosen = name or self.current()
        if chosen is None:
            raise NoData("no data set is installed; run any command once, or `vfr data import DIR`")
        return chosen

    def _info(self, name: str, *, current: bool) -> DatasetInfo:
        try:
            manifest = self._manifest(name)[1]
            kept = {key: manifest[key] for key in ("version", "sessions", "symbols", "first", "last", "adjustment")}
            return DatasetInfo(name=name, current=current, inputs=tuple(manifest["inputs"]), **kept)
        except (DatasetCorrupt, KeyError) as error:
            return DatasetInfo(name, "", current, 0, 0, "", "", "", (), problem=str(error))

    def _manifest(self, name: str) -> tuple[Path, dict[str, Any]]:
        folder = self._root / checked_name(name)
        build = _pointed(folder)
        if build is None:
            if name == self.current():
                raise NoData(f"the current data set, {name}, is gone; `vfr data use NAME` chooses another")
            raise UnknownDataset(f"there is no data set named {name}; `vfr data list` lists them")
        return folder / build, read_manifest(folder / build, what=name)


def _pointed(folder: Path) -> str | None:
    try:
        return (folder / _POINTER).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _sign(path: str) -> _Sign:
    """Return what is different once a file has been replaced by another one."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked by every request, and a Path costs more than the question
    except OSError:
        return path, 0, 0, 0
    return path, status.st_ino, status.st_mtime_ns, status.st_size


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    kinds = ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings")
    return {
        "name": snapshot.name,
        "version": snapshot.version,
        "sessions": snapshot.panel.shape[0],
        "symbols": snapshot.panel.shape[1],
        "first": str(snapshot.sessions[0]),
        "last": str(snapshot.sessions[-1]),
        "adjustment": snapshot.panel.adjustment,
        "inputs": [kind for kind in kinds if getattr(snapshot, kind) is not None],
    }
