"""The journal in the database; implements `vfr.journal.journal.Journal` on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from sqlalchemy import and_, bindparam, delete, exists, func, select, update

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.journal_rows import (
    ENTRY_COLUMNS,
    LAST_COLUMNS,
    OUTCOME_COLUMNS,
    VOTE_COLUMNS,
    entry_rows,
    forecast_of,
    forecast_row,
    last_returns_of,
    outcome_rows,
    outcomes_of,
    plain_rows,
    votes_of,
)
from vfr.adapters.database.journal_tallies import forget_tallies, keep_tallies, read_tallies
from vfr.adapters.database.tables import CHECKS, ENTRIES, EXPOSURES, FORECASTS, OUTCOMES
from vfr.adapters.database.upsert import insert_into, insert_rows, insert_values, rows_as_table
from vfr.journal.journal import OpenSession
from vfr.journal.records import Exposure, ForecastRecord, JournalState, LastReturns, Outcomes, Restatement, Votes
from vfr.journal.tallies import Tally
from vfr.typing import Horizon

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SqlJournal"]

_SAME_SESSION: Final = and_(
    OUTCOMES.c.data_name == FORECASTS.c.data_name,
    OUTCOMES.c.horizon == FORECASTS.c.horizon,
    OUTCOMES.c.as_of == FORECASTS.c.as_of,
)
_HAS_OUTCOME: Final = exists().where(_SAME_SESSION, OUTCOMES.c.symbol == ENTRIES.c.symbol)

_PLACE: Final = (FORECASTS.c.data_name, FORECASTS.c.horizon)
_SESSIONS: Final = func.count(FORECASTS.c.as_of.distinct())
_HEADS: Final = (
    select(
        *_PLACE,
        func.min(FORECASTS.c.as_of),
        func.max(FORECASTS.c.as_of),
        func.count(),
        _SESSIONS,
        _SESSIONS.filter(FORECASTS.c.settled_at.is_(None)),
        _SESSIONS.filter(FORECASTS.c.timely.is_(True)),
    )
    .group_by(*_PLACE)
    .order_by(*_PLACE)
)
_ENTRIES_HELD: Final = (
    select(*_PLACE, func.count())
    .join_from(FORECASTS, ENTRIES, ENTRIES.c.forecast_id == FORECASTS.c.id)
    .group_by(*_PLACE)
)
_CAME: Final = select(
    OUTCOMES.c.data_name,
    OUTCOMES.c.horizon,
    func.count(),
    func.count().filter(OUTCOMES.c.returns.is_(None)),
    func.count().filter(OUTCOMES.c.restated > 0),
).group_by(OUTCOMES.c.data_name, OUTCOMES.c.horizon)

_RESTATED: Final = {
    "of_horizon": OUTCOMES.c.horizon.type,
    "of_session": OUTCOMES.c.as_of.type,
    "of_symbol": OUTCOMES.c.symbol.type,
    "before": OUTCOMES.c.restated.type,
    "after": OUTCOMES.c.restated.type,
    "now": OUTCOMES.c.latest.type,
}
"""What a restatement says, as columns."""

_NONE: Final = (0, 0, 0)
_LAST: Final = "9999-12-31"
_Counts: TypeAlias = tuple[str, Horizon, str, str, int, int, int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class SqlJournal:
    """A journal in a migrated database; see `Journal` for what the methods promise.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    engine: Engine

    def record(self, forecast: ForecastRecord) -> bool:
        """Keep a forecast with its entries; return whether it is new."""
        with transaction(self.engine) as connection:
            wanted = insert_into(connection, FORECASTS).values(**forecast_row(forecast)).on_conflict_do_nothing()
            made = connection.execute(wanted)
            if made.rowcount != 1 or made.inserted_primary_key is None:
                return False
            head = {"forecast_id": made.inserted_primary_key[0]}
            entries = [head | entry for entry in entry_rows(forecast)]
            insert_rows(connection, ENTRIES, entries)
        return True

    def expose(self, shown: Sequence[Exposure]) -> None:
        """Keep what users were shown."""
        if not shown:
            return
        with transaction(self.engine) as connection:
            insert_values(connection, EXPOSURES, Exposure._fields, shown, new=True)

    def data_names(self) -> tuple[str, ...]:
        """Return the data sets that were forecast from."""
        with transaction(self.engine, reads=True) as connection:
            return tuple(connection.execute(select(FORECASTS.c.data_name).distinct().order_by("data_name")).scalars())

    def checked(self, data_name: str) -> str | None:
        """Return the data version that a data set was last settled with, None if it never was."""
        with transaction(self.engine, reads=True) as connection:
            found = select(CHECKS.c.data_version).where(CHECKS.c.data_name == data_name)
            return connection.execute(found).scalar_one_or_none()

    def revision(self, data_name: str, horizon: Horizon) -> str:
        """Return a key that changes with every forecast that is recorded, and with every settlement."""
        mine = and_(FORECASTS.c.data_name == data_name, FORECASTS.c.horizon == horizon)
        # Both, since of two that record at once the one with the higher id may be seen first.
        made = select(func.count(), func.max(FORECASTS.c.id)).where(mine)
        settled = select(CHECKS.c.data_version, CHECKS.c.checked_at).where(CHECKS.c.data_name == data_name)
        with transaction(self.engine, reads=True) as connection:
            return repr((*connection.execute(made).one(), *(connection.execute(settled).first() or ())))

    def open_sessions(self, data_name: str) -> list[OpenSession]:
        """Return the sessions that wait for outcomes, oldest first."""
        columns = (FORECASTS.c.as_of, FORECASTS.c.horizon, ENTRIES.c.symbol)
        question = (
            select(*columns)
            .distinct()
            .join_from(FORECASTS, ENTRIES, ENTRIES.c.forecast_id == FORECASTS.c.id)
            .where(FORECASTS.c.data_name == data_name, FORECASTS.c.settled_at.is_(None), ~_HAS_OUTCOME)
            .order_by(*columns)
        )
        with transaction(self.engine, reads=True) as connection:
            rows = connection.execute(question).all()
        return [
            OpenSession(cast("Horizon", horizon), as_of, tuple(row[2] for row in group))
            for (as_of, horizon), group in groupby(rows, key=lambda row: (row[0], row[1]))
        ]

    def settle(
        self,
        data_name: str,
        data_version: str,
        fresh: Sequence[Outcomes],
        restated: Sequence[Restatement],
        at: float,
    ) -> tuple[int, int]:
        """Keep outcomes where there are none, count restatements, and remember the data version."""
        with transaction(self.engine) as connection:
            # First of all, so that of two processes that settle at once the second waits here.
            _remember(connection, data_name, data_version, at)
            new = sum(_add(connection, data_name, data_version, one, at) for one in fresh)
            moved = _restate(connection, data_name, data_version, restated)
            _close_sessions(connection, data_name, at)
        return new, moved

    def outcomes(self, data_name: str, horizon: Horizon, since: str = "", until: str = _LAST) -> list[Outcomes]:
        """Return the outcomes of sessions between two ISO days, oldest first."""
        sessions = self._sessions(OUTCOME_COLUMNS, data_name, horizon, since, until)
        return [outcomes_of(horizon, as_of, list(rows)) for as_of, rows in sessions]

    def last_returns(self, data_name: str, horizon: Horizon, since: str) -> list[LastReturns]:
        """Return what settled outcomes of sessions from an ISO day on were when they were last looked at."""
        sessions = self._sessions(LAST_COLUMNS, data_name, horizon, since, _LAST)
        return [last_returns_of(as_of, list(rows)) for as_of, rows in sessions]

    def forecasts(self, data_name: str, horizon: Horizon, since: str = "", until: str = _LAST) -> list[ForecastRecord]:
        """Return the fullest standard forecast of each session between two ISO days, oldest first."""
        return [forecast_of(*one) for one in self._fullest(ENTRY_COLUMNS, data_name, horizon, since, until)]

    def votes(self, data_name: str, horizon: Horizon, since: str, until: str) -> list[Votes]:
        """Return what members said in the forecasts that `forecasts` returns."""
        return [votes_of(*one) for one in self._fullest(VOTE_COLUMNS, data_name, horizon, since, until)]

    def tallies(
        self, data_name: str, horizon: Horizon, since: str = "", *, stocks: bool = False
    ) -> tuple[list[Tally], list[str]]:
        """Return the tallies of sessions from an ISO day on, and the days that have outcomes and wait for one."""
        with transaction(self.engine, reads=True) as connection:
            return read_tallies(connection, data_name, horizon, since, stocks=stocks)

    def keep_tallies(self, data_name: str, horizon: Horizon, made: Sequence[Tally]) -> int:
        """Keep tallies; leave out those whose session was given further outcomes meanwhile."""
        with transaction(self.engine) as connection:
            return keep_tallies(connection, data_name, horizon, made)

    def prune(self, before: float, at_most: int) -> int:
        """Forget what was shown before a moment, oldest first; what an experiment decided is kept with it."""
        old = EXPOSURES.c.experiment.is_(None) & (EXPOSURES.c.shown_at < before)
        last = select(EXPOSURES.c.shown_at).where(old).order_by(EXPOSURES.c.shown_at).offset(at_most - 1).limit(1)
        with transaction(self.engine) as connection:
            end = connection.execute(last).scalar_one_or_none()
            part = old if end is None else old & (EXPOSURES.c.shown_at <= end)
            return connection.execute(delete(EXPOSURES).where(part)).rowcount

    def state(self) -> list[JournalState]:
        """Return how much there is, by data set and horizon."""
        with transaction(self.engine, reads=True) as connection:
            heads = connection.execute(_HEADS).all()
            entries = {(row[0], row[1]): row[2] for row in connection.execute(_ENTRIES_HELD)}
            came = {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(_CAME)}
        return [
            JournalState(*cast("_Counts", (*row, entries.get((row[0], row[1]), 0), *came.get((row[0], row[1]), _NONE))))
            for row in heads
        ]

    def exposures(self) -> int:
        """Return how many exposures are kept."""
        with transaction(self.engine, reads=True) as connection:
            return int(connection.execute(select(func.count()).select_from(EXPOSURES)).scalar_one())

    def _fullest(
        self, columns: Sequence[str], data_name: str, horizon: Horizon, since: str, until: str
    ) -> list[tuple[Mapping[str, Any], list[Sequence[Any]]]]:
        """Return head and entries of the fullest standard forecast of each session, oldest first."""
        mine = and_(
            FORECASTS.c.data_name == data_name,
            FORECASTS.c.horizon == horizon,
            FORECASTS.c.as_of.between(since, until),
            FORECASTS.c.standard.is_(True),
        )
        heads = select(FORECASTS).where(mine).order_by("as_of", "created_at", "id")
        entries = (
            select(*(ENTRIES.c[name] for name in columns))
            .join_from(ENTRIES, FORECASTS, ENTRIES.c.forecast_id == FORECASTS.c.id)
            .where(mine)
            .order_by(ENTRIES.c.forecast_id, ENTRIES.c.symbol)
        )
        with transaction(self.engine, reads=True) as connection:
            made = [dict(row) for row in connection.execute(heads).mappings()]
            rows = plain_rows(connection, entries)
        sessions = groupby(made, key=itemgetter("as_of"))
        best = [max(group, key=lambda row: len(json.loads(row["members"]))) for _, group in sessions]
        grouped = {number: list(group) for number, group in groupby(rows, key=itemgetter(0))}
        return [(head, grouped.get(head["id"], [])) for head in best]

    def _sessions(
        self, columns: Sequence[str], data_name: str, horizon: Horizon, since: str, until: str
    ) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
        """Give outcomes of sessions between two ISO days, oldest session first."""
        mine = and_(
            OUTCOMES.c.data_name == data_name, OUTCOMES.c.horizon == horizon, OUTCOMES.c.as_of.between(since, until)
        )
        question = select(*(OUTCOMES.c[name] for name in columns)).where(mine).order_by("as_of", "symbol")
        with transaction(self.engine, reads=True) as connection:
            rows = plain_rows(connection, question)
        return groupby(rows, key=itemgetter(0))


def _remember(connection: Connection, data_name: str, data_version: str, at: float) -> None:
    wanted = insert_into(connection, CHECKS).values(data_name=data_name, data_version=data_version, checked_at=at)
    seen = {"data_version": wanted.excluded.data_version, "checked_at": wanted.excluded.checked_at}
    connection.execute(wanted.on_conflict_do_update(index_elements=[CHECKS.c.data_name], set_=seen))


def _add(connection: Connection, data_name: str, data_version: str, found: Outcomes, at: float) -> int:
    session = {"data_name": data_name, "horizon": found.horizon, "as_of": str(found.as_of)}
    mine = (OUTCOMES.c[name] == value for name, value in session.items())
    there = set(connection.execute(select(OUTCOMES.c.symbol).where(*mine)).scalars())
    same = {"data_version": data_version, "latest_version": data_version, "settled_at": at, "restated": 0}
    new = [session | same | row for row in outcome_rows(found) if row["symbol"] not in there]
    if new:
        insert_rows(connection, OUTCOMES, new)
        forget_tallies(connection, data_name, found.horizon, str(found.as_of))
    return len(new)


def _restate(connection: Connection, data_name: str, data_version: str, moved: Sequence[Restatement]) -> int:
    """Count restatements in one statement: new data may restate a year at once, and others wait for the database."""
    if not moved:
        return 0
    rows = [(one.horizon, str(one.as_of), one.symbol, one.times, one.times + 1, one.returns) for one in moved]
    named = [dict(zip(_RESTATED, row, strict=True)) for row in rows]
    at_once = connection.dialect.name == "postgresql"
    source: Any = rows_as_table(_RESTATED, named).c if at_once else {name: bindparam(name) for name in _RESTATED}
    mine = update(OUTCOMES).where(
        OUTCOMES.c.data_name == data_name,
        OUTCOMES.c.horizon == source["of_horizon"],
        OUTCOMES.c.as_of == source["of_session"],
        OUTCOMES.c.symbol == source["of_symbol"],
        OUTCOMES.c.restated == source["before"],
    )
    changed = mine.values(restated=source["after"], latest=source["now"], latest_version=data_version)
    return connection.execute(changed, None if at_once else named).rowcount


def _close_sessions(connection: Connection, data_name: str, at: float) -> None:
    waits = exists().where(ENTRIES.c.forecast_id == FORECASTS.c.id, ~_HAS_OUTCOME.correlate(FORECASTS, ENTRIES))
    whole = update(FORECASTS).where(
        FORECASTS.c.data_name == data_name, FORECASTS.c.settled_at.is_(None), ~waits.correlate(FORECASTS)
    )
    connection.execute(whole.values(settled_at=at))
