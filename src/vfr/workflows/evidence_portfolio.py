"""The portfolio tables: what a score earned after costs, beside equal weight and the benchmark, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.typing import HORIZONS, FloatArray
from vfr.validation import sharpe
from vfr.validation.overfitting import backtest_overfitting
from vfr.validation.significance import newey_west, overlap_lag
from vfr.workflows.evidence_backtest import HEADLINE_COST, Portfolios
from vfr.workflows.evidence_report import Cell, Table

__all__ = ["LEDGER_KEY", "not_available", "portfolio_tables"]

LEDGER_KEY: Final = "portfolio_sharpe"
"""Where an entry of the ledger keeps the `trial_sharpes` of its run; empty where it could hold no portfolio."""

_COSTS: Final = (0.0, 5.0, HEADLINE_COST, 20.0)
_YEAR: Final = 252
_RATIOS: Final = ("mean", "volatility", "Sharpe", "Sortino", "Calmar", "max drawdown", "sessions up")
_EQUAL: Final = "equal weight"
_BLOCKS: Final = 16


def portfolio_tables(
    found: Portfolios,
    snapshot: Snapshot,
    *,
    rng: np.random.Generator,
    entries: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[Table, ...]:
    """Return the tables of portfolios.

    Parameters
    ----------
    found : Portfolios
    snapshot : Snapshot
        The one they were held in.
    rng : numpy.random.Generator
        For the intervals.
    entries : sequence of mapping, optional
        Of the ledger: every run, the one these portfolios are of among them, each with the `trial_sharpes` of its
        models under `LEDGER_KEY`, but for training runs, whose models are counted. Without them, or where one has
        none, there is no deflated Sharpe ratio.
    """
    return (
        _long(found, snapshot),
        _against_equal(found, rng),
        _long_short(found),
        _later(found),
        _by_year(found),
        _selection(found, entries),
        _overfitting(found),
    )


def not_available(reason: str) -> Table:
    """Return the table of portfolios that could not be held."""
    return Table("Portfolio", ("portfolio", "cost (bps)", *_RATIOS, "turnover"), (), f"Not available: {reason}")


def _ratios(returns: FloatArray) -> tuple[Cell, ...]:
    known = returns[np.isfinite(returns)]
    if known.size < 2:
        return (None,) * len(_RATIOS)
    return (
        _annual(known),
        float(known.std(ddof=1) * np.sqrt(_YEAR)),
        sharpe.sharpe_ratio(known, periods=_YEAR),
        sharpe.sortino_ratio(known, periods=_YEAR),
        sharpe.calmar_ratio(known, periods=_YEAR),
        sharpe.max_drawdown(known),
        float((known > 0).mean()),
    )


def _annual(returns: FloatArray) -> float:
    return float(returns.mean() * _YEAR)


def _long(found: Portfolios, snapshot: Snapshot) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, held in {**{model: found.top(model) for model in found.models}, _EQUAL: found.equal[1]}.items():
        turnover = _annual(held.turnover)
        rows += [(name, cost, *_ratios(held.net(cost)), turnover) for cost in _COSTS]
    if found.benchmark is not None:
        rows.append((found.benchmark_name, None, *_ratios(found.benchmark), 0.0))
    return Table("Portfolio", ("portfolio", "cost (bps)", *_RATIOS, "turnover"), tuple(rows), _note(found, snapshot))


def _note(found: Portfolios, snapshot: Snapshot) -> str:
    h = HORIZONS[found.horizon]
    splits_only = snapshot.panel.adjustment == "split"
    adjusted = "for splits only, adj_close for dividends too" if splits_only else "for splits and dividends"
    benchmark = "The benchmark is held, its dividends reinvested, at no cost."
    if found.benchmark is None:
        benchmark = "No benchmark: the data have none with dividends, and a price-only index is no comparison."
    return (
        f"{found.sessions[0]} to {found.sessions[-1]} ({found.sessions.size} sessions). Each model: the top fifth, in "
        f"equal weight, of {found.universe} that had a price and a score of every model that evening; equal weight: "
        f"all of them. Rebalanced every {h} sessions, the mean of {h} starting sessions; between, shares drift. Filled "
        f"at the {found.basis} of t+1, else at the next price within 5 sessions, else not. A name without a price for "
        "5 sessions is closed at its last one: what a delisting paid is unknown. All prices adjusted for dividends "
        f"(source: close adjusted {adjusted}); none is credited besides. Cost: per value bought or sold. Turnover: "
        "bought plus sold over value. Mean, volatility and turnover a year of 252 sessions; ratios over a rate of 0; "
        f"buying the first holdings is left out. {benchmark}"
    )


def _against_equal(found: Portfolios, rng: np.random.Generator) -> Table:
    h = HORIZONS[found.horizon]
    rows: list[tuple[Cell, ...]] = []
    for model in found.models:
        for cost in _COSTS:
            net, equal = found.top(model).net(cost), found.equal[1].net(cost)
            test = newey_west(net - equal, overlap_lag(h))
            ratio = sharpe.sharpe_difference(net, equal, block=max(2 * h, 5), rng=rng, periods=_YEAR)
            rows.append((model, cost, test.mean * _YEAR, test.t, ratio.estimate, ratio.low, ratio.high))
    heads = ("model", "cost (bps)", "mean difference", "t", "Sharpe difference", "low", "high")
    note = (
        f"Top fifth minus equal weight, both after the same cost. t: Newey-West with lag {overlap_lag(h)}. Interval: "
        f"95 %, studentised bootstrap of blocks of {max(2 * h, 5)} sessions; above 0 is what a claim needs."
    )
    return Table("Portfolio against equal weight", heads, tuple(rows), note)


def _long_short(found: Portfolios) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in found.models:
        held = found.spread[model, 1]
        turnover = _annual(held.turnover)
        for cost in _COSTS:
            net = held.net(cost)
            test = newey_west(net, overlap_lag(HORIZONS[found.horizon]))
            rows.append((model, cost, *_ratios(net), test.t, turnover))
    heads = ("model", "cost (bps)", *_RATIOS, "t", "turnover")
    note = (
        "Not investable as it stands: borrowing the shares sold short costs what is unknown here and is not charged. "
        "Top fifth at plus the value of the portfolio, bottom fifth at minus it, the value itself in cash at 0. t: of "
        "the mean, Newey-West."
    )
    return Table("Portfolio long-short (without the cost of shorting)", heads, tuple(rows), note)


def _later(found: Portfolios) -> Table:
    pairs = {f"{model}, top fifth": {d: found.top(model, d) for d in (1, 2)} for model in found.models}
    pairs |= {f"{model}, long-short": {d: found.spread[model, d] for d in (1, 2)} for model in found.models}
    pairs[_EQUAL] = {d: found.equal[d] for d in (1, 2)}
    rows: list[tuple[Cell, ...]] = []
    for name, by_delay in pairs.items():
        soon, late = (by_delay[d].net(HEADLINE_COST) for d in (1, 2))
        ratios = (sharpe.sharpe_ratio(r, periods=_YEAR) for r in (soon, late))
        rows.append((name, HEADLINE_COST, _annual(soon), _annual(late), *ratios))
    heads = ("portfolio", "cost (bps)", "mean t+1", "mean t+2", "Sharpe t+1", "Sharpe t+2")
    note = (
        "The same decisions filled one session later than they could be: what is lost by that was never safe to earn."
    )
    return Table("Portfolio one session later", heads, tuple(rows), note)


def _by_year(found: Portfolios) -> Table:
    equal = found.equal[1].net(HEADLINE_COST)
    series = {model: found.top(model).net(HEADLINE_COST) for model in found.models} | {_EQUAL: equal}
    if found.benchmark is not None:
        series[found.benchmark_name] = found.benchmark
    years = found.sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    rows: list[tuple[Cell, ...]] = []
    for year in np.unique(years):
        chosen = years == year
        beside = float(np.prod(1.0 + equal[chosen]) - 1.0)
        for name, returns in series.items():
            known = returns[chosen][np.isfinite(returns[chosen])]
            earned = float(np.prod(1.0 + known) - 1.0) if known.size else None
            over = None if earned is None or name == _EQUAL else earned - beside
            figures = (sharpe.sharpe_ratio(known, periods=_YEAR), sharpe.max_drawdown(known))
            rows.append((str(int(year)), name, int(chosen.sum()), earned, over, *figures))
    heads = ("year", "portfolio", "sessions", "return", "over equal weight", "Sharpe", "max drawdown")
    note = (
        f"Compound return of the sessions of each year, after {HEADLINE_COST:g} bps; the benchmark is held at no cost."
    )
    return Table("Portfolio by year", heads, tuple(rows), note)


def _selection(found: Portfolios, entries: Sequence[Mapping[str, Any]] | None) -> Table:
    from vfr.validation.portfolio import break_even_cost

    equal = found.equal[1].net(HEADLINE_COST)
    trials, count, why_not = _trials(entries)
    rows: list[tuple[Cell, ...]] = []
    for model in found.models:
        held = found.top(model)
        phases = [sharpe.sharpe_ratio(phase, periods=_YEAR) for phase in held.phases(HEADLINE_COST)]
        net = held.net(HEADLINE_COST)
        deflated = [_deflated(r, trials.get(s), count) for s, r in (("long", net), ("active", net - equal))]
        rows.append((model, break_even_cost(held, found.equal[1]), min(phases), max(phases), *deflated, count))
    heads = (
        "model",
        "break-even cost (bps)",
        "Sharpe of the worst start",
        "of the best start",
        "deflated Sharpe",
        "deflated Sharpe over equal weight",
        "trials",
    )
    note = (
        "Break-even: the cost at which the top fifth and equal weight, both paying it, have the same mean; below 0 no "
        "cost is low enough. Starts: the Sharpe ratio of each starting session by itself. Deflated Sharpe: the "
        "probability that the true ratio is above 0, given the number of trials in the ledger (every model of every "
        "run, of this one and of training too, and every trial of a search) and how much their ratios vary; over equal "
        f"weight is the one that is about skill. After {HEADLINE_COST:g} bps."
    )
    return Table("Portfolio selection", heads, tuple(rows), f"{note} {why_not}".rstrip())


def _trials(entries: Sequence[Mapping[str, Any]] | None) -> tuple[dict[str, list[float]], int | None, str]:
    """Return the Sharpe ratios of every model of every run by series, and the number of trials; or the reason for none.

    A training run looks at outcomes through its gates and holds no portfolio: its models are trials of unknown ratio,
    as are those of a search, and a run that was too short to hold any.
    """
    if entries is None:
        return {}, None, "Deflated Sharpe: not available without a whole ledger."
    lacking, unknown = 0, 0
    trials: dict[str, list[float]] = {"long": [], "active": []}
    for entry in entries:
        if entry.get("kind") == "train":
            unknown += len(entry.get("models", ()))
            continue
        if entry.get("kind") == "tune":
            unknown += entry["trials"]
            continue
        models = entry.get(LEDGER_KEY)
        if models is None or None in [ratios.get(series) for ratios in models.values() for series in trials]:
            lacking += 1
            continue
        unknown += not models
        for ratios in models.values():
            for series, known in trials.items():
                known.append(float(ratios[series]))
    if lacking:
        why = f"Deflated Sharpe: not available, {lacking} of {len(entries)} runs of the ledger say no Sharpe ratio."
        return {}, None, why
    count = len(trials["active"]) + unknown
    if count > 1 and len(set(trials["active"])) < 2:
        return trials, count, "Deflated Sharpe: not available, how much the ratios of the trials vary is not known."
    return trials, count, ""


def _deflated(returns: FloatArray, trials: Sequence[float] | None, count: int | None) -> float | None:
    """Return the deflated ratio; of trials whose ratios are not known to vary it is not known either, unless of one."""
    if not trials or count is None:
        return None
    variance = float(np.var(trials, ddof=1)) if len(set(trials)) > 1 else float("nan")
    return sharpe.deflated_sharpe_ratio(sharpe.return_moments(returns), count, variance)


def _overfitting(found: Portfolios) -> Table:
    """Select among models, groups and starting sessions in half of the time, and look at the other half."""
    tried = [held.phases(HEADLINE_COST) for model in found.models for held in found.choices(model)]
    heads = ("configurations", "sessions", "probability of overfitting", "degradation", "probability of loss")
    configurations = np.concatenate(tried).T
    note = (
        f"Every model, top tenth, fifth and third, and starting session, after {HEADLINE_COST:g} bps; combinatorially "
        f"symmetric cross-validation over {_BLOCKS} blocks. Overfitting: how often the best in one half is at the "
        "median or below in the other; one half is noise. Degradation: slope of its Sharpe ratio out of sample on that "
        "in sample."
    )
    try:
        got = backtest_overfitting(configurations, blocks=_BLOCKS)
    except ValueError as error:
        return Table("Portfolio overfitting", heads, (), f"Not available: {error}.")
    row = (configurations.shape[1], got.rows, got.probability, got.slope, got.loss)
    return Table("Portfolio overfitting", heads, (row,), note)
