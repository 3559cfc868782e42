"""Every vendor that is played: its documents, its faults, and what it is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from tests.conformance.faults import WIRE
from tests.conformance.market import SINCE, SYMBOL
from tests.conformance.replay import Change, Fault, Play
from tests.conformance.vendors import edgar, fmp, fred, tiingo, yahoo

__all__ = ["KEYS", "VENDORS", "Vendor"]

KEYS: Final = {
    "edgar_contact": "Test Example test@secret-mailbox.example",
    "fred_key": "fredsecret0123456789abcdef",
    "fmp_key": "fmpsecret0123456789abcdef",
    "tiingo_key": "tiingosecret0123456789abcdef",
}
"""Invented; no message may hold one."""


@dataclass(frozen=True)
class Vendor:
    """One vendor; `main` gives the path that holds the facts of an offer, by the offer's first kind."""

    play: Play
    main: Mapping[str, str]
    lies: Mapping[tuple[str, str], Change]
    elsewhere: Mapping[tuple[str, str], str] = field(default_factory=dict)
    subject: str = SYMBOL
    nobody: str = "QXV"

    def about(self, kind: str, *, known: bool = True) -> str:
        """Return what an offer is asked about: a name the vendor knows, or one it does not."""
        if kind == "membership":
            return "S&P 500" if known else "S&P 400"
        return self.subject if known else self.nobody

    def fault(self, kind: str, name: str, times: int | None = None) -> Fault:
        """Return a fault of the document that holds the facts of an offer."""
        where = self.elsewhere.get((kind, name), self.main[kind])
        return Fault(WIRE[name] if name in WIRE else self.lies[kind, name], where, times)


VENDORS: Final[Mapping[str, Vendor]] = {
    "yahoo": Vendor(yahoo.play, yahoo.MAIN, yahoo.LIES),
    "edgar": Vendor(edgar.play, edgar.MAIN, edgar.LIES, edgar.ELSEWHERE),
    "fred": Vendor(fred.play, fred.MAIN, fred.LIES, subject=fred.SERIES, nobody="NOSUCH"),
    "fmp": Vendor(fmp.play, fmp.MAIN, fmp.LIES, fmp.ELSEWHERE),
    "tiingo": Vendor(tiingo.play, tiingo.MAIN, tiingo.LIES),
}
"""By the provider's name."""

SINCES: Final[Mapping[str, date]] = {"fundamentals": date(2022, 1, 1), "macro": date(2024, 1, 1)}


def since(kind: str) -> date:
    """Return the first day asked for."""
    return SINCES.get(kind, SINCE)
