"""Publish a folder of files so that a reader sees all of it or none, whenever the writer is killed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from vfr.errors import DatasetCorrupt

__all__ = [
    "TEMPORARY",
    "prune",
    "publish_folder",
    "read_manifest",
    "replace_text",
    "single_writer",
    "sweep",
    "try_writer",
    "verify_folder",
]

TEMPORARY: Final = ".tmp-"
"""Prefix of unfinished work; whatever carries it when nobody holds the lock was left by a killed writer."""

MANIFEST: Final = "manifest.json"
_BUILD_DIGITS: Final = 8


@contextmanager
def single_writer(root: Path) -> Iterator[None]:
    """Hold the one writer's lock of a folder; others wait. It is freed by the system if the process dies."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def try_writer(root: Path) -> Iterator[bool]:
    """Hold the one writer's lock of a folder if nobody does, and say whether; never wait."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def replace_text(path: Path, text: str) -> None:
    """Put a small text in place of another in one step."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    temporary.write_text(text + "\n", encoding="utf-8")
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def publish_folder(work: Path, parent: Path, facts: dict[str, Any]) -> str:
    """Finish a work folder with a manifest of sizes and hashes, move it into `parent` in one step, return its name.

    The name is the version in `facts` and a hash of every file. The caller holds the lock. If the folder is there
    already and intact, the work is dropped.
    """
    files = {p.name: {"bytes": p.stat().st_size, "sha256": _sha256(p)} for p in sorted(work.iterdir())}
    build = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:_BUILD_DIGITS]
    target = parent / f"{facts['version']}-{build}"
    (work / MANIFEST).write_text(json.dumps(facts | {"files": files}, indent=1, sort_keys=True), encoding="utf-8")
    for path in work.iterdir():
        _sync(path)
    _sync(work)
    if target.exists():
        if not verify_folder(target):
            shutil.rmtree(work)
            return target.name
        # A damaged folder steps aside first; it carries the prefix, so the next writer removes it.
        target.rename(target.with_name(f"{TEMPORARY}damaged-{target.name}"))
    work.rename(target)
    _sync(parent)
    return target.name


def sweep(folder: Path) -> None:
    """Remove what killed writers left; the caller holds the lock."""
    for left in folder.glob(f"{TEMPORARY}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def prune(folder: Path, build: str, kept: int) -> None:
    """Keep the build just published and the newest of the others, so many in all; the caller holds the lock."""
    others = [p for p in folder.iterdir() if p.is_dir() and p.name != build]
    for path in sorted(others, key=lambda p: p.stat().st_mtime_ns, reverse=True)[kept - 1 :]:
        shutil.rmtree(path)


def read_manifest(folder: Path, *, what: str) -> dict[str, Any]:
    """Return a folder's manifest after comparing the size of every file with it.

    Raises
    ------
    DatasetCorrupt
        If the manifest or a file is missing, unreadable or of another size; the message names `what`.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, entry in manifest["files"].items():
            if (folder / name).stat().st_size != entry["bytes"]:
                raise DatasetCorrupt(f"data set {what}: {name} was changed or cut short; import the data again")
    except FileNotFoundError as error:
        missing = Path(error.filename or "").name
        raise DatasetCorrupt(f"data set {what}: {missing} is missing; import the data again") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetCorrupt(f"data set {what}: its manifest cannot be read; import the data again") from error
    return manifest


def verify_folder(folder: Path) -> list[str]:
    """Return the names of the files whose content differs from the manifest's hashes, reading every byte."""
    try:
        manifest = read_manifest(folder, what=folder.name)
    except DatasetCorrupt:
        return [MANIFEST]
    return [name for name, entry in manifest["files"].items() if _sha256(folder / name) != entry["sha256"]]


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
