"""The card of a trained version: identity, span, folds, parameters, libraries, machine, limits."""

from __future__ import annotations

import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import metadata
from os import cpu_count
from typing import Final

import numpy as np

from vfr.clock import utc_now
from vfr.data.coverage import survivorship, survivorship_text
from vfr.data.snapshot import Snapshot
from vfr.models.arrays import read_npy
from vfr.models.learner import Params
from vfr.models.learners import LEARNERS
from vfr.models.prediction import ModelCard
from vfr.typing import HORIZONS, DateArray, Target
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Refit

__all__ = ["finite", "make_card", "peak_rss_mb"]

LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost-cpu", "xgboost"),
    "lstm": ("torch", "onnx", "onnxruntime"),
    "linear": (),
    "trees": ("scikit-learn",),
}
"""What fits or serves each member, beside NumPy and Numba, which all of them use."""

_SMALL_UNIVERSE: Final = 50


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
    folds: Sequence[Refit] = (),
    used: Mapping[Target, Params] | None = None,
    tuning: Mapping[str, object] | None = None,
    training_seconds: float | None = None,
    evidence: str | None = None,
) -> ModelCard:
    """Describe a version; its id names member, horizon and end of labels, and hashes all that made it.

    Parameters
    ----------
    snapshot, inputs, recipe, labelled, member, refit, files
        What it was made from, and the artifact.
    seed : int
    folds : sequence of Refit
        The walk-forward refits that judged it.
    used : mapping, optional
        Hyper-parameters by target where they are not the learner's own defaults.
    tuning : mapping, optional
        ``trials`` and ``source``; by default no trials, and the defaults.
    training_seconds : float, optional
        Time its fits took, on one processor.
    evidence : str, optional
        Id of an evidence report.
    """
    sessions, learner = snapshot.sessions, LEARNERS[member]
    horizon = labelled.labels.horizon
    labels_end = str(sessions[refit.last_label_row])
    digest = sha256(f"{snapshot.version} {inputs.spec} {seed} {labels_end}".encode())
    for name in sorted(files):
        digest.update(files[name])
    fitted = used or {target: dict(learner.params(refit.n_rows, target)) for target in ("direction", "excess")}
    coverage = survivorship_text(survivorship(snapshot))
    params: dict[str, object] = {
        "direction": dict(fitted["direction"]),
        "excess": dict(fitted["excess"]),
        "recipe": {
            "half_life_sessions": recipe.half_life,
            "stride_sessions": dict(recipe.stride)[horizon],
            "prior_ic": recipe.prior_ic,
            "interval_level": recipe.level,
            "label_basis": labelled.labels.basis,
        },
        "survivorship": coverage,
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
        importance=dict(refit.excess.importance(learner.columns(refit.design.columns("excess")))),
        gates={},
        libraries=_versions(member),
        files={},
        folds=tuple(_fold(one, sessions) for one in folds),
        tuning=dict(tuning or {"trials": 0, "source": "defaults"}),
        # The fitted model knows where it was fitted, which on a cluster is not here.
        device=str(getattr(refit.direction, "device", fitted["direction"].get("device", "cpu"))),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}, {cpu_count() or 1} processors",
        parity=_sample_size(files),
        training_seconds=None if training_seconds is None else round(training_seconds, 1),
        peak_rss_mb=round(peak_rss_mb()),
        limitations=_limitations(snapshot, labelled, labels_end, coverage),
        evidence=evidence,
    )


def finite(numbers: Mapping[str, float]) -> dict[str, object]:
    """Return the figures for JSON: one that is not finite becomes None."""
    return {name: value if np.isfinite(value) else None for name, value in numbers.items()}


def peak_rss_mb() -> float:
    """Return the largest resident memory, in MB, that this process or any one of its finished children ever held."""
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6  # bytes there, kibibytes elsewhere


def _fold(one: Refit, sessions: DateArray) -> dict[str, str | int]:
    train, test = one.fold.train, one.fold.test
    return {
        "name": one.fold.name,
        "train_start": str(sessions[train[0]]),
        "train_end": str(sessions[train[-1]]),
        "labels_end": str(sessions[one.last_label_row]),
        "test_start": str(sessions[test[0]]),
        "test_end": str(sessions[test[-1]]),
        "rows": one.n_rows,
    }


def _versions(member: str) -> dict[str, str]:
    found = {}
    for name in ("numpy", "numba", *LIBRARIES.get(member, ())):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # One library may be installed under either of two names.
            continue
    return found


def _sample_size(files: Mapping[str, bytes]) -> dict[str, int]:
    sessions, names, _ = read_npy(files["parity_inputs.npy"]).shape
    return {"names": names, "sessions": sessions}


def _limitations(snapshot: Snapshot, labelled: Targets, labels_end: str, coverage: str) -> tuple[str, ...]:
    span, n = HORIZONS[labelled.labels.horizon], len(snapshot.symbols)
    ahead = f"{span} sessions" if span > 1 else "session"
    said = [
        f"It orders the {n} names of {snapshot.name} against each other over the next {ahead}. It is no price target.",
        "It is no advice, and no basis for trading by itself.",
        "Single forecasts are barely better than a coin; whatever it is worth shows over many names and dates only.",
        "It must not be used for other universes, for names it was not shown, or within the day.",
        f"It must not answer for evenings before {labels_end}: it has seen what came after them.",
        f"Survivorship: {coverage}. Names that are missing from the data are missing from every figure.",
    ]
    if labelled.labels.basis != "open":
        said.append("The data has no opening prices: outcomes run from close to close, which flatters short horizons.")
    if n < _SMALL_UNIVERSE:
        said.append(f"A universe of {n} names is small: ranks within it are coarse and figures uncertain.")
    return tuple(said)
