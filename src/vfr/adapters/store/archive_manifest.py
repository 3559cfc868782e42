"""The descriptions of an archive's versions and the pointer to the newest; each is checked against its own name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from vfr.adapters.store.content import content_hash
from vfr.adapters.store.disk_errors import reading
from vfr.adapters.store.objects import Objects
from vfr.data.bitemporal.tables import Kind
from vfr.errors import DatasetCorrupt, UnknownDataset
from vfr.workflows.archive import ArchiveVersion

__all__ = ["CURRENT", "VERSIONS", "Manifest", "Manifests", "Tables"]

CURRENT: Final = "current"
VERSIONS: Final = "versions"

_SUFFIX: Final = ".json"
_VERSION: Final = re.compile(r"[0-9a-f]{16}")

Tables: TypeAlias = Mapping[Kind, Mapping[str, Mapping[str, Any]]]
"""By kind and part (a year, or ``all``): file name, rows and bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which files make up a version, and in what order its sources are trusted."""

    tables: Tables
    sources: tuple[str, ...]
    published_at: datetime

    @property
    def version(self) -> str:
        """A hash of tables and sources."""
        plain = {"tables": self.tables, "sources": list(self.sources)}
        return content_hash(json.dumps(plain, sort_keys=True).encode())

    @property
    def files(self) -> set[tuple[Kind, str]]:
        """Every file it names, by kind."""
        return {(kind, part["file"]) for kind, parts in self.tables.items() for part in parts.values()}

    def described(self) -> ArchiveVersion:
        """Return what a user is told of it."""
        rows: dict[str, int] = {
            kind: sum(part["rows"] for part in parts.values()) for kind, parts in self.tables.items()
        }
        return ArchiveVersion(self.version, self.published_at, rows, self.sources)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        plain = {
            "tables": self.tables,
            "sources": list(self.sources),
            "publishedAt": self.published_at.isoformat(),
        }
        return json.dumps(plain, indent=1).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Manifests:
    """The manifests of one archive."""

    objects: Objects
    name: str

    def pointer(self) -> str | None:
        """Return the name of the newest version as it is written, None if nothing is."""
        try:
            with reading(f"archive {self.name}"):
                return self.objects.get(self.at(CURRENT)).decode(errors="replace").strip()
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return the names of the versions kept, readable or not."""
        with reading(f"archive {self.name}"):
            found = self.objects.names(self.at(VERSIONS))
        return [name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX) and not name.startswith(".")]

    def current(self) -> Manifest | None:
        """Return the newest version, None before the first.

        Raises
        ------
        DatasetCorrupt
            If it cannot be read.
        """
        pointer = self.pointer()
        # One version and no pointer is what a writer leaves that is killed while it publishes for the first time.
        if pointer is None and len(self.names()) <= 1:
            return None
        try:
            return self.read(pointer or "")
        except (UnknownDataset, DatasetCorrupt) as error:
            if self.pointer() != pointer:  # A writer has published, and removed the version, since we looked.
                return self.current()
            raise DatasetCorrupt(
                f"archive {self.name}: its newest version cannot be read; "
                f"`vfr data repair {self.name}` goes on from the newest that can"
            ) from error

    def read(self, version: str) -> Manifest:
        """Return a version.

        Raises
        ------
        UnknownDataset
            If there is none of that name.
        DatasetCorrupt
            If its description is not what its name says.
        """
        none = f"archive {self.name} holds no version {version}; `vfr data versions {self.name}` lists them"
        if not _VERSION.fullmatch(version):
            raise UnknownDataset(none)
        try:
            with reading(f"archive {self.name}"):
                data = self.objects.get(self.of(version))
        except FileNotFoundError:
            raise UnknownDataset(none) from None
        manifest = _parsed(data)
        if manifest is None or manifest.version != version:
            raise DatasetCorrupt(
                f"archive {self.name}: version {version} cannot be read; `vfr data versions {self.name}` lists others"
            )
        return manifest

    def readable(self) -> tuple[list[Manifest], list[str]]:
        """Return the versions that can be read, newest first, and the names of those that cannot."""
        found, bad = [], []
        for version in self.names():
            try:
                found.append(self.read(version))
            except DatasetCorrupt:
                bad.append(version)
            except UnknownDataset:  # Removed by a writer since it was listed, unless it has no name of ours.
                bad += [] if _VERSION.fullmatch(version) else [version]
        newest = self.pointer()
        return sorted(found, key=lambda one: (one.version == newest, one.published_at), reverse=True), bad

    def of(self, version: str) -> str:
        """Return where the description of a version lies."""
        return self.at(VERSIONS, f"{version}{_SUFFIX}")

    def at(self, *parts: str) -> str:
        """Return where something of this archive lies."""
        return "/".join((self.name, *parts))


def _parsed(data: bytes) -> Manifest | None:
    try:
        plain = json.loads(data)
        published = datetime.fromisoformat(plain["publishedAt"])
        return Manifest(plain["tables"], tuple(plain["sources"]), published)
    except (ValueError, KeyError, TypeError):
        return None
