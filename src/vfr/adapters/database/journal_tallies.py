"""Tallies in the database: packed sums of one session each, as little-endian float64."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from sqlalchemy import and_, case, delete, exists, func, literal, select

from vfr.adapters.database.tables import CHECKS, FORECASTS, OUTCOMES, TALLIES
from vfr.adapters.database.upsert import insert_rows
from vfr.journal.tallies import COMPOSITE_SUMS, COMPOSITES, JUDGED_SUMS, TIER_SUMS, Tally

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from vfr.typing import FloatArray, Horizon

__all__ = ["forget_tallies", "keep_tallies", "read_tallies"]

_KEY: Final = ("data_name", "horizon", "as_of", "versions")
_TALLIED: Final = and_(*(TALLIES.c[name] == FORECASTS.c[name] for name in _KEY))
_CAME: Final = exists().where(*(OUTCOMES.c[name] == FORECASTS.c[name] for name in _KEY[:3]))
_HEAD: Final = (
    *(FORECASTS.c[name] for name in ("as_of", "versions", "members", "timely", "level", "base_rate")),
    TALLIES.c.outcomes,
    case((TALLIES.c.outcomes.is_not(None), literal(True)), else_=_CAME).label("came"),
    TALLIES.c.sums,
    TALLIES.c.confidence,
)


def read_tallies(
    connection: Connection, data_name: str, horizon: Horizon, since: str, *, stocks: bool
) -> tuple[list[Tally], list[str]]:
    """Return the tallies of sessions from an ISO day on, and the days that have outcomes and wait for one."""
    columns = (*_HEAD, *((TALLIES.c.symbols, TALLIES.c.stocks) if stocks else ()))
    question = (
        select(*columns)
        .join_from(FORECASTS, TALLIES, _TALLIED, isouter=True)
        .where(
            FORECASTS.c.data_name == data_name,
            FORECASTS.c.horizon == horizon,
            FORECASTS.c.as_of >= since,
            FORECASTS.c.standard.is_(True),
        )
        .order_by(FORECASTS.c.as_of, FORECASTS.c.created_at, FORECASTS.c.id)
    )
    kept: list[Tally] = []
    texts = _Texts()
    wanting: list[str] = []
    for as_of, group in groupby(connection.execute(question), key=lambda row: str(row.as_of)):
        row, members = max(((row, texts.members(row.members)) for row in group), key=lambda one: len(one[1].names))
        if row.outcomes is not None:
            kept.append(_tally(row, members, texts if stocks else None))
        elif row.came:
            wanting.append(as_of)
    return kept, wanting


def keep_tallies(connection: Connection, data_name: str, horizon: Horizon, made: Sequence[Tally]) -> int:
    """Keep tallies; leave out those whose session was given further outcomes meanwhile."""
    # Who settles begins with this row, too: outcomes stand still until the end of the transaction.
    connection.execute(select(CHECKS.c.data_version).where(CHECKS.c.data_name == data_name).with_for_update())
    days = [str(one.as_of) for one in made]
    counted = (
        select(OUTCOMES.c.as_of, func.count())
        .where(OUTCOMES.c.data_name == data_name, OUTCOMES.c.horizon == horizon, OUTCOMES.c.as_of.in_(days))
        .group_by(OUTCOMES.c.as_of)
    )
    there = {str(row[0]): int(row[1]) for row in connection.execute(counted)}
    whose = {"data_name": data_name, "horizon": horizon}
    rows = [whose | _row(one) for one in made if there.get(str(one.as_of)) == one.outcomes]
    insert_rows(connection, TALLIES, rows, new=True)
    return len(rows)


def forget_tallies(connection: Connection, data_name: str, horizon: Horizon, as_of: str) -> None:
    """Forget the tallies of a session that is given further outcomes."""
    mine = and_(TALLIES.c.data_name == data_name, TALLIES.c.horizon == horizon, TALLIES.c.as_of == as_of)
    connection.execute(delete(TALLIES).where(mine))


def _row(one: Tally) -> dict[str, Any]:
    sums = np.concatenate([one.judged.ravel(), [one.inside], one.composites.ravel(), one.tiers.ravel()])
    return {
        "as_of": str(one.as_of),
        "versions": one.versions,
        "outcomes": one.outcomes,
        "sums": _packed(sums),
        "confidence": _packed(one.confidence) + one.right.astype(np.uint8).tobytes(),
        "symbols": "\n".join(one.symbols),
        "stocks": _packed(np.vstack([one.p_up, one.direction])),
    }


class _Members(NamedTuple):
    """Who took part in a forecast."""

    names: tuple[str, ...]
    model_ids: tuple[str, ...]


class _Texts:
    """What texts of rows say, each read once: most sessions share them with the one before."""

    def __init__(self) -> None:
        self._members: dict[str, _Members] = {}
        self._symbols: dict[str, tuple[str, ...]] = {}

    def members(self, text: str) -> _Members:
        if text not in self._members:
            said = json.loads(text)
            self._members[text] = _Members(tuple(one[0] for one in said), tuple(one[1] for one in said))
        return self._members[text]

    def symbols(self, text: str) -> tuple[str, ...]:
        if text not in self._symbols:
            self._symbols[text] = tuple(text.split("\n")) if text else ()
        return self._symbols[text]


def _tally(row: Row[Any], members: _Members, texts: _Texts | None) -> Tally:
    """Return the tally of a row; with single stocks where their texts are to be read."""
    sums = np.frombuffer(row.sums, dtype="<f8")
    forecasters = 1 + len(members.names)
    inside = forecasters * len(JUDGED_SUMS)
    tiers = inside + 1 + len(COMPOSITES) * len(COMPOSITE_SUMS)
    known = len(row.confidence) // 9
    symbols = () if texts is None else texts.symbols(row.symbols)
    packed = b"" if texts is None else row.stocks
    stocks = np.frombuffer(packed, dtype="<f8").reshape(forecasters + 1, len(symbols))
    return Tally(
        as_of=np.datetime64(row.as_of, "D"),
        versions=row.versions,
        members=members.names,
        model_ids=members.model_ids,
        timely=row.timely,
        level=np.nan if row.level is None else row.level,
        outcomes=row.outcomes,
        judged=sums[:inside].reshape(forecasters, -1),
        inside=float(sums[inside]),
        composites=sums[inside + 1 : tiers].reshape(len(COMPOSITES), -1),
        tiers=sums[tiers:].reshape(len(COMPOSITES), -1, len(TIER_SUMS)),
        confidence=np.frombuffer(row.confidence, dtype="<f8", count=known),
        right=np.frombuffer(row.confidence, dtype=bool, offset=8 * known),
        symbols=symbols,
        p_up=stocks[:-1],
        direction=stocks[-1],
        base=np.nan if row.base_rate is None else row.base_rate,
    )


def _packed(values: FloatArray) -> bytes:
    return values.astype("<f8").tobytes()
