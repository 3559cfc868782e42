"""Several members' predictions into one, row by row; a member that gave none is left out and the rest renormalised.

Every method gives each member a weight of at least 0, and the weights of a row that has a prediction sum to 1.

- *weighted*: a linear opinion pool (Stone 1961): probabilities, expected returns and interval bounds are weighted
  means. Equal weights are what others must beat (Clemen 1989).
- *voting*: hard, a weighted majority vote on the direction, whose probability is the mean of the winning side and one
  half on a tie, members within the neutral band abstaining; or soft, the mean probability. What has no direction
  (excess, interval) is averaged.
- *stacking*: the fitted log-odds pool and linear combination of `vfr.ensemble.stacking` on rows that all its members
  answered, where it beat equal weights and none of them is benched; base weights elsewhere, and the note says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal, TypeAlias

import numpy as np

from vfr.ensemble.asking import FIELDS, MemberResult
from vfr.ensemble.confidence import Confidence
from vfr.ensemble.pools import hard_vote, linear, linear_pool, log_odds_pool, margin, same_side, shares
from vfr.ensemble.stacking import Stacker
from vfr.models.prediction import Prediction
from vfr.typing import BoolArray, FloatArray

__all__ = ["Base", "Method", "Verdict", "Voting", "combine"]

Method: TypeAlias = Literal["weighted", "voting", "stacking"]
Voting: TypeAlias = Literal["hard", "soft"]

EQUAL: Final = "equal_weight"

_MOST: Final = 1.0
"""Expected excess return, in absolute value, beyond which it is none: a member in another unit would decide alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What the members have earned: the weights every method starts from, and what was fitted on their record.

    Parameters
    ----------
    weights : mapping of str to float
        By member, at least 0; only their proportions matter. A member not named holds nothing.
    note : str or None
        What the weights rest on, in a sentence.
    applied : str
        Their name, told as the method applied.
    stacker : Stacker or None
        None while too few outcomes have matured.
    confidence : Confidence or None
        None: the members' own confidences are averaged.

    Raises
    ------
    ValueError
        If a weight is negative or not finite.

    Examples
    --------
    >>> Base.equal(["linear", "lightgbm"]).weights
    {'linear': 0.5, 'lightgbm': 0.5}
    """

    weights: Mapping[str, float]
    note: str | None
    applied: str
    stacker: Stacker | None = None
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        if not all(isfinite(weight) and weight >= 0 for weight in self.weights.values()):
            raise ValueError(f"weights must be finite and not negative: {dict(self.weights)}")

    @classmethod
    def equal(
        cls,
        members: Collection[str],
        note: str | None = "equal weights: no member has earned more on matured outcomes",
    ) -> Base:
        """Return equal weights, with nothing fitted."""
        return cls({member: 1.0 / len(members) for member in members}, note, EQUAL)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The ensemble's prediction of N rows.

    Parameters
    ----------
    prediction : Prediction
        NaN where no member predicts.
    weights : float64 array, shape (M, N)
        At least 0; sums to 1 over the members where there is a prediction, else 0. On stacked rows, a member's mean
        share of the coefficients of both targets.
    agreement : float64 array, shape (N,)
        0-1: share of the weight on the ensemble's side of one half; NaN with fewer than two members.
    excess_agreement : float64 array, shape (N,)
        0-1: share of the weight whose expected excess has the ensemble's sign; NaN without a member.
    method_applied : str
    note : str or None
        What the weights rest on, and why that is not all that was asked for.
    results : tuple of MemberResult, length M
        What each member answered, in the order of `weights`.
    """

    prediction: Prediction
    weights: FloatArray
    agreement: FloatArray
    excess_agreement: FloatArray
    method_applied: str
    note: str | None
    results: tuple[MemberResult, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Values of M members on N rows, (fields, M, N); which can be used; weights, their share of all, and means."""

    values: FloatArray
    usable: BoolArray
    weights: FloatArray
    coverage: FloatArray
    means: FloatArray

    def pooled(self, field: str) -> FloatArray:
        return np.asarray(self.means[FIELDS.index(field)])

    def of(self, field: str) -> FloatArray:
        return np.asarray(self.values[FIELDS.index(field)])


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What a method makes of the rows."""

    p_up: FloatArray
    expected: FloatArray
    weights: FloatArray
    applied: str
    note: str | None


def combine(
    results: Sequence[MemberResult], method: Method, n_rows: int, base: Base, *, voting: Voting = "hard"
) -> Verdict:
    """Combine members' predictions.

    Parameters
    ----------
    results : sequence of MemberResult, length M
        Members without a prediction take weight 0; so does, on its own, each row of a member that is not finite
        throughout, whose probabilities are none, or which expects an excess return beyond 100 %.
    method : {"weighted", "voting", "stacking"}
    n_rows : int
        N, the rows each member was asked for: one whole cross-section.
    base : Base
    voting : {"hard", "soft"}
        How votes are counted where the method is voting.

    Returns
    -------
    Verdict
        The interval's level is the lowest of the members'. Confidence is that of `base`, or the weighted mean of each
        member's chance that the *ensemble's* sign is right, so that a member that disagrees lowers it.
    """
    rows = _rows(results, n_rows, base)
    answer = _answered(rows, results, method, base, voting)
    shift = answer.expected - rows.pooled("expected_excess")
    own = same_side(rows.of("expected_excess"), answer.weights, answer.expected, 0.0)
    combined = Prediction(
        p_up=answer.p_up,
        expected_excess=answer.expected,
        low=rows.pooled("low") + shift,
        high=rows.pooled("high") + shift,
        confidence=_confidence(rows, answer, base),
        level=min((r.prediction.level for r in results if r.prediction is not None), default=float("nan")),
    )
    agreement = np.where(
        rows.usable.sum(axis=0) > 1, same_side(rows.of("p_up"), answer.weights, answer.p_up, 0.5), np.nan
    )
    return Verdict(combined, answer.weights, agreement, own, answer.applied, answer.note, tuple(results))


def _rows(results: Sequence[MemberResult], n_rows: int, base: Base) -> _Rows:
    values = np.full((len(FIELDS), len(results), n_rows), np.nan)
    for m, result in enumerate(results):
        if result.prediction is not None:
            values[:, m] = [getattr(result.prediction, field) for field in FIELDS]
    p_up, confidence = values[FIELDS.index("p_up")], values[FIELDS.index("confidence")]
    chances = (p_up >= 0) & (p_up <= 1) & (confidence >= 0) & (confidence <= 1)
    sane = np.abs(values[FIELDS.index("expected_excess")]) <= _MOST
    usable = np.asarray(np.isfinite(values).all(axis=0) & chances & sane)
    held = np.array([base.weights.get(result.member, 0.0) for result in results], dtype=np.float64)
    total = sum(base.weights.values())
    coverage = held @ usable / total if total > 0 else usable.any(axis=0).astype(np.float64)
    weights = shares(held, usable)
    means = linear_pool(values.transpose(1, 0, 2), weights[:, None])
    return _Rows(values, usable, weights, np.asarray(coverage), means)


def _answered(rows: _Rows, results: Sequence[MemberResult], method: Method, base: Base, voting: Voting) -> _Answer:
    pooled = _Answer(rows.pooled("p_up"), rows.pooled("expected_excess"), rows.weights, base.applied, base.note)
    if method == "stacking":
        return _stacked(rows, [result.member for result in results], base, pooled)
    if method == "weighted":
        return pooled
    note = None if base.applied == EQUAL else base.note
    if voting == "soft":
        return _Answer(pooled.p_up, pooled.expected, rows.weights, "soft_voting", note)
    return _Answer(hard_vote(rows.of("p_up"), rows.weights), pooled.expected, rows.weights, "voting", note)


def _stacked(rows: _Rows, members: Sequence[str], base: Base, pooled: _Answer) -> _Answer:
    """Answer by the stacker where it may and can, by the weighted pool elsewhere."""
    stacker = base.stacker
    weights_in_words = base.applied.replace("_", " ")

    def fallback(because: str) -> _Answer:
        note = f"falls back to {weights_in_words} because {because}"
        return _Answer(pooled.p_up, pooled.expected, pooled.weights, base.applied, note)

    if stacker is None:
        return fallback("no stacker has been fitted that beats equal weights")
    if not stacker.beats_equal:
        return fallback(stacker.verdict)
    missing = [member for member in stacker.members if member not in members or not base.weights.get(member)]
    if missing:
        return fallback(f"the stacker needs {', '.join(missing)}, which is not asked or benched")
    seats = [members.index(member) for member in stacker.members]
    whole = rows.usable[seats].all(axis=0)
    if not whole.any():
        return fallback(f"no name was answered by all of {', '.join(stacker.members)}")
    found = _Answer(
        np.where(whole, log_odds_pool(rows.of("p_up")[seats], stacker.direction, stacker.intercept), pooled.p_up),
        np.where(whole, linear(rows.of("expected_excess")[seats], stacker.excess), pooled.expected),
        np.where(whole, _contributions(stacker, seats, rows.weights), rows.weights),
        "stacking",
        stacker.verdict,
    )
    short = int((rows.usable.any(axis=0) & ~whole).sum())
    if short == 0:
        return found
    note = f"{stacker.verdict}; {short} names lack one of its members and take {weights_in_words}"
    return _Answer(found.p_up, found.expected, found.weights, found.applied, note)


def _contributions(stacker: Stacker, seats: Sequence[int], weights: FloatArray) -> FloatArray:
    """Return the mean share of each member in the coefficients of both targets; `weights` where all are 0."""
    parts = [part / part.sum() for part in (stacker.direction, stacker.excess) if part.sum() > 0]
    if not parts:
        return weights
    found = np.zeros_like(weights)
    found[seats] = np.mean(parts, axis=0)[:, None]
    return found


def _confidence(rows: _Rows, answer: _Answer, base: Base) -> FloatArray:
    if base.confidence is None:
        own, expected = rows.of("confidence"), rows.of("expected_excess")
        same = np.sign(expected) == np.sign(answer.expected)
        return linear_pool(np.where(same, own, 1.0 - own), answer.weights)
    return base.confidence(margin(answer.expected), rows.coverage)
