"""The look-ahead test on real data: splits, gaps, renames and late statements of 480 companies (`make verify`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.adapters.providers.files import FilesProvider
from vfr.factors.registry import SUB_FACTORS
from vfr.features.registry import FEATURES
from vfr.workflows.lookahead import lookahead

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.evidence

UNMEASURED = {"macro.stress.credit_spread"}
"""Needs two bond yields the folder lacks; the seeded market has them."""

ABSENT = {name for name, entry in SUB_FACTORS.items() if entry.needs is not None}
"""Need insiders and analysts, of which the folder knows nothing: they take no part; the seeded market has them."""


def test_nothing_leaks_on_real_data(shared_data: Path) -> None:
    whole, _ = FilesProvider(shared_data, name="real").load()
    snapshot = whole.upto(np.datetime64("2015-12-31"))  # the span in which prices, statements and texts meet
    report = lookahead([snapshot], rng=np.random.default_rng(11))
    assert report.leaks == ()
    assert set(report.checked) == (SUB_FACTORS.keys() | FEATURES.keys()) - UNMEASURED - ABSENT
    assert set(report.unchecked) == UNMEASURED
