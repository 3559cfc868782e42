"""Whether the archives of this installation are whole, and mending one that is not."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from vfr.errors import InvalidField, UnknownDataset

if TYPE_CHECKING:
    from vfr.bootstrap.live import Live
    from vfr.workflows.archive import Repair

__all__ = ["archives", "damage", "no_archive", "repair"]


def archives(live: Live) -> list[str]:
    """Return the names of the archives that there are, sorted."""
    from vfr.adapters.store.disk_errors import reading
    from vfr.adapters.store.objects import open_objects
    from vfr.workflows.datasets import checked_name

    with reading("the archives (VFR_ARCHIVE_URL)"):
        found = open_objects(live.settings.archives).folders()
    names = []
    for name in found:
        try:
            names.append(checked_name(name))
        except InvalidField:  # A folder of somebody else's.
            continue
    return names


def no_archive(name: str) -> str:
    """Say that there is no archive of a name, and how to see those there are."""
    return f"there is no archive named {name}; `vfr doctor` lists them, and `vfr data sync --as {name}` begins one"


def damage(live: Live, name: str) -> list[str]:
    """Return what of an archive is not as it was written; every byte of its newest version is read."""
    return live.archive(name).damaged()


def repair(live: Live, name: str) -> Repair:
    """Publish what is whole of an archive's newest version; see `vfr.adapters.store.archive.ParquetArchive.repair`.

    Raises
    ------
    UnknownDataset
        If there is no such archive.
    NoData
        If there is nothing in it.
    SyncBusy
        If a sync of it is running.
    DataError
        If it cannot be read or written.
    """
    if name not in archives(live):
        raise UnknownDataset(no_archive(name))
    archive = live.archive(name)
    with archive.lock():
        return archive.repair(live.clock().astimezone(UTC))
