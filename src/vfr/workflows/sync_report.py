"""What a sync did, or would do: per provider what was asked, learned, corrected, refused and left for the next time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vfr.data.quality import Finding
from vfr.errors import UnknownAtSource
from vfr.workflows.sync_plan import Task

__all__ = ["Problem", "SyncPlan", "SyncReport", "added_up"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question without a usable answer: `code` is that of the error tree, or QUARANTINED."""

    provider: str
    subject: str
    code: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"provider": self.provider, "subject": self.subject, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync would ask: `questions` by provider, and about how long that takes at the providers' pace.

    `members_known` is False where only the index is asked about, because the rest is about its members.
    """

    name: str
    tasks: tuple[Task, ...]
    questions: Mapping[str, int]
    seconds: float
    resumed: int
    members_known: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "name": self.name,
            "questions": dict(self.questions),
            "alreadyAnswered": self.resumed,
            "estimatedSeconds": round(self.seconds, 1),
            "membersKnown": self.members_known,
            "tasks": [task.to_dict() for task in self.tasks],
        }


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    Parameters
    ----------
    name : str
        Of the data set.
    asked, answered, resumed : int
        Questions planned, answered usably, and of these answered by an earlier run that was stopped.
    new, corrected, quarantined : mapping of str to int
        Rows by ``provider kind``: facts seen for the first time, other values of known ones, and refused rows.
    problems : tuple of Problem
        Questions left for the next sync, in the order asked.
    findings : tuple of Finding
        What the checks found in usable answers, added up over subjects.
    archive_version, data_version : str
        Content hashes of the archive and of the data set made from it; the latter is empty where no price is known.
    changed, current : bool
        Whether the archive changed, and whether requests use the data set.
    """

    name: str
    asked: int
    answered: int
    resumed: int
    new: Mapping[str, int]
    corrected: Mapping[str, int]
    quarantined: Mapping[str, int]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    archive_version: str
    data_version: str
    changed: bool
    current: bool

    @property
    def complete(self) -> bool:
        """Whether every question got a usable answer."""
        return not self.problems

    @property
    def failed(self) -> bool:
        """Whether nothing was answered although something could have been: a name nobody knows is an answer too."""
        return self.answered == 0 and any(problem.code != UnknownAtSource.code for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "name": self.name,
            "complete": self.complete,
            "asked": self.asked,
            "answered": self.answered,
            "resumed": self.resumed,
            "new": dict(self.new),
            "corrected": dict(self.corrected),
            "quarantined": dict(self.quarantined),
            "problems": [problem.to_dict() for problem in self.problems],
            "problemCounts": dict(Counter(f"{p.provider} {p.code}" for p in self.problems)),
            "findings": [
                {"check": f.check, "severity": f.severity, "count": f.count, "examples": list(f.examples)}
                | {"message": f.message}
                for f in self.findings
            ],
            "archiveVersion": self.archive_version,
            "dataVersion": self.data_version,
            "changed": self.changed,
            "current": self.current,
        }


def added_up(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding per check and severity, counts added and the first examples kept, most severe first."""
    from vfr.data.quality import QualityReport, finding

    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.check, one.severity), []).append(one)
    merged = [
        finding(
            check,
            same[0].severity,
            [example for one in same for example in one.examples],
            same[0].message,
            sum(one.count for one in same),
        )
        for (check, _), same in groups.items()
    ]
    return QualityReport.of(merged, {}).findings
