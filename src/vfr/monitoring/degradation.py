"""An alarm by outcomes, for a member that has fallen behind the others.

The paired gap of a date, the member's figure less the mean of the others', cancels what the market did to all of them.
Page's test sums the evidence that it lies nearer to "no skill left" than to what is usual. The limit is set so that a
sound member rings once in twenty years. At information coefficients of 0.02 that leaves little power, and the test says
how much: `Alarm.power` and `Alarm.delay`. Label-free checks (`vfr.monitoring.health`) see a broken member long before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from vfr.ensemble.scores import Scores
from vfr.monitoring.page import limit_for, page
from vfr.typing import HORIZONS, DateArray, FloatArray, Horizon
from vfr.validation.bootstrap import block_rows

__all__ = ["Alarm", "DegradationRule", "Evidence", "Quantity", "evidence", "fit_alarm", "gaps"]

Quantity: TypeAlias = Literal["ic", "log_loss"]

_MIN_DATES: Final = 252
"""Dates without which nothing is known of what is usual."""


@dataclass(frozen=True, slots=True)
class DegradationRule:
    """How often a sound member may ring, and how power is told.

    Parameters
    ----------
    dates_between : int
        Dates between two false alarms of one member, on average: twenty years.
    clip : float
        Standard deviations beyond which a date gives no more evidence.
    within : int
        Dates within which a loss of all skill should be found: a year.
    paths : int
        Resampled histories behind the limit and the power.
    """

    dates_between: int = 20 * 252
    clip: float = 3.0
    within: int = 252
    paths: int = 400


RULE: Final = DegradationRule()
"""The rule in use."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What one member's record says a fall would look like.

    Parameters
    ----------
    member : str
    quantity : {"ic", "log_loss"}
    dates : int
        Dates of the record.
    usual : float
        Mean gap over the others, in the unit of the figure; higher is better for either.
    skill : float
        What would be lost with all skill: the gap of a member without any is lower by this.
    spread : float
        Standard deviation of the gap.
    limit : float
        Evidence at which it rings. NaN where no skill is shown that could be lost, or the record is too short: then it
        never rings.
    power : float
        Share of resampled histories in which a loss of all skill rings within a year.
    delay : float
        Median dates until it does, infinite where that is rarer than one in two.
    false_alarms : float
        Share of resampled sound years in which it rings.
    clip : float
    """

    member: str
    quantity: Quantity
    dates: int
    usual: float
    skill: float
    spread: float
    limit: float
    power: float
    delay: float
    false_alarms: float
    clip: float

    def steps(self, gap: FloatArray) -> FloatArray:
        """Return the evidence of dates, of the shape of `gap`; NaN stays NaN, and says nothing.

        0 halfway between usual and no skill; in standard deviations, clipped.
        """
        if not self.spread > 0:
            return np.full(gap.shape, np.nan)
        halfway = self.usual - 0.5 * self.skill
        return np.asarray(np.clip((halfway - gap) / self.spread, -self.clip, self.clip))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON; what is not known or infinite is None."""
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in asdict(self).items()}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Page's statistic of M members on D dates.

    Parameters
    ----------
    members : tuple of str, length M
    dates : datetime64[D] array, shape (D,)
        Sessions forecast from; each is known once its outcome has matured.
    statistic : float64 array, shape (D, M)
    limits : float64 array, shape (M,)
    """

    members: tuple[str, ...]
    dates: DateArray
    statistic: FloatArray
    limits: FloatArray

    def ringing(self) -> dict[str, np.datetime64]:
        """Return the first date on which each member that rings at the end began to."""
        above = self.statistic >= self.limits
        out = {}
        for m, member in enumerate(self.members):
            if above.shape[0] and above[-1, m]:
                quiet = np.flatnonzero(~above[:, m])
                out[member] = self.dates[quiet[-1] + 1 if quiet.size else 0]
        return out


def gaps(scores: Scores, quantity: Quantity) -> FloatArray:
    """Return each member's figure less the mean of the others' on the same date, shape (D, M); higher is better.

    Parameters
    ----------
    scores : Scores
        NaN figures drop out of the mean.
    quantity : {"ic", "log_loss"}

    Returns
    -------
    float64 array
        NaN where the member or all the others are unknown.

    Examples
    --------
    >>> from vfr.ensemble.scores import from_array
    >>> figures = np.full((1, 16), np.nan)
    >>> figures[0, 0], figures[0, 10:13] = 0.0, (0.05, 0.02, 0.01)
    >>> gaps(from_array(("linear", "lstm", "trees"), figures), "ic").round(3).tolist()
    [[0.035, -0.01, -0.025]]
    """
    values = scores.ic if quantity == "ic" else -scores.log_loss
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=1, keepdims=True), known.sum(axis=1, keepdims=True)
    others = count - known
    mean = (total - np.where(known, values, 0.0)) / np.where(others > 0, others, np.nan)
    return np.asarray(values - mean)


def fit_alarm(
    scores: Scores,
    horizon: Horizon,
    quantity: Quantity = "ic",
    *,
    rng: np.random.Generator,
    rule: DegradationRule = RULE,
) -> tuple[Alarm, ...]:
    """Learn from a sound record what is usual for each member, and at which evidence to ring.

    Parameters
    ----------
    scores : Scores
        Matured outcomes before the time that is watched.
    horizon : Horizon
        Blocks of the resampling are three horizons long, a month at least.
    quantity : {"ic", "log_loss"}
    rng : numpy.random.Generator
    rule : DegradationRule

    Returns
    -------
    tuple of Alarm, one per member

    References
    ----------
    Page (1954), Biometrika 41; Lorden (1971), *Procedures for reacting to a change in distribution*, Annals of
    Mathematical Statistics 42: of all tests with that rate of false alarms, Page's has the shortest worst-case delay.
    """
    block = max(21, 3 * HORIZONS[horizon])
    lost = _skill(scores, quantity)
    gap = gaps(scores, quantity)
    return tuple(_alarm(name, quantity, gap[:, m], lost[m], block, rng, rule) for m, name in enumerate(scores.members))


def evidence(alarms: tuple[Alarm, ...], scores: Scores) -> Evidence:
    """Return Page's statistic over the dates of a later record.

    Parameters
    ----------
    alarms : tuple of Alarm
        All of one quantity.
    scores : Scores
        Dates after those the alarms were fitted on; members are matched by name.

    Raises
    ------
    KeyError
        If a member of the record has no alarm.
    """
    of = {alarm.member: alarm for alarm in alarms}
    chosen = [of[name] for name in scores.members]
    gap = gaps(scores, alarms[0].quantity)
    columns = [page(alarm.steps(gap[:, m])) for m, alarm in enumerate(chosen)]
    statistic = np.stack(columns, axis=1) if columns else np.empty((scores.dates.size, 0))
    return Evidence(scores.members, scores.dates, statistic, np.array([alarm.limit for alarm in chosen]))


def _skill(scores: Scores, quantity: Quantity) -> FloatArray:
    """Return what each member's figure falls by if it knows nothing: its mean IC, or its gain over the base rate."""
    figures = scores.ic if quantity == "ic" else scores.base_log_loss[:, None] - scores.log_loss
    known = np.isfinite(figures)
    count = known.sum(axis=0)
    return np.asarray(np.where(known, figures, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan))


def _alarm(
    member: str,
    quantity: Quantity,
    gap: FloatArray,
    skill: float,
    block: int,
    rng: np.random.Generator,
    rule: DegradationRule,
) -> Alarm:
    known = gap[np.isfinite(gap)]
    nan = float("nan")
    usual, spread = (float(known.mean()), float(known.std())) if known.size else (nan, nan)
    silent = Alarm(member, quantity, int(known.size), usual, skill, spread, nan, 0.0, float("inf"), 0.0, rule.clip)
    if known.size < _MIN_DATES or not skill > 0 or not spread > 0:
        return silent
    limit = limit_for(silent.steps(known), rule.dates_between, block=block, rng=rng, paths=rule.paths)
    if not np.isfinite(limit):
        return silent
    rows = block_rows(known.size, block, rule.paths, rng)[:, : rule.within]
    sound, broken = (page(silent.steps(values)) >= limit for values in (known[rows], known[rows] - skill))
    found = broken.any(axis=1)
    delays = np.where(found, broken.argmax(axis=1) + 1.0, np.inf)
    return Alarm(
        member,
        quantity,
        int(known.size),
        usual,
        skill,
        spread,
        limit,
        power=float(found.mean()),
        delay=float(np.sort(delays)[delays.size // 2]),
        false_alarms=float(sound.any(axis=1).mean()),
        clip=rule.clip,
    )
