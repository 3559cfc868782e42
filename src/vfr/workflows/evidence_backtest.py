"""What a user could have held: portfolios of each score, of equal weight and of the benchmark, over one span.

No label takes part. A name can be held when it counted and had a price and a score that evening, whether or not it had
an outcome: leaving out names that were about to stop trading would be knowing the future.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.snapshot import Snapshot
from vfr.errors import NoData
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon
from vfr.validation.sharpe import sharpe_ratio
from vfr.workflows.evidence_study import members_known
from vfr.workflows.train_data import counting

if TYPE_CHECKING:
    from vfr.validation.portfolio import Backtest

__all__ = ["FIFTHS", "HEADLINE_COST", "Portfolios", "backtest", "trial_sharpes"]

FIFTHS: Final = 5

HEADLINE_COST: Final = 10.0
"""Basis points of the value traded at which one figure must speak for all costs."""

_CHOICES: Final = (10, FIFTHS, 3)
"""Groups whose top one could have been chosen to hold."""

_LATEST: Final = 2
"""Sessions from a decision to its fills where they come one later than they could."""


@dataclass(frozen=True, slots=True, eq=False)
class Portfolios:
    """Every portfolio of one horizon over the same R sessions, in all of which every phase is invested.

    Parameters
    ----------
    horizon : Horizon
        Rebalanced every h sessions, from each of h starting sessions.
    sessions : datetime64[D] array, shape (R,)
    long : mapping
        By (model, groups, delay): equal weight in the top group, filled `delay` sessions after the decision.
    spread : mapping
        By (model, delay): the top fifth minus the bottom fifth.
    equal : mapping
        By delay: every name that could be held.
    benchmark : float64 array, shape (R,), optional
        Total return of the benchmark, close to close; None where the data have no total return.
    benchmark_name : str
    universe : str
        Which names could be held.
    basis : {"open", "close"}
        What orders are filled at.
    """

    horizon: Horizon
    sessions: DateArray
    long: Mapping[tuple[str, int, int], Backtest]
    spread: Mapping[tuple[str, int], Backtest]
    equal: Mapping[int, Backtest]
    benchmark: FloatArray | None
    benchmark_name: str
    universe: str
    basis: str

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models."""
        return tuple(dict.fromkeys(model for model, _ in self.spread))

    def top(self, model: str, delay: int = 1) -> Backtest:
        """Return the portfolio of a model's top fifth."""
        return self.long[model, FIFTHS, delay]

    def choices(self, model: str) -> tuple[Backtest, ...]:
        """Return every top group of a model that could have been chosen and was ever held."""
        found = (self.long[model, groups, 1] for groups in _CHOICES)
        return tuple(held for held in found if held.traded.any())


def backtest(scores: Mapping[str, FloatArray], snapshot: Snapshot, *, horizon: Horizon, first: int = 0) -> Portfolios:
    """Run the portfolios of some scores.

    Parameters
    ----------
    scores : mapping of str to float64 array, shape (T, N)
        By model, on the sessions and symbols of the snapshot: higher is better, known at the close of its session, NaN
        where unknown. A name is held by none unless every model scored it: all choose from the same names. Whoever
        scores only some sessions carries scores forward: a starting session that never decides stays in cash.
    snapshot : Snapshot
        Prices, membership and benchmark.
    horizon : Horizon
        Sessions between decisions.
    first : int
        First session that decides.

    Returns
    -------
    Portfolios
        From the session after all phases are invested, even with fills one session later, to the last session, or to
        h sessions after the last score. What buying the first holdings cost is not in it, for any portfolio.

    Raises
    ------
    NoData
        If no session is left in which every phase is invested.
    ValueError
        If scores are not on the sessions and symbols of the snapshot.
    """
    from vfr.validation.portfolio import equal_weights, quantile_weights, simulate

    h = HORIZONS[horizon]
    counts, _ = counting(snapshot)
    eligible = _eligible(scores, counts)
    begin, stop = _span(eligible, first, h)
    start = begin - h - _LATEST
    opens, closes = _prices(snapshot.panel)

    def run(weights: FloatArray, delay: int) -> Backtest:
        return simulate(weights, opens, closes, every=h, start=start, delay=delay).window(begin, stop)

    long: dict[tuple[str, int, int], Backtest] = {}
    spread: dict[tuple[str, int], Backtest] = {}
    for model, score in scores.items():
        for groups in _CHOICES:
            weights = quantile_weights(score, eligible, groups=groups)
            for delay in (1, _LATEST) if groups == FIFTHS else (1,):
                long[model, groups, delay] = run(weights, delay)
        weights = quantile_weights(score, eligible, groups=FIFTHS, long_short=True)
        spread |= {(model, delay): run(weights, delay) for delay in (1, _LATEST)}
    weights = equal_weights(eligible, least=2 * FIFTHS)
    return Portfolios(
        horizon=horizon,
        sessions=snapshot.sessions[begin:stop],
        long=long,
        spread=spread,
        equal={delay: run(weights, delay) for delay in (1, _LATEST)},
        benchmark=_benchmark(snapshot, begin, stop),
        benchmark_name=snapshot.benchmark.symbol if snapshot.benchmark else "",
        universe=_universe(members_known(snapshot)[begin:stop]),
        basis="open" if bool(np.isfinite(opens).any()) else "close",
    )


def trial_sharpes(found: Portfolios) -> dict[str, dict[str, float | None]]:
    """Return what a ledger keeps of a run: Sharpe ratios per session after the headline cost, None where unknown.

    Returns
    -------
    dict
        By model: of its top fifth (``long``), and of what that earned beyond equal weight (``active``).
    """
    equal = found.equal[1].net(HEADLINE_COST)
    out: dict[str, dict[str, float | None]] = {}
    for model in found.models:
        net = found.top(model).net(HEADLINE_COST)
        ratios = {"long": sharpe_ratio(net), "active": sharpe_ratio(net - equal)}
        out[model] = {series: ratio if np.isfinite(ratio) else None for series, ratio in ratios.items()}
    return out


def _universe(told: BoolArray) -> str:
    """Say which names could be held, given in which sessions the members are known."""
    if told.all():
        return "the index members of t"
    return "all names" if not told.any() else "the index members of t (all names where those are not known)"


def _eligible(scores: Mapping[str, FloatArray], counts: BoolArray) -> BoolArray:
    eligible = counts
    for model, score in scores.items():
        if score.shape != counts.shape:
            raise ValueError(f"{model}: scores of shape {score.shape} for a panel of {counts.shape}")
        eligible = eligible & np.isfinite(score)
    return eligible


def _span(eligible: BoolArray, first: int, h: int) -> tuple[int, int]:
    """Return the first session in which every phase is invested, and the one after the last that is judged."""
    decided = np.flatnonzero(eligible.sum(axis=1) >= 2 * FIFTHS)
    decided = decided[decided >= first]
    if decided.size:
        begin, stop = int(decided[0]) + h + _LATEST, min(eligible.shape[0], int(decided[-1]) + h + 1)
        if begin < stop:
            return begin, stop
    raise NoData(f"no session in which portfolios of {h} starting sessions are invested")


def _prices(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """Return opens and closes adjusted for splits and dividends; opens by the factor of their session's close."""
    return panel.open * (panel.adj_close / panel.close), panel.adj_close


def _benchmark(snapshot: Snapshot, begin: int, stop: int) -> FloatArray | None:
    held = snapshot.benchmark
    if held is None or held.price_only:
        return None
    return np.asarray(held.adj_close[begin:stop] / held.adj_close[begin - 1 : stop - 1] - 1.0)
