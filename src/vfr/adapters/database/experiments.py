"""Experiments in the database: what they are, who was dealt what, and what was shown; on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import EXPERIMENT_EXPOSURES, EXPERIMENTS, EXPOSURES
from vfr.adapters.database.upsert import insert_into
from vfr.experiments.experiment import Experiment, StopRule
from vfr.workflows.compare import ArmCount, Seen, Shown, together

if TYPE_CHECKING:
    from sqlalchemy import Engine, Row

__all__ = ["SqlExperiments"]

_FIELDS: Final = tuple(field.name for field in fields(Experiment))
_COLUMNS: Final = tuple(EXPERIMENTS.c[name] for name in _FIELDS)
_RUNNING: Final = 1


@dataclass(frozen=True, slots=True)
class SqlExperiments:
    """Experiments of a migrated database; every method raises `DataError` if the database cannot be used.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    engine: Engine

    def start(self, experiment: Experiment) -> bool:
        """Keep a running experiment; return False, and keep nothing, where another one runs."""
        row = _row(experiment) | {"running": _RUNNING}
        with transaction(self.engine) as connection:
            made = connection.execute(insert_into(connection, EXPERIMENTS).values(row).on_conflict_do_nothing())
            return made.rowcount == 1

    def stop(self, ended: Experiment, verdict: Mapping[str, Any] | None) -> bool:
        """Stop an experiment and keep its report; return False, and keep nothing, where it does not run."""
        mine = (EXPERIMENTS.c.id == ended.id) & (EXPERIMENTS.c.running == _RUNNING)
        kept = None if verdict is None else json.dumps(verdict, allow_nan=False)
        values = {name: getattr(ended, name) for name in ("last", "stopped_at", "stopped_by", "stopped_why")}
        change = update(EXPERIMENTS).where(mine).values(running=None, verdict=kept, **values)
        with transaction(self.engine) as connection:
            return connection.execute(change).rowcount == 1

    def verdict(self, experiment: str) -> dict[str, Any] | None:
        """Return the report that was kept when it was stopped, None where none was."""
        question = select(EXPERIMENTS.c.verdict).where(EXPERIMENTS.c.id == experiment)
        with transaction(self.engine, reads=True) as connection:
            kept = connection.execute(question).scalar_one_or_none()
        found: dict[str, Any] | None = None if kept is None else json.loads(kept)
        return found

    def one(self, experiment: str) -> Experiment | None:
        """Return an experiment by its id, None where there is none."""
        with transaction(self.engine, reads=True) as connection:
            row = connection.execute(select(*_COLUMNS).where(EXPERIMENTS.c.id == experiment)).one_or_none()
        return None if row is None else _experiment(row)

    def all(self, limit: int, after: Experiment | None = None) -> list[Experiment]:
        """Return experiments, newest first, at most `limit`, those behind `after` in that order."""
        started, number = EXPERIMENTS.c.started_at, EXPERIMENTS.c.id
        question = select(*_COLUMNS).order_by(started.desc(), number).limit(limit)
        if after is not None:
            same = (started == after.started_at) & (number > after.id)
            question = question.where((started < after.started_at) | same)
        with transaction(self.engine, reads=True) as connection:
            return [_experiment(row) for row in connection.execute(question)]

    def running(self, known: Experiment | None = None) -> Experiment | None:
        """Return the experiment that runs, None where none does; `known` itself where it still does."""
        with transaction(self.engine, reads=True) as connection:
            row = connection.execute(select(*_COLUMNS).where(EXPERIMENTS.c.running == _RUNNING)).one_or_none()
        if row is None:
            return None
        return known if known is not None and known.id == row.id else _experiment(row)

    def see(self, seen: Sequence[Seen]) -> None:
        """Count requests of subjects: one row for each, whose arm stays what it was first."""
        # In one order everywhere, so that two processes never wait for each other's rows.
        rows = [asdict(one) for one in sorted(together(seen), key=lambda one: (one.experiment, one.subject))]
        if not rows:
            return
        table = EXPERIMENT_EXPOSURES.c
        with transaction(self.engine) as connection:
            wanted = insert_into(connection, EXPERIMENT_EXPOSURES)
            new = wanted.excluded
            added = {
                "last_seen": new.last_seen,
                "requests": table.requests + new.requests,
                "ml_requests": table.ml_requests + new.ml_requests,
            }
            keys = [table.experiment, table.subject]
            connection.execute(wanted.on_conflict_do_update(index_elements=keys, set_=added), rows)

    def counts(self, experiment: str) -> list[ArmCount]:
        """Return how many subjects and requests each arm had."""
        table = EXPERIMENT_EXPOSURES.c
        asked = func.count().filter(table.ml_requests > 0)
        sums = (func.count(), asked, func.sum(table.requests), func.sum(table.ml_requests))
        question = (
            select(table.arm, *sums).where(table.experiment == experiment).group_by(table.arm).order_by(table.arm)
        )
        with transaction(self.engine, reads=True) as connection:
            return [ArmCount(arm, *(int(n) for n in numbers)) for arm, *numbers in connection.execute(question)]

    def shown(self, experiment: str) -> list[Shown]:
        """Return the mean score each arm was shown of each stock of each session, however often."""
        place = (EXPOSURES.c.data_name, EXPOSURES.c.arm, EXPOSURES.c.as_of, EXPOSURES.c.symbol)
        question = (
            select(*place, func.avg(EXPOSURES.c.score))
            .where(EXPOSURES.c.experiment == experiment)
            .group_by(*place)
            .order_by(*place)
        )
        with transaction(self.engine, reads=True) as connection:
            return [Shown(*row) for row in connection.execute(question)]


def _row(experiment: Experiment) -> dict[str, Any]:
    row = {name: getattr(experiment, name) for name in _FIELDS}
    return row | {"shares": json.dumps(dict(experiment.shares)), "rule": json.dumps(asdict(experiment.rule))}


def _experiment(row: Row[Any]) -> Experiment:
    read = row._asdict()
    return Experiment(**read | {"shares": json.loads(read["shares"]), "rule": StopRule(**json.loads(read["rule"]))})
