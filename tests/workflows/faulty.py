"""Five members that do what a test wants, on one feature that rises along the universe."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.features.matrix import FeatureMatrix
from vfr.models.prediction import Prediction
from vfr.typing import MEMBER_NAMES

LONG = 20_000
NAN = np.nan


def ramp(snapshot, rows=None, *, along=None):
    """Stand in for the features of a session."""
    values = np.linspace(-0.2, 0.2, len(snapshot.symbols), dtype=np.float32)[None, None]
    return FeatureMatrix(("first",), "spec", snapshot.sessions[rows], snapshot.symbols, values)


@dataclass
class Faults:
    """What befalls which member; a hang lasts until `release`."""

    of: dict = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)
    asked: list = field(default_factory=list)


def good(card, n):
    ramp = np.linspace(-0.2, 0.2, n) * (1 + MEMBER_NAMES.index(card.member))
    return Prediction(0.5 + ramp / 10, ramp, ramp - 0.1, ramp + 0.1, np.full(n, 0.52), 0.9)


@dataclass
class Member:
    card: SimpleNamespace
    faults: Faults

    def predict(self, X):
        self.faults.asked.append(self.card.member)
        n = X.shape[1]
        match self.faults.of.get(self.card.member):
            case "raises":
                raise ZeroDivisionError
            case "hangs":
                assert self.faults.release.wait(LONG / 1e3)
            case "nan":
                return Prediction(*np.full((5, n), NAN), 0.9)
            case "shape":
                return good(self.card, n - 1)
            case "slow":
                time.sleep(0.06)
        return good(self.card, n)


@dataclass
class Store:
    faults: Faults
    missing: bool = False

    def cards(self):
        facts = {"horizon": "7d", "data_name": "synthetic", "feature_spec": "spec", "feature_names": ("first",)}
        ends = {"labels_end": "2018-01-31", "train_start": "2010-01-04", "importance": {"first": 1.0}}
        return [SimpleNamespace(member=m, model_id=f"{m}-1", status="champion", **facts, **ends) for m in MEMBER_NAMES]

    def succession(self):
        return {}

    def unreadable(self):
        return {}

    def problems(self):
        return {}

    def stamp(self):
        return "one"

    def size(self, model_id):
        return 1

    def load(self, model_id):
        card = next(c for c in self.cards() if c.model_id == model_id)
        if self.faults.of.get(card.member) == "missing":
            raise ArtifactCorrupt(f"{model_id}: model.txt is missing")
        return Member(card, self.faults)
