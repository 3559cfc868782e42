"""Rows of the journal's tables, from records and back; unknown is NULL in a row and NaN in a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.journal.records import ForecastRecord, LastReturns, Outcomes, Votes
from vfr.typing import FloatArray, Horizon

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

__all__ = [
    "ENTRY_COLUMNS",
    "LAST_COLUMNS",
    "OUTCOME_COLUMNS",
    "VOTE_COLUMNS",
    "entry_rows",
    "forecast_of",
    "forecast_row",
    "last_returns_of",
    "outcome_rows",
    "outcomes_of",
    "plain_rows",
    "votes_of",
]

_HEAD: Final = (
    "data_name", "data_version", "horizon", "method", "standard", "feature_spec", "inputs", "timely", "created_at",
)  # fmt: skip
_FIGURES: Final = ("p_up", "expected", "low", "high", "confidence", "ml_score", "classic", "blended")
_TIERS: Final = ("classic_tier", "blended_tier")

ENTRY_COLUMNS: Final = ("forecast_id", "symbol", *_FIGURES, *_TIERS, "members")
"""What `forecast_of` reads, in its order."""

VOTE_COLUMNS: Final = ("forecast_id", "symbol", "members")
"""What `votes_of` reads, in its order."""

OUTCOME_COLUMNS: Final = (
    "as_of", "symbol", "basis", "returns", "direction", "excess", "counted", "reason",
)  # fmt: skip
"""What `outcomes_of` reads, in its order."""

LAST_COLUMNS: Final = ("as_of", "symbol", "latest", "restated")
"""What `last_returns_of` reads, in its order."""


def plain_rows(connection: Connection, question: Select[Any]) -> list[Sequence[Any]]:
    """Return rows as the driver gives them: of hundreds of thousands, half of the time goes into making more of them.

    A truth value is 0 or 1 where the database has no such type.
    """
    with connection.execute(question) as found:
        return list(found.cursor.fetchall())


def forecast_row(forecast: ForecastRecord) -> dict[str, Any]:
    """Return the head of a forecast; its id is given by the database."""
    members = zip(forecast.members, forecast.model_ids, forecast.weights.tolist(), strict=True)
    return {name: getattr(forecast, name) for name in _HEAD} | {
        "versions": forecast.versions,
        "as_of": str(forecast.as_of),
        "members": json.dumps([list(one) for one in members]),
        "base_rate": _null(forecast.base_rate),
        "level": _null(forecast.level),
        "settled_at": None,
    }


def entry_rows(forecast: ForecastRecord) -> list[dict[str, Any]]:
    """Return one row per symbol of a forecast, without the forecast's id."""
    columns: dict[str, Sequence[Any]] = {name: _nulls(getattr(forecast, name)) for name in _FIGURES}
    columns |= {name: getattr(forecast, name) for name in _TIERS}
    packed = np.stack([forecast.member_p_up, forecast.member_expected], axis=-1).astype("<f4").transpose(1, 0, 2)
    columns |= {"symbol": forecast.symbols, "members": [one.tobytes() for one in packed]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def forecast_of(head: Mapping[str, Any], entries: Sequence[Sequence[Any]]) -> ForecastRecord:
    """Read back a forecast from its head and rows of `ENTRY_COLUMNS`."""
    members = json.loads(head["members"])
    columns = dict(zip(ENTRY_COLUMNS, zip(*entries, strict=True), strict=True)) if entries else {}
    said = _said(columns.get("members", ()), len(members))
    figures: dict[str, Any] = {name: _numbers(columns.get(name, ())) for name in _FIGURES}
    tiers: dict[str, Any] = {name: columns.get(name, ()) for name in _TIERS}
    return ForecastRecord(
        **{name: head[name] for name in _HEAD},
        **figures,
        **tiers,
        as_of=np.datetime64(head["as_of"], "D"),
        members=tuple(one[0] for one in members),
        model_ids=tuple(one[1] for one in members),
        weights=np.array([one[2] for one in members], dtype=np.float64),
        base_rate=_number(head["base_rate"]),
        level=_number(head["level"]),
        symbols=columns.get("symbol", ()),
        member_p_up=said[0],
        member_expected=said[1],
    )


def votes_of(head: Mapping[str, Any], entries: Sequence[Sequence[Any]]) -> Votes:
    """Read back what members said from the head of a forecast and rows of `VOTE_COLUMNS`."""
    members = json.loads(head["members"])
    _, symbols, packed = zip(*entries, strict=True) if entries else ((), (), ())
    return Votes(
        np.datetime64(head["as_of"], "D"),
        tuple(one[0] for one in members),
        tuple(one[1] for one in members),
        _number(head["base_rate"]),
        symbols,
        *_said(packed, len(members)),
    )


def _said(packed: Sequence[bytes], members: int) -> FloatArray:
    """Return P(up) and the expected excess return by each member, (2, M, N)."""
    flat = np.frombuffer(b"".join(packed), dtype="<f4").astype(np.float64)
    return flat.reshape(len(packed), members, 2).transpose(2, 1, 0)


def outcome_rows(found: Outcomes) -> list[dict[str, Any]]:
    """Return one row per symbol of a session's outcomes, without what all of them share."""
    columns: dict[str, Sequence[Any]] = {
        "symbol": found.symbols,
        "basis": [found.basis] * len(found.symbols),
        "returns": _nulls(found.returns),
        "direction": _nulls(found.direction),
        "excess": _nulls(found.excess),
        "counted": found.counted.tolist(),
        "reason": found.reason,
        "latest": _nulls(found.returns),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def outcomes_of(horizon: Horizon, as_of: str, rows: Sequence[Sequence[Any]]) -> Outcomes:
    """Read back the outcomes of one session from rows of `OUTCOME_COLUMNS`."""
    _, symbols, basis, returns, direction, excess, counted, reason = zip(*rows, strict=True)
    return Outcomes(
        horizon,
        np.datetime64(as_of, "D"),
        basis[0],
        symbols,
        _numbers(returns),
        _numbers(direction),
        _numbers(excess),
        np.array(counted, dtype=bool),
        reason,
    )


def last_returns_of(as_of: str, rows: Sequence[Sequence[Any]]) -> LastReturns:
    """Read back what was last looked at of one session from rows of `LAST_COLUMNS`."""
    _, symbols, latest, restated = zip(*rows, strict=True)
    return LastReturns(np.datetime64(as_of, "D"), symbols, _numbers(latest), np.array(restated, dtype=np.int64))


def _null(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _nulls(values: FloatArray) -> list[float | None]:
    return [
        value if known else None for value, known in zip(values.tolist(), np.isfinite(values).tolist(), strict=True)
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _numbers(values: Sequence[float | None]) -> FloatArray:
    return np.array(values, dtype=np.float64)  # None becomes NaN.
