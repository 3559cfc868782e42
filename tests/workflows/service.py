"""A record of training and what was served after it, invented, for the tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.ensemble.record import calendar, record
from tests.journal.made import forecast

from vfr import bootstrap
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.ensemble.confidence import Confidence
from vfr.ensemble.fitted import Fitted, Stage
from vfr.factors.compute import compute_board
from vfr.journal.records import Outcomes
from vfr.settings import Settings

MEMBERS = ("lightgbm", "linear", "trees")
NAMES = tuple(f"S{n:02d}" for n in range(60))
SESSIONS = calendar(700)
TRAINED = 500


class Kept:
    """One ensemble in memory."""

    def __init__(self, fitted):
        self.fitted = fitted

    def load(self, data_name, horizon):
        return self.fitted if self.fitted and (data_name, horizon) == ("live", self.fitted.horizon) else None

    def stamp(self):
        return "one"


class Diary:
    """A journal of some sessions; outcomes are those settled so far."""

    def __init__(self, made, came):
        self.made, self.came = made, came
        self.read, self.go, self.looks = [], None, 0

    def forecasts(self, data_name, horizon, since="", until="9999-12-31"):
        self.read.append("forecasts")
        if self.go is not None:
            assert self.go.wait(20)
        return [one for one in self.made if since <= str(one.as_of) <= until]

    votes = forecasts

    def outcomes(self, data_name, horizon, since="", until="9999-12-31"):
        self.read.append("outcomes")
        return [one for one in self.came if since <= str(one.as_of) <= until]

    def checked(self, data_name):
        self.looks += 1
        return f"v{len(self.came)}"


def fitted(horizon="1d", better=0.0, sessions=SESSIONS, data_name="live", trained=TRAINED) -> Fitted:
    """Return the record of three members; the first is better by so much rank correlation."""
    rng = np.random.default_rng(0)
    ic = 0.02 + 0.05 * rng.normal(size=(trained, 3)) + better * np.array([1.0, 0.0, 0.0])
    scores = record(ic, members=MEMBERS, dates=sessions[:trained])
    peers = 0.6 + 0.05 * rng.normal(size=ic.shape)
    sure = Confidence(slope=0.1, loss=0.2)
    stages = (Stage(sessions[250], None, None), Stage(sessions[trained - 1], None, sure))
    return Fitted(horizon, data_name, "v1", "2012-01-01T00:00:00+00:00", scores, peers, stages)


def served(count, broken_from=None, horizon="1d", sessions=SESSIONS[TRAINED:], names=NAMES, data_name="live"):
    """Forecasts from the session after training on, and their outcomes; the first member may break."""
    rng = np.random.default_rng(1)
    made, came = [], []
    for k in range(count):
        signal = rng.normal(size=len(names))
        expected = 0.01 * (signal + 0.7 * rng.normal(size=(3, len(names))))
        if broken_from is not None and k >= broken_from:
            expected[0] = rng.permutation(expected[0])
        day = sessions[k]
        one = forecast(str(day), names, seed=k, members=MEMBERS, model_ids=("a", "b", "c"), weights=np.full(3, 1 / 3))
        p_up = np.clip(0.5 + 5 * expected, 0.01, 0.99)
        made.append(replace(one, data_name=data_name, horizon=horizon, member_expected=expected, member_p_up=p_up))
        returns = 0.01 * (0.3 * signal + rng.normal(size=len(names)))
        direction, excess = (returns > 0).astype(float), returns - np.median(returns)
        known = np.ones(len(names), dtype=bool)
        settled = Outcomes(horizon, day, "open", names, returns, direction, excess, known, (None,) * len(names))
        came.append(settled)
    return made, came


def tracked_home(folder, broken_from=20, evenings=40):
    """Make a data home of 60 names with a record of training at 1d and the evenings served since, settled.

    The first member breaks on one of these evenings.
    """
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=330, n_symbols=60)
    app = bootstrap.build(Settings(data_home=folder))
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    trained = snapshot.sessions.size - evenings - 1
    record = fitted("1d", 0.05, snapshot.sessions, snapshot.name, trained)
    app.learning.ensembles.save(record)
    made, _ = served(evenings, broken_from, "1d", snapshot.sessions[trained:], snapshot.symbols, snapshot.name)
    journal = app.journal._journal()
    for one in made:
        journal.record(one)
    app.journal.settle(again=True)
    app.journal.close(30.0)
    return folder
