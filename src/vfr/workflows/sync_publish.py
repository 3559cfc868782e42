"""Make a data set from everything an archive knows: the snapshot, its quality and the prepared last row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import as_of
from vfr.data.bitemporal.view import view
from vfr.data.checks import check_panel, panel_facts
from vfr.data.compare import compare_actions, compare_sources
from vfr.data.fingerprint import fingerprint
from vfr.data.last_session import sessions_to_keep, unfinished
from vfr.data.quality import Finding, QualityReport, finding
from vfr.errors import NoData
from vfr.workflows.archive import Archive, ArchiveVersion
from vfr.workflows.datasets import BUNDLED, DatasetStore

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board

__all__ = ["Published", "chosen", "known_tables", "publish_view", "view_as_of"]

_FED_BY: Final[Mapping[str, tuple[Kind, ...]]] = {
    "prices": ("bars", "actions"),
    "volume": ("bars",),
    "fundamentals": ("fundamentals",),
    "macro": ("macro",),
    "texts": ("texts",),
    "membership": ("membership",),
    "benchmark": ("bars",),
    "insiders": ("insiders",),
    "ratings": ("ratings",),
}
"""Which tables stand behind each input of a board."""


@dataclass(frozen=True, slots=True)
class Published:
    """A data set made from an archive: its content hash, whether requests use it, and what the checks found."""

    version: str
    current: bool
    findings: tuple[Finding, ...]


def chosen(archive: Archive, version: str | None = None) -> tuple[str | None, tuple[str, ...]]:
    """Return one version and its sources in order of trust, the newest by default; no source where it is not kept.

    Who reads more than one table asks for this first: a sync may publish between two readings of "the newest".
    """
    found = next((v for v in archive.versions() if version in (None, v.version)), None)
    return (version, ()) if found is None else (found.version, found.sources)


def known_tables(archive: Archive, version: str | None = None) -> dict[Kind, pl.DataFrame]:
    """Return every table of a version, all of the same one; the newest by default."""
    version, _ = chosen(archive, version)
    return {kind: archive.read(kind, version=version) for kind in TABLES}


def view_as_of(archive: Archive, moment: datetime, *, version: str | None = None) -> Snapshot:
    """Return everything that was public at a moment, as a version of an archive knows it.

    Raises
    ------
    UnknownDataset
        If there is no such version.
    NoData
        If no price was public by then.
    """
    version, sources = chosen(archive, version)
    return view(known_tables(archive, version), moment, name=archive.name, sources=sources)


def publish_view(archive: Archive, datasets: DatasetStore, now: datetime, confirmed: date | None = None) -> Published:
    """Publish the data set of an archive; it becomes current unless the user chose another one by importing it.

    Parameters
    ----------
    confirmed : date, optional
        When a provider last told who belongs to the index: it may rightly stay as it is for months.

    Raises
    ------
    NoData
        If no price is known.
    """
    from vfr.factors.compute import compute_board

    newest = next(iter(archive.versions()), None)
    if newest is None:
        raise NoData(f"archive {archive.name} is empty; `vfr data sync` fills it")
    tables = known_tables(archive, newest.version)
    snapshot = _whole_sessions(view(tables, now, name=archive.name, sources=newest.sources))
    bars, actions = (as_of(kind, tables[kind], now) for kind in _COMPARED)
    found = [*compare_sources(bars), *compare_actions(actions), *unfinished(snapshot.panel), *_clock(newest, now)]
    facts = panel_facts(snapshot.panel, tables["bars"].height) | {
        "archiveVersion": newest.version,
        "sources": ", ".join(newest.sources),
    }
    quality = QualityReport.of([*check_panel(snapshot.panel), *found], facts)
    current = datasets.current() in {None, BUNDLED, archive.name}
    board = _confirmed(_named_sources(compute_board(snapshot), tables, newest.sources), confirmed)
    datasets.publish(snapshot, quality, board, make_current=current)
    return Published(snapshot.version, current, tuple(found))


_COMPARED: Final[tuple[Kind, Kind]] = ("bars", "actions")


def _whole_sessions(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without last sessions that hold a few stragglers only."""
    kept = snapshot.sessions[: sessions_to_keep(snapshot.panel)]
    if kept.size == snapshot.sessions.size:
        return snapshot
    cut = snapshot.upto(kept[-1])
    return replace(cut, version=fingerprint(cut))


def _clock(newest: ArchiveVersion, now: datetime) -> list[Finding]:
    """Return a finding if the archive was published after now: then a clock was wrong, and corrections wait for it."""
    if newest.published_at <= now:
        return []
    message = f"the archive was published at {newest.published_at:%Y-%m-%d %H:%M} UTC, which is still to come: a clock"
    return [finding("clock_ahead", "warning", (), f"{message} was ahead; what it corrected counts from then.", 1)]


def _confirmed(board: Board, day: date | None) -> Board:
    """Return a board whose membership is as new as the day a provider told it last."""
    status = board.inputs["membership"]
    if day is None or not status.available:
        return board
    return replace(board, inputs={**board.inputs, "membership": replace(status, newest=day.isoformat())})


def _named_sources(board: Board, tables: Mapping[Kind, pl.DataFrame], order: tuple[str, ...]) -> Board:
    """Return a board whose inputs name the providers behind them, most trusted first."""

    def behind(kind: str) -> str:
        names = {name for table in _FED_BY[kind] for name in tables[table]["source"].unique().to_list()}
        return ", ".join(sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name)))

    inputs = {kind: replace(status, source=behind(kind) or status.source) for kind, status in board.inputs.items()}
    return replace(board, inputs=inputs)
