"""An archive of facts as zstd parquet files, in a local folder or under any fsspec URL (``s3://bucket/vfr``).

::

    <root>/<name>/files/bars/2024-<hash>.parquet      one file per table and year, named by its content, never changed
    <root>/<name>/versions/<version>.json             which files make up a version
    <root>/<name>/current                             the newest version

Publishing writes new files, then the version, then replaces `current`: a killed writer leaves the version before. Files
that no kept version names are removed after the next publish.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from vfr.adapters.store.objects import Objects
from vfr.data.bitemporal.tables import TABLES, Kind, empty
from vfr.data.bitemporal.versions import merged
from vfr.errors import DataError, DatasetCorrupt, NoData
from vfr.workflows.archive import MAX_QUARANTINE, QUARANTINE, ArchiveVersion
from vfr.workflows.datasets import checked_name

if TYPE_CHECKING:
    from vfr.adapters.store.objects import Lock

__all__ = ["KEPT", "ParquetArchive"]

KEPT: Final = 5
"""Versions kept by default."""

_LEVEL: Final = 3
_DIGITS: Final = 16
_WHOLE: Final = "all"
_CURRENT: Final = "current"
_REFUSED: Final = "quarantine.parquet"

_Files = dict[str, dict[str, dict[str, Any]]]
"""By kind and partition: file name, rows and bytes."""


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

    def __post_init__(self) -> None:
        checked_name(self.name)
        if self.kept < 1:
            raise ValueError("at least one version must be kept")

    def versions(self) -> list[ArchiveVersion]:
        """Return the versions kept, newest first."""
        files = [name for name in self.objects.names(self._at("versions")) if not name.startswith(".")]
        found = [self._version(name.removesuffix(".json")) for name in files]
        newest = self._current()
        return sorted(found, key=lambda v: (v.version == newest, v.published_at), reverse=True)

    def read(self, kind: Kind, *, version: str | None = None, subjects: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a table in stored order: every row, or those of some subjects."""
        files = self._manifest(version or self._chosen())["tables"].get(kind, {})
        parts = [self._part(kind, entry, subjects) for _, entry in sorted(files.items())]
        return merged(kind, *parts) if parts else empty(kind)

    def publish(self, additions: Mapping[Kind, pl.DataFrame], *, sources: Sequence[str], now: datetime) -> str:
        """Add rows to tables and publish the result in one step; return its version."""
        before = self._current()
        tables: _Files = dict(self._manifest(before)["tables"]) if before else {}
        try:
            for kind, rows in additions.items():
                if rows.height:
                    tables[kind] = self._extended(kind, tables.get(kind, {}), rows)
            version = _hash(json.dumps({"tables": tables, "sources": list(sources)}, sort_keys=True).encode())
            manifest = {"tables": tables, "sources": list(sources), "publishedAt": now.isoformat(), "parent": before}
            if version != before:
                self.objects.put(self._at("versions", f"{version}.json"), json.dumps(manifest, indent=1).encode())
                self.objects.put(self._at(_CURRENT), version.encode())
            self._prune(version)
        except OSError as error:
            raise DataError(
                f"archive {self.name} cannot be written ({error.strerror or type(error).__name__}); "
                "what was in it is unchanged"
            ) from error
        return version

    def quarantine(self, rows: pl.DataFrame) -> None:
        """Keep refused rows beside the tables, each once, the newest `MAX_QUARANTINE` of them."""
        if rows.is_empty():
            return
        held = pl.concat([self.quarantined(), rows.select(list(QUARANTINE))]).unique(maintain_order=True)
        held = held.unique([name for name in QUARANTINE if name != "seen_at"], keep="first", maintain_order=True)
        self.objects.put(self._at(_REFUSED), _parquet(held.sort("seen_at", maintain_order=True).tail(MAX_QUARANTINE)))

    def quarantined(self) -> pl.DataFrame:
        """Return the refused rows, oldest first."""
        try:
            return self.objects.table(self._at(_REFUSED), None)
        except FileNotFoundError:
            return pl.DataFrame(schema=dict(QUARANTINE))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the only writer's lock."""
        with self.writer(self.name):
            yield

    def damaged(self) -> list[str]:
        """Return the files of the newest version whose content is not what its name says, reading every byte."""
        bad = []
        for kind, parts in self._manifest(self._chosen())["tables"].items():
            for entry in parts.values():
                try:
                    intact = _named(self.objects.get(self._at("files", kind, entry["file"])), entry["file"])
                except FileNotFoundError:
                    intact = False
                bad += [] if intact else [f"{kind}/{entry['file']}"]
        return bad

    def _extended(self, kind: Kind, parts: dict[str, Any], rows: pl.DataFrame) -> dict[str, Any]:
        """Return the parts of a table after rows were added, writing those that changed."""
        column = TABLES[kind].partition
        label = pl.lit(_WHOLE) if column is None else pl.col(column).dt.year().cast(pl.String)
        out = dict(parts)
        for (part,), added in rows.with_columns(_part=label).partition_by("_part", as_dict=True).items():
            held = [self._part(kind, parts[part], None)] if part in parts else []
            whole = merged(kind, *held, added.drop("_part"))
            data = _parquet(whole)
            file = f"{part}-{_hash(data)}.parquet"
            self.objects.put(self._at("files", kind, file), data)
            out[str(part)] = {"file": file, "rows": whole.height, "bytes": len(data)}
        return out

    def _part(self, kind: Kind, entry: Mapping[str, Any], subjects: Sequence[str] | None) -> pl.DataFrame:
        name = self._at("files", kind, entry["file"])
        wanted = None if subjects is None else pl.col(TABLES[kind].key[0]).is_in(list(subjects))
        try:
            frame = self.objects.table(name, wanted)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DatasetCorrupt(
                f"archive {self.name}: {kind}/{entry['file']} is missing or damaged; "
                "`vfr data sync --refetch` fetches the history again"
            ) from error
        return frame

    def _version(self, version: str) -> ArchiveVersion:
        manifest = self._manifest(version)
        rows = {kind: sum(part["rows"] for part in parts.values()) for kind, parts in manifest["tables"].items()}
        published = datetime.fromisoformat(manifest["publishedAt"])
        return ArchiveVersion(version, published, rows, tuple(manifest["sources"]))

    def _manifest(self, version: str) -> dict[str, Any]:
        try:
            manifest: dict[str, Any] = json.loads(self.objects.get(self._at("versions", f"{version}.json")))
        except FileNotFoundError:
            raise NoData(f"archive {self.name} holds no version {version}; `vfr data versions` lists them") from None
        except ValueError as error:
            raise DatasetCorrupt(f"archive {self.name}: version {version} cannot be read") from error
        return manifest

    def _chosen(self) -> str:
        current = self._current()
        if current is None:
            raise NoData(f"archive {self.name} is empty; `vfr data sync` fills it")
        return current

    def _current(self) -> str | None:
        try:
            return self.objects.get(self._at(_CURRENT)).decode().strip() or None
        except FileNotFoundError:
            return None

    def _prune(self, version: str) -> None:
        """Remove versions beyond those kept, the files that no kept version names, and what a killed writer left."""
        kept = [v.version for v in self.versions() if v.version != version][: self.kept - 1]
        named = {
            (kind, part["file"])
            for one in (version, *kept)
            for kind, parts in self._manifest(one)["tables"].items()
            for part in parts.values()
        }
        for file in self.objects.names(self._at("versions")):
            if file.removesuffix(".json") not in {version, *kept}:
                self.objects.remove(self._at("versions", file))
        for kind in TABLES:
            for file in self.objects.names(self._at("files", kind)):
                if (kind, file) not in named:
                    self.objects.remove(self._at("files", kind, file))

    def _at(self, *parts: str) -> str:
        return "/".join((self.name, *parts))


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=_LEVEL)
    return buffer.getvalue()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _named(data: bytes, file: str) -> bool:
    return file.removesuffix(".parquet").endswith(_hash(data))
