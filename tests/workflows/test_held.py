"""The whole current data set is held in memory; a part of it is read for who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.data import synthetic
from vfr.data.fingerprint import fingerprint
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board
from vfr.workflows.held import HeldDatasets

if TYPE_CHECKING:
    from pathlib import Path


def test_a_part_is_passed_through_and_does_not_displace_the_whole(tmp_path: Path) -> None:
    made = synthetic.snapshot(np.random.default_rng(4), n_sessions=60, n_symbols=8)
    made = replace(made, version=fingerprint(made))
    held = HeldDatasets(DirectoryDatasets(tmp_path))
    held.publish(made, QualityReport.of([], {}), compute_board(made))
    whole = held.snapshot()
    part = held.snapshot(symbols=[made.symbols[5], made.symbols[2]])
    assert part.symbols == (made.symbols[2], made.symbols[5])
    assert fingerprint(part) == fingerprint(made.take(np.array([2, 5])))
    assert held.snapshot("synthetic", [made.symbols[0]]).symbols == made.symbols[:1]
    assert held.snapshot() is whole
