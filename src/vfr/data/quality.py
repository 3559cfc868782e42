"""What an import found: one finding per check, with examples and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

__all__ = ["EXAMPLES", "Finding", "QualityReport", "Severity", "finding"]

Severity: TypeAlias = Literal["error", "warning", "info"]

EXAMPLES: Final = 5
"""Examples kept per finding."""

_ORDER: Final[dict[Severity, int]] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that found something.

    Parameters
    ----------
    check : str
        Stable name of the check, for example ``duplicate_rows``.
    severity : {"error", "warning", "info"}
        An error makes part of the data unusable, a warning may mislead a reader, an info is worth knowing.
    count : int
        How many rows, cells or symbols.
    examples : tuple of str
        Up to five, each naming a symbol and a day where that makes sense.
    message : str
        What was found and what was done.
    """

    check: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    message: str


def finding(check: str, severity: Severity, examples: Iterable[str], message: str, count: int | None = None) -> Finding:
    """Return a finding whose count is the number of examples unless stated, keeping the first five."""
    listed = tuple(examples)
    return Finding(check, severity, len(listed) if count is None else count, listed[:EXAMPLES], message)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Everything an import has to say about its data.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, then warnings, then infos; within each in the order of the checks.
    facts : mapping
        Plain figures: rows read and kept, sessions, symbols, first and last day, adjustment.
    """

    findings: tuple[Finding, ...]
    facts: Mapping[str, str | int | float]

    @classmethod
    def of(cls, findings: Iterable[Finding], facts: Mapping[str, str | int | float]) -> QualityReport:
        """Return a report with the findings in order of severity."""
        return cls(tuple(sorted(findings, key=lambda f: _ORDER[f.severity])), dict(facts))

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(f.severity == severity for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types: ``{"facts": {...}, "findings": [{check, severity, count, examples, message}]}``."""
        listed = [asdict(f) | {"examples": list(f.examples)} for f in self.findings]
        return {"facts": dict(self.facts), "findings": listed}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> QualityReport:
        """Return the report that `to_dict` wrote.

        Raises
        ------
        KeyError, TypeError
            If a key is missing or of the wrong kind.
        """
        findings = (
            Finding(f["check"], f["severity"], int(f["count"]), tuple(f["examples"]), f["message"])
            for f in plain["findings"]
        )
        return cls(tuple(findings), dict(plain["facts"]))
