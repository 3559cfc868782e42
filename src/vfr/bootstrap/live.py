"""What brings data in, wired: providers, the archive and its lock, staging, the database under them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from vfr.bootstrap.database import open_database
from vfr.clock import utc_now
from vfr.errors import InvalidField
from vfr.workflows.datasets import BUNDLED

if TYPE_CHECKING:
    import numpy as np
    from sqlalchemy import Engine

    from vfr.adapters.database.leases import Lease
    from vfr.adapters.providers.live.registry import Access, Credential
    from vfr.adapters.store.archive import ParquetArchive
    from vfr.adapters.store.staging import DirectoryStaging
    from vfr.data.provider import DataProvider, Progress, Subject
    from vfr.data.snapshot import Snapshot
    from vfr.settings import Settings
    from vfr.workflows.datasets import DatasetStore
    from vfr.workflows.staging import SyncDiary
    from vfr.workflows.sync_report import SyncPlan, SyncReport
    from vfr.workflows.sync_request import SyncRequest
    from vfr.workflows.universe import Universe

__all__ = ["DEFAULT_NAME", "Live", "SyncOptions"]

DEFAULT_NAME: Final = "live"
"""Name of the data set that a sync fills unless told otherwise."""

_HISTORY_YEARS: Final = 10
"""How many whole years back a first sync asks."""

_WRITER_TTL: Final = 120.0
_LEADER_TTL: Final = 60.0
_CREDENTIALS: Final = ("edgar_contact", "fred_key", "fmp_key", "tiingo_key")


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What a user says of a sync; empty values mean "as before", then "as the settings say".

    Parameters
    ----------
    universe : str
        ``sp500``, a file, or tickers separated by commas.
    providers : tuple of str
        In order of trust; all that were ever named by default, those of the settings where none was.
    start : date or None
        First day of the history; that of the last sync that named one, else ten whole years back.
    name : str
        Of the data set.
    refetch : bool
        Ask for the whole history again.
    replace : tuple of str
        Symbols whose prices are asked for whole, and believed where they contradict what is stored.
    """

    universe: str = ""
    providers: tuple[str, ...] = ()
    start: date | None = None
    name: str = DEFAULT_NAME
    refetch: bool = False
    replace: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Live:
    """The live side of one data home; each part is opened by the first call that needs it.

    Parameters
    ----------
    settings : Settings
    datasets : DatasetStore
        Where data sets are published.
    clock : callable
        Returns the time, aware.
    """

    settings: Settings
    datasets: DatasetStore
    clock: Callable[[], datetime] = utc_now

    def archive(self, name: str = DEFAULT_NAME) -> ParquetArchive:
        """Return an archive; it need not hold anything yet."""
        from vfr.adapters.store.archive import ParquetArchive
        from vfr.adapters.store.archive_lock import file_lock, lease_lock
        from vfr.adapters.store.objects import LocalObjects, open_objects

        url = self.settings.archives
        objects = open_objects(url)
        if isinstance(objects, LocalObjects):
            lock = file_lock(Path(url.removeprefix("file://")).expanduser())
        else:
            lock = lease_lock(lambda held: self.lease(f"archive {held}", _WRITER_TTL), self.clock)
        return ParquetArchive(objects, name, lock, self.settings.archive_versions)

    def staging(self, name: str = DEFAULT_NAME) -> DirectoryStaging:
        """Return where the answers of a sync wait, and its diary."""
        from vfr.adapters.store.staging import DirectoryStaging

        return DirectoryStaging(self.settings.data_home, name)

    def diary(self, name: str) -> SyncDiary:
        """Return what the syncs of a data set left, at the cost of one small file."""
        from vfr.adapters.store.diary import read_diary, sync_folder

        return read_diary(sync_folder(self.settings.data_home, name))

    def lacking(self) -> dict[str, str]:
        """Return the variable that each published provider lacks; None lacking, none named."""
        from vfr.adapters.providers.live.registry import PROVIDERS, missing

        return {name: f"VFR_{need.upper()}" for name, need in missing(tuple(PROVIDERS), self._credentials).items()}

    def usable(self, named: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the providers to ask: those named now or before, else those of the settings that lack nothing.

        Raises
        ------
        InvalidField
            If none can be asked.
        """
        if named:
            return tuple(dict.fromkeys(named))
        lacking = self.lacking()
        kept = tuple(dict.fromkeys(name for name in self.settings.sync_providers if name not in lacking))
        if not kept:
            raise InvalidField("provider", f"none can be asked; set {', '.join(lacking.values())}, or name another")
        return kept

    def plan(self, options: SyncOptions) -> SyncPlan:
        """Return what `sync` would ask now, and about how long that takes; nothing is asked."""
        from vfr.adapters.providers.live.registry import PROVIDERS
        from vfr.workflows.sync import plan_sync

        request = self._request(options)
        pace = {name: listed.per_second for name, listed in PROVIDERS.items()}
        archive, staging = self.archive(options.name), self.staging(options.name)
        return plan_sync(request, archive, staging, lambda name: pace.get(name, 1e3))

    def sync(self, options: SyncOptions, progress: Progress) -> SyncReport:
        """Bring an archive up to date and publish its data set; see `vfr.workflows.sync.sync`.

        Raises
        ------
        InvalidField, SettingsError, SyncBusy, DataError
            If it is not told what to bring in, a provider lacks its key, another process syncs, or the disk is full.
        """
        from vfr.workflows.sync import sync

        self.settings.data_home.mkdir(parents=True, exist_ok=True)
        request, name = self._request(options), options.name
        archive, staging = self.archive(name), self.staging(name)
        self._refuse_imported(name)
        return sync(request, archive, staging, self.datasets, progress)

    def view(self, day: np.datetime64, *, name: str | None = None, version: str | None = None) -> Snapshot:
        """Return what was known on the evening of a day, prices on that day's split basis.

        A data set that a sync fills is seen through its archive, so that corrections and restatements seen later take
        no part; an imported one holds no time of its corrections and is cut back.

        Raises
        ------
        UnknownDataset
            If there is no such data set or version.
        NoData
            If nothing was known by then.
        """
        from vfr.data.rebase import on_its_own_basis
        from vfr.workflows.sync_publish import view_as_of

        chosen = name or self.datasets.current() or DEFAULT_NAME
        archive = self.archive(chosen)
        if version is None and not archive.versions():
            return on_its_own_basis(self.datasets.snapshot(chosen).upto(day))
        known = view_as_of(archive, _end_of(day), version=version)
        return known.upto(known.as_of)

    def origins(
        self, symbols: Sequence[str], day: np.datetime64, *, name: str, version: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return where the figures of some shares came from, as of a day; {} for an imported set, which cannot tell."""
        from vfr.workflows.provenance import provenance

        archive = self.archive(name)
        return provenance(archive, symbols, _end_of(day), version) if symbols and archive.versions() else {}

    def write(self, snapshot: Snapshot, folder: Path) -> None:
        """Write a snapshot as tables that `vfr data import` reads, into a folder that is made for them.

        Raises
        ------
        InvalidField
            If the folder is there already.
        """
        import tempfile

        from vfr.adapters.store.tables import write_tables

        if folder.exists():
            raise InvalidField("out", f"{folder} is there already; name a new folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".vfr-") as work:
            made = Path(work) / "tables"
            made.mkdir()
            write_tables(made, snapshot)
            made.rename(folder)

    def refuse_synced(self, name: str) -> None:
        """Refuse to import over a data set that a sync fills: the next sync would undo it.

        Raises
        ------
        InvalidField
            If an archive has that name.
        """
        if self.archive(name).versions():
            raise InvalidField("name", f"{name} is filled by `vfr data sync`; choose another name (--as)")

    def _refuse_imported(self, name: str) -> None:
        there = any(info.name == name and info.problem is None for info in self.datasets.names())
        if name == BUNDLED or (there and "archiveVersion" not in self.datasets.quality(name).facts):
            raise InvalidField("name", f"{name} is no data set of a sync; choose another name (--as)")

    def lease(self, name: str, ttl: float = _LEADER_TTL) -> Lease:
        """Return a lease for this process, from the database."""
        import socket

        from vfr.adapters.database.leases import Lease

        return Lease(self._engine, name, f"{socket.gethostname()} {os.getpid()} {os.urandom(4).hex()}", ttl)

    def _request(self, options: SyncOptions) -> SyncRequest:
        from vfr.adapters.providers.live.registry import PROVIDERS
        from vfr.workflows.sync_request import SyncRequest

        now = self.clock().astimezone(UTC)
        # A day that moves once a year: a sync that is gone on with tomorrow asks the same questions.
        default = date(now.year - _HISTORY_YEARS, 1, 1)
        start = options.start or self.diary(options.name).start or default
        universe = self._universe(options)
        providers = self._opened(options)
        symbols = universe.symbols
        if universe.file is not None:
            from vfr.adapters.providers.universe_file import read_universe

            listed = read_universe(universe.file)
            providers.append(listed)
            symbols = listed.since(start)
        stray = [symbol for symbol in options.replace if symbol not in symbols and not universe.index]
        if stray:
            raise InvalidField("replace", f"{', '.join(stray)}: not in the universe {universe.text}")
        return SyncRequest(
            providers,
            _subjects(symbols, providers),
            start,
            now,
            _settled(now),
            refetch=options.refetch,
            replace=frozenset(options.replace),
            members=universe.index,
            universe=universe.text,
            named=options.providers,
            lanes={name: listed.lanes for name, listed in PROVIDERS.items()},
            clock=self.clock,
        )

    def _universe(self, options: SyncOptions) -> Universe:
        from vfr.workflows.universe import parse_universe

        return parse_universe(options.universe or self.diary(options.name).universe)

    def _opened(self, options: SyncOptions) -> list[DataProvider]:
        from vfr.adapters.providers.live.registry import open_provider

        return [
            open_provider(name, self._access)
            for name in self.usable(options.providers or self.diary(options.name).named)
        ]

    @cached_property
    def _credentials(self) -> dict[Credential, str]:
        found = {}
        for name in _CREDENTIALS:
            value = getattr(self.settings, name)
            if value:
                found[name] = value if isinstance(value, str) else value.get_secret_value()
        return cast("dict[Credential, str]", found)

    @cached_property
    def _engine(self) -> Engine:
        return open_database(self.settings)

    @cached_property
    def _access(self) -> Access:
        from time import sleep

        import numpy as np

        from vfr.adapters.database.pace import Pace
        from vfr.adapters.providers.live.registry import Access

        rng = np.random.default_rng()
        return Access(Pace(self._engine), sleep, rng, self.clock, self._credentials, urls=self.settings.provider_urls)


def _end_of(day: np.datetime64) -> datetime:
    """Return midnight at the end of a day in New York."""
    after: date = day.astype(object) + timedelta(days=1)
    return datetime.combine(after, time(), ZoneInfo("America/New_York")).astimezone(UTC)


def _subjects(symbols: Sequence[str], providers: Sequence[DataProvider]) -> dict[Subject, tuple[str, ...]]:
    """Return what to ask about: the tickers, the macro series of the default list, the index."""
    from vfr.adapters.providers.live.fred import DEFAULT
    from vfr.workflows.universe import INDEX

    asked = {offer.per for provider in providers for offer in provider.offers}
    subjects: dict[Subject, tuple[str, ...]] = {"symbol": tuple(symbols)}
    if "series" in asked:
        subjects["series"] = tuple(DEFAULT)
    subjects["index"] = (INDEX,) if "index" in asked else ()
    return subjects


def _settled(now: datetime) -> datetime:
    """Return when the bars of the last completed session were settled."""
    import numpy as np

    from vfr.data.sessions import closes_utc
    from vfr.data.trading_days import SETTLE, last_completed

    close = closes_utc(np.array([last_completed(now)], dtype="datetime64[D]"))[0]
    settled: datetime = close.astype("datetime64[s]").item().replace(tzinfo=UTC) + SETTLE
    return settled
