"""Questions about soundness: do intervals, calibration and gates hold, and does the leak alarm ring."""

from __future__ import annotations

from collections.abc import Iterable

from vfr.dashboard.evidence_reading import Record, first_model, number, records, tables
from vfr.dashboard.evidence_words import Finding, count, listed, plain, share
from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["leaks", "soundness"]


def soundness(report: EvidenceReport) -> Iterable[Finding]:
    """Ask every question whose table the report has."""
    for ask in (_intervals, _calibrators, _gates):
        yield from ask(report)


def leaks(report: EvidenceReport) -> bool:
    """Return whether the leak alarm rings for any member."""
    return bool(_failing(report, leak=True))


def _intervals(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether the intervals cover what they promise, everywhere."""
    rows = [
        (str(row.get("model") or first_model(table)), row)
        for table in tables(report, "Interval of the excess return", "group", "coverage", "80-97 %")
        for row in records(table)
    ]
    if not rows:
        return
    out = [f"{m} {r['group']} ({share(number(r['coverage']))})" for m, r in rows if r["80-97 %"] is False]
    scores = ("interval score", "score of scaled volatility")
    worse = [m for m, r in rows if r["group"] == "all" and number(r.get(scores[0])) > number(r.get(scores[1]))]
    text = f"Coverage outside 80-97 % in {listed(out)}." if out else f"Coverage of 80-97 % in all {len(rows)} groups."
    if worse:
        text += f" Scaled volatility has the better interval score than {listed(worse)}."
    yield Finding("intervals", "failed" if out or worse else "passed", text)


def _calibrators(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether another calibrator would have served better."""
    for table in tables(report, "Calibrators out of fold", "member", "probability of", "calibrator", "t", "verdict"):
        rows = records(table)
        better = [r for r in rows if r["verdict"] == "better than the served one"]
        told = listed(f"{r['calibrator']} for {r['member']}, {r['probability of']}" for r in better)
        compared = sum(1 for r in rows if r["verdict"])
        text = f"Better than the served one: {told}." if better else f"None of {compared} others is better."
        yield Finding("calibrator", "failed" if better else "passed", text)
        return


def _gates(report: EvidenceReport) -> Iterable[Finding]:
    """Ask whether any member fails a gate, or rings the leak alarm."""
    for question, leak in (("gates", False), ("leak alarm", True)):
        asked = [row for row in _gate_rows(report) if _is_leak(row) == leak]
        if asked:
            failing = _failing(report, leak=leak)
            told = listed(
                f"{r['member']} {r['gate']} {plain(number(r['figure']))} (bound {plain(number(r['bound']))})"
                for r in failing
            )
            members = len({row["member"] for row in asked})
            text = f"Failed: {told}." if failing else f"All passed by {count(members, 'member')}."
            yield Finding(question, "failed" if failing else "passed", text)


def _gate_rows(report: EvidenceReport) -> list[Record]:
    heads = ("member", "gate", "figure", "bound", "passed")
    return [row for table in tables(report, "Gates and leak alarm", *heads) for row in records(table)]


def _failing(report: EvidenceReport, *, leak: bool) -> list[Record]:
    return [row for row in _gate_rows(report) if _is_leak(row) == leak and row["passed"] is False]


def _is_leak(row: Record) -> bool:
    return str(row["gate"]).startswith("leak.")
