"""Files of a version, read only if they are what the card says: plain, of a bounded size, whole, and no others."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

from vfr.errors import ArtifactCorrupt

__all__ = ["CARD", "CARD_BYTES", "FILE_BYTES", "LOG_BYTES", "Signature", "read_plain", "signature", "verified_files"]

CARD: Final = "card.json"

CARD_BYTES: Final = 4 << 20
FILE_BYTES: Final = 64 << 20
LOG_BYTES: Final = 64 << 20
"""Largest card, artifact file and log that are read: a hundred times what training writes."""

Signature: TypeAlias = tuple[tuple[str, int, int, int, int], ...]
"""Name, mode, size, time of change and inode of each file of a folder."""


def read_plain(path: Path, limit: int) -> bytes:
    """Read a plain file of at most `limit` bytes; links, pipes and devices are not followed or opened.

    Raises
    ------
    ArtifactCorrupt
        If it is missing, is no plain file, is too large or cannot be read; the message begins with its name.
    """
    try:
        # Without blocking: a pipe in its place would wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as opened:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise ArtifactCorrupt(f"{path.name} is not a plain file")
            # The size is asked again by reading one byte more than is allowed: the file may grow meanwhile.
            blob = opened.read(limit + 1) if found.st_size <= limit else b""
    except FileNotFoundError:
        raise ArtifactCorrupt(f"{path.name} is missing") from None
    except OSError as error:
        linked = error.errno in (errno.ELOOP, errno.EMLINK)
        reason = "is a link, not a file" if linked else f"cannot be read ({error.strerror})"
        raise ArtifactCorrupt(f"{path.name} {reason}") from None
    if found.st_size > limit or len(blob) > limit:
        raise ArtifactCorrupt(f"{path.name} is larger than {limit >> 20} MiB")
    return blob


def verified_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Read every file of a version and hold it to its sha256.

    Raises
    ------
    ArtifactCorrupt
        If one is missing, changed or no plain file, or the folder holds one that the card does not name.
    """
    for name in _names(folder):
        if name != CARD and name not in digests:
            raise ArtifactCorrupt(f"{name} is not a file of this version")
    files = {}
    for name, digest in digests.items():
        blob = read_plain(folder / name, FILE_BYTES)
        if sha256(blob).hexdigest() != digest:
            raise ArtifactCorrupt(f"{name} is truncated or changed (sha256 differs)")
        files[name] = blob
    return files


def signature(folder: Path) -> Signature:
    """Return what changes when a file of a folder does; empty if there is no such folder."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                found.append((entry.name, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino))
    except OSError:
        return ()
    return tuple(sorted(found))


def _names(folder: Path) -> list[str]:
    if folder.is_symlink():
        raise ArtifactCorrupt("its folder is a link")
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, not paths
    except OSError:
        raise ArtifactCorrupt("its folder is missing") from None
