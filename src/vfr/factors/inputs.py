"""Which kinds of input a snapshot holds, and how far each of them reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from vfr.data.freshness import SLA
from vfr.data.people import Insiders, Ratings
from vfr.data.records import Fundamentals, Macro, MacroSeries, Membership, Texts
from vfr.data.snapshot import Snapshot
from vfr.factors.board import InputStatus
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["known_inputs", "member_moves"]

_DAILY: Final = 10
"""Days between observations, at the median, up to which a macro series counts as daily; a monthly one beyond."""


def known_inputs(snapshot: Snapshot, moves: IntArray | None = None) -> Mapping[str, InputStatus]:
    """Return what is known of every kind of input by a snapshot's last session, and the day of its newest item.

    `moves` is what `member_moves` says of its membership, or of one that it is a past of; by default it is asked.

    Prices, volume, benchmark: the last session with a figure. Fundamentals, insiders, ratings: the newest publication.
    Texts: the newest. Membership: the index's last change. Macro: the newest observation of the series furthest behind,
    where a monthly series counts only if it is older than monthly ones may be (`vfr.data.freshness.SLA`), from the last
    day of the month that it observed, or if there is no daily one.
    """
    panel, benchmark = snapshot.panel, snapshot.benchmark
    newest = {
        "prices": _newest(panel.sessions, panel.adj_close),
        "volume": _newest(panel.sessions, panel.volume),
        "fundamentals": _newest_report(snapshot.fundamentals),
        "macro": _newest_observation(snapshot.macro, snapshot.as_of),
        "texts": _newest_text(snapshot.texts),
        "membership": _last_change(snapshot.membership, moves, panel.sessions, panel.adj_close),
        "benchmark": None if benchmark is None else _newest(panel.sessions, benchmark.close),
    }
    # Sets without these know nothing of them, so that their answers stay what they were.
    newest |= {
        kind: _newest_report(record)
        for kind, record in (("insiders", snapshot.insiders), ("ratings", snapshot.ratings))
        if record is not None
    }
    name = snapshot.name
    return {kind: InputStatus(available=day is not None, source=name, newest=day) for kind, day in newest.items()}


def _newest(days: DateArray, figures: FloatArray) -> str | None:
    """Last session on which any symbol of [T x N] has something; it is among the last, so they are asked first."""
    row = next((row for row in range(days.size - 1, -1, -1) if np.isfinite(figures[row]).any()), None)
    return None if row is None else str(days[row])


def _newest_report(record: Fundamentals | Insiders | Ratings | None) -> str | None:
    if record is None or record.known_at.size == 0:
        return None
    return str(record.known_at[-1].astype("datetime64[D]"))


def _newest_text(texts: Texts | None) -> str | None:
    if texts is None or texts.created_at.size == 0:
        return None
    return str(texts.created_at[-1].astype("datetime64[D]"))


def _newest_observation(macro: Macro | None, as_of: np.datetime64) -> str | None:
    daily, monthly = [], []
    for one in macro.series.values() if macro is not None else ():
        days = _observed(one)
        if _daily(days):
            daily += days[-1:].tolist()
        else:  # A month's figure is dated by its first day and is about all of it.
            monthly.append(min((days[-1].astype("datetime64[M]") + 1).astype("datetime64[D]") - 1, as_of).item())
    behind = [end for end in monthly if (as_of.item() - end).days > SLA["macro_monthly"]]
    return str(min(daily + behind if daily else monthly)) if daily or monthly else None


def _daily(days: DateArray) -> bool:
    """Return whether the median of the days between observations is small; one alone counts as daily."""
    between, most = np.diff(days), np.timedelta64(_DAILY, "D")
    short = 2 * int(np.count_nonzero(between <= most))
    # Only where just half of them are short is the median between the two in the middle.
    return short > between.size if short != between.size else between.size == 0 or bool(np.median(between) <= most)


def _observed(series: MacroSeries) -> DateArray:
    """Return the days of which a series holds a figure, oldest first."""
    days: DateArray = series.date[np.isfinite(series.value)].astype("datetime64[D]")
    return days if bool(np.all(days[1:] > days[:-1])) else np.unique(days)


def member_moves(membership: Membership) -> IntArray:
    """Return the rows of the sessions at which anybody entered or left an index, or its size changed."""
    member, size = membership.member, membership.index_size
    moved: IntArray = np.flatnonzero((member[1:] != member[:-1]).any(axis=1) | (size[1:] != size[:-1])) + 1
    return moved


def _last_change(
    membership: Membership | None, moves: IntArray | None, sessions: DateArray, close: FloatArray
) -> str | None:
    """Return the session from which an index's last known change, an entry or an exit, was in force.

    A symbol whose prices begin or end while it belongs to the index is no change of the index.
    """
    if membership is None or not membership.member.any():
        return None
    moves = member_moves(membership) if moves is None else moves[: np.searchsorted(moves, sessions.size)]
    member, size = membership.member, membership.index_size
    of_the_index = (
        row
        for row in moves[::-1].tolist()
        if size[row] != size[row - 1] or _listed(close[:, member[row] != member[row - 1]], row)
    )
    return str(sessions[next(of_the_index, int(np.argmax(member.any(axis=1))))])


def _listed(close: FloatArray, row: int) -> bool:
    """Return whether any symbol of [T x N] has a close both before a row and from it on."""
    known = np.isfinite(close)
    return bool((known[:row].any(axis=0) & known[row:].any(axis=0)).any())
