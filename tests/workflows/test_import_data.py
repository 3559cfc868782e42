from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.data import synthetic
from vfr.data.provider import Progress
from vfr.data.quality import QualityReport
from vfr.data.snapshot import Snapshot
from vfr.errors import ImportRejected, InvalidField, NoData
from vfr.factors.board import Board
from vfr.workflows.import_data import import_data


class Market:
    name = "market"

    def __init__(self, error: ImportRejected | None = None) -> None:
        self.error = error

    def load(self, progress: Progress | None = None) -> tuple[Snapshot, QualityReport]:
        if self.error:
            raise self.error
        if progress:
            progress("reading", 1.0)
        return synthetic.snapshot(np.random.default_rng(2), n_sessions=300, n_symbols=12), QualityReport.of([], {})


@pytest.fixture
def store(tmp_path: Path) -> DirectoryDatasets:
    return DirectoryDatasets(tmp_path)


def test_import_computes_every_factor_and_makes_the_data_current(store: DirectoryDatasets) -> None:
    stages: list[tuple[str, float]] = []
    result = import_data(Market(), store, progress=lambda stage, fraction: stages.append((stage, fraction)))
    assert (result.name, result.sessions, result.symbols) == ("synthetic", 300, 12)
    assert store.current() == "synthetic"
    board = store.board()
    assert board.as_of == store.snapshot().as_of
    assert {name.split(".")[0] for name in board.scores.names} == {
        "technical", "fundamental", "macro", "sentiment", "alternative",
    }  # fmt: skip
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions)
    assert stages[-1] == ("done", 1.0)
    assert result.to_dict()["dataVersion"] == result.version


@pytest.mark.parametrize("step", ["load", "board"])
def test_a_failed_import_leaves_the_store_untouched(store: DirectoryDatasets, step: str) -> None:
    def refuse(_: Snapshot) -> Board:
        raise ImportRejected("no")

    build: Callable[[Snapshot], Board] | None = refuse if step == "board" else None
    with pytest.raises(ImportRejected):
        import_data(Market(ImportRejected("no") if step == "load" else None), store, build_board=build)
    with pytest.raises(NoData):
        store.board()
    assert store.names() == []


def test_a_name_that_is_none_is_refused_before_anything_is_read(store: DirectoryDatasets) -> None:
    market = Market(ImportRejected("was read"))
    market.name = "../etc"
    with pytest.raises(InvalidField, match=r"^name: "):
        import_data(market, store)
