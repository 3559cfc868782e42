"""What a replay found: rows, and the tables of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from vfr.typing import Horizon
from vfr.workflows.evidence_report import Cell, Table

__all__ = [
    "KINDS",
    "LOST",
    "MONTH",
    "TRY_EVERY",
    "WINDOW",
    "WITHIN",
    "YEAR",
    "ByOutcomes",
    "Found",
    "Kind",
    "Replay",
    "Sound",
]

Kind: TypeAlias = Literal["shuffled", "frozen", "inverted"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MONTH: Final = 21
"""Sessions of a member-month."""

LOST: Final = 0.10
"""Weight below which a member has lost its say."""

TRY_EVERY: Final = 63
"""Sessions between the starts that the alarm by outcomes is tried from."""

YEAR: Final = 252
"""Sessions."""

WITHIN: Final = YEAR
"""Dates within which it should ring."""

WINDOW: Final = 60
"""Dates over which a broken member's IC is set beside its sound one."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one broken member, without outcomes; its first broken session is number 1.

    Parameters
    ----------
    member : str
    kind : Kind
    usual_weight : float
        Its weight the session before.
    alarm, benched, lost : int or None
        Session of the first alarm, of being benched, and from which on its weight was below 0.10 until the end of the
        record; None is never.
    others : float
        Share of the other members' sessions benched while it was broken.
    reason : str
        Of the first alarm.
    """

    member: str
    kind: Kind
    usual_weight: float
    alarm: int | None
    benched: int | None
    lost: int | None
    others: float
    reason: str


@dataclass(frozen=True, slots=True)
class Sound:
    """What the checks did to one member that was never broken.

    Parameters
    ----------
    member : str
    months : int
        Spans of 21 sessions in which it answered.
    alarmed, benched : int
        Those with an alarm, or benched, on any of their sessions.
    lowest : float
        Lowest health.
    rings : int
        Times the alarm by outcomes rang.
    years : float
        Watched by that alarm.
    """

    member: str
    months: int
    alarmed: int
    benched: int
    lowest: float
    rings: int
    years: float


@dataclass(frozen=True, slots=True)
class ByOutcomes:
    """What outcomes alone said of one broken member.

    Parameters
    ----------
    member : str
    kind : Kind
    starts : int
        Sessions it was broken from, each in a replay of its own.
    power : float
        Share of them in which the alarm rang within 252 dates; NaN without a start.
    delay : float
        Median sessions until it was known, the outcomes' own delay included; infinite where half never rang.
    expected : float
        Power that the alarm stated beforehand for a loss of all skill.
    mistaken : float
        Share of windows of 60 dates in which the broken member's mean IC was at least its own sound one.
    """

    member: str
    kind: Kind
    starts: int
    power: float
    delay: float
    expected: float
    mistaken: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything a replay at one horizon found.

    Parameters
    ----------
    horizon : Horizon
    first, broken_from, last : str
        Sessions.
    found, outcomes : tuple
        One per member and kind.
    sound : tuple of Sound
        One per member.
    """

    horizon: Horizon
    first: str
    broken_from: str
    last: str
    found: tuple[Found, ...]
    sound: tuple[Sound, ...]
    outcomes: tuple[ByOutcomes, ...]

    def false_benching(self) -> float:
        """Return the share of sound member-months in which a member was benched; NaN without any."""
        months = sum(s.months for s in self.sound)
        return sum(s.benched for s in self.sound) / months if months else float("nan")

    def slowest(self) -> float:
        """Return the sessions until the last of the broken members had lost its weight; infinite if one never did."""
        return max((float("inf") if f.lost is None else float(f.lost) for f in self.found), default=float("nan"))

    def tables(self) -> tuple[Table, ...]:
        """Return the replay for a report."""
        return (_found_table(self), _sound_table(self), _outcomes_table(self))


def _found_table(result: Replay) -> Table:
    heads = (
        "broken member",
        "how",
        "usual weight",
        "alarm",
        "benched",
        f"weight below {LOST:.2f}",
        "others benched",
        "first reason",
    )
    rows = tuple(
        (f.member, f.kind, f.usual_weight, f.alarm, f.benched, f.lost, f.others, f.reason) for f in result.found
    )
    note = (
        f"One member broken from {result.broken_from} on, of a record from {result.first} to {result.last}; found "
        "without any outcome. Alarm, benched and weight: sessions until then, the first broken one is 1; the weight "
        "stays below until the end. Others benched: share of the other members' sessions."
    )
    return Table("A member breaks: label-free checks", heads, rows, note)


def _sound_table(result: Replay) -> Table:
    heads = (
        "member",
        "months",
        "with an alarm",
        "benched",
        "share benched",
        "lowest health",
        "rang by outcomes",
        "in years",
    )
    rows: list[tuple[Cell, ...]] = [
        (
            s.member,
            s.months,
            s.alarmed,
            s.benched,
            s.benched / s.months if s.months else None,
            s.lowest,
            s.rings,
            s.years,
        )
        for s in result.sound
    ]
    counted = ("months", "alarmed", "benched", "rings", "years")
    months, alarmed, benched, rings, years = (sum(getattr(s, k) for s in result.sound) for k in counted)
    lowest = min(s.lowest for s in result.sound)
    rows.append(("all", months, alarmed, benched, result.false_benching(), lowest, rings, years))
    note = (
        f"The record as it is, {result.first} to {result.last}: whatever rings here rings falsely, but for skill that "
        f"really faded. A month is {MONTH} sessions of one member; one session benched counts. The alarm by outcomes "
        f"watched from {result.broken_from} on."
    )
    return Table("No member breaks", heads, tuple(rows), note)


def _outcomes_table(result: Replay) -> Table:
    heads = (
        "broken member",
        "how",
        "starts",
        "found in a year",
        "median delay",
        "power stated before",
        f"not worse over {WINDOW} dates",
    )
    rows = tuple((o.member, o.kind, o.starts, o.power, o.delay, o.expected, o.mistaken) for o in result.outcomes)
    note = (
        "The same members, found by matured outcomes alone: Page's test on the IC less that of the others, one false "
        f"alarm per member in 20 years, fitted before {result.broken_from}. Starts lie {TRY_EVERY} sessions apart and "
        "their years overlap, so that they are few independent trials. Delay in sessions, the outcomes' own included; "
        "- is never. Power stated before: for a loss of all skill. Last column: share of windows in which the broken "
        "member's mean IC was at least its sound one."
    )
    return Table("A member breaks: by outcomes alone", heads, rows, note)
