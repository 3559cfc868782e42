"""What lies behind a rank correlation: known exposures, how fast it decays, what each group earned, who errs alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vfr.models.design import session_ranks
from vfr.typing import BoolArray, FloatArray
from vfr.validation.correlation import rank_ic, within_session_std
from vfr.validation.neutralise import neutralise
from vfr.workflows.evidence_data import AVERAGE, Judged, Ranked, Study, mean_test, session_mean
from vfr.workflows.evidence_groups import FIFTHS, groups_of
from vfr.workflows.evidence_report import Cell, Table

__all__ = ["LAGS", "correlations", "decay", "neutralised", "quantile_returns"]

LAGS: Final = (0, 1, 2, 3, 5, 10, 21)
"""Sessions by which a return begins later than it could."""

_TENTHS: Final = 10
_MANY_NAMES: Final = 100
"""Names per session from which there are tenths instead of fifths."""

_MIN_NAMES: Final = 10
_ROUNDING: Final = 1e-6


def neutralised(study: Study) -> Table:
    """Rank IC of what is left of each score after known exposures are taken out, one at a time and all at once."""
    rows: list[tuple[Cell, ...]] = [(m.name, "nothing", *_on_each_basis(study, m.rank)) for m in study.ranked]
    ranked = {key: session_ranks(np.where(study.cells, values, np.nan)) for key, values in study.exposures.items()}
    for name, chosen, with_sector in _ways(study):
        exposures = np.stack([ranked[key] for key in chosen]) if chosen else np.empty((0, *study.excess.shape))
        sectors = study.sectors if with_sector else None
        # Models are known on the same cells, so they share one pass.
        alike: list[Sequence[Judged | Ranked]] = [study.models, *([other] for other in study.others)]
        for models in filter(None, alike):
            scores = np.stack([m.rank for m in models])
            left = _rest(neutralise(scores, exposures, sectors, study.cells, min_names=_MIN_NAMES), study)
            rows += [(m.name, name, *_on_each_basis(study, rest)) for m, rest in zip(models, left, strict=True)]
    heads = [f"{what} {basis}" for basis in study.outcomes for what in ("IC", "t")]
    place = {m.name: n for n, m in enumerate(study.ranked)}
    rows.sort(key=lambda row: place[str(row[0])])
    return Table("Neutralised rank IC", ("model", "taken out", *heads), tuple(rows), _exposures_note(study))


def _rest(left: FloatArray, study: Study) -> FloatArray:
    """Return what is left of scores, [M x R x N]; NaN in sessions that the exposures explain but for rounding."""
    spread = np.stack([within_session_std(score, study.cells) for score in left])
    return np.where(spread[:, :, None] > _ROUNDING, left, np.nan)


def _ways(study: Study) -> list[tuple[str, tuple[str, ...], bool]]:
    """Return what is taken out: a name, exposures, and whether sectors go with them."""
    has_sectors = study.sectors is not None and bool((study.sectors >= 0).any())
    ways: list[tuple[str, tuple[str, ...], bool]] = [("sector", (), True)] if has_sectors else []
    ways += [(name.split(" (")[0], (name,), False) for name in study.exposures]
    if len(ways) > 1:
        ways.append(("all of them", tuple(study.exposures), has_sectors))
    return ways


def _on_each_basis(study: Study, score: FloatArray) -> tuple[float, ...]:
    tests = [mean_test(study, rank_ic(score, outcome, study.cells)) for outcome in study.outcomes.values()]
    return tuple(figure for test in tests for figure in (test.mean, test.t))


def _exposures_note(study: Study) -> str:
    known = ", ".join(study.exposures) or "none is known here"
    sector = "Sectors are the classification of today, not of the session. " if study.sectors is not None else ""
    return (
        "The score's rank less its least-squares fit on the ranks of the exposures within each session; a rank IC that "
        f"vanishes was a bet on them. Exposures at the close of t: {known}. {sector}An unknown exposure takes the "
        "session's mean. Sessions with no more names than regressors are left out."
    )


def decay(study: Study) -> Table:
    """Rank IC of each score with returns that begin later than they could."""
    basis, outcome = next(iter(study.outcomes.items()))
    stop = int(np.flatnonzero(np.isfinite(outcome).any(axis=1)).max(initial=-1)) - max(LAGS)
    cells = study.cells.copy()
    cells[max(stop + 1, 0) :] = False
    rows: list[tuple[Cell, ...]] = []
    for model in study.ranked:
        for lag in LAGS:
            test = mean_test(study, rank_ic(model.rank, _later(outcome, lag), cells))
            rows.append((model.name, lag, test.mean, test.t, test.n))
    note = (
        f"Returns over {study.h} sessions ({basis}) that begin `lag` sessions after the first they could, on the same "
        f"sessions for every lag; windows overlap unless lags are {study.h} apart. What is gone after one session "
        "cannot be earned by a slow reader."
    )
    return Table("Decay of rank IC", ("model", "lag", "rank IC", "t", "dates"), tuple(rows), note)


def _later(outcome: FloatArray, lag: int) -> FloatArray:
    out = np.full(outcome.shape, np.nan)
    out[: outcome.shape[0] - lag] = outcome[lag:]
    return out


def quantile_returns(study: Study) -> Table:
    """Mean excess return of each group of names by score, lowest first, and of the top over the bottom group."""
    groups = _TENTHS if float(np.median(_counts(study.cells))) >= _MANY_NAMES else FIFTHS
    above = (study.excess > 0).astype(np.float64)
    rows: list[tuple[Cell, ...]] = []
    for model in study.ranked:
        group = groups_of(model.rank, study.cells, groups)
        by_session = [session_mean(study.excess, group == g) for g in range(groups)]
        for g, means in enumerate(by_session):
            inside = group == g
            test = mean_test(study, means)
            share = float(above[inside].mean()) if inside.any() else float("nan")
            rows.append((model.name, str(g + 1), test.mean, test.t, share, _names(inside)))
        test = mean_test(study, by_session[-1] - by_session[0])
        rows.append((model.name, "top - bottom", test.mean, test.t, None, None))
    heads = ("model", "group", "mean excess", "t", "above the median name", "names")
    note = (
        f"{'Tenths' if groups == _TENTHS else 'Fifths'} of the names that count by score, 1 the lowest; excess return "
        f"over {study.h} sessions over the median name, before costs, the mean of the sessions. t: Newey-West. The "
        "mean of all groups is above 0 where returns are skewed: look at the differences."
    )
    return Table("Quantile returns", heads, tuple(rows), note)


def _counts(cells: BoolArray) -> FloatArray:
    return np.asarray(cells.sum(axis=1)[cells.any(axis=1)], dtype=np.float64)


def _names(inside: BoolArray) -> float:
    counts = _counts(inside)
    return float(counts.mean()) if counts.size else float("nan")


def correlations(study: Study) -> tuple[Table, ...]:
    """Rank correlations between members: of what they forecast, and of how they err; none for a single one."""
    members = [m for m in study.ranked if m.name != AVERAGE]
    if len(members) < 2:
        return ()
    came = session_ranks(np.where(study.cells, study.excess, np.nan))
    errors = [Ranked(m.name, came - session_ranks(np.where(study.cells, m.rank, np.nan))) for m in members]
    forecasts = (
        "Spearman's correlation within each session, its mean over the sessions. Members that agree add little to each "
        "other."
    )
    erring = (
        "Error: rank of the excess return less rank of the score. The outcome is in both, so that two unrelated scores "
        "have 0.5; the lower, the more an average gains."
    )
    return (
        _matrix("Rank correlation of forecasts", members, study, forecasts),
        _matrix("Rank correlation of errors", errors, study, erring),
    )


def _matrix(title: str, scores: Sequence[Judged | Ranked], study: Study, note: str) -> Table:
    names = [score.name for score in scores]
    found = np.eye(len(scores))
    for i, a in enumerate(scores):
        for j in range(i):
            ic = rank_ic(a.rank, scores[j].rank, study.cells)
            known = ic[np.isfinite(ic)]
            found[i, j] = found[j, i] = known.mean() if known.size else np.nan
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, *row.tolist()) for name, row in zip(names, found, strict=True))
    return Table(title, ("model", *names), rows, note)
