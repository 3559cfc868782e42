"""Make a whole version of what is left of an archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vfr.adapters.store.archive_manifest import Manifest, Manifests
from vfr.adapters.store.archive_parts import Parts
from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import merged
from vfr.errors import NoData
from vfr.workflows.archive import LostPart

__all__ = ["mended"]


def mended(manifests: Manifests, parts: Parts, now: datetime) -> tuple[Manifest, tuple[LostPart, ...]]:
    """Return the newest readable version without its damaged parts, and what it lost.

    Of every damaged part the newest intact one takes the place that an older readable version names: nothing is ever
    removed from a table, so it holds a part of the same rows. If no version can be read, every intact file counts.

    Raises
    ------
    NoData
        If nothing was ever published.
    """
    found, _ = manifests.readable()
    if not found:
        return _gathered(parts, now), ()
    newest, *older = found
    tables: dict[Kind, dict[str, Mapping[str, Any]]] = {}
    lost = []
    for kind, entries in newest.tables.items():
        for part, entry in entries.items():
            kept = next((one for one in _same(kind, part, entry, older) if parts.intact(kind, one["file"])), None)
            if kept is not None:
                tables.setdefault(kind, {})[part] = kept
            if kept is None or kept["file"] != entry["file"]:
                restored = kept["rows"] if kept else 0
                lost.append(LostPart(kind, part, entry["rows"] - restored, restored))
    published = now if lost else newest.published_at
    return Manifest(tables, newest.sources, published), tuple(lost)


def _same(kind: Kind, part: str, entry: Mapping[str, Any], older: Sequence[Manifest]) -> list[Mapping[str, Any]]:
    """Return a part and what older versions have in its place, newest first."""
    earlier = (manifest.tables.get(kind, {}).get(part) for manifest in older)
    return [entry, *(one for one in earlier if one is not None)]


def _gathered(parts: Parts, now: datetime) -> Manifest:
    """Return a version of all intact files: later files of a part repeat the rows of earlier ones, and may add some."""
    tables: dict[Kind, dict[str, Mapping[str, Any]]] = {}
    for kind in TABLES:
        for part, files in parts.found(kind).items():
            whole = [parts.read(kind, file) for file in files if parts.intact(kind, file)]
            if whole:
                rows = merged(kind, *whole).unique(maintain_order=True)
                tables.setdefault(kind, {})[part] = parts.write(kind, part, rows)
    if not tables:
        raise NoData(f"archive {parts.name} holds nothing that can be read; `vfr data sync --as {parts.name}` fills it")
    return Manifest(tables, (), now)
