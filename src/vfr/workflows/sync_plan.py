"""Which questions a sync asks: per provider, kind and subject, from the day after which news may still come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from vfr.data.bitemporal.tables import Kind
from vfr.data.bitemporal.view import BENCHMARK
from vfr.data.provider import DataProvider, Offer, Order, Subject

__all__ = ["OVERLAP", "Asked", "Task", "plan_tasks"]

OVERLAP: Final[Mapping[Kind, int]] = {"bars": 14, "texts": 2, "insiders": 10}
"""Days before the newest stored fact that are asked for again, so that late corrections are seen."""

ENDED: Final = timedelta(days=90)
"""A share without a bar for this long has most likely left the market; it is asked about once a month."""

_WEEK: Final = timedelta(days=7)
_MONTH: Final = timedelta(days=30)

_SLACK: Final = timedelta(hours=4)
"""A question due every day may come this much early, so that a daily schedule never skips a day."""

_DIGITS: Final = 16

Asked = Mapping[str, datetime]
"""When each question was last answered, by `Task.topic`."""


@dataclass(frozen=True, slots=True)
class Task:
    """One question to one provider; if `believed`, the answer is taken where it contradicts what is stored."""

    provider: str
    offer: Offer
    subject: str
    since: date
    believed: bool = False

    @property
    def topic(self) -> str:
        """What is asked, whatever the first day: ``yahoo bars,actions AAPL``."""
        return f"{self.provider} {','.join(self.offer.kinds)} {self.subject}"

    @property
    def key(self) -> str:
        """Name of its staged answer: a hash of the whole question."""
        return hashlib.sha256(f"{self.topic} {self.since} {self.believed}".encode()).hexdigest()[:_DIGITS]

    def order(self, now: datetime) -> Order:
        """Return the order to place at a moment."""
        return Order(self.offer, self.subject, self.since, now)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "provider": self.provider,
            "kinds": list(self.offer.kinds),
            "subject": self.subject,
            "since": self.since.isoformat(),
        }


def plan_tasks(
    providers: Iterable[DataProvider],
    subjects: Mapping[Subject, Sequence[str]],
    *,
    newest: Callable[[Kind, str, str], date | None],
    asked: Asked,
    unknown: Asked,
    last_close: datetime,
    now: datetime,
    start: date,
    refetch: bool = False,
    replace: frozenset[str] = frozenset(),
) -> tuple[Task, ...]:
    """Return the questions that may bring something new, in the order they are asked.

    Parameters
    ----------
    providers : iterable of DataProvider
        In order of trust.
    subjects : mapping
        What to ask about, by what questions are about.
    newest : callable
        Given kind, source and subject: the day of the newest fact stored, None if there is none.
    asked : mapping of str to datetime
        When each topic was last answered.
    unknown : mapping of str to datetime
        When a source last said that it does not know a topic; it is asked again after a week.
    last_close : datetime
        Close of the last completed session.
    now : datetime
    start : date
        First day of the history wanted.
    refetch : bool
        Ask for the whole history again, whatever is stored.
    replace : frozenset of str
        Subjects whose prices are asked for whole and believed.

    Notes
    -----
    A topic answered since the last close cannot have news if it is about bars; others wait for their offer's `every`
    days.
    """
    tasks = []
    for provider in providers:
        for offer in provider.offers:
            for subject in _asked_about(offer, subjects):
                last = newest(offer.kinds[0], provider.name, subject)
                believed = subject in replace and "bars" in offer.kinds
                whole = refetch or believed
                task = Task(provider.name, offer, subject, start if whole else _since(offer, last, start), believed)
                in_vain = unknown.get(task.topic)
                rests = in_vain is not None and timedelta(0) <= now - in_vain < _WEEK
                if whole or (not rests and _due(task, last, asked.get(task.topic), last_close, now)):
                    tasks.append(task)
    return tuple(tasks)


def _asked_about(offer: Offer, subjects: Mapping[Subject, Sequence[str]]) -> Sequence[str]:
    """Return what to ask about: for prices the benchmark too."""
    named = tuple(subjects.get(offer.per, ()))
    return (*named, BENCHMARK) if named and "bars" in offer.kinds and BENCHMARK not in named else named


def _since(offer: Offer, last: date | None, start: date) -> date:
    if last is None:
        return start
    return max(start, last - timedelta(days=OVERLAP.get(offer.kinds[0], 0)))


def _due(task: Task, last: date | None, answered: datetime | None, last_close: datetime, now: datetime) -> bool:
    if answered is None or answered > now:  # A clock was ahead then, or is behind now.
        return True
    if "bars" in task.offer.kinds:
        ended = last is not None and now.date() - last > ENDED
        return now - answered >= _MONTH if ended else answered < last_close
    return now - answered >= timedelta(days=task.offer.every) - _SLACK
