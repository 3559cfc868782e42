from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.fingerprint import fingerprint
from vfr.data.records import Macro, Texts
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
    for field in ("actions", "fundamentals", "macro", "texts", "membership", "benchmark"):
        seen.add(fingerprint(replace(small, **{field: None})))
    assert len(seen) == 7


def test_texts_are_told_apart_by_their_boundaries(small: Snapshot) -> None:
    at = small.closes_at[:2]
    one, two = (replace(small, texts=Texts(np.array([0, 0]), at, words)) for words in (("ab", "c"), ("a", "bc")))
    assert fingerprint(one) != fingerprint(two)


def test_order_of_series_does_not_enter(small: Snapshot) -> None:
    assert small.macro is not None
    turned = Macro(dict(reversed(list(small.macro.series.items()))))
    assert fingerprint(small) == fingerprint(replace(small, macro=turned))
