"""A scoreboard of machine learning as plain data and one block of arrays, and back, every field checked."""

from __future__ import annotations

from math import isnan, nan
from typing import Annotated, Final, Literal, TypeVar

import msgspec
import numpy as np

from vfr.ensemble.asking import FIELDS, MemberResult, MemberStatus
from vfr.ensemble.combine import Base
from vfr.ensemble.confidence import Confidence
from vfr.ensemble.stacking import Stacker
from vfr.models.prediction import Prediction
from vfr.typing import FloatArray, Horizon
from vfr.workflows.ml_board import Answer, BoardKey, HorizonAnswers, MlBoard, Universe

__all__ = ["FORMAT", "BoardPlain", "board_of", "board_plain"]

FORMAT: Final = 1
"""Raised whenever a field changes its meaning: a board of another format is made again."""

T = TypeVar("T")

_Index = Annotated[int, msgspec.Meta(ge=0)]


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all."""


class _Result(_Plain, frozen=True):
    """A `MemberResult`; `row` is the place of its prediction, None without one."""

    version: str
    status: MemberStatus
    reason: str | None
    latency_ms: float
    warning: str | None
    row: _Index | None
    level: float | None


class _Answer(_Plain, frozen=True):
    """An `Answer`."""

    versions: tuple[str, ...]
    status: str
    reason: str | None
    passed_over: str | None
    result: _Result | None
    importance: dict[str, float]


class _Stacker(_Plain, frozen=True):
    """A `Stacker`."""

    members: tuple[str, ...]
    intercept: float
    direction: list[float]
    excess: list[float]
    beats_equal: bool
    verdict: str


class _Base(_Plain, frozen=True):
    """A `Base`; what was fitted stands once, by its place. The order of weights is kept: sums depend on it."""

    weights: tuple[tuple[str, float], ...]
    note: str | None
    applied: str
    stacker: _Index | None
    confidence: _Index | None


class _HorizonPlain(_Plain, frozen=True):
    """A `HorizonAnswers`; many sets of members share a base."""

    answers: dict[str, _Answer]
    sets: list[tuple[tuple[str, ...], _Index]]
    bases: list[_Base]
    stackers: list[_Stacker]
    confidences: list[Confidence]
    base_rate: float | None
    problems: tuple[str, ...]
    computed_at: int
    sound: bool


class BoardPlain(_Plain, frozen=True):
    """A `MlBoard` without its predictions, whose number is `predictions`."""

    format: Literal[1]
    key: BoardKey
    data_name: str
    data_version: str
    as_of: str
    symbols: tuple[str, ...]
    horizons: dict[Horizon, _HorizonPlain]
    predictions: int


def board_plain(board: MlBoard) -> tuple[BoardPlain, FloatArray]:
    """Return a board as plain data, and what members said, [K x 5 x N] in the order of `vfr.ensemble.asking.FIELDS`."""
    rows: list[Prediction] = []
    universe = board.universe
    horizons = {horizon: _horizon_plain(found, rows) for horizon, found in board.horizons.items()}
    block = np.empty((len(rows), len(FIELDS), len(universe.symbols)))
    for k, prediction in enumerate(rows):
        block[k] = [getattr(prediction, field) for field in FIELDS]
    plain = BoardPlain(
        format=FORMAT,
        key=board.key,
        data_name=universe.data_name,
        data_version=universe.data_version,
        as_of=str(universe.as_of),
        symbols=universe.symbols,
        horizons=horizons,
        predictions=len(rows),
    )
    return plain, block


def board_of(plain: BoardPlain, block: FloatArray) -> MlBoard:
    """Return the board; its predictions are views of the block.

    Raises
    ------
    ValueError, LookupError, TypeError
        If it is no board.
    """
    if block.dtype != np.float64 or block.shape != (plain.predictions, len(FIELDS), len(plain.symbols)):
        raise ValueError("the predictions have another shape")
    as_of = np.datetime64(plain.as_of, "D")
    if np.isnat(as_of):
        raise ValueError("it has no session")
    universe = Universe(plain.data_name, plain.data_version, as_of, plain.symbols)
    return MlBoard(plain.key, universe, {h: _horizon_of(h, one, block) for h, one in plain.horizons.items()})


def _horizon_plain(found: HorizonAnswers, rows: list[Prediction]) -> _HorizonPlain:
    bases: list[_Base] = []
    stackers: list[Stacker] = []
    confidences: list[Confidence] = []
    sets = []
    for names, base in found.bases.items():
        places = _place(base.stacker, stackers), _place(base.confidence, confidences)
        place = _place(_Base(tuple(base.weights.items()), base.note, base.applied, *places), bases)
        sets.append((names, place))
    return _HorizonPlain(
        answers={member: _answer_plain(answer, rows) for member, answer in found.answers.items()},
        sets=[(names, place) for names, place in sets if place is not None],
        bases=bases,
        stackers=[_stacker_plain(stacker) for stacker in stackers],
        confidences=confidences,
        base_rate=_figure(found.base_rate),
        problems=found.problems,
        computed_at=found.computed_at,
        sound=found.sound,
    )


def _horizon_of(horizon: Horizon, plain: _HorizonPlain, block: FloatArray) -> HorizonAnswers:
    stackers = [_stacker_of(one) for one in plain.stackers]
    bases = [
        Base(
            dict(one.weights),
            one.note,
            one.applied,
            None if one.stacker is None else stackers[one.stacker],
            None if one.confidence is None else plain.confidences[one.confidence],
        )
        for one in plain.bases
    ]
    return HorizonAnswers(
        horizon=horizon,
        answers={member: _answer_of(member, one, block) for member, one in plain.answers.items()},
        bases={names: bases[place] for names, place in plain.sets},
        base_rate=nan if plain.base_rate is None else plain.base_rate,
        problems=plain.problems,
        computed_at=plain.computed_at,
        sound=plain.sound,
    )


def _place(one: T | None, held: list[T]) -> int | None:
    """Return where something stands among its like, at the end if it is new."""
    if one is None:
        return None
    if one not in held:
        held.append(one)
    return held.index(one)


def _answer_plain(answer: Answer, rows: list[Prediction]) -> _Answer:
    said, result = answer.result, None
    if said is not None:
        row, level = None, None
        if said.prediction is not None:
            row, level = len(rows), _figure(said.prediction.level)
            rows.append(said.prediction)
        result = _Result(said.version, said.status, said.reason, said.latency_ms, said.warning, row, level)
    return _Answer(answer.versions, answer.status, answer.reason, answer.passed_over, result, dict(answer.importance))


def _answer_of(member: str, plain: _Answer, block: FloatArray) -> Answer:
    said, result = plain.result, None
    if (said is not None) != bool(plain.versions):
        raise ValueError("a member without a version said something")
    if said is not None:
        if (said.row is not None) != (said.status == "ok"):
            raise ValueError("a member that answered has no prediction")
        prediction = None if said.row is None else _prediction_of(block[said.row], said.level)
        result = MemberResult(
            member, said.version, prediction, said.status, said.reason, None, said.latency_ms, said.warning
        )
    return Answer(member, plain.versions, plain.status, plain.reason, plain.passed_over, result, plain.importance)


def _prediction_of(series: FloatArray, level: float | None) -> Prediction:
    p_up, expected_excess, low, high, confidence = series
    return Prediction(p_up, expected_excess, low, high, confidence, nan if level is None else level)


def _stacker_plain(one: Stacker) -> _Stacker:
    return _Stacker(
        one.members, one.intercept, one.direction.tolist(), one.excess.tolist(), one.beats_equal, one.verdict
    )


def _stacker_of(plain: _Stacker) -> Stacker:
    direction, excess = np.array(plain.direction), np.array(plain.excess)
    if not direction.shape == excess.shape == (len(plain.members),):
        raise ValueError("a stacker has another number of coefficients than members")
    return Stacker(plain.members, plain.intercept, direction, excess, plain.beats_equal, plain.verdict)


def _figure(value: float) -> float | None:
    return None if isnan(value) else value
