"""The only writer's lock of an archive: by the operating system in a folder, by a lease in the database elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from vfr.adapters.store.objects import Lock
from vfr.adapters.store.publishing import try_writer
from vfr.errors import DataError, SyncBusy

if TYPE_CHECKING:
    from vfr.adapters.database.leases import Lease

__all__ = ["file_lock", "lease_lock"]

_BEATS: Final = 3
"""Renewals per length of a lease."""


def file_lock(root: Path) -> Lock:
    """Return a lock per archive in a local folder; it is freed by the system if its holder dies."""

    @contextmanager
    def hold(name: str) -> Iterator[None]:
        with try_writer(root / name) as held:
            if not held:
                raise _busy(name)
            yield

    return hold


def lease_lock(lease: Callable[[str], Lease], clock: Callable[[], datetime]) -> Lock:
    """Return a lock per archive for machines that share a database; a dead holder's expires with its lease.

    Parameters
    ----------
    lease : callable
        Given an archive's name: a lease for this process.
    clock : callable
        Returns the time, aware.
    """

    @contextmanager
    def hold(name: str) -> Iterator[None]:
        held = lease(name)
        if not held.acquire(clock().timestamp()):
            raise _busy(name)
        ended = Event()
        beat = Thread(target=_keep, args=(held, clock, ended), name="vfr-archive-lease", daemon=True)
        beat.start()
        try:
            yield
        finally:
            ended.set()
            beat.join()
            held.release()

    return hold


def _keep(lease: Lease, clock: Callable[[], datetime], ended: Event) -> None:
    while not ended.wait(lease.ttl / _BEATS):
        try:
            lease.renew(clock().timestamp())
        except DataError:  # The next beat may reach the database again; until the lease expires it is still ours.
            continue


def _busy(name: str) -> SyncBusy:
    return SyncBusy(f"archive {name} is being written by another process; wait for it, or stop it")
