"""The only writer's lock of an archive: by the operating system in a folder, by a lease in the database elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from vfr.adapters.store.disk_errors import writing
from vfr.adapters.store.objects import Lock
from vfr.adapters.store.publishing import try_writer
from vfr.errors import DataError, SyncBusy
from vfr.workflows.archive import Held

if TYPE_CHECKING:
    from vfr.adapters.database.leases import Lease

__all__ = ["file_lock", "lease_lock"]

_BEATS: Final = 3
"""Renewals per length of a lease."""


def file_lock(root: Path) -> Lock:
    """Return a lock per archive in a local folder; it is freed by the system if its holder dies."""

    @contextmanager
    def hold(name: str) -> Iterator[Held]:
        with ExitStack() as stack:
            with writing(f"archive {name}"):
                held = stack.enter_context(try_writer(root / name))
            if not held:
                raise _busy(name)
            yield lambda: True  # The system takes it from nobody who lives.

    return hold


def lease_lock(lease: Callable[[str], Lease], clock: Callable[[], datetime]) -> Lock:
    """Return a lock per archive for machines that share a database; a dead holder's expires with its lease.

    Parameters
    ----------
    lease : callable
        Given an archive's name: a lease for this process.
    clock : callable
        Returns the time, aware.

    Notes
    -----
    A machine that slept, or lost the database for longer than the lease, has lost the lock: what `lock` yields then
    returns False for good, even if nobody else came.
    """

    @contextmanager
    def hold(name: str) -> Iterator[Held]:
        held = lease(name)
        if not held.acquire(clock().timestamp()):
            raise _busy(name)
        ended, lost = Event(), Event()

        def still() -> bool:
            if not lost.is_set() and not held.renew(clock().timestamp()):
                lost.set()
            return not lost.is_set()

        beat = Thread(target=_keep, args=(still, held.ttl / _BEATS, ended), name="vfr-archive-lease", daemon=True)
        beat.start()
        try:
            yield still
        finally:
            ended.set()
            beat.join()
            with suppress(DataError):  # The database is away: the lease ends by itself.
                held.release()

    return hold


def _keep(still: Held, seconds: float, ended: Event) -> None:
    """Renew until told to stop, or until the lease is lost."""
    while not ended.wait(seconds):
        try:
            if not still():
                return
        except DataError:  # The next beat may reach the database again; until the lease expires it is still ours.
            continue


def _busy(name: str) -> SyncBusy:
    return SyncBusy(f"archive {name} is being written by another process; wait for it, or stop it")
