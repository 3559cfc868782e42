"""The same walk again, with other seeds or without a family of features: what chance and each family are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from vfr.errors import InvalidField
from vfr.features.registry import FAMILIES
from vfr.models.design import session_ranks
from vfr.typing import FloatArray
from vfr.validation.correlation import rank_ic
from vfr.workflows.evidence_data import AVERAGE, Judged, Study, mean_test, session_mean
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.train_data import Inputs
from vfr.workflows.train_judge import Served

__all__ = ["ABLATED", "ablated_families", "ablation", "seed_spread", "with_average", "without"]

ABLATED: Final = ("linear", "lightgbm")
"""Members cheap enough to be fitted again for every family."""

EVERY: Final = ("family", "all")
"""Words that mean every family, one at a time."""


def with_average(ranks: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return ranks [R x N] by member, and that of their average first where there are several."""
    if len(ranks) < 2:
        return dict(ranks)
    return {AVERAGE: session_ranks(np.mean(list(ranks.values()), axis=0)), **ranks}


def seed_spread(study: Study, ranks: Sequence[Mapping[str, FloatArray]]) -> Table:
    """Spread of the rank IC over seeds.

    Parameters
    ----------
    study : Study
    ranks : sequence of mapping
        By seed: ranks [R x N] by model, for all seeds the same models.
    """
    rows: list[tuple[Cell, ...]] = []
    for basis, outcome in study.outcomes.items():
        for model in ranks[0]:
            means = np.array([mean_test(study, rank_ic(r[model], outcome, study.cells)).mean for r in ranks])
            spread = float(means.std(ddof=1))
            rows.append((model, basis, means.size, float(means.mean()), spread, float(means.min()), float(means.max())))
    note = (
        "The whole walk-forward fitted once per seed; the first is the one all other tables show. sd: what drawing "
        "rows and features alone changes, beside which a smaller gain means nothing; 0 where nothing was drawn."
    )
    heads = ("model", "returns", "seeds", "mean", "sd", "min", "max")
    return Table("Seeds", heads, tuple(rows), note)


def ablated_families(asked: Sequence[str], inputs: Inputs) -> tuple[str, ...]:
    """Return the families to leave out one at a time: those asked for that hold a feature a version would read.

    Raises
    ------
    InvalidField
        If a name is no family, or none of those asked for is in use with these data.
    """
    wanted = tuple(FAMILIES) if set(asked) & set(EVERY) else tuple(dict.fromkeys(asked))
    for family in wanted:
        if family not in FAMILIES:
            raise InvalidField("ablate", f"{family!r} is no family; use family, for each, or {', '.join(FAMILIES)}")
    design = inputs.design_at(inputs.sessions.size - 1)
    used = tuple(f for f in wanted if _members_of(f) & {*design.ranked, *design.market})
    if not used:
        raise InvalidField("ablate", f"these data give no feature of {', '.join(wanted)}")
    return used


def without(inputs: Inputs, family: str) -> Inputs:
    """Return inputs in which no version may read a family: its features count as never known."""
    dropped = np.isin((*inputs.design.ranked, *inputs.design.market), tuple(_members_of(family)))
    return replace(inputs, coverage=np.where(dropped, 0.0, inputs.coverage))


def _members_of(family: str) -> set[str]:
    return {feature.name for name, features in FAMILIES.items() if name == family for feature in features}


def ablation(study: Study, found: Mapping[tuple[str, str], Served], inputs: Inputs) -> Table:
    """Return what each member loses without each family.

    Parameters
    ----------
    study : Study
        With the members fitted on everything among its models.
    found : mapping of (str, str) to Served
        By member and family left out.
    inputs : Inputs
        With every family.
    """
    whole = {model.name: model for model in study.models}
    outcome = next(iter(study.outcomes.values()))
    design = inputs.design_at(int(np.flatnonzero(study.cells.any(axis=1))[-1]))
    rows: list[tuple[Cell, ...]] = []
    for (member, family), served in found.items():
        features = len(_members_of(family) & {*design.ranked, *design.market})
        rows.append((member, family, features, *_change(study, whole[member], served, outcome)))
    heads = ("member", "left out", "features", "rank IC without", "change", "t", "Brier change", "t of Brier change")
    note = (
        "Fitted and calibrated again without one family of features at a time. Change: rank IC without it less rank IC "
        "with it, below 0 where the family helps; Brier change: of P(up), above 0 where it helps. t: Newey-West, on "
        f"the same sessions; with {len(rows)} rows a |t| of 2 turns up by chance. Families overlap, so that what one "
        "loses another may supply; market features are read for direction only."
    )
    return Table("Ablation by feature family", heads, tuple(rows), note)


def _change(study: Study, model: Judged, served: Served, outcome: FloatArray) -> tuple[float, ...]:
    cells = study.cells & np.isfinite(served.rank)
    left = rank_ic(served.rank, outcome, cells)
    test = mean_test(study, left - rank_ic(model.rank, outcome, cells))
    losses = ((p - study.direction) ** 2 for p in (served.prediction.p_up, model.prediction.p_up))
    brier = mean_test(study, session_mean(next(losses) - next(losses), cells))
    return (mean_test(study, left).mean, test.mean, test.t, brier.mean, brier.t)
