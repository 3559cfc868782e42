"""kill -9 of a process that records, at any moment: the database opens, nothing is torn, lost or there twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, text
from tests.adapters.database.conftest import until
from tests.zygote import Fork, zygote

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.tables import ENTRIES, EXPOSURES, FORECASTS

BATCH = 40
LIFE = 10

ZYGOTE = """
import pg8000
from tests.journal.made import forecast
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.journal import SqlJournal
from vfr.journal.records import Exposure
from vfr.workflows.outbox import Outbox

def child(url, path, first):
    journal, number = SqlJournal(open_engine(url)), int(first)
    said = open(path, "w", buffering=1)
    def write(batch):
        journal.record(forecast(data_name=f"after {batch[0].request}"))
        journal.expose(batch)
        print(batch[-1].request, file=said)
    box = Outbox("killed", write, capacity=4_000, batch=40, every=0.001)
    while True:
        some = [
            Exposure(f"{number + k:08d}", "AAA", "live", "2016-03-01", "7d", 60.0, True, 0.07, 1.0) for k in range(40)
        ]
        if box.waiting < 2_000:
            assert box.put(*some)
            number += 40
"""


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    with zygote(ZYGOTE) as forked:
        yield forked


def requests(engine: Engine) -> list[int]:
    with transaction(engine, reads=True) as connection:
        return [int(one) for one in connection.execute(select(EXPOSURES.c.request).order_by("request")).scalars()]


@pytest.mark.parametrize("seed", [pytest.param(7, id="ten kills")])
def test_a_kill_loses_only_what_was_not_written(
    fork: Fork, database_url: str, engine: Engine, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(LIFE):
        before = requests(engine)
        heard = tmp_path / f"from {len(before)}"
        writer = fork(database_url, heard, len(before))
        assert until(lambda heard=heard: heard.exists() and heard.stat().st_size > 0, 60)
        time.sleep(float(rng.uniform(0.0, 0.3)))
        writer.kill()
        assert writer.ended() == -signal.SIGKILL
        whole = [int(line) for line in heard.read_text().splitlines() if len(line) == 8]
        found = requests(engine)
        assert found == list(range(len(found))), "none is missing between others, none is there twice"
        assert len(found) % BATCH == 0, "a batch is whole or not there"
        assert len(found) > max(whole), "what was said to be written is"
    with transaction(engine, reads=True) as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        per_head = (
            select(func.count(ENTRIES.c.symbol))
            .join_from(FORECASTS, ENTRIES, ENTRIES.c.forecast_id == FORECASTS.c.id, isouter=True)
            .group_by(FORECASTS.c.id)
        )
        assert set(connection.execute(per_head).scalars()) == {4}, "no half of a forecast"
    assert SqlJournal(engine).exposures() == len(found)
