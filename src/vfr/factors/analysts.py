"""What analysts say: the part of the sentiment factor that takes part where a data set holds their counts.

The change of the consensus foretold returns by itself, its level only among shares that were cheap and rising; so the
change weighs more. Analysts seldom say sell: each figure is compared with those of the other symbols, never with a
neutral answer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.people import Ratings
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.factors.universe import universe
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["MIN_PEERS", "SUB_FACTORS", "measure"]

MIN_PEERS: Final = 5
"""Least number of symbols with a value for a percentile among them."""

_POINTS: Final = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
"""What each count of `vfr.data.people.GRADES` stands for."""

_MIN_ANALYSTS: Final = 3
_MAX_AGE: Final = np.timedelta64(100, "D")
_QUARTER: Final = np.timedelta64(91, "D")
_NEVER: Final = np.datetime64("0001-01-01", "D")

_CONSENSUS: Final = SubFactor(
    "sentiment.analyst.consensus",
    "sentiment",
    0.2,
    "mean recommendation, 1 (strong sell) to 5 (strong buy)",
    "Mean of the counts of at least 3 analysts, at most 100 days old; percentile in the universe, high is good. Takes "
    "part where the data set holds analysts' counts.",
    "Barber, Lehavy, McNichols and Trueman (2001), Journal of Finance 56(2)",
    needs="ratings",
)
_REVISION: Final = SubFactor(
    "sentiment.analyst.revision",
    "sentiment",
    0.3,
    "points of the mean recommendation, -4 to 4",
    "Mean recommendation less that of 91 days before, as it was known then; percentile in the universe, high is good. "
    "Takes part where the data set holds analysts' counts.",
    "Jegadeesh, Kim, Krische and Lee (2004), Journal of Finance 59(3)",
    needs="ratings",
)
SUB_FACTORS: Final[tuple[SubFactor, ...]] = (_CONSENSUS, _REVISION)


def measure(snapshot: Snapshot, rows: IntArray) -> dict[str, Measured]:
    """Measure what analysts say on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        A row uses the counts known by its session.
    rows : int64 array, shape (R,)
        Rows of the panel.

    Returns
    -------
    dict of str to Measured
        By sub-factor name; empty where the snapshot holds no ratings. NO_INPUT before any count was known,
        NOT_COVERED for a symbol without, STALE when its last counts are more than 100 days old, UNUSABLE below three
        analysts or where a count is unknown, SMALL_PEER_GROUP below five symbols; for the revision NO_HISTORY where no
        usable counts were known 91 days before, or none have become known since.
    """
    ratings = snapshot.ratings
    if ratings is None:
        return {}
    days, n_symbols = snapshot.sessions[rows], len(snapshot.symbols)
    now, then = (
        transforms.newest(ratings.known_at, ratings.column, moments, n_symbols) for moments in (days, days - _QUARTER)
    )
    level = _mean(ratings)
    reason, before = _reasons(ratings, level, now, days), _reasons(ratings, level, then, days - _QUARTER)
    unchanged = (before != Reason.PRESENT) | (now == then)
    changed = np.where((reason == Reason.PRESENT) & unchanged, np.int8(Reason.NO_HISTORY), reason).astype(np.int8)
    peers, as_of = universe(snapshot, rows), transforms.taken(ratings.date, now, np.datetime64("NaT", "D"))
    values = {
        _CONSENSUS.name: (transforms.taken(level, now, np.nan), reason),
        _REVISION.name: (transforms.taken(level, now, np.nan) - transforms.taken(level, then, np.nan), changed),
    }
    several = []
    for value, why in values.values():
        present = why == Reason.PRESENT
        dated = np.where(present, as_of, np.datetime64("NaT", "D"))
        several.append(transforms.Unranked(np.where(present, value, np.nan), why, dated))
    return dict(zip(values, transforms.ranked_each(several, min_group=MIN_PEERS, peers=peers), strict=True))


def _mean(ratings: Ratings) -> FloatArray:
    """Return the mean recommendation of each row [M], NaN where a count is unknown or there are too few."""
    analysts = ratings.counts.sum(axis=1)
    enough = analysts >= _MIN_ANALYSTS
    return np.where(enough, ratings.counts @ _POINTS / np.where(enough, analysts, 1.0), np.nan)


def _reasons(ratings: Ratings, level: FloatArray, place: IntArray, days: DateArray) -> NDArray[np.int8]:
    """Return why the counts at some places [R x N], -1 being none, say nothing on a day [R]."""
    reason = np.full(place.shape, np.int8(Reason.PRESENT), dtype=np.int8)
    reason[np.isnan(transforms.taken(level, place, np.nan))] = np.int8(Reason.UNUSABLE)
    reason[days[:, None] - transforms.taken(ratings.date, place, _NEVER) > _MAX_AGE] = np.int8(Reason.STALE)
    reason[place < 0] = np.int8(Reason.NOT_COVERED)
    reason[np.all(place < 0, axis=1)] = np.int8(Reason.NO_INPUT)
    return reason
