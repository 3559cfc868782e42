"""A data home with a synthetic market, five small members at every horizon, and what they have earned."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from tests.models.stored_versions import card, files_of
from tests.workflows.service import fitted

from vfr import bootstrap
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.ensemble.fitted import Stage
from vfr.ensemble.stacking import Stacker
from vfr.factors.compute import compute_board
from vfr.models.learners import LEARNERS
from vfr.settings import Settings
from vfr.typing import HORIZONS, MEMBER_NAMES
from vfr.workflows.forecast import Forecasts
from vfr.workflows.forecaster import Forecast

SESSIONS = 330
HERE = tuple(name for name in MEMBER_NAMES if LEARNERS[name].unavailable() is None)
"""Members that can be fitted on this machine."""


def market(seed=3, sessions=SESSIONS):
    """Return the data set of the home; more sessions are a later state of the same market."""
    made = synthetic.snapshot(np.random.default_rng(seed), n_sessions=sessions, n_symbols=60)
    return replace(made, version=f"v{sessions}")


def publish(app, snapshot):
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))


def promote(app, member, horizon="7d", tail="a", seed=0):
    """Store a version and make it champion; return its id."""
    name = app.datasets.current()
    made = card(tail, member=member, horizon=horizon, data_name=name, labels_end="2016-06-30")
    app.models.save(made, files_of(member, seed))
    app.models.set_status(made.model_id, "champion", who="test", why="test")
    return made.model_id


def home_of_five(folder, *, without=()):
    """Make the home and return its application; `without` are (member, horizon) that have no version."""
    app = bootstrap.build(Settings(data_home=folder))
    snapshot = market()
    publish(app, snapshot)
    for horizon in HORIZONS:
        for seed, member in enumerate(HERE):
            if (member, horizon) not in without:
                promote(app, member, horizon, seed=seed)
        app.learning.ensembles.save(record(snapshot, horizon))
    return app


def record(snapshot, horizon):
    """Return a record of three of the five, with a stacker of two of them and a confidence."""
    made = fitted(horizon, 0.05, snapshot.sessions, snapshot.name, SESSIONS - 60)
    stacker = Stacker(("lightgbm", "linear"), 0.01, np.array([0.4, 0.3]), np.array([0.5, 0.2]), True, "it beat them")
    last = made.stages[-1]
    return replace(made, stages=(*made.stages[:-1], Stage(last.effective, stacker, last.confidence)))


def direct(app, **options):
    """Return forecasts that ask the members when they are asked."""
    return Forecasts(app.datasets, app.models, lambda: None, combining=app.tracking.earned, **options)


MEASURED = ("latency_ms", "computed_at", "from_cache", "memo")
"""What two forecasts that say the same may differ in."""


def told(found):
    """Return everything that a forecast says, arrays as their bytes: equal only if equal to the last bit."""
    if not isinstance(found, Forecast):
        return found
    members = tuple(_told(member) for member in found.members)
    return _told(replace(found, members=())), members


def _told(one):
    values = {f.name: getattr(one, f.name) for f in fields(one) if f.name not in MEASURED}
    return tuple((name, v.tobytes() if isinstance(v, np.ndarray) else repr(v)) for name, v in values.items())
