"""Judge what a provider answered before it is stored: accept, quarantine with a reason, or leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from vfr.data.batch_checks_bars import check_bars
from vfr.data.batch_checks_case import Case, Checked, Sifted, checked
from vfr.data.batch_checks_rows import RULES, shorten, sift
from vfr.data.bitemporal.tables import TABLES, Kind, conform, empty
from vfr.data.provider import Batch, Order
from vfr.data.quality import Finding, finding

__all__ = ["Checked", "check_batch"]

_DATED_BY: Final[Mapping[Kind, str]] = {
    "bars": "date",
    "actions": "date",
    "fundamentals": "period_end",
    "macro": "date",
    "texts": "created_at",
    "insiders": "date",
    "ratings": "date",
}
"""Kinds of which an answer may rightly hold nothing new, and the column that says what it should have held again."""


_FEW_ACTIONS: Final = 4
"""Stored actions of a span that may all be taken back at once; more are a source that has stopped telling any."""


def check_batch(
    batch: Batch,
    order: Order,
    known: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    bars: pl.DataFrame | None = None,
    actions_before: pl.DataFrame | None = None,
    trust_new_basis: bool = False,
) -> Checked:
    """Judge a batch.

    Parameters
    ----------
    batch : Batch
        What was answered; the order of its rows does not matter.
    order : Order
        What was asked, and when.
    known : polars.DataFrame
        Rows stored of the same table, subject and source; perhaps none.
    actions : polars.DataFrame
        Rows of table ``actions`` about the symbol, stored ones and those of the same answer: what bars are judged by.
    bars : polars.DataFrame or None
        Rows of table ``bars`` of the same answer: what dividends are judged by, and what makes an answer without
        actions a word on them. None leaves both out.
    actions_before : polars.DataFrame or None
        Rows of table ``actions`` stored about the symbol and source before this answer. Where its splits differ from
        them, closes that differ by the same factor are a correction, no change of basis. None: no split has changed.
    trust_new_basis : bool
        Believe the answer where its closes contradict the stored ones: `basis_shift` and `other_series` do not apply,
        everything else does.

    Returns
    -------
    Checked
        Nothing is corrected or filled. Every row is accepted, quarantined under one reason, or left out and counted
        in a finding (an exact repeat, a session that is not over). Only texts beyond 2,000 characters are changed:
        cut, and counted.

    Raises
    ------
    ImportRejected
        If a frame lacks a column of its table or holds another type.
    """
    kind = batch.kind
    key = TABLES[kind].key
    latest = conform(kind, known).sort(*key, "known_at").unique(key, keep="last", maintain_order=True)
    priced = empty("bars") if bars is None else conform("bars", bars)
    before = None if actions_before is None else conform("actions", actions_before)
    case = Case(batch, order, latest, conform("actions", actions), priced, before, trust_new_basis)
    frame = conform(kind, batch.frame)
    if frame.is_empty():
        return Checked(frame, frame.with_columns(reason=pl.lit(None, dtype=pl.String)), tuple(_silence(case)))
    sifted = _CHECKS[kind](sift(case, frame), case)
    return checked(kind, sifted)


def _by_rules(sifted: Sifted, case: Case) -> Sifted:
    return sifted.judge(RULES[case.batch.kind](case))


def _check_texts(sifted: Sifted, case: Case) -> Sifted:
    return shorten(_by_rules(sifted, case))


_CHECKS: Final[Mapping[Kind, Callable[[Sifted, Case], Sifted]]] = {
    "bars": check_bars,
    "actions": _by_rules,
    "fundamentals": _by_rules,
    "macro": _by_rules,
    "membership": _by_rules,
    "texts": _check_texts,
    "insiders": _by_rules,
    "ratings": _by_rules,
    "profile": _by_rules,
}


def _silence(case: Case) -> list[Finding]:
    """Say so if an answer without rows cannot be right."""
    kind, subject, since = case.batch.kind, case.batch.subject, case.batch.since
    again = case.known
    if kind in _DATED_BY:
        again = again.filter(pl.col(_DATED_BY[kind]).cast(pl.Date).is_between(since, case.today))
    if "value" in again.columns:
        again = again.filter(pl.col("value").is_not_null())
    expected = case.sessions(since).size if kind == "bars" else 0
    if again.is_empty() and not expected:
        return []
    if kind == "actions" and case.bars.height and again.height <= _FEW_ACTIONS:
        return []  # The source told of the symbol: what it does not tell any more, it has taken back.
    what = f"{expected} sessions were expected" if expected else f"{again.height} facts of that span are stored"
    count = max(expected, again.height)
    message = f"{kind}: the answer holds nothing, though {what}; nothing stored was changed."
    return [finding("empty_answer", "error", (subject,), message, count)]
