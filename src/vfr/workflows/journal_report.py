"""Figures of what was predicted and came true: each beside its base rate, with how many dates and rows it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np

from vfr.data.trading_days import trading_days
from vfr.errors import InvalidField
from vfr.journal.tallies import COMPOSITES, JUDGED_SUMS
from vfr.typing import HORIZONS, MEMBER_NAMES, BoolArray, FloatArray, Horizon
from vfr.validation import metrics
from vfr.validation.bootstrap import resample_counts
from vfr.validation.significance import newey_west, overlap_lag

if TYPE_CHECKING:
    from vfr.journal.tallies import Tally

__all__ = ["GroupBy", "first_session", "report"]

GroupBy: TypeAlias = Literal["daily", "stock"]

_FIRST: Final = date(1991, 1, 1)
"""No forecast was journaled before; the exchange's earlier calendar takes seconds to load."""

_BINS: Final = 10
_DRAWS: Final = 1000
_LEVEL: Final = 0.95
_DIGITS: Final = 6
_DIRECTION: Final = (
    "accuracy", "accuracyLow", "accuracyHigh", "baseRateAccuracy", "lift", "liftLow", "liftHigh",
    "baseRate", "realisedRate", "brier", "brierBaseRate", "brierSkill",
)  # fmt: skip
_EXCESS: Final = ("rankIc", "rankIcT", "rankIcDates", "signAccuracy", "signAccuracyLow", "signAccuracyHigh")
_SUMMED: Final = {"accuracy": "hit", "baseRateAccuracy": "rule", "brier": "brier", "brierBaseRate": "base_brier"}
"""Figures of a member beside the others, and the sums that they are means of."""

_GROUPED: Final = ("count", "hit", "rule", "brier", "ic")
_NONE: Final = np.where(np.array(JUDGED_SUMS) == "ic", np.nan, 0.0)
"""Sums of a member on a session that it took no part in."""


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """One forecaster's sums of R sessions; `place` is its row of each tally, -1 where it took no part."""

    horizon: Horizon
    place: list[int]
    sums: Mapping[str, FloatArray]

    @property
    def some(self) -> BoolArray:
        return self.sums["count"] > 0

    @property
    def rows(self) -> float:
        return float(self.sums["count"].sum())

    def mean(self, name: str) -> float:
        return float(self.sums[name].sum()) / self.rows if self.rows else float("nan")


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
    record: Sequence[Tally],
    horizon: Horizon,
    model: str | None = None,
    group_by: GroupBy | None = None,
    *,
    since: date | None = None,
) -> dict[str, Any]:
    """Return figures of a journal's matured forecasts, on index members at the time.

    Parameters
    ----------
    record : sequence of Tally
        Oldest first; with single stocks where `group_by` is "stock".
    horizon : Horizon
        Of all of them.
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
    judged = _judged(record, horizon, model)
    days = [str(one.as_of) for one, some in zip(record, judged.some.tolist(), strict=True) if some]
    timely = np.array([one.timely for one in record], dtype=bool)
    direction, excess = _figures(judged)
    found: dict[str, Any] = {
        "horizon": horizon,
        "model": model,
        "dates": len(days),
        "rows": int(judged.rows),
        "timelyDates": int((judged.some & timely).sum()),
        "first": days[0] if days else None,
        "last": days[-1] if days else None,
        "direction": direction,
        "excess": excess,
        "calibration": [],
        "composite": {},
        "members": {},
        "note": _note(judged, timely, model, since),
    }
    if model is None:
        found["excess"] |= {"intervalCoverage": _coverage(record, judged), "intervalLevel": _level(record)}
        found["calibration"] = _calibration(record)
        found["composite"] = {name: _composite(record, horizon, k) for k, name in enumerate(COMPOSITES)}
        present = {name for one in record for name in one.members}
        members = [name for name in MEMBER_NAMES if name in present]
        found["members"] = {name: _summary(_judged(record, horizon, name)) for name in members}
    if group_by is not None:
        found["groups"] = _by_day(record, judged) if group_by == "daily" else _by_stock(record, judged)
    return found


def _judged(record: Sequence[Tally], horizon: Horizon, model: str | None) -> _Judged:
    place = [0] * len(record) if model is None else _places(record, model)
    rows = [_NONE if k < 0 else one.judged[k] for one, k in zip(record, place, strict=True)]
    grid = np.array(rows, dtype=np.float64).reshape(len(record), len(JUDGED_SUMS))
    return _Judged(horizon, place, dict(zip(JUDGED_SUMS, grid.T, strict=True)))


def _places(record: Sequence[Tally], model: str) -> list[int]:
    """Return the row of a member or a version in each tally; those that follow one another mostly have the same."""
    places = []
    last, place = None, -1
    for one in record:
        names = one.members if model in MEMBER_NAMES else one.model_ids
        if names is not last:
            last, place = names, 1 + names.index(model) if model in names else -1
        places.append(place)
    return places


def _figures(j: _Judged) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of the direction and of the excess return."""
    accuracy, lift, sign = _intervals(j, j.sums["hit"], j.sums["hit"] - j.sums["rule"], j.sums["right"])
    test = newey_west(j.sums["ic"], overlap_lag(HORIZONS[j.horizon]))
    excess = _plain(dict(zip(_EXCESS, (test.mean, test.t, test.n, *sign), strict=True)))
    if not j.rows:
        return dict.fromkeys(_DIRECTION), excess
    brier, base = j.mean("brier"), j.mean("base_brier")
    skill = 1.0 - brier / base if base > 0 else float("nan")
    figures = (*accuracy, j.mean("rule"), *lift, j.mean("base"), j.mean("up"), brier, base, skill)
    return _plain(dict(zip(_DIRECTION, figures, strict=True))), excess


def _intervals(j: _Judged, *sums: FloatArray) -> list[list[float]]:
    """Return the mean over rows of each of some sums, and its interval; NaN where there is none."""
    top = np.column_stack(sums)[j.some]
    bottom = j.sums["count"][j.some]
    block = max(2 * HORIZONS[j.horizon], 5)
    found = np.full((len(sums), 3), np.nan)
    if bottom.size:
        found[:, 0] = top.sum(axis=0) / bottom.sum()
    if bottom.size >= 2 * block:  # Fewer dates are too few for blocks to tell anything of how they differ.
        drawn = _resamples(bottom.size, block) @ np.column_stack([top, bottom])
        found[:, 1:] = np.quantile(drawn[:, :-1] / drawn[:, -1:], [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0).T
    return found.tolist()


@lru_cache(maxsize=8)
def _resamples(dates: int, block: int) -> FloatArray:
    """Return how often each resample holds each date: the same ones for every figure over as many dates."""
    return resample_counts(dates, block, _DRAWS, np.random.default_rng(0))


def _calibration(record: Sequence[Tally]) -> list[dict[str, Any]]:
    """Return bins of equal count by confidence: what was promised, and how often the sign came true."""
    confidence = np.concatenate([np.empty(0), *(one.confidence for one in record)])
    right = np.concatenate([np.empty(0), *(one.right for one in record)])
    bins = metrics.reliability(confidence, right, _BINS)
    return [_plain({"confidence": one.forecast, "accuracy": one.observed, "count": one.count}) for one in bins]


def _coverage(record: Sequence[Tally], j: _Judged) -> float | None:
    return _number(sum(one.inside for one in record) / j.rows) if j.rows else None


def _level(record: Sequence[Tally]) -> float | None:
    known = [one.level for one in record if np.isfinite(one.level)]
    return _number(sum(known) / len(known)) if known else None


def _composite(record: Sequence[Tally], horizon: Horizon, k: int) -> dict[str, Any]:
    """Return how a composite score ordered what came, and what came of each of its recommendations."""
    from vfr.scoring.table import Recommendation

    lag = overlap_lag(HORIZONS[horizon])
    names = get_args(Recommendation)
    ic, rows, beats = np.array([one.composites[k] for one in record], dtype=np.float64).reshape(len(record), 3).T
    tiers = np.array([one.tiers[k] for one in record], dtype=np.float64).reshape(len(record), len(names), 5)
    test, count = newey_west(ic, lag), int(rows.sum())
    share = float(beats.sum()) / count if count else float("nan")
    figures = {"rankIc": test.mean, "rankIcT": test.t, "rankIcDates": test.n, "rows": count}
    given = [t for t in np.argsort(names).tolist() if tiers[:, t, 0].any()]
    return _plain(figures | {"beatsMedianShare": share}) | {"tiers": {names[t]: _tier(tiers[:, t], lag) for t in given}}


def _tier(sums: FloatArray, lag: int) -> dict[str, Any]:
    rows, excess, beats, up, base = sums[sums[:, 0] > 0].T
    count = rows.sum()
    return _plain(
        {
            "rows": int(count),
            "dates": int(rows.size),
            "meanExcess": excess.sum() / count,
            "meanExcessT": newey_west(excess / rows, lag).t,
            "beatsMedianShare": beats.sum() / count,
            "upShare": up.sum() / count,
            "upBaseRate": base.sum() / count,
        }
    )


def _summary(j: _Judged) -> dict[str, Any]:
    test = newey_west(j.sums["ic"], overlap_lag(HORIZONS[j.horizon]))
    means = {figure: j.mean(name) for figure, name in _SUMMED.items()}
    figures = _plain(means | {"rankIc": test.mean, "rankIcT": test.t})
    return figures | {"dates": int(j.some.sum()), "rows": int(j.rows)}


def _by_day(record: Sequence[Tally], j: _Judged) -> list[dict[str, Any]]:
    days = [str(one.as_of) for one in record]
    rows = np.stack([j.sums[name] for name in _GROUPED], axis=1)
    return [_group("date", days[r], rows[r].tolist()) for r in np.flatnonzero(j.some).tolist()]


def _by_stock(record: Sequence[Tally], j: _Judged) -> list[dict[str, Any]]:
    alike: dict[tuple[str, ...], list[int]] = {}
    for r in np.flatnonzero(j.some).tolist():
        alike.setdefault(record[r].symbols, []).append(r)
    symbols = sorted(set().union(*alike))
    place = {symbol: n for n, symbol in enumerate(symbols)}
    sums = np.zeros((len(_GROUPED) - 1, len(symbols)))
    for names, rows in alike.items():
        p_up = np.stack([record[r].p_up[j.place[r]] for r in rows])
        direction = np.stack([record[r].direction for r in rows])
        base = np.array([[record[r].base] for r in rows])
        cells, rose = np.isfinite(p_up), direction > 0.5
        hit, rule = (p_up > 0.5) == rose, (base > 0.5) == rose
        found = (cells, cells & hit, cells & rule, np.where(cells, (p_up - direction) ** 2, 0.0))
        sums[:, [place[name] for name in names]] += [one.sum(axis=0) for one in found]
    return [_group("symbol", symbols[n], [*sums[:, n].tolist(), np.nan]) for n in np.flatnonzero(sums[0]).tolist()]


def _group(key: str, name: str, sums: Sequence[float]) -> dict[str, Any]:
    count, hit, rule, loss, ic = sums
    figures = {"accuracy": hit / count, "baseRateAccuracy": rule / count, "brier": loss / count, "rankIc": ic}
    return {key: name, "count": int(count)} | _plain(figures)


def _note(j: _Judged, timely: BoolArray, model: str | None, since: date | None) -> str | None:
    if j.rows:
        late = int((j.some & ~timely).sum())
        return f"{late} of {int(j.some.sum())} dates were forecast from data that were old already" if late else None
    if not j.place:
        return f"no forecast of this horizon has matured {'yet' if since is None else f'since {since}'}"
    return "no matured forecast counts here" + (f" for {model}" if model else "")


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else _number(value) for name, value in figures.items()}


def _number(value: float) -> float | None:
    return round(float(value), _DIGITS) if np.isfinite(value) else None
