"""Figures of what was predicted and came true: each beside its base rate, with how many dates and rows it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from vfr.data.trading_days import trading_days
from vfr.errors import InvalidField
from vfr.typing import HORIZONS, MEMBER_NAMES, BoolArray, FloatArray, Horizon
from vfr.validation import metrics
from vfr.validation.bootstrap import ratio_interval
from vfr.validation.correlation import rank_ic
from vfr.validation.significance import newey_west, overlap_lag

if TYPE_CHECKING:
    from vfr.workflows.journalled import Matured

__all__ = ["GroupBy", "first_session", "report"]

GroupBy: TypeAlias = Literal["daily", "stock"]

_FIRST: Final = date(1991, 1, 1)
"""No forecast was journaled before; the exchange's earlier calendar takes seconds to load."""

_BINS: Final = 10
_DIGITS: Final = 6
_DIRECTION: Final = (
    "accuracy", "accuracyLow", "accuracyHigh", "baseRateAccuracy", "lift", "liftLow", "liftHigh",
    "baseRate", "realisedRate", "brier", "brierBaseRate", "brierSkill",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """One forecaster's grids [R x N] on the cells it is judged on; `score` is 0 in the middle."""

    horizon: Horizon
    p_up: FloatArray
    score: FloatArray
    direction: FloatArray
    excess: FloatArray
    base: FloatArray
    cells: BoolArray


def first_session(day: date, horizon: Horizon) -> str:
    """Return the first session, an ISO day, whose outcome came on a day or later: a month ahead, a month before it.

    Examples
    --------
    >>> first_session(date(2024, 7, 5), "1d")
    '2024-07-02'
    """
    span = HORIZONS[horizon] + 1
    known = max(day, _FIRST)
    return str(trading_days(known - timedelta(days=2 * span + 14), known - timedelta(days=1))[-span])


def report(
    record: Matured, model: str | None = None, group_by: GroupBy | None = None, *, since: date | None = None
) -> dict[str, Any]:
    """Return figures of a journal's matured forecasts, on index members at the time.

    Parameters
    ----------
    record : Matured
    model : str, optional
        Name of a member, or id of a version: its own figures, on the sessions it took part in. The ensemble's by
        default.
    group_by : {"daily", "stock"}, optional
        Also return one row per session or per symbol.
    since : datetime.date, optional
        The day from which on outcomes were asked for; only told.

    Returns
    -------
    dict
        Plain JSON types; None where a figure cannot be computed, with a sentence in ``note`` where there is nothing at
        all. Intervals are 95 %, over blocks of dates of at least twice the horizon; t is Newey and West's (1987).

    Raises
    ------
    InvalidField
        If `model` can be neither a member nor a version of one.
    """
    if model is not None and model.split("-")[0] not in MEMBER_NAMES:
        raise InvalidField("model", f"no member is named {model}; choose from {', '.join(MEMBER_NAMES)}, or a version")
    judged = _judged(record, model)
    some = judged.cells.any(axis=1)
    found: dict[str, Any] = {
        "horizon": record.horizon,
        "model": model,
        "dates": int(some.sum()),
        "rows": int(judged.cells.sum()),
        "timelyDates": int((some & record.timely).sum()),
        "first": str(record.sessions[some][0]) if some.any() else None,
        "last": str(record.sessions[some][-1]) if some.any() else None,
        "direction": _direction(judged),
        "excess": _excess(judged),
        "calibration": [],
        "composite": {},
        "members": {},
        "note": _note(record, judged, model, since),
    }
    if model is None:
        found["excess"] |= {"intervalCoverage": _coverage(record, judged.cells), "intervalLevel": _level(record)}
        found["calibration"] = _calibration(record, judged.cells)
        found["composite"] = {name: _composite(record, name) for name in ("classic", "blended")}
        found["members"] = {name: _summary(_judged(record, name)) for name in record.members}
    if group_by is not None:
        found["groups"] = _groups(record, judged, group_by)
    return found


def _judged(record: Matured, model: str | None) -> _Judged:
    p_up, score = record.p_up, record.expected
    sessions = np.ones(record.sessions.size, dtype=bool)
    if model is not None:
        p_up = score = np.full(record.p_up.shape, np.nan)
        name = (
            model if model in record.members else next((m for m in record.members if model.startswith(f"{m}-")), None)
        )
        if model not in record.members:
            sessions = np.array([model in ids for ids in record.model_ids], dtype=bool)
        if name is not None:
            p_up, score = record.member_p_up[record.members.index(name)], record.member_rank[record.members.index(name)]
    cells = record.counted & np.isfinite(p_up) & np.isfinite(score) & np.isfinite(record.base) & sessions[:, None]
    return _Judged(record.horizon, p_up, score, record.direction, record.excess, record.base, cells)


def _direction(j: _Judged) -> dict[str, Any]:
    if not j.cells.any():
        return dict.fromkeys(_DIRECTION)
    hit = ((j.p_up > 0.5) == (j.direction > 0.5)).astype(np.float64)
    rule = ((j.base > 0.5) == (j.direction > 0.5)).astype(np.float64)
    accuracy, lift = _interval(j, hit), _interval(j, hit - rule)
    y, p, b = j.direction[j.cells], j.p_up[j.cells], j.base[j.cells]
    figures = (*accuracy, float(rule[j.cells].mean()), *lift, float(b.mean()), float(y.mean()))
    return _plain(
        dict(zip(_DIRECTION, (*figures, metrics.brier(p, y), metrics.brier(b, y), _skill(p, b, y)), strict=True))
    )


def _excess(j: _Judged) -> dict[str, Any]:
    ic = rank_ic(j.score, j.excess, j.cells)
    test = newey_west(ic, overlap_lag(HORIZONS[j.horizon]))
    right = (np.sign(j.score) == np.sign(j.excess)).astype(np.float64)
    sign = _interval(j, right) if j.cells.any() else (float("nan"),) * 3
    names = ("rankIc", "rankIcT", "rankIcDates", "signAccuracy", "signAccuracyLow", "signAccuracyHigh")
    return _plain(dict(zip(names, (test.mean, test.t, test.n, *sign), strict=True)))


def _interval(j: _Judged, values: FloatArray) -> tuple[float, float, float]:
    some = j.cells.any(axis=1)
    top = np.where(j.cells, values, 0.0).sum(axis=1)[some]
    bottom = j.cells.sum(axis=1)[some].astype(np.float64)
    block = max(2 * HORIZONS[j.horizon], 5)
    found = ratio_interval(top, bottom, block=block, rng=np.random.default_rng(0))
    if top.size < 2 * block:  # Too few dates for blocks to tell anything of how they differ.
        return found.estimate, float("nan"), float("nan")
    return found.estimate, found.low, found.high


def _skill(p: FloatArray, base: FloatArray, y: FloatArray) -> float:
    return metrics.brier_skill(p, base, y) if metrics.brier(base, y) > 0 else float("nan")


def _calibration(record: Matured, cells: BoolArray) -> list[dict[str, Any]]:
    """Return bins of equal count by confidence: what was promised, and how often the sign came true."""
    known = cells & np.isfinite(record.confidence)
    if not known.any():
        return []
    right = (np.sign(record.expected) == np.sign(record.excess)).astype(np.float64)
    bins = metrics.reliability(record.confidence[known], right[known], _BINS)
    return [_plain({"confidence": one.forecast, "accuracy": one.observed, "count": one.count}) for one in bins]


def _coverage(record: Matured, cells: BoolArray) -> float | None:
    inside = (record.excess >= record.low) & (record.excess <= record.high)
    return _number(inside[cells].mean()) if cells.any() else None


def _level(record: Matured) -> float | None:
    known = record.level[np.isfinite(record.level)]
    return _number(known.mean()) if known.size else None


def _composite(record: Matured, name: str) -> dict[str, Any]:
    """Return how a composite score ordered what came, and what came of each of its recommendations."""
    score: FloatArray = getattr(record, name)
    cells = record.counted & np.isfinite(score)
    lag = overlap_lag(HORIZONS[record.horizon])
    test = newey_west(rank_ic(score, record.excess, cells), lag)
    share = record.excess[cells] > 0
    tiers = getattr(record, f"{name}_tier")
    rows = {str(tier): _tier(record, cells & (tiers == tier), lag) for tier in np.unique(tiers[cells])}
    figures = {"rankIc": test.mean, "rankIcT": test.t, "rankIcDates": test.n, "rows": int(cells.sum())}
    return _plain(figures | {"beatsMedianShare": share.mean() if share.size else float("nan")}) | {"tiers": rows}


def _tier(record: Matured, cells: BoolArray, lag: int) -> dict[str, Any]:
    dates = cells.any(axis=1)
    daily = np.where(cells, record.excess, 0.0).sum(axis=1)[dates] / cells.sum(axis=1)[dates]
    test = newey_west(daily, lag)
    return _plain(
        {
            "rows": int(cells.sum()),
            "dates": int(dates.sum()),
            "meanExcess": float(record.excess[cells].mean()),
            "meanExcessT": test.t,
            "beatsMedianShare": float((record.excess[cells] > 0).mean()),
            "upShare": float(record.direction[cells].mean()),
            "upBaseRate": float(record.base[cells].mean()),
        }
    )


def _summary(j: _Judged) -> dict[str, Any]:
    direction, excess = _direction(j), _excess(j)
    kept = ("accuracy", "baseRateAccuracy", "brier", "brierBaseRate")
    figures = {name: direction[name] for name in kept} | {name: excess[name] for name in ("rankIc", "rankIcT")}
    return figures | {"dates": int(j.cells.any(axis=1).sum()), "rows": int(j.cells.sum())}


def _groups(record: Matured, j: _Judged, by: GroupBy) -> list[dict[str, Any]]:
    axis, names = (1, record.sessions.astype(str).tolist()) if by == "daily" else (0, record.symbols)
    count = j.cells.sum(axis=axis)
    hit = (j.cells & ((j.p_up > 0.5) == (j.direction > 0.5))).sum(axis=axis)
    rule = (j.cells & ((j.base > 0.5) == (j.direction > 0.5))).sum(axis=axis)
    loss = np.where(j.cells, (j.p_up - j.direction) ** 2, 0.0).sum(axis=axis)
    ic = rank_ic(j.score, j.excess, j.cells) if by == "daily" else np.full(len(names), np.nan)
    key = "date" if by == "daily" else "symbol"
    return [
        {key: names[k], "count": int(count[k])}
        | _plain(
            {
                "accuracy": hit[k] / count[k],
                "baseRateAccuracy": rule[k] / count[k],
                "brier": loss[k] / count[k],
                "rankIc": ic[k],
            }
        )
        for k in np.flatnonzero(count).tolist()
    ]


def _note(record: Matured, j: _Judged, model: str | None, since: date | None) -> str | None:
    if j.cells.any():
        some = j.cells.any(axis=1)
        late = int((some & ~record.timely).sum())
        if late:
            return f"{late} of {int(some.sum())} dates were forecast from data that were old already"
        return None
    if record.sessions.size == 0:
        return f"no forecast of this horizon has matured {'yet' if since is None else f'since {since}'}"
    return "no matured forecast counts here" + (f" for {model}" if model else "")


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else _number(value) for name, value in figures.items()}


def _number(value: float) -> float | None:
    return round(float(value), _DIGITS) if np.isfinite(value) else None
