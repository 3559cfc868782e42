"""A forecast as the journal keeps it, and the journal's matured forecasts as grids that figures are computed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from vfr.journal.records import ForecastRecord, inputs_key
from vfr.typing import MEMBER_NAMES, BoolArray, DateArray, FloatArray, Horizon
from vfr.workflows.forecaster import DEFAULT_METHOD

if TYPE_CHECKING:
    from vfr.factors.board import Board
    from vfr.journal.journal import Journal
    from vfr.journal.records import Outcomes
    from vfr.scoring.table import ScoreTable
    from vfr.workflows.forecaster import Forecast

__all__ = ["Matured", "as_record", "empty_record", "matured", "record_of"]

_FIGURES: Final = ("p_up", "expected", "low", "high", "confidence", "ml_score", "classic", "blended")
_OPENS: Final = time(9, 30)
_NEW_YORK: Final = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True, eq=False)
class Matured:
    """Forecasts of R sessions and N symbols by M members, each with what came of it; NaN where there is nothing.

    Parameters
    ----------
    horizon : Horizon
    members : tuple of str, length M
    sessions : datetime64[D] array, shape (R,)
        Sessions forecast from, increasing, of which some outcome is settled.
    symbols : tuple of str, length N
    model_ids : tuple of tuples of str, length R
        Versions that took part.
    timely : bool array, shape (R,)
        Made before the next session opened.
    level : float64 array, shape (R,)
        Nominal coverage of the interval.
    p_up, expected, low, high, confidence, ml_score, classic, blended : float64 arrays, shape (R, N)
        Of the ensemble and of the two composite scores.
    classic_tier, blended_tier : str arrays, shape (R, N)
        Recommendations, "" where there is none.
    member_p_up, member_expected, member_rank : float64 arrays, shape (M, R, N)
        `member_rank` is the rank of the expected excess return within the session, -0.5 to 0.5.
    returns, direction, excess : float64 arrays, shape (R, N)
        Labels; NaN where the outcome is not settled or unknown.
    base : float64 array, shape (R, N)
        Share of rises that was known at the time.
    counted : bool array, shape (R, N)
        Index members at the time with an outcome: what figures are computed on.
    """

    horizon: Horizon
    members: tuple[str, ...]
    sessions: DateArray
    symbols: tuple[str, ...]
    model_ids: tuple[tuple[str, ...], ...]
    timely: BoolArray
    level: FloatArray
    p_up: FloatArray
    expected: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: FloatArray
    ml_score: FloatArray
    classic: FloatArray
    blended: FloatArray
    classic_tier: np.ndarray[tuple[int, ...], np.dtype[np.str_]]
    blended_tier: np.ndarray[tuple[int, ...], np.dtype[np.str_]]
    member_p_up: FloatArray
    member_expected: FloatArray
    member_rank: FloatArray
    returns: FloatArray
    direction: FloatArray
    excess: FloatArray
    base: FloatArray
    counted: BoolArray


def as_record(forecast: Forecast, board: Board, table: ScoreTable, feature_spec: str) -> ForecastRecord | None:
    """Return a forecast as the journal keeps it, with the composite scores of the same session beside it.

    Parameters
    ----------
    forecast : Forecast
    board : Board
        The latest one.
    table : ScoreTable
        Weights and tiers of the composite score.
    feature_spec : str
        Hash of the features' specification.

    Returns
    -------
    ForecastRecord or None
        None unless the forecast is of the board's session and data: only what is said of the latest session is said
        now. Symbols that have neither a prediction nor a score are left out.
    """
    if (forecast.data_version, forecast.as_of, forecast.symbols) != (
        board.data_version,
        board.as_of,
        board.scores.symbols,
    ):
        return None
    classic, blended = _scores(forecast, board, table)
    kept = np.flatnonzero(np.isfinite(forecast.p_up) | np.isfinite(classic))
    asked = {one.member for one in forecast.members}
    some = [one for one in forecast.members if one.status == "ok" and one.version is not None]
    answered = np.isfinite(forecast.p_up)
    shape = (len(some), kept.size)
    symbols = tuple(forecast.symbols[n] for n in kept.tolist())
    return ForecastRecord(
        data_name=board.data_name,
        data_version=forecast.data_version,
        horizon=forecast.horizon,
        as_of=forecast.as_of,
        members=tuple(one.member for one in some),
        model_ids=tuple(str(one.version) for one in some),
        weights=np.array([one.weight[answered].mean() if answered.any() else np.nan for one in some], dtype=np.float64),
        method=forecast.method_applied,
        standard=asked >= set(MEMBER_NAMES) and forecast.method == DEFAULT_METHOD,
        feature_spec=feature_spec,
        inputs=inputs_key(forecast.data_version, forecast.as_of, feature_spec, forecast.symbols),
        base_rate=forecast.base_rate,
        level=forecast.level,
        timely=forecast.computed_at / 1e3 < _next_open(forecast.as_of),
        created_at=forecast.computed_at / 1e3,
        symbols=symbols,
        p_up=forecast.p_up[kept],
        expected=forecast.expected_excess[kept],
        low=forecast.low[kept],
        high=forecast.high[kept],
        confidence=forecast.confidence[kept],
        ml_score=forecast.score[kept],
        classic=classic[kept],
        blended=blended[kept],
        classic_tier=_tiers(classic[kept], table),
        blended_tier=_tiers(blended[kept], table),
        member_p_up=np.array([one.p_up[kept] for one in some]).reshape(shape),
        member_expected=np.array([one.expected[kept] for one in some]).reshape(shape),
    )


def record_of(journal: Journal, data_name: str, horizon: Horizon, since: str = "") -> Matured:
    """Return the matured standard forecasts of a data set as grids, oldest session first.

    Parameters
    ----------
    journal : Journal
    data_name : str
    horizon : Horizon
    since : str
        First session, an ISO day; all of them by default.

    Raises
    ------
    DataError
        If the journal cannot be used.
    """
    return matured(horizon, journal.forecasts(data_name, horizon, since), journal.outcomes(data_name, horizon, since))


def matured(horizon: Horizon, forecasts: Sequence[ForecastRecord], outcomes: Sequence[Outcomes]) -> Matured:
    """Return forecasts whose outcomes are there as grids.

    Parameters
    ----------
    horizon : Horizon
    forecasts : sequence of ForecastRecord
        One of each session, oldest first.
    outcomes : sequence of Outcomes
    """
    came = {one.as_of: one for one in outcomes}
    made = [one for one in forecasts if one.as_of in came]
    members = tuple(name for name in MEMBER_NAMES if any(name in one.members for one in made))
    symbols = tuple(sorted({symbol for one in made for symbol in one.symbols}))
    return _Grids(horizon, members, symbols, len(made)).filled(made, [came[one.as_of] for one in made])


def empty_record(horizon: Horizon) -> Matured:
    """Return grids without a session: what a journal without a matured forecast holds.

    Examples
    --------
    >>> empty_record("7d").p_up.shape
    (0, 0)
    """
    return _Grids(horizon, (), (), 0).filled([], [])


class _Grids:
    """Empty grids, and what fills them."""

    def __init__(self, horizon: Horizon, members: tuple[str, ...], symbols: tuple[str, ...], sessions: int) -> None:
        self._horizon = horizon
        self._members = members
        self._symbols = symbols
        self._place = {symbol: n for n, symbol in enumerate(symbols)}
        self._shape = shape = (sessions, len(symbols))
        self._figures = {name: np.full(shape, np.nan) for name in (*_FIGURES, "returns", "direction", "excess", "base")}
        self._tiers = {name: np.full(shape, "", dtype="<U20") for name in ("classic_tier", "blended_tier")}
        self._counted = np.zeros(shape, dtype=bool)
        self._p_up, self._expected = (np.full((len(members), *shape), np.nan) for _ in range(2))

    def filled(self, made: Sequence[ForecastRecord], outcomes: Sequence[Outcomes]) -> Matured:
        from vfr.models.design import session_ranks

        for r, (one, found) in enumerate(zip(made, outcomes, strict=True)):
            self._put_forecast(r, one)
            self._put_outcomes(r, found)
        ranks = [session_ranks(grid) for grid in self._expected]
        return Matured(
            horizon=self._horizon,
            members=self._members,
            sessions=np.array([one.as_of for one in made], dtype="datetime64[D]"),
            symbols=self._symbols,
            model_ids=tuple(one.model_ids for one in made),
            timely=np.array([one.timely for one in made], dtype=bool),
            level=np.array([one.level for one in made], dtype=np.float64),
            **self._figures,
            **self._tiers,
            member_p_up=self._p_up,
            member_expected=self._expected,
            member_rank=np.array(ranks).reshape(len(self._members), *self._shape),
            counted=self._counted & np.isfinite(self._figures["excess"]),
        )

    def _put_forecast(self, r: int, one: ForecastRecord) -> None:
        columns = [self._place[symbol] for symbol in one.symbols]
        for name in _FIGURES:
            self._figures[name][r, columns] = getattr(one, name)
        for name, grid in self._tiers.items():
            grid[r, columns] = [tier or "" for tier in getattr(one, name)]
        self._figures["base"][r, columns] = one.base_rate
        for k, name in enumerate(one.members):
            self._p_up[self._members.index(name), r, columns] = one.member_p_up[k]
            self._expected[self._members.index(name), r, columns] = one.member_expected[k]

    def _put_outcomes(self, r: int, found: Outcomes) -> None:
        mine = [k for k, symbol in enumerate(found.symbols) if symbol in self._place]
        columns = [self._place[found.symbols[k]] for k in mine]
        for name in ("returns", "direction", "excess"):
            self._figures[name][r, columns] = getattr(found, name)[mine]
        self._counted[r, columns] = found.counted[mine]


def _scores(forecast: Forecast, board: Board, table: ScoreTable) -> tuple[FloatArray, FloatArray]:
    """Return the classic and the blended score of every name that an answer would show, NaN for the others."""
    from vfr.scoring.blend import blend
    from vfr.scoring.composite import score
    from vfr.workflows.prepared import ACTIVE_DAYS
    from vfr.workflows.query import AnalyzeQuery
    from vfr.workflows.stock import SCORE_DIGITS

    default = AnalyzeQuery("multiple")
    shown = np.isfinite(board.price) & (board.as_of - board.last_bar <= np.timedelta64(ACTIVE_DAYS, "D"))
    classic = np.where(shown, np.round(score(board, table).composite, SCORE_DIGITS), np.nan)
    mixed = blend(classic, forecast.score, forecast.confidence, default.ml_weight, default.ml_confidence_threshold)
    return classic, np.round(mixed.composite, SCORE_DIGITS)


def _tiers(scores: FloatArray, table: ScoreTable) -> tuple[str | None, ...]:
    from vfr.scoring.recommend import recommend

    known = np.isfinite(scores)
    tiers = recommend(np.where(known, scores, 0.0), table)
    return tuple(tier if there else None for tier, there in zip(tiers, known.tolist(), strict=True))


def _next_open(session: np.datetime64) -> float:
    """Return when the session after one opens, in seconds since 1970."""
    from vfr.data.trading_days import trading_days

    day = session.astype(object)
    following = trading_days(day + timedelta(days=1), day + timedelta(days=14))[0].astype(object)
    return datetime.combine(following, _OPENS, _NEW_YORK).astimezone(UTC).timestamp()
