"""What features return: a named [F x R x N] block of float32, tied to the version hash of its specification."""

from __future__ import annotations

from dataclasses import dataclass

from vfr.typing import DateArray, FloatArray, Horizon, Matrix32

__all__ = ["FeatureMatrix", "Labels"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """F features over R sessions and N symbols; NaN where unknown.

    Parameters
    ----------
    names : tuple of str, length F
        Registered feature names, in registry order.
    spec : str
        Version hash of the specification: names, parameters and code version of every feature.
    sessions : datetime64[D] array, shape (R,)
    symbols : tuple of str, length N
    values : float32 array, shape (F, R, N)
    """

    names: tuple[str, ...]
    spec: str
    sessions: DateArray
    symbols: tuple[str, ...]
    values: Matrix32


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What came of each (session, symbol) over one horizon.

    Parameters
    ----------
    horizon : Horizon
    basis : {"open", "close", "same_close"}
        Entry and exit prices: adjusted open of t+1 to adjusted open of t+1+h, or the same on closes.
    returns : float64 array, shape (T, N)
        Simple return of the interval; NaN where an end is unknown.
    direction : float64 array, shape (T, N)
        1.0 where the return is above 0, else 0.0 (a zero counts as not up); NaN where unknown.
    excess : float64 array, shape (T, N)
        Return minus the median over the universe of that session; NaN where unknown.
    span : int
        Sessions from t to the last price the label uses, 1 + h: the label of row t is mature at row t + span.
    """

    horizon: Horizon
    basis: str
    returns: FloatArray
    direction: FloatArray
    excess: FloatArray
    span: int
