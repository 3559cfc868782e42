"""Replay of a record in which one member breaks half-way: how soon is it found, how soon does it lose its weight.

Each member is broken in turn, in three ways: its scores shuffled among the names of each session, as if features had
been joined to the wrong names; frozen as they were the evening before; and turned round. The label-free checks and the
weights then run over the record as they would have run in those years. A sound record says how often they are wrong.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vfr.ensemble.fit import OutOfFold
from vfr.ensemble.scores import Scores, score_dates
from vfr.ensemble.weights import weights_by_session, with_health
from vfr.monitoring.checks import RULE, HealthRule
from vfr.monitoring.degradation import Alarm, fit_alarm, gaps
from vfr.monitoring.health import Health, health_by_session
from vfr.monitoring.page import crossings, page
from vfr.monitoring.signals import Signals, joined, signals
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon, IntArray
from vfr.validation.correlation import rank_ic
from vfr.workflows.replay_result import (
    KINDS,
    LOST,
    MONTH,
    TRY_EVERY,
    WINDOW,
    WITHIN,
    YEAR,
    ByOutcomes,
    Found,
    Kind,
    Replay,
    Sound,
)

__all__ = ["corrupted", "replay"]


def replay(
    record: OutOfFold,
    horizon: Horizon,
    rng: np.random.Generator,
    rule: HealthRule = RULE,
    *,
    start: int | None = None,
    refits: BoolArray | None = None,
) -> Replay:
    """Break every member half-way in every way, and follow what the checks and the weights do.

    Parameters
    ----------
    record : OutOfFold
    horizon : Horizon
    rng : numpy.random.Generator
        Shuffles, and resamples for the alarm by outcomes.
    rule : HealthRule
    start : int, optional
        First broken row; half-way by default.
    refits : bool array, shape (R, M), optional
        Sessions from which on a member answered with a new version.

    Returns
    -------
    Replay
    """
    start = record.sessions.size // 2 if start is None else start
    sound = signals(record.members, record.sessions, record.rank)
    scores = _judge(record, np.arange(record.sessions.size), slice(None))
    found: list[Found] = []
    outcomes: list[ByOutcomes] = []
    # An outcome is known h + 2 sessions later.
    known = scores.dates < record.sessions[max(start - HORIZONS[horizon] - 2, 0)]
    alarms = fit_alarm(scores.on(known), horizon, rng=rng)
    later = scores.on(scores.dates >= record.sessions[start])
    for m in range(len(record.members)):
        for kind in KINDS:
            broken = corrupted(record, m, kind, start, rng)
            health = health_by_session(_signals_from(broken, sound, start), rule, refits=refits)
            own = _judge(broken, np.arange(start, record.sessions.size), slice(m, m + 1))
            judged = _replaced(scores, own, m, record.sessions[start])
            weights = weights_by_session(judged, record.sessions, horizon)
            found.append(_found(record, m, kind, start, health, weights))
            outcomes.append(_by_outcomes(record, m, kind, start, scores, alarms[m], HORIZONS[horizon], rng))
    unharmed = _sound(sound, health_by_session(sound, rule, refits=refits), later, alarms)
    first, middle, last = (str(record.sessions[r]) for r in (0, start, -1))
    return Replay(horizon, first, middle, last, tuple(found), unharmed, tuple(outcomes))


def corrupted(record: OutOfFold, m: int, kind: Kind, start: int, rng: np.random.Generator) -> OutOfFold:
    """Return a record in which member m is broken from row `start` on; frozen scores are those of the row before it."""
    order = _mixed(np.isfinite(record.rank[m]), start, rng)
    p_up, expected, rank = (grid.copy() for grid in (record.p_up, record.expected, record.rank))
    for grid, centre in ((p_up, 0.5), (expected, 0.0), (rank, 0.0)):
        grid[m] = _broken(grid[m], kind, start, order, centre=centre)
    return replace(record, p_up=p_up, expected=expected, rank=rank)


def _mixed(known: BoolArray, start: int, rng: np.random.Generator) -> IntArray:
    """Return, for each cell from a row on, the name whose score it takes when known names are shuffled, [R x N]."""
    order = np.tile(np.arange(known.shape[1]), (known.shape[0], 1))
    for r in range(start, known.shape[0]):
        names = np.flatnonzero(known[r])
        order[r, names] = rng.permutation(names)
    return order


def _broken(values: FloatArray, kind: Kind, start: int, order: IntArray, *, centre: float) -> FloatArray:
    """Return one member's values, [R x N], broken from a row on; turned round means mirrored at the centre."""
    out = values.copy()
    later = values[start:]
    if kind == "inverted":
        out[start:] = 2.0 * centre - later
    elif kind == "frozen":
        out[start:] = np.where(np.isfinite(later), values[start - 1], np.nan)
    else:
        out[start:] = np.take_along_axis(later, order[start:], axis=1)
    return out


def _judge(record: OutOfFold, rows: IntArray, chosen: slice) -> Scores:
    """Return the figures of some members on some rows."""
    at = slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)
    return score_dates(
        record.members[chosen],
        record.p_up[chosen, at],
        record.rank[chosen, at],
        record.direction[at],
        record.excess[at],
        record.base[at],
        record.cells[at],
        record.sessions[at],
    )


def _replaced(scores: Scores, later: Scores, m: int, first: np.datetime64) -> Scores:
    """Return scores that hold, for member m from a session on, the figures of a record of it alone."""
    columns = {}
    for name in ("log_loss", "brier", "ic", "accuracy"):
        columns[name] = getattr(scores, name).copy()
        columns[name][scores.dates >= first, m] = np.nan
        columns[name][np.searchsorted(scores.dates, later.dates), m] = getattr(later, name)[:, 0]
    return replace(scores, **columns)


def _signals_from(broken: OutOfFold, sound: Signals, start: int) -> Signals:
    """Return the signals of a record that is sound before a row."""
    later = signals(broken.members, broken.sessions[start - 1 :], broken.rank[:, start - 1 :])
    return joined(sound.between(0, start), later)


def _found(record: OutOfFold, m: int, kind: Kind, start: int, health: Health, weights: FloatArray) -> Found:
    given = with_health(weights, health.health)[:, m]
    kept = np.flatnonzero(given[start:] >= LOST)
    lost = int(kept[-1]) + 2 if kept.size else 1
    broken = record.sessions.size - start
    others = np.delete(health.health[start:], m, axis=1) == 0.0
    own = [e for e in health.events if e.member == record.members[m] and e.session >= record.sessions[start]]
    return Found(
        member=record.members[m],
        kind=kind,
        usual_weight=float(given[start - 1]),
        alarm=_first(health.alarms[start:, m]),
        benched=_first(health.health[start:, m] == 0.0),
        lost=lost if lost <= broken else None,
        others=float(others.mean()) if others.size else 0.0,
        reason=own[0].reason if own else "",
    )


def _first(true: BoolArray) -> int | None:
    rows = np.flatnonzero(true)
    return int(rows[0]) + 1 if rows.size else None


def _sound(record: Signals, health: Health, later: Scores, alarms: tuple[Alarm, ...]) -> tuple[Sound, ...]:
    out = []
    gap = gaps(later, "ic")
    for m, member in enumerate(record.members):
        rows = np.flatnonzero(record.answered[:, m] > 0)
        months = [rows[k : k + MONTH] for k in range(0, rows.size, MONTH)]
        alarmed = sum(bool(health.alarms[month, m].any()) for month in months)
        benched = sum(bool((health.health[month, m] == 0.0).any()) for month in months)
        lowest = float(health.health[rows, m].min()) if rows.size else 1.0
        rings = len(crossings(alarms[m].steps(gap[:, m]), alarms[m].limit))
        out.append(Sound(member, len(months), alarmed, benched, lowest, rings, float(later.dates.size) / YEAR))
    return tuple(out)


def _by_outcomes(
    record: OutOfFold, m: int, kind: Kind, start: int, scores: Scores, alarm: Alarm, h: int, rng: np.random.Generator
) -> ByOutcomes:
    """Break a member from many sessions on, each time watched from the first one after the alarm was fitted."""
    place = np.searchsorted(scores.dates, record.sessions[start])
    rows = np.searchsorted(record.sessions, scores.dates[place:])
    sound = gaps(scores, "ic")[place:, m]
    others = scores.ic[place:, m] - sound
    order = _mixed(np.isfinite(record.rank[m]), start, rng)
    ic = _ic(record, _broken(record.rank[m], kind, start, order, centre=0.0), rows)
    mistaken = _mistaken(ic, scores.ic[place:, m])
    delays = []
    for at in range(0, sound.size - WITHIN + 1, TRY_EVERY):
        span = slice(at, at + WITHIN)
        if kind == "frozen":
            frozen = _broken(record.rank[m], kind, int(rows[at]), order, centre=0.0)
            ic[span] = _ic(record, frozen, rows[span])
        # Evidence begins at none, the least favourable state to break in.
        rings = np.flatnonzero(page(alarm.steps(ic[span] - others[span])) >= alarm.limit)
        # The outcome of a session is known h + 2 sessions later.
        delays.append(float(rings[0]) + h + 2 if rings.size else np.inf)
    power = float(np.isfinite(delays).mean()) if delays else float("nan")
    delay = float(np.sort(delays)[len(delays) // 2]) if delays else float("inf")
    return ByOutcomes(record.members[m], kind, len(delays), power, delay, alarm.power, mistaken)


def _ic(record: OutOfFold, score: FloatArray, rows: IntArray) -> FloatArray:
    return rank_ic(score[rows].astype(np.float64), record.excess[rows], record.cells[rows])


def _mistaken(broken: FloatArray, sound: FloatArray) -> float:
    """Return the share of windows in which a broken member's mean IC is at least that of the sound one."""
    both = np.isfinite(broken) & np.isfinite(sound)
    ahead = np.cumsum(np.append(0.0, (broken - sound)[both]))
    if ahead.size <= WINDOW:
        return float("nan")
    return float((ahead[WINDOW:] >= ahead[:-WINDOW]).mean())
