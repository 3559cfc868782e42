"""Where finished reports are kept, so that a model card and a row of the ledger can name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["About", "Filed", "ReportStore"]


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about: data, horizon and what was judged; `judged` is "learners" or "classic"."""

    data_name: str
    data_version: str
    horizon: str
    judged: str
    mode: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A report that is kept: its id, the day it was made (ISO), what it is about."""

    report_id: str
    made: str
    about: About


class ReportStore(Protocol):
    """Keeps reports, each under an id made of the day, the horizon and a hash of its content."""

    def name(self, report: EvidenceReport, about: About) -> str:
        """Return the id under which a report made now is kept."""

    def save(self, report_id: str, report: EvidenceReport, about: About) -> None:
        """Keep a report, whole or not at all; a second time it is left as it is."""

    def listed(self) -> Sequence[Filed]:
        """Return every report that is kept, newest first."""
