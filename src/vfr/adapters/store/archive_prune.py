"""What an archive no longer needs: old versions, the files only they name, and what killed writers left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from vfr.adapters.store.archive_manifest import VERSIONS, Manifests
from vfr.adapters.store.archive_parts import FILES
from vfr.adapters.store.objects import Objects
from vfr.data.bitemporal.tables import TABLES

__all__ = ["prune"]

_GRACE: Final = timedelta(days=1)
"""Age from which a file that no version names was left by a killed writer: no sync takes so long."""


def prune(manifests: Manifests, kept: int, now: datetime) -> None:
    """Remove the versions beyond those kept and the files that only they name.

    A file that no version names may belong to a writer that is about to publish, so it goes only when it is a day old,
    and only if every version can be read: one that cannot may need it.
    """
    found, unreadable = manifests.readable()
    staying, going = found[:kept], found[kept:]
    named = {file for manifest in staying for file in manifest.files}
    objects = manifests.objects
    for manifest in going:
        objects.remove(manifests.of(manifest.version))
    for kind, file in {file for manifest in going for file in manifest.files} - named:
        objects.remove(manifests.at(FILES, kind, file))
    if unreadable:
        return
    for kind in TABLES:
        folder = manifests.at(FILES, kind)
        left = [file for file in objects.names(folder) if (kind, file) not in named]
        _sweep(objects, folder, left, now)
    folder, names = manifests.at(VERSIONS), set(manifests.names())
    _sweep(objects, folder, [file for file in objects.names(folder) if file.removesuffix(".json") not in names], now)


def _sweep(objects: Objects, folder: str, files: list[str], now: datetime) -> None:
    for file in files:
        changed = objects.modified(f"{folder}/{file}")
        if changed is not None and now - changed > _GRACE:
            objects.remove(f"{folder}/{file}")
