"""kill -9 at random points of a sync: the store opens, the next sync completes, nothing tells the difference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.redis_server import until
from tests.workflows.test_sync import Desk, Scripted
from tests.zygote import Fork, zygote

from vfr.data.bitemporal.tables import TABLES

PAUSE = 0.02

ZYGOTE = """
from pathlib import Path
import numpy as np
from tests.redis_server import until
from tests.workflows.test_sync import Desk, Scripted
from vfr.data.sessions import sessions_between
import vfr.factors.compute, vfr.adapters.store.snapshot_files, vfr.adapters.store.tables
sessions_between(np.datetime64("2023-01-03"), np.datetime64("2024-03-28"))

def child(home):
    Desk(Path(home)).sync(Scripted(pause=%f))
"""
"""Imports once, before any library has started a thread."""


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    with zygote(ZYGOTE % PAUSE) as forked:
        yield forked


@pytest.mark.parametrize("points", [8, pytest.param(40, marks=pytest.mark.evidence)])
def test_a_sync_killed_anywhere_is_finished_by_the_next(
    fork: Fork, tmp_path_factory: pytest.TempPathFactory, points: int
) -> None:
    # The first compiles what no other test has needed before: how long a sync takes is seen from the second.
    for _ in range(2):
        whole = tmp_path_factory.mktemp("whole")
        begun = time.perf_counter()
        assert fork(whole).ended() == 0
        duration = time.perf_counter() - begun
    expected = contents(Desk(whole))
    assert expected["data"]
    stages = set()
    # One random moment in each of as many equal parts: few points leave no long stretch out. The last is sure to hit.
    moments = (np.arange(points - 1) + np.random.default_rng(3).random(points - 1)) * duration / (points - 1)
    for moment in (*moments, None):
        home = tmp_path_factory.mktemp("killed")
        child = fork(home)
        if moment is None:
            assert until(lambda home=home: staged(home), 60)
        else:
            time.sleep(float(moment))
        child.kill()
        child.ended()
        desk = Desk(home)
        published = opens(desk)
        stages.add("published" if published else "staged" if staged(home) else "begun")
        report = desk.sync(Scripted())
        assert report.complete
        assert contents(desk) == expected
        assert desk.archive.damaged() == []
    # The points must have hit more than one stage, or the test shows little.
    assert "staged" in stages


def staged(home: Path) -> bool:
    return any(home.glob("sync/live/answers/*/outcome.json"))


def opens(desk: Desk) -> bool:
    """Read whatever a killed sync left; return whether it had published."""
    for version in desk.archive.versions():
        for kind in TABLES:
            desk.archive.read(kind, version=version.version)
    if desk.datasets.current() is not None:
        assert desk.datasets.verify() == []
        desk.datasets.snapshot()
    return bool(desk.archive.versions())


def contents(desk: Desk) -> dict[str, object]:
    """Everything a reader can see."""
    return {
        "archive": [version.version for version in desk.archive.versions()],
        "tables": {kind: desk.archive.read(kind).hash_rows().to_list() for kind in TABLES},
        "data": desk.datasets.stamp(),
        "quarantine": desk.archive.quarantined().rows(),
        "asked": sorted(desk.staging.diary().asked),
    }
