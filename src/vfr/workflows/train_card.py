"""The card of a trained version: identity, span, parameters, libraries."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib import metadata

import numpy as np

from vfr.clock import utc_now
from vfr.data.coverage import survivorship, survivorship_text
from vfr.data.snapshot import Snapshot
from vfr.models.learners import LEARNERS
from vfr.models.prediction import ModelCard
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Refit

__all__ = ["finite", "make_card"]


def make_card(
    snapshot: Snapshot,
    inputs: Inputs,
    recipe: Recipe,
    labelled: Targets,
    member: str,
    refit: Refit,
    files: Mapping[str, bytes],
    *,
    seed: int,
) -> ModelCard:
    """Describe a version; its id names member, horizon and end of labels, and hashes all that made it."""
    sessions, learner = snapshot.sessions, LEARNERS[member]
    horizon = labelled.labels.horizon
    labels_end = str(sessions[refit.last_label_row])
    digest = sha256(f"{snapshot.version} {inputs.spec} {seed} {labels_end}".encode())
    for name in sorted(files):
        digest.update(files[name])
    params = {
        "direction": dict(learner.params(refit.n_rows, "direction")),
        "excess": dict(learner.params(refit.n_rows, "excess")),
        "recipe": {
            "half_life_sessions": recipe.half_life,
            "stride_sessions": dict(recipe.stride)[horizon],
            "prior_ic": recipe.prior_ic,
            "interval_level": recipe.level,
            "label_basis": labelled.labels.basis,
        },
        "survivorship": survivorship_text(survivorship(snapshot)),
    }
    return ModelCard(
        model_id=f"{member}-{horizon}-{labels_end.replace('-', '')}-{digest.hexdigest()[:10]}",
        member=member,
        horizon=horizon,
        status="staged",
        created_at=utc_now().isoformat(timespec="seconds"),
        data_name=snapshot.name,
        data_version=snapshot.version,
        feature_spec=inputs.spec,
        feature_names=refit.design.names,
        labels_end=labels_end,
        train_start=str(sessions[refit.fold.train[0]]),
        n_rows=refit.n_rows,
        n_dates=int(refit.fold.train.size),
        seed=seed,
        params=params,
        metrics={},
        importance=dict(refit.excess.importance(refit.design.columns("excess"))),
        gates={},
        libraries={name: metadata.version(name) for name in ("lightgbm", "numpy")},
        files={},
    )


def finite(numbers: Mapping[str, float]) -> dict[str, object]:
    """Return the figures for JSON: one that is not finite becomes None."""
    return {name: value if np.isfinite(value) else None for name, value in numbers.items()}
