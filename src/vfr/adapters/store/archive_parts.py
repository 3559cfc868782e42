"""The files of an archive's tables: written once under a name that holds their hash, and checked whenever read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from vfr.adapters.store.content import content_hash, parquet_bytes
from vfr.adapters.store.disk_errors import reading
from vfr.adapters.store.objects import Objects
from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import merged
from vfr.errors import DatasetCorrupt

__all__ = ["FILES", "Parts"]

FILES: Final = "files"

_SUFFIX: Final = ".parquet"
_WHOLE: Final = "all"


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The files of one archive's tables."""

    objects: Objects
    name: str

    def read(self, kind: Kind, file: str, subjects: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of a file, or those of some subjects, if every byte is what its name says.

        Raises
        ------
        DatasetCorrupt
            If it is missing or damaged.
        DataError
            If the system or the store refuses to read it.
        """
        try:
            with reading(f"archive {self.name}"):
                data = self.objects.get(self.at(kind, file))
        except FileNotFoundError as error:
            raise self._damaged(kind, file, "missing") from error
        if _hash_in(file) != content_hash(data):
            raise self._damaged(kind, file, "damaged")
        try:
            lazy = pl.scan_parquet(io.BytesIO(data))
            wanted = lazy if subjects is None else lazy.filter(pl.col(TABLES[kind].key[0]).is_in(list(subjects)))
            return wanted.collect()
        except pl.exceptions.PolarsError as error:
            raise self._damaged(kind, file, "no table") from error

    def intact(self, kind: Kind, file: str) -> bool:
        """Tell whether a file is there and every byte of it is what its name says."""
        try:
            self.read(kind, file)
        except DatasetCorrupt:
            return False
        return True

    def write(self, kind: Kind, part: str, rows: pl.DataFrame) -> dict[str, Any]:
        """Write the rows of a part and return its entry in a manifest."""
        data = parquet_bytes(rows)
        file = f"{part}-{content_hash(data)}{_SUFFIX}"
        self.objects.put(self.at(kind, file), data)
        return {"file": file, "rows": rows.height, "bytes": len(data)}

    def extended(
        self, kind: Kind, parts: Mapping[str, Mapping[str, Any]], rows: pl.DataFrame
    ) -> dict[str, Mapping[str, Any]]:
        """Return the parts of a table after rows were added, each row once, writing those that changed."""
        column = TABLES[kind].partition
        label = pl.lit(_WHOLE) if column is None else pl.col(column).dt.year().cast(pl.String)
        out = dict(parts)
        for (part,), added in rows.with_columns(_part=label).partition_by("_part", as_dict=True).items():
            held = [self.read(kind, parts[part]["file"])] if part in parts else []
            whole = merged(kind, *held, added.drop("_part")).unique(maintain_order=True)
            out[str(part)] = self.write(kind, str(part), whole)
        return out

    def found(self, kind: Kind) -> dict[str, list[str]]:
        """Return the files of a kind by part, whichever version names them."""
        with reading(f"archive {self.name}"):
            names = self.objects.names(self.at(kind, "").rstrip("/"))
        out: dict[str, list[str]] = {}
        for file in names:
            if file.endswith(_SUFFIX) and not file.startswith("."):
                out.setdefault(file.rpartition("-")[0], []).append(file)
        return out

    def at(self, kind: Kind, file: str) -> str:
        """Return where a file lies."""
        return "/".join((self.name, FILES, kind, file))

    def _damaged(self, kind: Kind, file: str, how: str) -> DatasetCorrupt:
        return DatasetCorrupt(
            f"archive {self.name}: {kind}/{file} is {how}; `vfr data repair {self.name}` goes on without it, "
            f"then `vfr data sync --as {self.name} --refetch` fetches that history again"
        )


def _hash_in(file: str) -> str:
    return file.removesuffix(_SUFFIX).rpartition("-")[2]
