"""What the journal keeps: forecasts as they were made, outcomes as they matured, and what users were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from vfr.typing import BoolArray, FloatArray, Horizon, IntArray

__all__ = [
    "Exposure",
    "ForecastRecord",
    "JournalState",
    "LastReturns",
    "Outcomes",
    "Restatement",
    "Votes",
    "inputs_key",
    "versions_key",
]

_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True, eq=False)
class ForecastRecord:
    """A forecast of N symbols by M members from one session, as it was made; NaN where there was nothing.

    Parameters
    ----------
    data_name, data_version : str
        The data set, and the content hash it had.
    horizon : Horizon
    as_of : numpy.datetime64
        The session whose close it was made at.
    members, model_ids : tuples of str, length M
        Name and version of every member that took part.
    weights : float64 array, shape (M,)
        Mean weight over the symbols that have a prediction; sums to 1.
    method : str
        How the members were combined.
    standard : bool
        Asked for as requests do by default: every member, default method. Figures are computed on these alone, so
        that no user's choice of members moves them.
    feature_spec, inputs : str
        Hash of the features' specification, and of all that the features are a function of (`inputs_key`).
    base_rate : float
        Share of rises among the outcomes known at `as_of`, 0-1; NaN if there were none.
    level : float
        Nominal coverage of the interval, 0-1.
    timely : bool
        Made before the next session opened, so that a reader could act on it. False where the data were old already.
    created_at : float
        Seconds since 1970.
    symbols : tuple of str, length N
    p_up, expected, low, high, confidence : float64 arrays, shape (N,)
        Probability of a rise; excess return over the universe median and its interval, fractions; probability that
        its sign is right.
    ml_score, classic, blended : float64 arrays, shape (N,)
        Scores 0-100; `blended` at the default weight and threshold.
    classic_tier, blended_tier : tuples of str or None, length N
        Recommendations of the two scores.
    member_p_up, member_expected : float64 arrays, shape (M, N)
    """

    data_name: str
    data_version: str
    horizon: Horizon
    as_of: np.datetime64
    members: tuple[str, ...]
    model_ids: tuple[str, ...]
    weights: FloatArray
    method: str
    standard: bool
    feature_spec: str
    inputs: str
    base_rate: float
    level: float
    timely: bool
    created_at: float
    symbols: tuple[str, ...]
    p_up: FloatArray
    expected: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: FloatArray
    ml_score: FloatArray
    classic: FloatArray
    blended: FloatArray
    classic_tier: tuple[str | None, ...]
    blended_tier: tuple[str | None, ...]
    member_p_up: FloatArray
    member_expected: FloatArray

    @property
    def versions(self) -> str:
        """Key of who forecast and how: with data name, horizon and session it names the forecast.

        What somebody chose has a name of its own: it must not stand where the default question's answer belongs.
        """
        return versions_key(self.model_ids, self.method if self.standard else f"chosen: {self.method}")


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """What M members said of N symbols, of a `ForecastRecord`: what they are judged by, and no more.

    Parameters
    ----------
    as_of : numpy.datetime64
    members, model_ids : tuples of str, length M
    base_rate : float
    symbols : tuple of str, length N
    member_p_up, member_expected : float64 arrays, shape (M, N)
    """

    as_of: np.datetime64
    members: tuple[str, ...]
    model_ids: tuple[str, ...]
    base_rate: float
    symbols: tuple[str, ...]
    member_p_up: FloatArray
    member_expected: FloatArray


class Exposure(NamedTuple):
    """One stock that one request was shown; kept apart from forecasts, so that popularity does not weigh accuracy.

    Parameters
    ----------
    request : str
        The request's moment and a hash of its id; those of later requests sort behind.
    symbol, data_name : str
    as_of : str
        Session of the answer, an ISO day.
    horizon : str or None
        Horizon of the prediction; None where machine learning was not asked for.
    score : float
        Composite score as shown, 0-100.
    include_ml : bool
    ml_weight : float or None
        Weight the prediction had in `score`; None where there was no prediction.
    shown_at : float
        Seconds since 1970.
    experiment, arm : str or None
        The experiment that decided what was shown, and the arm it was shown in; None where none did.
    """

    request: str
    symbol: str
    data_name: str
    as_of: str
    horizon: str | None
    score: float
    include_ml: bool
    ml_weight: float | None
    shown_at: float
    experiment: str | None = None
    arm: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What came of one session's forecasts over one horizon, for K symbols.

    Parameters
    ----------
    horizon : Horizon
    as_of : numpy.datetime64
    basis : str
        Prices the return was taken on, as in `vfr.features.labels.make`.
    symbols : tuple of str, length K
    returns, direction, excess : float64 arrays, shape (K,)
        As labels have them; NaN where the outcome is unknown for good.
    counted : bool array, shape (K,)
        Index member at `as_of` (every priced name where membership is unknown): what figures are computed on.
    reason : tuple of str or None, length K
        Why an outcome is unknown; None where it is known.
    """

    horizon: Horizon
    as_of: np.datetime64
    basis: str
    symbols: tuple[str, ...]
    returns: FloatArray
    direction: FloatArray
    excess: FloatArray
    counted: BoolArray
    reason: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LastReturns:
    """What the newest data that were looked at say of a session's settled outcomes, for K symbols.

    Parameters
    ----------
    as_of : numpy.datetime64
    symbols : tuple of str, length K
    returns : float64 array, shape (K,)
        NaN where the return is unknown.
    times : int64 array, shape (K,)
        How often the data changed their mind since the outcome was settled.
    """

    as_of: np.datetime64
    symbols: tuple[str, ...]
    returns: FloatArray
    times: IntArray


@dataclass(frozen=True, slots=True)
class Restatement:
    """A settled return that newer data put differently: the first one stays, the difference is counted."""

    horizon: Horizon
    as_of: np.datetime64
    symbol: str
    returns: float
    times: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """How much one data set's journal holds at one horizon.

    `first` and `last` are ISO days of sessions forecast from. `forecasts`, `entries` and `outcomes` count rows,
    `unknown` and `restated` outcomes of that kind; `sessions` counts sessions with a forecast, `waiting` those not
    settled whole, `timely` those with one made before the next session opened.
    """

    data_name: str
    horizon: Horizon
    first: str
    last: str
    forecasts: int
    sessions: int
    waiting: int
    timely: int
    entries: int
    outcomes: int
    unknown: int
    restated: int


def versions_key(model_ids: Sequence[str], method: str) -> str:
    """Return a short key of the versions that took part, whatever their order, and of how they were combined.

    Examples
    --------
    >>> versions_key(["a", "b"], "equal") == versions_key(["b", "a"], "equal") != versions_key(["a"], "equal")
    True
    """
    return _key(method, *sorted(model_ids))


def inputs_key(data_version: str, as_of: np.datetime64, feature_spec: str, symbols: Sequence[str]) -> str:
    """Return a key of all that the features of a session are a function of.

    Examples
    --------
    >>> len(inputs_key("3f", np.datetime64("2019-06-28"), "9c", ["AAPL"]))
    32
    """
    return _key(data_version, str(as_of), feature_spec, *symbols)


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:_KEY_LENGTH]
