"""Files by name under a root, local or remote: whole ones only, each written in one step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from vfr.adapters.store.replace import replace_file
from vfr.errors import SettingsError
from vfr.workflows.archive import Held

__all__ = ["LocalObjects", "Lock", "Objects", "RemoteObjects", "open_objects"]

Lock: TypeAlias = Callable[[str], AbstractContextManager[Held]]
"""Gives the only writer's lock of a name, which can be asked whether it is held still."""


class Objects(Protocol):
    """Named files. A reader sees a file whole or not at all."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file in one step."""
        ...

    def get(self, name: str) -> bytes:
        """Return a file's content; `FileNotFoundError` if there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, sorted; empty if there is none."""
        ...

    def folders(self) -> list[str]:
        """Return the names of the folders under the root, sorted; empty if there is none."""
        ...

    def modified(self, name: str) -> datetime | None:
        """Return when a file was written, aware; None if there is none or nobody knows."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...


class LocalObjects:
    """Files under a local folder, made at the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, data: bytes) -> None:
        """Write beside the target, flush to disk, rename over it."""
        replace_file(self._root / name, data)

    def get(self, name: str) -> bytes:
        """Return a file's content."""
        return (self._root / name).read_bytes()

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder; a killed writer's leftovers begin with a dot."""
        try:
            return sorted(path.name for path in (self._root / folder).iterdir() if path.is_file())
        except FileNotFoundError:
            return []

    def folders(self) -> list[str]:
        """Return the names of the folders under the root."""
        try:
            return sorted(path.name for path in self._root.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last written, by the clock of its file system."""
        try:
            return datetime.fromtimestamp((self._root / name).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._root / name).unlink(missing_ok=True)


class RemoteObjects:
    """Files of an fsspec file system; a put is one upload, which object stores show whole or not at all."""

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        self._root = root.rstrip("/")

    def put(self, name: str, data: bytes) -> None:
        """Upload a file."""
        path = self._path(name)
        self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        self._files.pipe_file(path, data)

    def get(self, name: str) -> bytes:
        """Download a file."""
        return bytes(self._files.cat_file(self._path(name)))

    def names(self, folder: str) -> list[str]:
        """List a folder, past any listing held in memory."""
        return self._listed(self._path(folder), "file")

    def folders(self) -> list[str]:
        """List the folders under the root, past any listing held in memory."""
        return self._listed(self._root, "directory")

    def modified(self, name: str) -> datetime | None:
        """Return when a file was uploaded, by the clock of the store."""
        try:
            found = self._files.modified(self._path(name))
        except (FileNotFoundError, NotImplementedError):
            return None
        if not isinstance(found, datetime):
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def _listed(self, path: str, kind: str) -> list[str]:
        self._files.invalidate_cache(path)
        try:
            found = self._files.ls(path, detail=True)
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rstrip("/").rsplit("/", 1)[1] for entry in found if entry["type"] == kind)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self._files.exists(self._path(name)):
            self._files.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def open_objects(url: str) -> Objects:
    """Return the files under a folder or an fsspec URL.

    Raises
    ------
    SettingsError
        If the URL's protocol is unknown or its package is not installed.
    """
    if "://" not in url or url.startswith("file://"):
        return LocalObjects(Path(url.removeprefix("file://")).expanduser())
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(url)
    except ImportError as error:
        raise SettingsError(
            f"VFR_ARCHIVE_URL: {url.split(':', 1)[0]} needs a package; install VFR with its extra `s3`, "
            "or what fsspec asks for"
        ) from error
    except ValueError as error:
        raise SettingsError(f"VFR_ARCHIVE_URL: {url.split(':', 1)[0]} is no known protocol") from error
    return RemoteObjects(files, root)
