from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.fingerprint import fingerprint
from vfr.data.panel import Panel
from vfr.data.records import Macro, Securities, Texts
from vfr.data.snapshot import Snapshot


@pytest.fixture(scope="module")
def small() -> Snapshot:
    return synthetic.snapshot(np.random.default_rng(5), n_sessions=60, n_symbols=8)


def test_names_do_not_enter(small: Snapshot) -> None:
    assert fingerprint(small) == fingerprint(replace(small, name="other", version="other"))
    assert len(fingerprint(small)) == 16


def test_nan_and_zero_have_one_form(small: Snapshot) -> None:
    volume = small.panel.volume.copy()
    volume[0, 0] = 0.0
    volume[1, 0] = np.nan
    other = volume.copy()
    other[0, 0] = -0.0
    other[1, 0] = -np.float64("nan")
    one, two = (replace(small, panel=replace(small.panel, volume=v)) for v in (volume, other))
    assert fingerprint(one) == fingerprint(two) != fingerprint(small)


def test_every_input_enters(small: Snapshot) -> None:
    seen = {fingerprint(small)}
    for field in ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings"):
        seen.add(fingerprint(replace(small, **{field: None})))
    assert len(seen) == 9


def test_versions_from_before_insiders_and_ratings_were_known_stay() -> None:
    sessions = np.array(["2014-01-02", "2014-01-03"], dtype="datetime64[D]")
    price = np.array([[1.0, 2.0], [1.5, np.nan]])
    fields = dict.fromkeys(("open", "high", "low", "close", "adj_close", "volume"), price)
    panel = Panel(sessions=sessions, symbols=("A", "B"), adjustment="split", **fields)
    closes_at = (sessions.astype("datetime64[h]") + 21).astype("datetime64[s]")
    securities = Securities(("a", "b"), ("", ""), ("", ""))
    made = Snapshot("hand", "", panel, closes_at, securities, texts=Texts(np.array([0]), closes_at[:1], ("up",)))
    # Printed by the release that had no such records.
    assert fingerprint(made) == "65ed908255b57730"


def test_texts_are_told_apart_by_their_boundaries(small: Snapshot) -> None:
    at = small.closes_at[:2]
    one, two = (replace(small, texts=Texts(np.array([0, 0]), at, words)) for words in (("ab", "c"), ("a", "bc")))
    assert fingerprint(one) != fingerprint(two)


def test_order_of_series_does_not_enter(small: Snapshot) -> None:
    assert small.macro is not None
    turned = Macro(dict(reversed(list(small.macro.series.items()))))
    assert fingerprint(small) == fingerprint(replace(small, macro=turned))
