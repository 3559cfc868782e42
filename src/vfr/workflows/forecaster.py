"""What a forecast is to those who use one: plain arrays over a universe, or the reason why there is none.

Nothing here imports models: a classic answer is made without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np

from vfr.typing import FloatArray, Horizon

__all__ = ["DEFAULT_METHOD", "Forecast", "Forecaster", "MemberForecast", "MlUnavailable", "UnavailableCode"]

UnavailableCode: TypeAlias = Literal[
    "TRAINING",
    "NO_MODEL",
    "NO_MODEL_AS_OF",
    "DISABLED",
    "TIMEOUT",
    "ARTIFACT_CORRUPT",
    "ML_ERROR",
    "NO_FEATURES",
    "UNKNOWN_MEMBER",
    "ML_QUOTA",
    "EXPERIMENT",
]

DEFAULT_METHOD: Final = "weighted"
"""How members are combined where a request does not say."""


@dataclass(frozen=True, slots=True)
class MlUnavailable:
    """Why there is no prediction; the classic answer stands beside it.

    Parameters
    ----------
    code : str
    message : str
    momentary : bool
        It tells of this moment, such as seconds that are left, and hardly ever comes again in the same words.
    """

    code: UnavailableCode
    message: str
    momentary: bool = False

    def to_dict(self) -> dict[str, str]:
        """Return the ``mlUnavailable`` object of the contract."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True, eq=False)
class MemberForecast:
    """One ensemble member's share.

    Parameters
    ----------
    member : str
        Name of the learner.
    version : str or None
        Model id; None if no version fits.
    status : str
        ``ok``, or why it takes no part: ``no_learner``, ``no_model``, ``no_model_as_of``, ``mismatch``, ``failed``,
        ``corrupt``, ``timeout``, ``disabled``.
    reason : str or None
        A sentence; None if ok.
    p_up, expected : float64 arrays, shape (N,)
        Probability of a rise and expected excess return; NaN where it gives none.
    weight : float64 array, shape (N,)
        At least 0; the members of a symbol that has a prediction sum to 1.
    latency_ms : float
        Time it took when it was computed.
    warning : str or None
        A sentence where an earlier version answers in place of the champion.
    """

    member: str
    version: str | None
    status: str
    reason: str | None
    p_up: FloatArray
    expected: FloatArray
    weight: FloatArray
    latency_ms: float
    warning: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """An ensemble's prediction of N symbols from one session over one horizon; NaN where there is none.

    Parameters
    ----------
    data_version : str
    as_of : numpy.datetime64
        The session whose close it was made at.
    horizon : Horizon
    symbols : tuple of str, length N
        The universe of the data version.
    p_up, expected_excess, low, high, confidence : float64 arrays, shape (N,)
        As in `vfr.models.prediction.Prediction`: probability, fraction, fraction, fraction, probability.
    level : float
        Nominal coverage of the interval.
    base_rate : float
        Share of rises among all outcomes of this horizon that were known at `as_of`; NaN if there were none.
    score : float64 array, shape (N,)
        0-100: percentile of the expected excess within the universe.
    agreement : float64 array, shape (N,)
        0-1: weight of the members on the ensemble's side of one half; NaN without a second member.
    members : tuple of MemberForecast
    method_applied : str
        What was done, which may be less than what was asked for: see `note`.
    note : str or None
    small_universe : bool
        Fewer than 50 names were ranked.
    importance : tuple of (str, float)
        Global gain of the ten leading features, as shares of the total.
    computed_at : int
        Epoch milliseconds.
    latency_ms : float
        Time this request waited for it.
    from_cache : bool
    method : str
        What was asked for; `weighted` is what requests ask for by default.
    memo : dict
        What is made of this forecast once and kept with it. `dataclasses.replace` hands the same one on, as it should
        where only `latency_ms` and `from_cache` change; whoever changes anything else gives a new one.
    """

    data_version: str
    as_of: np.datetime64
    horizon: Horizon
    symbols: tuple[str, ...]
    p_up: FloatArray
    expected_excess: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: FloatArray
    level: float
    base_rate: float
    score: FloatArray
    agreement: FloatArray
    members: tuple[MemberForecast, ...]
    method_applied: str
    note: str | None
    small_universe: bool
    importance: tuple[tuple[str, float], ...]
    computed_at: int
    latency_ms: float
    from_cache: bool
    method: str = DEFAULT_METHOD
    memo: dict[str, Any] = field(default_factory=dict, repr=False)

    def answered(self, latency_ms: float, *, from_cache: bool) -> Forecast:
        """Return this forecast as one request got it: `dataclasses.replace`, in a third of the time."""
        values: tuple[Any, ...] = (*_made(self), latency_ms, from_cache, self.method, self.memo)
        return Forecast(*values)

    @property
    def versions(self) -> tuple[str, ...]:
        """Model ids that took part."""
        return tuple(m.version for m in self.members if m.version is not None and m.status == "ok")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about members that an earlier version answers for."""
        return tuple(m.warning for m in self.members if m.warning is not None)

    @property
    def late(self) -> tuple[str, ...]:
        """Members that were left behind."""
        return tuple(m.member for m in self.members if m.status == "timeout")


_made: Final = attrgetter(*[one.name for one in fields(Forecast)][:-4])
"""Every field before `latency_ms`, in order."""


class Forecaster(Protocol):
    """Whoever can forecast a whole universe; never raises for a reason of machine learning."""

    def at(
        self,
        as_of: np.datetime64 | None,
        horizon: Horizon,
        members: Sequence[str],
        method: str,
        timeout_ms: int,
    ) -> Forecast | MlUnavailable:
        """Forecast from the close of a day's session (None: the latest) within a deadline."""

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, /
    ) -> Forecast | MlUnavailable | None:
        """Return what `at` would answer if that takes no waiting, else None; asked on the event loop."""
