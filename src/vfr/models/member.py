"""One trained version: two scorers, a design, a calibration; written to files and read back, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.models.arrays import npy_bytes, read_npy
from vfr.models.calibrated import Calibrated
from vfr.models.design import Design, session_ranks
from vfr.models.learner import Scorer
from vfr.models.learners import LEARNERS
from vfr.models.prediction import ModelCard, Prediction
from vfr.models.sections import Sections
from vfr.typing import TARGETS, FloatArray, IntArray, Matrix32, Target

__all__ = ["PARITY_NAMES", "Member", "StoredMember", "open_member"]

PARITY_NAMES: Final = 64
"""Names of the stored sample; what a version must reproduce on every load."""

_JSON_BYTES: Final = 1 << 20
_SAMPLE_BYTES: Final = 32 << 20
"""Largest calibration and sample that are parsed: many times what training writes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """Design columns that a version reads, each target's places among them, and places of raw volatilities."""

    columns: tuple[str, ...]
    chosen: Mapping[Target, slice | IntArray]
    volatility: IntArray


@lru_cache(maxsize=64)
def _reading(name: str, design: Design, volatilities: tuple[str, ...]) -> _Reading:
    """Find what a version reads, once: for one row, comparing names would take longer than predicting."""
    wanted = {target: frozenset(LEARNERS[name].columns(design.columns(target))) for target in TARGETS}
    columns = tuple(one for one in design.ranked + design.market if any(one in names for names in wanted.values()))
    return _Reading(
        columns,
        {target: _places([one in names for one in columns]) for target, names in wanted.items()},
        np.array([design.names.index(one) for one in volatilities], dtype=np.int64),
    )


def _places(chosen: Sequence[bool]) -> slice | IntArray:
    """Return the places chosen, as a slice where they are the first ones: no copy is made of it."""
    places = np.flatnonzero(chosen)
    return slice(places.size) if places.size and places[-1] == places.size - 1 else places


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A version in memory."""

    name: str
    direction: Scorer
    excess: Scorer
    design: Design
    calibrated: Calibrated

    def predict(self, X: Matrix32) -> Prediction:
        """Predict the last of L cross-sections of raw feature rows, shape (L, M, F).

        A row that cannot be ranked is NaN. Sessions missing at the beginning are unknown.
        """
        return self.predict_shared(Sections(X))

    def predict_shared(self, sections: Sections) -> Prediction:
        """Predict as `predict` does, from rows that other members are asked about too."""
        scores = self._scores(sections)
        direction, excess = scores["direction"], scores["excess"]
        volatility = sections.X[-1:, :, self._reading.volatility].astype(np.float64)
        grid = self.calibrated.apply(direction[None], session_ranks(excess[None]), volatility)
        return Prediction(
            grid.p_up[0], grid.expected_excess[0], grid.low[0], grid.high[0], grid.confidence[0], grid.level
        )

    def scores(self, X: Matrix32) -> dict[Target, FloatArray]:
        """Return the raw scores of both targets of the last of L cross-sections, shape (M,), NaN where unknown."""
        return self._scores(Sections(X))

    def _scores(self, sections: Sections) -> dict[Target, FloatArray]:
        reading = self._reading
        known, rows = sections.rows(self.design, reading.columns, LEARNERS[self.name].lookback)
        found = {target: np.full(known.size, np.nan) for target in TARGETS}
        if known.any():
            scorers: dict[Target, Scorer] = {"direction": self.direction, "excess": self.excess}
            for target, scorer in scorers.items():
                found[target][known] = scorer.score(np.ascontiguousarray(rows[..., reading.chosen[target]]))
        return found

    @property
    def _reading(self) -> _Reading:
        return _reading(self.name, self.design, self.calibrated.scale.features)

    def files(self, sample: Matrix32) -> dict[str, bytes]:
        """Return the artifact, with a sample of raw rows [L x N x F] and what they give, replayed on every load."""
        suffix, lookback = LEARNERS[self.name].suffix, LEARNERS[self.name].lookback
        cut = np.ascontiguousarray(sample[-lookback:, :PARITY_NAMES], dtype=np.float32)
        body = {"design": self.design.to_dict(), "calibrated": self.calibrated.to_dict()}
        return {
            f"model_direction.{suffix}": self.direction.dump(),
            f"model_excess.{suffix}": self.excess.dump(),
            "calibration.json": json.dumps(body, allow_nan=False, indent=1).encode(),
            "parity_inputs.npy": npy_bytes(cut),
            "parity_outputs.npy": npy_bytes(_stack(self.predict(cut))),
        }


@dataclass(frozen=True, slots=True, eq=False)
class StoredMember:
    """A verified version with its card; implements `vfr.models.prediction.SharingPredictor`."""

    card: ModelCard
    member: Member

    def predict(self, X: Matrix32) -> Prediction:
        """Predict the last of L cross-sections, shape (L, M, F), columns in `card.feature_names` order."""
        return self.member.predict(X)

    def predict_shared(self, sections: Sections) -> Prediction:
        """Predict the last of cross-sections that other members are asked about too, columns in the same order."""
        return self.member.predict_shared(sections)


def open_member(card: ModelCard, files: Mapping[str, bytes]) -> StoredMember:
    """Read a version's files and replay its parity sample.

    Raises
    ------
    ArtifactCorrupt
        If the member is unknown, a file is missing or unreadable, the features differ from the card, or the sample
        gives other predictions than it did when the version was trained.
    """
    try:
        return _replayed(StoredMember(card, _open(card, files)), files)
    except ArtifactCorrupt as error:
        raise ArtifactCorrupt(f"{card.model_id}: {error.message}") from error


def _open(card: ModelCard, files: Mapping[str, bytes]) -> Member:
    learner = LEARNERS.get(card.member)
    if learner is None:
        raise ArtifactCorrupt(f"no learner is named {card.member}")
    try:
        body = _json(files["calibration.json"])
        member = Member(
            name=card.member,
            direction=learner.load(files[f"model_direction.{learner.suffix}"]),
            excess=learner.load(files[f"model_excess.{learner.suffix}"]),
            design=Design.from_dict(body["design"]),
            calibrated=Calibrated.from_dict(body["calibrated"]),
        )
    except ArtifactCorrupt:
        raise
    except Exception as error:  # Foreign bytes may raise anything; the learners' libraries share no base class.
        raise ArtifactCorrupt("the artifact is incomplete or unreadable") from error
    if member.design.names != tuple(card.feature_names):
        raise ArtifactCorrupt("the artifact's features differ from its card")
    return member


def _replayed(stored: StoredMember, files: Mapping[str, bytes]) -> StoredMember:
    """Return the version if its sample gives what it gave when it was trained."""
    try:
        inputs, outputs = _array(files["parity_inputs.npy"]), _array(files["parity_outputs.npy"])
        # Before learners looked back a sample was one cross-section.
        sample = np.asarray(inputs[None] if inputs.ndim == 2 else inputs, dtype=np.float32)
        now = _stack(stored.predict(sample))
    except ArtifactCorrupt:
        raise
    except Exception as error:
        raise ArtifactCorrupt("the parity sample cannot be replayed") from error
    if not np.isfinite(outputs).any():
        raise ArtifactCorrupt("the parity sample predicts nothing, so it shows nothing")
    if now.shape != outputs.shape or not np.allclose(now, outputs, rtol=1e-7, atol=1e-9, equal_nan=True):
        raise ArtifactCorrupt("the parity sample gives other predictions than when it was trained")
    return stored


def _stack(p: Prediction) -> FloatArray:
    return np.stack([p.p_up, p.expected_excess, p.low, p.high, p.confidence])


def _json(blob: bytes) -> dict[str, Any]:
    if len(blob) > _JSON_BYTES:
        raise ArtifactCorrupt("calibration.json is too large")
    body: dict[str, Any] = json.loads(blob)
    return body


def _array(blob: bytes) -> FloatArray | Matrix32:
    if len(blob) > _SAMPLE_BYTES:
        raise ArtifactCorrupt("the parity sample is too large")
    return read_npy(blob)
