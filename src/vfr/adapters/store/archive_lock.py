"""The only writer's lock of an archive: by the operating system in a folder, by a lease in the database elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vfr.adapters.store.objects import Lock
from vfr.adapters.store.publishing import try_writer
from vfr.errors import SyncBusy

__all__ = ["file_lock"]


def file_lock(root: Path) -> Lock:
    """Return a lock per archive in a local folder; it is freed by the system if its holder dies."""

    @contextmanager
    def hold(name: str) -> Iterator[None]:
        with try_writer(root / name) as held:
            if not held:
                raise SyncBusy(f"archive {name} is being written by another process; wait for it, or stop it")
            yield

    return hold
