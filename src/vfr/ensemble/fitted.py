"""What was fitted for the ensemble of one horizon, with the days from which each part may be used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from vfr.ensemble.confidence import Confidence
from vfr.ensemble.scores import Scores, from_array, to_array
from vfr.ensemble.stacking import Stacker
from vfr.errors import ArtifactCorrupt
from vfr.models.arrays import npy_bytes, read_npy
from vfr.typing import HORIZONS, FloatArray, Horizon

__all__ = ["Fitted", "Stage"]

_VERSION: Final = 1
"""Raised whenever a field changes its meaning."""

_JSON_BYTES: Final = 1 << 20
_ARRAY_BYTES: Final = 32 << 20
_MEMBERS: Final = 64
_CHARACTERS: Final = 2000
"""Most that is parsed: many times what is written."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What outcomes matured before a day allow; each part is None while there are too few.

    Parameters
    ----------
    effective : datetime64[D]
        First session it may answer for.
    stacker : Stacker or None
    confidence : Confidence or None
    """

    effective: np.datetime64
    stacker: Stacker | None
    confidence: Confidence | None


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The out-of-fold record of the members of one horizon, and what was fitted on it, stage by stage.

    Parameters
    ----------
    horizon : Horizon
    data_name, data_version : str
    created_at : str
        ISO-8601, UTC.
    scores : Scores
        Out of fold; matured outcomes only.
    peers : float64 array, shape (D, M)
        Rank correlation of each member's excess score with the mean of the others', on the dates of `scores`.
    stages : tuple of Stage
        In time order.
    """

    horizon: Horizon
    data_name: str
    data_version: str
    created_at: str
    scores: Scores
    peers: FloatArray
    stages: tuple[Stage, ...]

    def at(self, day: np.datetime64) -> Stage | None:
        """Return the last stage that may answer for a session; None before the first."""
        return next((stage for stage in reversed(self.stages) if stage.effective <= day), None)

    def to_files(self) -> dict[str, bytes]:
        """Return it as plain data, ``ensemble.json`` and ``scores.npy``; equal inputs give equal bytes."""
        body = {
            "version": _VERSION,
            "horizon": self.horizon,
            "data_name": self.data_name,
            "data_version": self.data_version,
            "created_at": self.created_at,
            "members": list(self.scores.members),
            "stages": [_stage_body(stage) for stage in self.stages],
        }
        record = np.concatenate([to_array(self.scores), self.peers], axis=1)
        return {"ensemble.json": json.dumps(body, allow_nan=False, indent=1).encode(), "scores.npy": npy_bytes(record)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Fitted:
        """Read `to_files`.

        Parameters
        ----------
        files : mapping of str to bytes
            Trusted in nothing: sizes are held before anything is parsed, and every figure is checked.

        Raises
        ------
        ArtifactCorrupt
            If a file is missing, too large or malformed, or says what no fit can: a coefficient below 0, a figure that
            is not finite, stages or dates out of order, another version of the format.
        """
        for name, limit in (("ensemble.json", _JSON_BYTES), ("scores.npy", _ARRAY_BYTES)):
            if name not in files:
                raise ArtifactCorrupt(f"{name} is missing")
            if len(files[name]) > limit:
                raise ArtifactCorrupt(f"{name} is too large")
        try:
            return _fitted(json.loads(files["ensemble.json"]), read_npy(files["scores.npy"]).astype(np.float64))
        except Exception as error:  # Foreign bytes may raise anything on their way through the parsers.
            raise ArtifactCorrupt(f"what was fitted for the ensemble cannot be read: {error}") from error


def _stage_body(stage: Stage) -> dict[str, Any]:
    stacker = stage.stacker
    return {
        "effective": str(stage.effective.astype("datetime64[D]")),
        "stacker": None
        if stacker is None
        else {
            "members": list(stacker.members),
            "intercept": stacker.intercept,
            "direction": stacker.direction.tolist(),
            "excess": stacker.excess.tolist(),
            "beats_equal": stacker.beats_equal,
            "verdict": stacker.verdict,
        },
        "confidence": None if stage.confidence is None else asdict(stage.confidence),
    }


def _fitted(body: Mapping[str, Any], record: FloatArray) -> Fitted:
    if body["version"] != _VERSION:
        raise ValueError(f"version {body['version']!r} of the format is not known")
    if body["horizon"] not in HORIZONS:
        raise ValueError(f"no horizon is named {body['horizon']!r}")
    members = _names(body["members"])
    if record.ndim != 2 or np.isinf(record).any():
        raise ValueError("the record is not a table of figures")
    width = record.shape[1] - len(members)
    stages = tuple(_stage(stage) for stage in body["stages"])
    days = [stage.effective for stage in stages]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise ValueError("stages are not in time order")
    return Fitted(
        horizon=body["horizon"],
        data_name=_text(body["data_name"]),
        data_version=_text(body["data_version"]),
        created_at=_text(body["created_at"]),
        scores=from_array(members, record[:, :width]),
        peers=np.ascontiguousarray(record[:, width:]),
        stages=stages,
    )


def _stage(body: Mapping[str, Any]) -> Stage:
    stacker, confidence = body["stacker"], body["confidence"]
    day = np.datetime64(_text(body["effective"]), "D")
    if np.isnat(day):
        raise ValueError("a stage has no day")
    return Stage(
        effective=day,
        stacker=None if stacker is None else _stacker(stacker),
        confidence=None if confidence is None else _confidence(confidence),
    )


def _stacker(body: Mapping[str, Any]) -> Stacker:
    members = _names(body["members"])
    [intercept] = _figures([body["intercept"]], 1)
    direction, excess = (_figures(body[name], len(members)) for name in ("direction", "excess"))
    if direction.min() < 0.0 or excess.min() < 0.0:
        raise ValueError("a stacker's coefficient is below 0")
    if not isinstance(body["beats_equal"], bool):
        raise TypeError("beats_equal is neither true nor false")
    return Stacker(members, float(intercept), direction, excess, body["beats_equal"], _text(body["verdict"]))


def _confidence(body: Mapping[str, Any]) -> Confidence:
    slope, loss = _figures([body["slope"], body["loss"]], 2).tolist()
    if slope < 0.0 or loss < 0.0:
        raise ValueError("a slope of the confidence is below 0")
    return Confidence(slope, loss)


def _figures(values: Sequence[Any], count: int) -> FloatArray:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise TypeError("a list of figures holds something else")
    array = np.array(values, dtype=np.float64)
    if array.shape != (count,) or not np.isfinite(array).all():
        raise ValueError(f"{count} finite figures are expected")
    return array


def _names(values: Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(values, list) or not 0 < len(values) <= _MEMBERS:
        raise ValueError("members are not a list of names")
    names = tuple(_text(value) for value in values)
    if len(set(names)) != len(names):
        raise ValueError("a member is named twice")
    return names


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _CHARACTERS:
        raise ValueError("a text is missing, empty or too long")
    return value
