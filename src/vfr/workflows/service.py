"""What members were asked in service: read once for each state of the journal, and cut for past days."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.ensemble.scores import Scores, score_dates
from vfr.models.design import session_ranks
from vfr.monitoring import signals as monitored
from vfr.monitoring.signals import Signals
from vfr.typing import MEMBER_NAMES, BoolArray, FloatArray, Matrix32

if TYPE_CHECKING:
    from vfr.ensemble.fitted import Fitted
    from vfr.journal.journal import Journal
    from vfr.journal.records import Outcomes, Votes

__all__ = ["Served", "Service", "since"]

_LAST: Final = "9999-12-31"

KEPT: Final = 4
"""Times held, each from one change of the names or members to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What was served since training, before a day.

    Parameters
    ----------
    scores : Scores
        Of the sessions whose outcomes are there.
    signals : Signals
        Of every evening.
    refits : bool array, shape (R, M)
        Where a member answered with a new version.
    """

    scores: Scores
    signals: Signals
    refits: BoolArray


def since(fitted: Fitted) -> np.datetime64:
    """Return the first day after the record of training."""
    dates = fitted.scores.dates
    return np.datetime64(dates[-1] + np.timedelta64(1, "D") if dates.size else 0, "D")


class Service:
    """Forecasts of one horizon and their outcomes, read from the journal once; safe in threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: tuple[Hashable, _Record | None] = (None, None)

    def before(self, day: np.datetime64, journal: Journal, fitted: Fitted, state: Hashable) -> Served | None:
        """Return what was served after the record of training and before a day; None where that is nothing.

        Parameters
        ----------
        day : datetime64[D]
        journal : Journal
        fitted : Fitted
        state : hashable
            Of the journal: it is read again when this changes.

        Raises
        ------
        DataError
            If the journal cannot be read.
        """
        begin = since(fitted)
        if begin >= day:
            return None
        key = (fitted.data_name, fitted.horizon, begin, state)
        with self._lock:
            held, found = self._held
            if held != key or found is None:
                self._held = (None, None)  # Two of them would not fit into the memory of one.
                made = journal.votes(fitted.data_name, fitted.horizon, str(begin), _LAST)
                came = journal.outcomes(fitted.data_name, fitted.horizon, str(begin), _LAST)
                found = _Record(made, came)
                self._held = key, found
            return found.before(day)


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What is read of `vfr.journal.records.Votes`."""

    as_of: np.datetime64
    members: tuple[str, ...]
    model_ids: tuple[str, ...]
    base_rate: float
    symbols: tuple[str, ...]
    p_up: FloatArray | Matrix32
    expected: FloatArray | Matrix32


@dataclass(frozen=True, slots=True, eq=False)
class _Came:
    """What scores read of the outcomes of a session."""

    symbols: tuple[str, ...]
    direction: FloatArray
    excess: FloatArray
    counted: BoolArray


class _Record:
    """Sessions in time order, in little memory: names of many sessions are the same."""

    def __init__(self, made: Sequence[Votes], came: Sequence[Outcomes]) -> None:
        names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._made = [
            _Said(
                one.as_of,
                one.members,
                one.model_ids,
                one.base_rate,
                names.setdefault(one.symbols, one.symbols),
                _small(one.member_p_up),
                _small(one.member_expected),
            )
            for one in made
        ]
        self._came = {
            one.as_of: _Came(names.setdefault(one.symbols, one.symbols), one.direction, one.excess, one.counted)
            for one in came
        }
        # Members and names, of all forecasts and of those that have outcomes.
        said = [{*one.members, *one.symbols} for one in self._made]
        judged = [one if of.as_of in self._came else () for one, of in zip(said, self._made, strict=True)]
        self._grown = sorted(_grown(said) | _grown(judged))
        self._kept: OrderedDict[int, Served] = OrderedDict()

    def before(self, day: np.datetime64) -> Served | None:
        """Return what there was before a day, to the last bit what these sessions alone give."""
        count = sum(bool(one.as_of < day) for one in self._made)
        if not count:
            return None
        # Sums over names that are not there yet would be rounded otherwise: it is cut from what has the same names.
        longest = next((grown - 1 for grown in self._grown if grown > count), len(self._made))
        whole = self._until(longest)
        scores = whole.scores.first(int((whole.scores.dates < day).sum()))
        return Served(scores, whole.signals.between(0, count), whole.refits[:count])

    def _until(self, count: int) -> Served:
        """Return what so many sessions give, kept for the next question."""
        if count not in self._kept:
            made = self._made[:count]
            self._kept[count] = Served(_scores(made, self._came), *_signals(made))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(count)
        return self._kept[count]


def _grown(sets: Iterable[Iterable[str]]) -> set[int]:
    """Return the counts of sets from the first on whose last one added something to all before."""
    seen: set[str] = set()
    found = set()
    for count, one in enumerate(sets, start=1):
        if not seen.issuperset(one):
            seen.update(one)
            found.add(count)
    return found


def _small(values: FloatArray) -> FloatArray | Matrix32:
    """Return values as single numbers where that loses nothing: the journal keeps them so."""
    single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values


def _scores(made: Sequence[_Said], came: dict[np.datetime64, _Came]) -> Scores:
    """Return the figures of the sessions whose outcomes are there."""
    made = [one for one in made if one.as_of in came]
    members = tuple(name for name in MEMBER_NAMES if any(name in one.members for one in made))
    place = {symbol: n for n, symbol in enumerate(sorted({symbol for one in made for symbol in one.symbols}))}
    shape = (len(made), len(place))
    direction, excess, base = (np.full(shape, np.nan) for _ in range(3))
    p_up, expected = (np.full((len(members), *shape), np.nan) for _ in range(2))
    counted = np.zeros(shape, dtype=bool)
    for r, one in enumerate(made):
        columns = [place[symbol] for symbol in one.symbols]
        base[r, columns] = one.base_rate
        for k, name in enumerate(one.members):
            p_up[members.index(name), r, columns] = one.p_up[k]
            expected[members.index(name), r, columns] = one.expected[k]
        found = came[one.as_of]
        mine = [k for k, symbol in enumerate(found.symbols) if symbol in place]
        columns = [place[found.symbols[k]] for k in mine]
        direction[r, columns], excess[r, columns] = found.direction[mine], found.excess[mine]
        counted[r, columns] = found.counted[mine]
    ranks = np.array([session_ranks(grid) for grid in expected]).reshape(p_up.shape)
    cells = counted & np.isfinite(excess) & np.isfinite(base)
    days = np.array([one.as_of for one in made], dtype="datetime64[D]")
    return score_dates(members, p_up, ranks, direction, excess, base, cells, days)


def _signals(made: Sequence[_Said]) -> tuple[Signals, BoolArray]:
    """Return the signals of forecasts in time order, and where a member answered with a new version, (R, M)."""
    members = tuple(dict.fromkeys(member for one in made for member in one.members))
    symbols = {symbol: n for n, symbol in enumerate(sorted({s for one in made for s in one.symbols}))}
    score = np.full((len(members), len(made), len(symbols)), np.nan)
    refits = np.zeros((len(made), len(members)), dtype=bool)
    versions: dict[str, str] = {}
    for r, one in enumerate(made):
        columns = [symbols[symbol] for symbol in one.symbols]
        for k, (member, version) in enumerate(zip(one.members, one.model_ids, strict=True)):
            m = members.index(member)
            score[m, r, columns] = one.expected[k]
            refits[r, m] = versions.get(member, version) != version
            versions[member] = version
    days = np.array([one.as_of for one in made], dtype="datetime64[D]")
    return monitored.signals(members, days, score), refits
