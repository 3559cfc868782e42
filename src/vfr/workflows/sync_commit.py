"""Publish what a sync gathered: new facts and corrections as versions, refused rows beside them, all in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

import polars as pl

from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import amendments, withdrawals
from vfr.errors import UnknownAtSource
from vfr.workflows.archive import QUARANTINE, Archive
from vfr.workflows.staging import ProviderDiary, SyncDiary
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome

__all__ = ["Committed", "commit", "trust_order", "written_up"]


@dataclass(slots=True)
class Committed:
    """What was published: the archive's version, whether it is a new one, and rows by ``provider kind``."""

    version: str = ""
    changed: bool = False
    new: Counter[str] = field(default_factory=Counter)
    corrected: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def then(self, later: Committed) -> Committed:
        """Return what two phases of a sync published together."""
        return Committed(
            later.version,
            self.changed or later.changed,
            self.new + later.new,
            self.corrected + later.corrected,
            self.quarantined + later.quarantined,
        )


def commit(
    outcomes: Sequence[Outcome], archive: Archive, stored: Stored, sources: Sequence[str], now: datetime
) -> Committed:
    """Add to an archive what usable answers say that it does not hold yet; what is new or changed counts from `now`.

    The same answers committed twice change nothing the second time.
    """
    before = [version.version for version in archive.versions()][:1]
    out = Committed()
    additions: dict[Kind, list[pl.DataFrame]] = {}
    for kind, rows in _together(outcomes).items():
        additions[kind] = [_amended(kind, rows, stored, now, out)]
    for kind, gone in _withdrawn(outcomes, stored, now, out):
        additions.setdefault(kind, []).append(gone)
    archive.quarantine(_refused(outcomes, out))
    merged = {kind: pl.concat(frames) for kind, frames in additions.items()}
    if not before and not any(rows.height for rows in merged.values()):
        return out  # Nobody said anything yet: there is nothing to publish.
    out.version = archive.publish(merged, sources=sources, now=now)
    out.changed = [out.version] != before
    return out


def trust_order(held: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    """Return an archive's order of trust after a sync: those named take each other's places, new ones come last.

    Examples
    --------
    >>> trust_order(("yahoo", "edgar", "tiingo"), ("tiingo", "yahoo", "fmp"))
    ('tiingo', 'edgar', 'yahoo', 'fmp')
    >>> trust_order(("yahoo", "tiingo"), ("tiingo",))
    ('yahoo', 'tiingo')
    """
    known = iter([name for name in named if name in held])
    order = [next(known) if name in named else name for name in held]
    return (*order, *(name for name in named if name not in held))


def _together(outcomes: Sequence[Outcome]) -> dict[Kind, pl.DataFrame]:
    """Return the accepted rows by table: one look at a table serves all of its subjects."""
    groups: dict[Kind, list[pl.DataFrame]] = {}
    for outcome in outcomes:
        for kind, rows in outcome.accepted.items():
            groups.setdefault(kind, []).append(rows)
    return {kind: pl.concat(frames) for kind, frames in groups.items()}


def _amended(kind: Kind, rows: pl.DataFrame, stored: Stored, now: datetime, out: Committed) -> pl.DataFrame:
    """Return the rows that a table does not hold yet, and count them."""
    held = stored.table(kind)
    added = amendments(kind, held, rows, now, _told(kind, stored))
    first = added.join(held, on=list(TABLES[kind].key), how="anti", nulls_equal=True)
    for counter, frame in ((out.new, first), (out.corrected, added)):
        counter.update({f"{source} {kind}": count for source, count in frame["source"].value_counts().iter_rows()})
    out.corrected.subtract({f"{source} {kind}": count for source, count in first["source"].value_counts().iter_rows()})
    return added


def _told(kind: Kind, stored: Stored) -> pl.DataFrame | None:
    """Return the spans each source told before: of a share, from its first to its last bar; of an index, all days."""
    if kind in {"bars", "actions"}:
        bars = stored.table("bars")
        return bars.group_by("symbol", "source").agg(first=pl.col("date").min(), last=pl.col("date").max())
    if kind == "membership":
        indices = stored.table("membership").select("index", "source").unique()
        return indices.with_columns(first=pl.lit(date.min), last=pl.lit(date.max))
    return None


def _withdrawn(
    outcomes: Sequence[Outcome], stored: Stored, now: datetime, out: Committed
) -> Iterator[tuple[Kind, pl.DataFrame]]:
    """Yield versions that take back what an answer, complete about its span, tells no more."""
    for outcome in outcomes:
        for kind in _WITHDRAWABLE:
            complete = _told_whole(kind, outcome)
            if complete is None:
                continue
            task = outcome.task
            held = stored.rows(kind, task.provider, task.subject).filter(complete)
            gone = withdrawals(kind, held, _mentioned(kind, outcome), now)
            out.corrected[f"{task.provider} {kind}"] += gone.height
            yield kind, gone


_WITHDRAWABLE: Final[tuple[Kind, ...]] = ("actions", "membership")


def _told_whole(kind: Kind, outcome: Outcome) -> pl.Expr | None:
    """Return which stored facts an answer speaks about completely; None where it is no word on what it leaves out.

    Actions: on days whose bar it tells. Membership: all, if none of its rows was refused.
    """
    if kind not in outcome.accepted:
        return None
    if kind == "membership":
        whole = kind not in outcome.quarantined and outcome.accepted[kind].height > 0
        return pl.lit(value=True) if whole else None
    bars = outcome.accepted.get("bars")
    return None if bars is None or bars.is_empty() else pl.col("date").is_in(bars["date"].implode())


def _mentioned(kind: Kind, outcome: Outcome) -> pl.DataFrame:
    """Return every fact an answer mentions, refused ones too: what is told wrongly is not taken back."""
    told = outcome.accepted[kind]
    refused = outcome.quarantined.get(kind)
    return told if refused is None else pl.concat([told, refused.select(told.columns)])


def _refused(outcomes: Sequence[Outcome], out: Committed) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=dict(QUARANTINE))]
    for outcome in outcomes:
        for kind, rows in outcome.quarantined.items():
            out.quarantined[f"{outcome.task.provider} {kind}"] += rows.height
            plain = rows.drop("reason", "known_at", strict=False)
            frames.append(
                pl.DataFrame(
                    {
                        "source": outcome.task.provider,
                        "kind": kind,
                        "subject": outcome.task.subject,
                        "reason": rows["reason"],
                        "row": plain.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
                        "seen_at": pl.Series([outcome.at] * rows.height, dtype=QUARANTINE["seen_at"]),
                    },
                    schema_overrides=dict(QUARANTINE),
                )
            )
    return pl.concat(frames)


def written_up(diary: SyncDiary, outcomes: Sequence[Outcome], now: datetime) -> SyncDiary:
    """Return a diary with a sync's outcomes added: topics answered or not known, and how each provider did.

    Not to know a subject is an answer: it is no failure of the provider, and is not asked for again for a while.
    """
    answered = {o.task.topic: o.at for o in outcomes if o.code == DONE}
    unknown = {o.task.topic: o.at for o in outcomes if o.code == UnknownAtSource.code}
    providers = dict(diary.providers)
    for name in {outcome.task.provider for outcome in outcomes}:
        own = [outcome for outcome in outcomes if outcome.task.provider == name]
        usable = [o.at for o in own if o.code in {DONE, UnknownAtSource.code}]
        last = providers.get(name, ProviderDiary())
        answered_at = max(filter(None, (last.answered_at, *usable)), default=None)
        failed = next((o for o in reversed(own) if o.code not in {DONE, UnknownAtSource.code}), None)
        if failed is None:
            providers[name] = ProviderDiary(answered_at)
        else:
            providers[name] = ProviderDiary(answered_at, failed.at, failed.code, failed.message)
    still = {topic: at for topic, at in diary.unknown.items() if topic not in answered}
    return replace(
        diary,
        asked={**diary.asked, **answered},
        unknown={**still, **unknown},
        providers=providers,
        finished_at=now,
    )
