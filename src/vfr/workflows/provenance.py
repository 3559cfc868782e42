"""Where each figure of a share comes from: its source, since when it is known, and the filing it was read in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from vfr.data.bitemporal.tables import Kind
from vfr.data.bitemporal.versions import as_of
from vfr.data.bitemporal.view import preferred
from vfr.workflows.archive import Archive

__all__ = ["provenance"]

_BAR: Final = ("open", "high", "low", "close", "volume")
_ANNUAL: Final = "FY"


def provenance(
    archive: Archive, symbols: Sequence[str], moment: datetime, version: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return the origin of the newest figures of each share, as they were in force at a moment.

    Parameters
    ----------
    archive : Archive
    symbols : sequence of str
    moment : datetime
        Aware, UTC.
    version : str, optional
        Of the archive; the newest by default.

    Returns
    -------
    dict
        By symbol: ``bar``, ``profile`` and ``statement``, each a mapping of field to ``source``, ``knownAt`` and, for
        statements, ``form``, ``accession`` and ``filedAt``. What is not known is left out.
    """
    sources = next((v.sources for v in archive.versions() if version in (None, v.version)), ())
    tables = {kind: archive.read(kind, version=version, subjects=symbols) for kind in _KINDS}
    bars = preferred("bars", tables["bars"], moment, sources).filter(pl.col("close").is_not_null())
    profile = preferred("profile", tables["profile"], moment, sources)
    filed = as_of("fundamentals", tables["fundamentals"], moment).filter(pl.col("period") == _ANNUAL)
    return {
        symbol: {
            "bar": _bar(bars.filter(pl.col("symbol") == symbol)),
            "profile": {row["field"]: _origin(row) for row in _of(profile, symbol)},
            "statement": _statement(filed.filter(pl.col("symbol") == symbol), sources),
        }
        for symbol in symbols
    }


_KINDS: Final[tuple[Kind, ...]] = ("bars", "profile", "fundamentals")


def _bar(rows: pl.DataFrame) -> dict[str, Any]:
    if rows.is_empty():
        return {}
    newest = rows.sort("date").row(-1, named=True)
    return {field: _origin(newest) for field in _BAR if newest[field] is not None}


def _statement(rows: pl.DataFrame, sources: Sequence[str]) -> dict[str, Any]:
    """Return the origin of each item of the newest year, which comes from one source whole."""
    if rows.is_empty():
        return {}
    newest = rows.filter(pl.col("period_end") == pl.col("period_end").max())
    held = set(newest["source"].to_list())
    best = next((name for name in sources if name in held), min(held))
    return {
        row["item"]: _origin(row)
        | {"form": row["form"], "accession": row["accession"], "filedAt": row["filed_at"] and str(row["filed_at"])}
        for row in newest.filter(pl.col("source") == best).iter_rows(named=True)
    }


def _of(frame: pl.DataFrame, symbol: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("symbol") == symbol).rows(named=True)


def _origin(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"source": row["source"], "knownAt": row["known_at"].isoformat()}
