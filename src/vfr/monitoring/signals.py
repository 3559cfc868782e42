"""What can be said of a member the evening it answers, before any outcome is known.

A member whose inputs were shuffled, inverted or frozen scores no worse than luck allows for months: at an information
coefficient of 0.02 outcomes say little. Its peers say it at once, because members read the same evening: their scores
agree far more with each other than with what comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.ensemble.fit import peer_correlation
from vfr.models.design import session_ranks
from vfr.typing import BoolArray, DateArray, FloatArray
from vfr.validation.correlation import rank_ic, within_session_std

__all__ = ["MIN_NAMES", "Signals", "from_peers", "joined", "signals"]

MIN_NAMES: Final = 10
"""Fewer names than these have no rank correlation."""


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Label-free figures of M members on R sessions; NaN is unknown and is held against nobody.

    Parameters
    ----------
    members : tuple of str, length M
    sessions : datetime64[D] array, shape (R,)
        Increasing.
    names : float64 array, shape (R,)
        Names that any member answered for.
    peers : float64 array, shape (R, M)
        Rank correlation of the excess score with the mean rank of the other members; 0 where a member gives every
        name the same score.
    own : float64 array, shape (R, M)
        Rank correlation of the excess score with the member's own of the session before.
    same : float64 array, shape (R, M)
        Share of names whose excess score is exactly that of the session before. `own` and `same` are NaN where the
        inputs did not change.
    answered : float64 array, shape (R, M)
        Share of those names that the member answered for.
    known : float64 array, shape (R, M)
        Share of the member's inputs that were known, over the share that was known in training.
    alike : float64 array, shape (R, M)
        1 where the inputs are the features the member was trained on (equal hashes), 0 where they are not.
    """

    members: tuple[str, ...]
    sessions: DateArray
    names: FloatArray
    peers: FloatArray
    own: FloatArray
    same: FloatArray
    answered: FloatArray
    known: FloatArray
    alike: FloatArray

    def between(self, first: int, end: int) -> Signals:
        """Return the sessions from one row up to, not including, another."""
        figures = {name: getattr(self, name)[first:end] for name in ("sessions", "names", *_BY_MEMBER)}
        return Signals(self.members, **figures)


_BY_MEMBER: Final = ("peers", "own", "same", "answered", "known", "alike")


def signals(
    members: Sequence[str],
    sessions: DateArray,
    score: FloatArray,
    *,
    changed: BoolArray | None = None,
    known: FloatArray | None = None,
    alike: FloatArray | None = None,
) -> Signals:
    """Return the label-free figures of members' scores.

    Parameters
    ----------
    members : sequence of str, length M
    sessions : datetime64[D] array, shape (R,)
    score : float array, shape (M, R, N)
        Excess scores, in any unit that orders the names; NaN where there is no prediction. Every name that was asked
        for belongs here, whether or not it has an outcome later.
    changed : bool array, shape (R,), optional
        Whether the inputs differ from those of the session before. By default they do where the score of any other
        member does.
    known, alike : float64 arrays, shape (R, M), optional
        See `Signals`; NaN throughout by default.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score = rng.normal(size=(1, 2, 50)) + 0.5 * rng.normal(size=(3, 2, 50))
    >>> score[2, 1] = score[2, 0]
    >>> days = np.arange("2020-01-06", "2020-01-08", dtype="datetime64[D]")
    >>> found = signals(["linear", "trees", "lstm"], days, score)
    >>> found.same.tolist()
    [[nan, nan, nan], [0.0, 0.0, 1.0]]
    >>> found.peers.round(1).tolist()
    [[0.8, 0.8, 0.8], [0.6, 0.5, -0.1]]
    """
    there = np.isfinite(score)
    asked = np.asarray(there.any(axis=0).sum(axis=1), dtype=np.float64)
    answered = there.sum(axis=2) / np.where(asked > 0, asked, np.nan)
    same, own = _against_before(score, there)
    moved = _others_moved(same) if changed is None else np.broadcast_to(changed[:, None], same.shape)
    unknown = np.full(same.shape, np.nan)
    return Signals(
        tuple(members),
        sessions,
        asked,
        _with_peers(score, there),
        np.where(moved, own, np.nan),
        np.where(moved, same, np.nan),
        answered.T,
        unknown if known is None else known,
        unknown if alike is None else alike,
    )


def from_peers(members: Sequence[str], sessions: DateArray, peers: FloatArray, names: FloatArray) -> Signals:
    """Return signals of which only the correlation with peers is known, [R x M]: those of a training record.

    Parameters
    ----------
    members : sequence of str, length M
    sessions : datetime64[D] array, shape (R,)
    peers : float64 array, shape (R, M)
    names : float64 array, shape (R,)
        Names compared.
    """
    unknown = np.full(peers.shape, np.nan)
    return Signals(tuple(members), sessions, names, peers, unknown, unknown, unknown, unknown, unknown)


def joined(first: Signals, later: Signals) -> Signals:
    """Return one record of two: members of either, matched by name; sessions of `first`, then what is after them.

    Parameters
    ----------
    first, later : Signals
        A member that is only in one is unknown in the other. Sessions of `later` that `first` also covers are dropped.

    Examples
    --------
    >>> days = np.arange("2020-01-06", "2020-01-09", dtype="datetime64[D]")
    >>> names = np.full(2, 50.0)
    >>> trained = from_peers(["linear", "trees"], days[:2], np.full((2, 2), 0.5), names)
    >>> served = from_peers(["trees", "lstm"], days[1:], np.full((2, 2), 0.4), names)
    >>> joined(trained, served).peers.tolist()
    [[0.5, 0.5, nan], [0.5, 0.5, nan], [nan, 0.4, 0.4]]
    """
    members = (*first.members, *(m for m in later.members if m not in first.members))
    after = np.ones(later.sessions.size, dtype=bool)
    if first.sessions.size:
        after = later.sessions > first.sessions[-1]
    columns = {
        name: np.concatenate(
            [
                _spread(getattr(first, name), first.members, members),
                _spread(getattr(later, name), later.members, members)[after],
            ]
        )
        for name in _BY_MEMBER
    }
    sessions = np.concatenate([first.sessions, later.sessions[after]])
    return Signals(members, sessions, np.concatenate([first.names, later.names[after]]), **columns)


def _spread(values: FloatArray, has: tuple[str, ...], members: tuple[str, ...]) -> FloatArray:
    out = np.full((values.shape[0], len(members)), np.nan)
    out[:, [members.index(m) for m in has]] = values
    return out


def _against_before(score: FloatArray, there: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return `same` and `own`, [R x M]; NaN on the first session and where nothing is known of both."""
    same = np.full((score.shape[1], score.shape[0]), np.nan)
    own = same.copy()
    for m, (one, known) in enumerate(zip(score, there, strict=True)):
        both = known[1:] & known[:-1]
        count = both.sum(axis=1)
        same[1:, m] = (both & (one[1:] == one[:-1])).sum(axis=1) / np.where(count > 0, count, np.nan)
        own[1:, m] = rank_ic(one[1:], one[:-1], min_names=MIN_NAMES)
    return same, own


def _others_moved(same: FloatArray) -> BoolArray:
    moved = (same < 1.0).astype(np.int64)
    return np.asarray(moved.sum(axis=1, keepdims=True) - moved > 0)


def _with_peers(score: FloatArray, there: BoolArray) -> FloatArray:
    """Return `peers`, [R x M]; a member without an order agrees with nobody, rather than being unknown."""
    ranks = np.stack([session_ranks(one) for one in score])
    peers = peer_correlation(ranks, np.ones(score.shape[1:], dtype=bool))
    for m, known in enumerate(there):
        flat = (known.sum(axis=1) >= MIN_NAMES) & (within_session_std(ranks[m]) == 0.0)
        others = np.isfinite(np.delete(peers, m, axis=1)).any(axis=1)
        peers[flat & others & np.isnan(peers[:, m]), m] = 0.0
    return peers
