"""What a batch is judged by, and the rows of it as they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias

import polars as pl

from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.provider import Batch, Order
from vfr.data.quality import EXAMPLES, Finding, Severity, finding
from vfr.data.trading_days import last_completed, new_york_day, trading_days
from vfr.typing import DateArray

__all__ = ["Case", "Checked", "Rule", "Sifted", "checked", "labels"]

Rule: TypeAlias = tuple[str, pl.Expr]
"""A reason of `REASONS` and when it holds; unknown does not hold."""

REASONS: Final[Mapping[str, tuple[Severity, str]]] = {
    "currency": ("error", "the answer is not in USD; refused whole."),
    "mostly_missing": ("error", "over half of the sessions inside the answer are missing; refused whole."),
    "cut_short": (
        "error",
        "the answer ends, or begins, over five sessions inside what is stored of its span; refused whole.",
    ),
    "partial_correction": (
        "error",
        "a corrected split reaches stored bars older than the answer too: sync with --refetch; refused whole.",
    ),
    "basis_shift": (
        "error",
        "closes differ from the stored ones by one common factor: adjusted prices; refused whole.",
    ),
    "other_series": ("error", "closes differ from the stored ones on most days: another share; refused whole."),
    "split_inconsistent": (
        "error",
        "prices and splits contradict each other: a split without its jump, or a jump without a split; refused whole.",
    ),
    "contradiction": ("error", "rows that say two things about one fact; none of them is used."),
    "other_subject": ("error", "rows about something that was not asked for; refused."),
    "closed_day": ("warning", "rows on days without a session, or in the future; refused."),
    "bad_figure": ("warning", "rows with a figure that cannot be; refused."),
    "outside_high_low": ("warning", "bars with a price over 0.5 % outside high-low; refused."),
    "stale_repeat": ("warning", "bars that repeat the session before although shares were traded; refused."),
    "bad_action": ("warning", "actions that are neither a split within 1:200 nor a dividend below the price; refused."),
    "bad_period": ("warning", "statements of an unknown period or item; refused."),
    "bad_interval": ("warning", "memberships that end before they begin; refused."),
    "bad_measure": ("warning", "ratings of an unknown measure; refused."),
    "blank_text": ("warning", "rows with a blank text; refused."),
    "from_the_future": ("warning", "rows dated later than can be known now; refused."),
    "known_too_early": ("warning", "rows said to be public before what they tell of; refused."),
}
"""Every reason for quarantine: how grave it is, and what is said of it."""

_EXAMPLE_OF: Final[Mapping[Kind, tuple[str, ...]]] = {
    "bars": ("symbol", "date"),
    "actions": ("symbol", "date", "action"),
    "fundamentals": ("symbol", "period_end", "item"),
    "macro": ("series", "date"),
    "membership": ("symbol", "start_date"),
    "texts": ("symbol", "created_at"),
    "insiders": ("symbol", "date", "accession"),
    "ratings": ("symbol", "date", "measure"),
    "profile": ("symbol", "field"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A judged batch.

    Parameters
    ----------
    accepted : polars.DataFrame
        Rows to store, ordered by key.
    quarantined : polars.DataFrame
        Rows refused, with a column `reason`, ordered by key.
    findings : tuple of Finding
        What was found and done: one per reason of quarantine, and notes about what is accepted.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything a batch is judged by; `known` holds the latest version of each stored fact, ordered by key.

    `actions` are those in force once the answer is stored, `before` those in force without it (None: the same). If
    `trusted`, the answer may contradict the stored closes.
    """

    batch: Batch
    order: Order
    known: pl.DataFrame
    actions: pl.DataFrame
    bars: pl.DataFrame
    before: pl.DataFrame | None = None
    trusted: bool = False

    @property
    def today(self) -> date:
        """The day it is in New York."""
        return new_york_day(self.order.now)

    def sessions(self, since: date) -> DateArray:
        """Return the sessions from a day to the last completed one."""
        return trading_days(since, last_completed(self.order.now))


@dataclass(frozen=True, slots=True, eq=False)
class Sifted:
    """Rows with a column `reason`, null while nothing speaks against a row, and the notes made so far.

    `said` holds, by reason, a sentence about this answer that is said instead of the general one.
    """

    rows: pl.DataFrame
    notes: tuple[Finding, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> pl.DataFrame:
        """The rows that nothing speaks against so far."""
        return self.rows.filter(pl.col("reason").is_null())

    def judge(self, rules: Sequence[Rule]) -> Sifted:
        """Give each row the first reason that holds for it, unless it has one."""
        reasons = [pl.when(bad.fill_null(value=False)).then(pl.lit(reason)) for reason, bad in rules]
        return replace(self, rows=self.rows.with_columns(reason=pl.coalesce("reason", *reasons)))

    def refuse(self, reason: str, said: str = "") -> Sifted:
        """Give every row a reason, unless it has one; say what is known of this answer, if anything is."""
        refused = self.judge([(reason, pl.lit(value=True))])
        return replace(refused, said={**self.said, reason: said}) if said else refused

    def note(self, *findings: Finding) -> Sifted:
        """Add what was found, if anything was."""
        return replace(self, notes=(*self.notes, *(f for f in findings if f.count)))


def labels(kind: Kind, rows: pl.DataFrame) -> list[str]:
    """Return a few rows as ``AAPL 2015-01-02``, for a finding."""
    return [" ".join(map(str, row)) for row in rows.head(EXAMPLES).select(_EXAMPLE_OF[kind]).iter_rows()]


def checked(kind: Kind, sifted: Sifted) -> Checked:
    """Return the judgement, with a finding for each reason."""
    columns = list(TABLES[kind].columns)
    order = [*TABLES[kind].key, "known_at"]
    rows = sifted.rows.sort(*order, *(c for c in columns if c not in order), nulls_last=True)
    refused = rows.filter(pl.col("reason").is_not_null())
    found = []
    for reason, (severity, text) in REASONS.items():
        those = refused.filter(pl.col("reason") == reason)
        if those.height:
            message = f"{kind}: {sifted.said.get(reason, text)}"
            found.append(finding(reason, severity, labels(kind, those), message, those.height))
    accepted = rows.filter(pl.col("reason").is_null()).select(columns)
    return Checked(accepted, refused.select(*columns, "reason"), (*found, *sifted.notes))
