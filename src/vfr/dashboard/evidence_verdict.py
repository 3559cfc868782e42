"""What a report of evidence says, in sentences computed from its tables: does any skill show, and what failed.

A question whose table a report lacks is not answered; one whose interval it lacks is answered "not known". The first
model of a report is the one that was meant before it was judged, so it alone is asked without correction for choice.
"""

from __future__ import annotations

from dataclasses import dataclass

from vfr.dashboard.evidence_reading import of_first_universe, tables
from vfr.dashboard.evidence_skill import skill
from vfr.dashboard.evidence_soundness import leaks, soundness
from vfr.dashboard.evidence_words import Finding, count, listed
from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings of one report in the order they are read, and one sentence over them all.

    `of_members` is False where nobody knows which names were in the index: the data then hold those that lasted.
    """

    findings: tuple[Finding, ...]
    leak: bool
    of_members: bool = True

    @property
    def shown(self) -> tuple[str, ...]:
        """Questions in which skill shows; none while the leak alarm rings."""
        return () if self.leak else tuple(f.question for f in self.findings if f.skill and f.answer == "shown")

    @property
    def failed(self) -> tuple[str, ...]:
        """Questions that failed."""
        return tuple(f.question for f in self.findings if f.answer == "failed")

    @property
    def headline(self) -> str:
        """Say whether any skill shows."""
        if self.leak:
            return (
                "The leak alarm rings: all of this is taken for a leak until shown otherwise, and no skill is claimed."
            )
        asked = [f for f in self.findings if f.skill]
        if not asked:
            return "Nothing here can show skill or its absence: the tables that would are missing."
        if not self.shown:
            return f"No skill shows in any of {count(len(asked), 'question')}."
        return f"Skill shows in {len(self.shown)} of {count(len(asked), 'question')}: {listed(self.shown)}."

    @property
    def caution(self) -> str:
        """Say what to bear in mind with all of it; nothing where there is nothing."""
        if self.of_members:
            return ""
        return (
            "Index membership is not known: names are in the data because they lasted, and what shows as skill may be "
            "that."
        )

    @property
    def failures(self) -> str:
        """Say what failed."""
        return f"Failed: {listed(self.failed)}." if self.failed else "Nothing that has a bound failed."


def verdict(report: EvidenceReport) -> Verdict:
    """Answer what a report can answer.

    Parameters
    ----------
    report : EvidenceReport
        Tables are found by title and columns; those of the first universe and basis count.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from vfr.workflows.evidence_report import Table
    >>> row = ("members at t", "open to open", "average", 0.014, 4.3)
    >>> table = Table("Rank IC", ("universe", "returns", "model", "rank IC", "t"), (row,))
    >>> verdict(EvidenceReport({}, (table,))).headline
    'Skill shows in 1 of 1 question: order of names.'
    """
    universes = [rows[0]["universe"] for rows in map(of_first_universe, tables(report, "Rank IC", "universe"))]
    of_members = not universes or str(universes[0]).startswith("members")
    return Verdict((*skill(report), *soundness(report)), leak=leaks(report), of_members=of_members)
