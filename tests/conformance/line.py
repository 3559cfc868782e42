"""A provider wired as the program wires it, to a vendor that is played, with time that passes only by sleeping."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest
from sqlalchemy import Engine
from tests.conformance.market import NOW
from tests.conformance.replay import Fault, Play, Replay
from tests.conformance.vendors.table import KEYS, VENDORS, since

from vfr.adapters.database.pace import Pace
from vfr.adapters.net.http import HttpTransport
from vfr.adapters.providers.live.registry import Access, open_provider
from vfr.adapters.providers.live.yahoo_transport import YahooTransport
from vfr.data.bitemporal.tables import Kind, empty
from vfr.data.provider import DataProvider
from vfr.workflows.sync_ask import Outcome, ask
from vfr.workflows.sync_plan import Task

__all__ = ["Hours", "Line", "Stored", "connected", "impatient", "line_to"]

Stored = Mapping[Kind, pl.DataFrame]


@dataclass
class Hours:
    """The clock of a test: it moves when somebody sleeps."""

    now: datetime = NOW
    waits: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += timedelta(seconds=seconds)


@dataclass
class Line:
    """One process that asks one vendor."""

    name: str
    provider: DataProvider
    replay: Replay
    hours: Hours
    pace: Pace

    def ask(self, kind: str, *, known: bool = True, stored: Stored | None = None) -> Outcome:
        """Ask as a sync does, and return what came of it."""
        task = self.task(kind, known=known)
        return ask(self.provider, task, lambda table, _source, _subject: (stored or {}).get(table, empty(table)), NOW)

    def task(self, kind: str, *, known: bool = True) -> Task:
        """Return the question about the facts of a kind."""
        offer = next(one for one in self.provider.offers if one.kinds[0] == kind)
        return Task(self.name, offer, VENDORS[self.name].about(kind, known=known), since(kind))


def connected(name: str, database: Engine, fault: Fault | None = None) -> AbstractContextManager[Line]:
    """Open a provider on its vendor; `database` holds the pace, and several lines may share it."""
    return line_to(name, VENDORS[name].play, database, fault)


@contextmanager
def line_to(name: str, play: Play, database: Engine, fault: Fault | None = None, under: str = "") -> Iterator[Line]:
    """Open a provider on any player of its vendor; `under` ends the address, where that tells what lies there."""
    hours = Hours()
    with Replay(play, fault) as replay:
        access = Access(
            pace=Pace(database),
            sleep=hours.sleep,
            rng=np.random.default_rng(5),
            clock=hours.read,
            credentials=KEYS,
            urls={name: replay.url + under},
        )
        provider = open_provider(name, access)
        yield Line(name, provider, replay, hours, access.pace)


def impatient(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Shorten the time-outs, and change nothing else of how the program wires a provider."""
    patch.setattr("vfr.adapters.net.http.HttpTransport", partial(HttpTransport, read_s=seconds))
    module = "vfr.adapters.providers.live.yahoo_transport"
    patch.setattr(f"{module}.YahooTransport", partial(YahooTransport, timeout=seconds))
