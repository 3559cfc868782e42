"""An archive of facts as zstd parquet files, in a local folder or under any fsspec URL (``s3://bucket/vfr``).

::

    <root>/<name>/files/bars/2024-<hash>.parquet      one file per table and year, named by its content, never changed
    <root>/<name>/versions/<version>.json             which files make up a version, named by its content too
    <root>/<name>/current                             the newest version
    <root>/<name>/quarantine.parquet                  refused rows

Publishing writes new files, then the version, then replaces `current`: a killed writer leaves the version before. What
is read is compared with the hash in its name, so that damage is an error and never a figure.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from vfr.adapters.store.archive_manifest import CURRENT, VERSIONS, Manifest, Manifests
from vfr.adapters.store.archive_parts import Parts
from vfr.adapters.store.archive_prune import prune
from vfr.adapters.store.archive_repair import mended
from vfr.adapters.store.content import parquet_bytes
from vfr.adapters.store.disk_errors import reading, writing
from vfr.data.bitemporal.tables import Kind, empty
from vfr.data.bitemporal.versions import merged
from vfr.errors import DataError, DatasetCorrupt, NoData, SyncBusy
from vfr.workflows.archive import MAX_QUARANTINE, QUARANTINE, ArchiveVersion, Held, Repair
from vfr.workflows.datasets import checked_name

if TYPE_CHECKING:
    from vfr.adapters.store.objects import Lock, Objects

__all__ = ["KEPT", "ParquetArchive"]

KEPT: Final = 5
"""Versions kept by default."""

_REFUSED: Final = "quarantine.parquet"
_ASIDE: Final = ".damaged"


@dataclass(slots=True)
class _Turn:
    """A writer's turn: whether it holds the lock still, and the version it started from."""

    held: Held | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ParquetArchive:
    """Facts under one name; implements `vfr.workflows.archive.Archive`.

    Parameters
    ----------
    objects : Objects
        Where files are put.
    name : str
        Name of the data set.
    writer : callable
        Gives the only writer's lock.
    kept : int
        Versions kept; older ones are removed with the files only they name.
    """

    objects: Objects
    name: str
    writer: Lock
    kept: int = KEPT
    _turn: _Turn = field(default_factory=_Turn, init=False, repr=False)

    def __post_init__(self) -> None:
        checked_name(self.name)
        if self.kept < 1:
            raise ValueError("at least one version must be kept")

    def versions(self) -> list[ArchiveVersion]:
        """Return the versions kept that can be read, newest first."""
        self._manifests.current()  # Without the newest there is no honest list.
        found, _ = self._manifests.readable()
        return [manifest.described() for manifest in found]

    def read(self, kind: Kind, *, version: str | None = None, subjects: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a table in stored order: every row, or those of some subjects."""
        manifest = self._newest() if version is None else self._manifests.read(version)
        files = [entry["file"] for _, entry in sorted(manifest.tables.get(kind, {}).items())]
        try:
            parts = [self._parts.read(kind, file, subjects) for file in files]
        except DatasetCorrupt as error:
            if version in {None, self._manifests.pointer()}:
                raise
            raise DatasetCorrupt(
                f"archive {self.name}: a file of version {version} is missing or damaged; "
                f"choose another of `vfr data versions {self.name}`"
            ) from error
        return merged(kind, *parts) if parts else empty(kind)

    def publish(self, additions: Mapping[Kind, pl.DataFrame], *, sources: Sequence[str], now: datetime) -> str:
        """Add rows to tables and publish the result in one step; return its version."""
        before = self._manifests.current()
        started = before.version if before else None
        self._check(started)
        tables = dict(before.tables) if before else {}
        with writing(f"archive {self.name}"):
            for kind, rows in additions.items():
                if rows.height:
                    tables[kind] = self._parts.extended(kind, tables.get(kind, {}), rows)
            manifest = Manifest(tables, tuple(sources), now)
            self._replace(started, manifest)
        self._tidy(now)
        return manifest.version

    def quarantine(self, rows: pl.DataFrame) -> None:
        """Keep refused rows beside the tables, each once, the newest `MAX_QUARANTINE` of them."""
        if rows.is_empty():
            return
        self._check_lock()
        held = pl.concat([self.quarantined(), rows.select(list(QUARANTINE))]).unique(maintain_order=True)
        held = held.unique([name for name in QUARANTINE if name != "seen_at"], keep="first", maintain_order=True)
        held = held.sort("seen_at", maintain_order=True, nulls_last=False).tail(MAX_QUARANTINE)
        with writing(f"archive {self.name}"):
            if self._refused() is None:
                self._set_aside(_REFUSED)
            self.objects.put(self._at(_REFUSED), parquet_bytes(held))

    def quarantined(self) -> pl.DataFrame:
        """Return the refused rows, oldest first; if their file is damaged, one row that says so."""
        found = self._refused()
        if found is not None:
            return found
        note = {
            "source": "vfr",
            "kind": "quarantine",
            "subject": self.name,
            "reason": "file_damaged",
            "row": "{}",
            "seen_at": None,
        }
        return pl.DataFrame([note], schema=dict(QUARANTINE))

    @contextmanager
    def lock(self) -> Iterator[Held]:
        """Hold the only writer's lock; `publish` and `quarantine` then refuse to write once it is lost."""
        with self.writer(self.name) as held:
            self._turn.held, self._turn.base = held, self._manifests.pointer()
            try:
                yield held
            finally:
                self._turn.held = self._turn.base = None

    def damaged(self) -> list[str]:
        """Return what is not as it was written, reading every byte of the newest version; empty for no archive."""
        _, unreadable = self._manifests.readable()
        bad = [f"{VERSIONS}/{version}.json" for version in unreadable]
        bad += [_REFUSED] if self._refused() is None else []
        try:
            newest = self._manifests.current()
        except DatasetCorrupt:
            # Where its description is there and damaged it is named already.
            return bad if self._manifests.pointer() in unreadable else [CURRENT, *bad]
        files = sorted(newest.files) if newest else []
        return bad + [f"{kind}/{file}" for kind, file in files if not self._parts.intact(kind, file)]

    def repair(self, now: datetime) -> Repair:
        """Publish the newest version that can be read without what is damaged in it, and set aside what cannot be read.

        A damaged part is replaced by the newest intact one of the same table and year that a kept version names. If no
        version can be read, one is made of all intact files. To be called under the lock.

        Raises
        ------
        NoData
            If nothing was ever published.
        SyncBusy, DataError
            As `publish`.
        """
        started = self._manifests.pointer()
        self._check(started)
        _, unreadable = self._manifests.readable()
        with writing(f"archive {self.name}"):
            manifest, lost = mended(self._manifests, self._parts, now)
            self._replace(started, manifest)
            aside = [f"{VERSIONS}/{version}.json" for version in unreadable if version != manifest.version]
            aside += [_REFUSED] if self._refused() is None else []
            for file in aside:
                self._set_aside(file)
        return Repair(self.name, manifest.version, manifest.version != started, lost, tuple(aside))

    @property
    def _manifests(self) -> Manifests:
        return Manifests(self.objects, self.name)

    @property
    def _parts(self) -> Parts:
        return Parts(self.objects, self.name)

    def _newest(self) -> Manifest:
        current = self._manifests.current()
        if current is None:
            raise NoData(f"archive {self.name} is empty; `vfr data sync` fills it")
        return current

    def _replace(self, started: str | None, manifest: Manifest) -> None:
        """Make a version the newest one, unless somebody else did since we started."""
        version = manifest.version
        if version == started:
            return
        fresh = version not in self._manifests.names()
        self.objects.put(self._manifests.of(version), manifest.to_bytes())
        try:
            self._check(started)
        except DataError:
            if fresh:
                self.objects.remove(self._manifests.of(version))
            raise
        self.objects.put(self._at(CURRENT), version.encode())
        self._turn.base = version

    def _check(self, started: str | None) -> None:
        """Refuse to write if the lock was lost, or if the newest version is not the one this writer started from."""
        self._check_lock()
        if self._manifests.pointer() != started or (self._turn.held is not None and self._turn.base != started):
            raise self._too_late()

    def _check_lock(self) -> None:
        if self._turn.held is not None and not self._turn.held():
            raise self._too_late()

    def _too_late(self) -> SyncBusy:
        return SyncBusy(
            f"archive {self.name}: the writer's lock was lost or another process published meanwhile; "
            "nothing was changed; sync again"
        )

    def _tidy(self, now: datetime) -> None:
        """Remove what is no longer needed; what cannot be removed now is removed another time."""
        with suppress(OSError, DataError):
            if self._turn.held is None or self._turn.held():
                prune(self._manifests, self.kept, now)

    def _refused(self) -> pl.DataFrame | None:
        """Return the refused rows, None if their file is damaged."""
        try:
            with reading(f"archive {self.name}"):
                data = self.objects.get(self._at(_REFUSED))
        except FileNotFoundError:
            return pl.DataFrame(schema=dict(QUARANTINE))
        try:
            return pl.read_parquet(io.BytesIO(data)).select(pl.col(n).cast(t) for n, t in QUARANTINE.items())
        except pl.exceptions.PolarsError:
            return None

    def _set_aside(self, file: str) -> None:
        """Rename a file that cannot be read, so that nothing reads it and a person still can."""
        self.objects.put(self._at(file + _ASIDE), self.objects.get(self._at(file)))
        self.objects.remove(self._at(file))

    def _at(self, *parts: str) -> str:
        return self._manifests.at(*parts)
