"""Questions about skill, each asked of one table of a report of evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from vfr.dashboard.evidence_reading import Record, first_model, named, number, of_first_universe, records, tables
from vfr.dashboard.evidence_words import (
    LEVEL,
    Answer,
    Finding,
    answered,
    bar,
    count,
    listed,
    plain,
    points,
    sentence,
    share,
    side,
)
from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["skill"]

_GOAL: Final = 0.6
_COST: Final = 10.0
_SURE: Final = 2.0
"""t from which the protocol counts a gain over a reference."""


def skill(report: EvidenceReport) -> Iterable[Finding]:
    """Ask every question whose table the report has; the first model of a table answers."""
    for ask in (_order, _beyond, _reference, _sixty, _direction, _excess, _best, _confidence, _portfolio):
        yield from ask(report)


def _order(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the score orders the names of a session."""
    for table in tables(report, "Rank IC", "rank IC", "t"):
        rows = of_first_universe(table)
        first, ic, t = rows[0], number(rows[0]["rank IC"]), number(rows[0]["t"])
        where = ", ".join(str(first[k]) for k in ("universe", "returns") if k in first)
        text = f"{named(first)}: rank IC {plain(ic)} (t {t:.1f}; {where}), {side(t)}."
        second = [r for r in records(table) if r.get("returns") != first.get("returns")]
        if second:
            text += f" {sentence(str(second[0]['returns']))} it is {plain(number(second[0]['rank IC']))}"
            text += f" (t {number(second[0]['t']):.1f})."
        yield Finding("order of names", answered(t > bar(1), t), text + _others(rows), skill=True)
        return


def _others(rows: Sequence[Record]) -> str:
    if len(rows) < 2:
        return ""
    least = bar(len(rows))
    above = [named(r) for r in rows[1:] if number(r["t"]) > least]
    which = f": {listed(above)}" if above else ""
    return (
        f" Of the others, {len(above) or 'none'} of {len(rows) - 1} above {least:.1f}, the bar for {len(rows)}{which}."
    )


def _beyond(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the order is more than a bet on exposures that need no model."""
    for table in tables(report, "Neutralised rank IC", "model", "taken out"):
        basis = next((c.removeprefix("IC ") for c in table.columns if c.startswith("IC ")), "")
        rows = [r for r in records(table) if r["model"] == table.rows[0][0]]
        if f"t {basis}" not in table.columns or len(rows) < 2:
            return
        before, after = rows[0], rows[-1]
        t = number(after[f"t {basis}"])
        out = listed(str(r["taken out"]) for r in rows[1:-1] or rows[1:])
        text = (
            f"{named(after)}: rank IC {plain(number(after[f'IC {basis}']))} (t {t:.1f}) after taking out {out}, "
            f"{plain(number(before[f'IC {basis}']))} before; {side(t)}."
        )
        yield Finding("order beyond known exposures", answered(t > bar(1), t), text, skill=True)
        return


def _reference(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the first model orders names better than an outside score does."""
    for table in tables(report, "Gain over the reference", "model", "gain", "t", "low", "high"):
        row = records(table)[0]
        t, low = number(row["t"]), number(row["low"])
        text = (
            f"{named(row)} over {first_model(table)} on the same rows: rank IC {plain(number(row['gain']))} more "
            f"[{plain(low)} to {plain(number(row['high']))}], t {t:.1f}."
        )
        yield Finding("gain over the reference", answered(t > _SURE and low > 0, t), text, skill=True)
        return


def _sixty(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the direction is right 60 % of the time, and more often than by the rule anybody could follow."""
    heads = ("coverage", "dates", "accuracy", "base-rate rule", "lift", "low", "high")
    question = "60 % right direction"
    for table in tables(report, "Direction accuracy against coverage", *heads):
        rows = [r for r in records(table) if math.isfinite(number(r["accuracy"]))]
        if not rows:
            yield Finding(question, "not known", "No call could be judged.", skill=True)
            return
        reached = [r for r in rows if number(r["accuracy"]) >= _GOAL]
        lifted = [r for r in reached if number(r["low"]) > 0]
        best = max(lifted or reached or rows, key=lambda r: number(r["accuracy"]))
        what = (
            f"{share(number(best['accuracy']))} on {share(number(best['coverage']))} of the calls "
            f"({count(int(number(best['dates'])), 'date')}), the base-rate rule "
            f"{share(number(best['base-rate rule']))} on the same; lift {points(best, 'lift')}"
        )
        if lifted:
            text = f"Reached with a lift over the base-rate rule: {what}."
        elif reached:
            text = f"Reached, but without a lift over the rule that anybody could follow, so it is a fail: {what}."
        else:
            text = f"Not reached at any coverage. The highest is {what}."
        yield Finding(question, "shown" if lifted else "failed", text, skill=True)
        return


def _direction(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the probability of UP is better than the base rate known at the time."""
    for table in tables(report, "Direction", "rule", "accuracy", "skill", "share UP"):
        rows = records(table)
        first, base = rows[0], [r for r in rows if str(r["rule"]).startswith("ex-ante")]
        text = f"{first['rule']}: right {share(number(first['accuracy']))} of the time"
        if base:
            text += f", the base-rate rule {share(number(base[0]['accuracy']))}"
        text += f"; UP {share(number(first['share UP']))} of the time."
        if first["skill"] is None:
            yield Finding("direction", "not known", f"{text} It says no probability.")
        else:
            yield Finding("probability of UP", *_skill(first, text), skill=True)
        return


def _excess(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the probability of an excess return above 0 is better than its base rate."""
    for table in tables(report, "Probability of an excess return above 0", "model", "skill"):
        first = records(table)[0]
        yield Finding("probability of an excess return", *_skill(first, f"{named(first)}:"), skill=True)
        return


def _skill(row: Record, text: str) -> tuple[Answer, str]:
    """Return the answer of a Brier skill with its interval, and the words before it with the figures."""
    low, high = number(row.get("skill low")), number(row.get("skill high"))
    text = f"{text} Brier skill over the base rate {share(number(row['skill']), 2)}"
    known = math.isfinite(low) and math.isfinite(high)
    text += f" [{share(low, 2)} to {share(high, 2)}]." if known else ", its interval not in the report."
    return answered(low > 0, low), text


def _best(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the best model is better than a benchmark, given that it was chosen."""
    for table in tables(report, "Superior predictive ability", "benchmark", "best", "p"):
        rows = records(table)
        told = listed(f"{r['best']} over the {r['benchmark']} (p {number(r['p']):.2f})" for r in rows)
        known = [number(r["p"]) for r in rows if math.isfinite(number(r["p"]))]
        answer = answered(bool(known) and max(known) < 1 - LEVEL, known[0] if known else math.nan)
        yield Finding("best of several", answer, f"Given that the best was chosen: {told}.", skill=True)
        return


def _confidence(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the sign is more often right where the confidence is higher."""
    for table in tables(report, "Confidence deciles", "decile", "sign right", "low", "high"):
        for row in records(table):
            if row["decile"] == "top - bottom":
                low = number(row["low"])
                text = f"Top minus bottom decile of confidence: {points(row, 'sign right')} of right signs."
                yield Finding("confidence", answered(low > 0, low), text, skill=True)
        return


def _portfolio(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether holding the top fifth beats holding everything, after cost."""
    heads = ("model", "cost (bps)", "Sharpe difference", "low", "high")
    for table in tables(report, "Portfolio against equal weight", *heads):
        rows = [r for r in records(table) if number(r["cost (bps)"]) == _COST]
        if not rows:
            return
        first, low, high = rows[0], number(rows[0]["low"]), number(rows[0]["high"])
        text = (
            f"Top fifth of {named(first)} against equal weight, both after {_COST:g} bps: Sharpe difference "
            f"{number(first['Sharpe difference']):.2f} [{low:.2f} to {high:.2f}]{', worse' if high < 0 else ''}."
        )
        for chosen in tables(report, "Portfolio overfitting", "probability of overfitting"):
            likely = number(records(chosen)[0]["probability of overfitting"])
            text += f" Choosing the best of them overfits with probability {share(likely, 0)} (noise: 50 %)."
        yield Finding("portfolio after cost", answered(low > 0, low), text, skill=True)
        return
