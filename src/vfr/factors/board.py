"""Everything the classic score needs for one session, computed once: the last factor rows of a whole universe.

Importing this module costs numpy only, so that a prepared board can be read in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vfr.data.panel import Adjustment
from vfr.data.records import Securities
from vfr.factors.scores import FactorScores
from vfr.typing import DateArray, FloatArray

__all__ = ["Board", "InputStatus"]


@dataclass(frozen=True, slots=True)
class InputStatus:
    """Whether a kind of input is known on a board's session.

    `source` names the provider; `newest` is the day up to which it is known, counted for each kind as
    `vfr.factors.inputs.known_inputs` says (None when nothing is).
    """

    available: bool
    source: str
    newest: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Factor scores and quotes of N symbols at one session.

    Parameters
    ----------
    data_name, data_version : str
        The data set and its content hash.
    as_of : datetime64[D]
        The session.
    adjustment : {"split", "dividend"}
        What `price` is adjusted for.
    securities : Securities
        Names and sectors, in the order of `scores.symbols`.
    scores : FactorScores
        With R = 1.
    price, change : float64 arrays, shape (N,)
        Last close and its change from the close before, USD, on the panel's split basis; NaN where unknown.
    last_bar : datetime64[D] array, shape (N,)
        Session of the last known close on or before `as_of`; NaT where there is none.
    inputs : mapping
        `InputStatus` by kind: prices, volume, fundamentals, macro, texts, membership, benchmark; insiders and ratings
        where the data set holds them.
    """

    data_name: str
    data_version: str
    as_of: np.datetime64
    adjustment: Adjustment
    securities: Securities
    scores: FactorScores
    price: FloatArray
    change: FloatArray
    last_bar: DateArray
    inputs: Mapping[str, InputStatus]
