"""Publish what a sync gathered: new facts and corrections as versions, refused rows beside them, all in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import amendments, withdrawals
from vfr.workflows.archive import QUARANTINE, Archive
from vfr.workflows.staging import ProviderDiary, SyncDiary
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome

__all__ = ["Committed", "commit", "written_up"]


@dataclass(slots=True)
class Committed:
    """What was published: the archive's version, whether it is a new one, and rows by ``provider kind``."""

    version: str = ""
    changed: bool = False
    new: Counter[str] = field(default_factory=Counter)
    corrected: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)


def commit(
    outcomes: Sequence[Outcome], archive: Archive, stored: Stored, sources: Sequence[str], now: datetime
) -> Committed:
    """Add to an archive what usable answers say that it does not hold yet.

    The same answers committed twice change nothing the second time.
    """
    before = [version.version for version in archive.versions()][:1]
    out = Committed()
    additions: dict[Kind, list[pl.DataFrame]] = {}
    for (kind, at), rows in _together(outcomes).items():
        additions.setdefault(kind, []).append(_amended(kind, rows, stored.table(kind), at, out))
    additions.setdefault("actions", []).extend(_withdrawn(outcomes, stored, out))
    archive.quarantine(_refused(outcomes, out))
    merged = {kind: pl.concat(frames) for kind, frames in additions.items() if frames}
    out.version = archive.publish(merged, sources=sources, now=now)
    out.changed = [out.version] != before
    return out


def _together(outcomes: Sequence[Outcome]) -> dict[tuple[Kind, datetime], pl.DataFrame]:
    """Return the accepted rows by table and moment of asking: one look at a table serves all of its subjects."""
    groups: dict[tuple[Kind, datetime], list[pl.DataFrame]] = {}
    for outcome in outcomes:
        for kind, rows in outcome.accepted.items():
            groups.setdefault((kind, outcome.at), []).append(rows)
    return {group: pl.concat(frames) for group, frames in groups.items()}


def _amended(kind: Kind, rows: pl.DataFrame, held: pl.DataFrame, at: datetime, out: Committed) -> pl.DataFrame:
    """Return the rows that a table does not hold yet, and count them."""
    added = amendments(kind, held, rows, at)
    first = added.join(held, on=list(TABLES[kind].key), how="anti", nulls_equal=True)
    for counter, frame in ((out.new, first), (out.corrected, added)):
        counter.update({f"{source} {kind}": count for source, count in frame["source"].value_counts().iter_rows()})
    out.corrected.subtract({f"{source} {kind}": count for source, count in first["source"].value_counts().iter_rows()})
    return added


def _withdrawn(outcomes: Sequence[Outcome], stored: Stored, out: Committed) -> Iterator[pl.DataFrame]:
    """Yield a null version of every action that an answer with prices, which tells all of its span, tells no more."""
    for outcome in outcomes:
        task, told = outcome.task, outcome.accepted.get("actions")
        if told is None or not outcome.accepted.get("bars", told).height:
            continue
        held = stored.rows("actions", task.provider, task.subject)
        gone = withdrawals("actions", held.filter(pl.col("date") >= task.since), told, outcome.at)
        out.corrected[f"{task.provider} actions"] += gone.height
        yield gone


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
    """Return a diary with a sync's outcomes added: topics answered, and how each provider did."""
    asked = dict(diary.asked)
    providers = dict(diary.providers)
    for outcome in outcomes:
        name = outcome.task.provider
        last = providers.get(name, ProviderDiary())
        if outcome.code == DONE:
            asked[outcome.task.topic] = outcome.at
            answered = max(filter(None, (last.answered_at, outcome.at)))
            providers[name] = replace(last, answered_at=answered)
        else:
            providers[name] = replace(last, failed_at=outcome.at, code=outcome.code, message=outcome.message)
    for name in {outcome.task.provider for outcome in outcomes}:
        if all(outcome.code == DONE for outcome in outcomes if outcome.task.provider == name):
            providers[name] = ProviderDiary(answered_at=providers[name].answered_at)
    return replace(diary, asked=asked, providers=providers, finished_at=now)
