"""Failures on purpose: which part of an installation is broken for a rehearsal, how, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from vfr.errors import InvalidField

__all__ = ["CALM", "Chaos", "ChaosState", "parse_duration", "parse_faults"]

MlFault: TypeAlias = Literal["raise", "hang", "slow", "nan"]
CacheFault: TypeAlias = Literal["down", "slow"]
DbFault: TypeAlias = Literal["down"]

_FAULTS: Final = {"ml": get_args(MlFault), "cache": get_args(CacheFault), "db": get_args(DbFault)}
_USE: Final = "use " + ", ".join(f"{part}={'|'.join(faults)}" for part, faults in _FAULTS.items())
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600}
_DURATION: Final = re.compile(r"([0-9]{1,5})([smh])")
_LONGEST_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class ChaosState:
    """What is broken on purpose.

    Parameters
    ----------
    ml : {"raise", "hang", "slow", "nan"} or None
        What every member of the ensemble does.
    cache : {"down", "slow"} or None
        What the shared cache does.
    db : {"down"} or None
        What the database does.
    until : float
        When it is over by itself, in seconds since 1970.
    """

    ml: MlFault | None = None
    cache: CacheFault | None = None
    db: DbFault | None = None
    until: float = 0.0

    def __bool__(self) -> bool:
        """Whether anything is broken."""
        return (self.ml, self.cache, self.db) != (None, None, None)

    def to_dict(self) -> dict[str, Any]:
        """Return the faults for JSON, without the parts that work."""
        faults = {"ml": self.ml, "cache": self.cache, "db": self.db}
        return {part: fault for part, fault in faults.items() if fault is not None}


CALM: Final = ChaosState()
"""Nothing is broken on purpose."""


class Chaos(Protocol):
    """Whoever knows what is broken on purpose; asked by every request, never raises."""

    def read(self) -> ChaosState:
        """Return the state, no older than a second; `CALM` once it is over."""


def parse_faults(words: Iterable[str]) -> ChaosState:
    """Return what words such as ``ml=hang`` say, several in a word where commas part them.

    Raises
    ------
    InvalidField
        If one says nothing that can be broken, a part is named twice, or nothing is named.

    Examples
    --------
    >>> parse_faults(["ml=hang,", "cache=slow,db=down"])
    ChaosState(ml='hang', cache='slow', db='down', until=0.0)
    """
    found: dict[str, Any] = {}
    for word in (part.strip() for text in words for part in text.split(",")):
        part, _, fault = word.partition("=")
        if word and fault not in _FAULTS.get(part, ()):
            raise InvalidField("fault", _USE)
        if part in found:
            raise InvalidField("fault", f"names {part} twice; it can fail in one way at a time")
        if word:
            found[part] = fault
    if not found:
        raise InvalidField("fault", _USE)
    return ChaosState(**found)


def parse_duration(text: str) -> int:
    """Return the seconds of a duration such as ``90s``, ``10m`` or ``2h``, at most a day.

    Raises
    ------
    InvalidField
        If it is none.

    Examples
    --------
    >>> parse_duration("10m")
    600
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise InvalidField("for", "must be a duration such as 90s, 10m or 2h, at most 24h")
    return seconds
