"""Which clock a filer's acceptance times are on: the SEC writes ``Z`` after all of them, and means it after some.

Some filers' times are UTC, others' are New York's wall clock, all filings of one filer alike, and nothing in the text
tells which. The SEC's own hours do, with the filing dates beside them; see
`vfr.adapters.providers.live.filing_days.keeps_hours`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from vfr.adapters.providers.live.filing_days import NEW_YORK, instant, keeps_hours
from vfr.errors import BadAnswer

__all__ = ["Clock", "Stamp", "clock_of"]

Clock: TypeAlias = ZoneInfo

Stamp: TypeAlias = tuple[str, date, datetime]
"""Form, filing date, and the digits of the acceptance time without a zone."""

_UTC: Final = ZoneInfo("UTC")
_CLEAR: Final = 10
"""A tenth of the filings is a clear lead: a few of any filer break the rules."""

_JUDGED: Final = frozenset({"3", "4", "5", "8-K", "10-K", "10-Q", "20-F", "40-F", "6-K"})
"""Forms that filers send in themselves; what the SEC's staff enters keeps no hours."""


def clock_of(stamps: Iterable[Stamp], where: str) -> Clock:
    """Return the clock on which a filer's acceptance times make sense.

    Parameters
    ----------
    stamps : iterable of Stamp
        Filings of one filer.
    where : str
        For the message.

    Returns
    -------
    ZoneInfo
        UTC if clearly more filings keep the rules in UTC than in New York; else New York, which is the later reading of
        the same digits: in doubt, a filing is known too late rather than too early.

    Raises
    ------
    BadAnswer
        If more than half of the filings keep the rules on neither clock.
    """
    judged = [stamp for stamp in stamps if stamp[0].removesuffix("/A") in _JUDGED]
    fits = {clock: _fitting(judged, clock) for clock in (NEW_YORK, _UTC)}
    if 2 * max(fits.values()) < len(judged):
        raise BadAnswer(
            f"{where}: the times of acceptance do not go with the filing dates in New York's time or in UTC"
        )
    lead = max(1, len(judged) // _CLEAR)
    return _UTC if fits[_UTC] > fits[NEW_YORK] + lead else NEW_YORK


def _fitting(stamps: Sequence[Stamp], clock: Clock) -> int:
    return sum(keeps_hours(form, filed, instant(digits, clock).astimezone(NEW_YORK)) for form, filed, digits in stamps)
