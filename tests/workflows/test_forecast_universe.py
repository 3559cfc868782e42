from __future__ import annotations

import numpy as np
import pytest

from vfr.features.labels import make
from vfr.typing import HORIZONS
from vfr.validation.baserate import ex_ante_base_rate
from vfr.workflows.forecast_universe import KEPT, Inputs
from vfr.workflows.session_features import SPAN
from vfr.workflows.train_data import counting


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_base_rate_of_a_past_day_is_that_of_the_data_as_known_then(seeded_snapshot, horizon):
    inputs = Inputs()
    for row in (5, 60, 333, 699):
        then = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        counts, _ = counting(then)
        labels = make(then.panel, horizon, universe=counts)
        expected = ex_ante_base_rate(labels.direction, labels.span, counts)[-1]
        np.testing.assert_equal(inputs.base_rate(seeded_snapshot, then, horizon), expected)


def test_features_are_made_once_for_a_session_and_cannot_be_changed(seeded_snapshot, monkeypatch):
    from vfr import features

    calls, compute = [], features.compute
    monkeypatch.setattr(features, "compute", lambda *asked, **more: calls.append(asked) or compute(*asked, **more))
    inputs = Inputs()
    X, names = inputs.rows(seeded_snapshot, seeded_snapshot, 3)
    again, _ = inputs.rows(seeded_snapshot, seeded_snapshot.upto(seeded_snapshot.as_of), 3)
    assert again is X
    assert X.shape == (3, len(seeded_snapshot.symbols), len(names))
    with pytest.raises(ValueError, match="read-only"):
        X[0, 0, 0] = 1.0
    one, _ = inputs.rows(seeded_snapshot, seeded_snapshot, 1)
    np.testing.assert_array_equal(one[-1], X[-1])
    for row in (2, 8, 350, 699):  # Some names have left the market by the last of them.
        then = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        left = ~then.panel.trading()[-10:]
        values, _ = Inputs().rows(seeded_snapshot, then, 10)
        assert np.isnan(values[left]).all()
        assert np.isfinite(values[~left]).any()
    calls.clear()
    for row in range(100, 100 + KEPT * SPAN, SPAN):
        inputs.rows(seeded_snapshot, seeded_snapshot.upto(seeded_snapshot.sessions[row]), 1)
    inputs.rows(seeded_snapshot, seeded_snapshot, 3)
    assert len(calls) == 1 + KEPT
