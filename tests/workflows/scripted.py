"""A provider that plays an invented market from a seed, and does what a test tells it to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.provider import Batch, Offer, Order
from vfr.data.sessions import closes_utc, sessions_between

BARS = Offer(("bars", "actions"), "symbol")
ABOUT = Offer(("profile",), "symbol", every=30)
FILINGS = Offer(("fundamentals",), "symbol")

NOW = datetime(2024, 3, 28, 22, 0, tzinfo=UTC)
START = date(2023, 1, 3)


def frame(kind: Kind, lines: Sequence[tuple]) -> pl.DataFrame:
    """Return a table from rows in column order."""
    return pl.DataFrame(list(lines), schema=dict(TABLES[kind].columns), orient="row")


@dataclass
class Scripted:
    """Bars of any symbol from a random walk that its name seeds; `behave` may raise or change an answer."""

    name: str = "one"
    offers: tuple[Offer, ...] = (BARS, ABOUT)
    behave: Callable[[Order, tuple[Batch, ...]], tuple[Batch, ...]] = lambda order, batches: batches
    level: float = 1.0
    pause: float = 0.0
    asked: list[Order] = field(default_factory=list)

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order."""
        self.asked.append(order)
        time.sleep(self.pause)
        makers = {BARS: self._bars, ABOUT: self._about, FILINGS: self._filings}
        return self.behave(order, makers[order.offer](order))

    def _bars(self, order: Order) -> tuple[Batch, ...]:
        sessions = sessions_between(np.datetime64(START), np.datetime64(order.now.date()))
        closes_at = closes_utc(sessions)
        # Drawn session by session, so that a longer history begins like a shorter one.
        draws = np.random.default_rng(list(order.subject.encode())).normal(size=(sessions.size, 2))
        walk = self.level * 50 * np.exp(np.cumsum(0.012 * draws[:, 0]))
        volume = np.round(4e5 * np.exp(0.3 * draws[:, 1]))
        lines = []
        for day, shut, close, traded in zip(sessions.tolist(), closes_at.tolist(), walk.tolist(), volume, strict=True):
            known = shut.replace(tzinfo=UTC)
            if day >= order.since and known + timedelta(minutes=15) <= order.now:
                price = round(close, 4)
                bar = (price, round(price * 1.01, 4), round(price * 0.99, 4), price, traded)
                lines.append((order.subject, day, *bar, "USD", self.name, known))
        return (
            Batch("bars", order.subject, frame("bars", lines), order.since),
            Batch("actions", order.subject, frame("actions", []), order.since),
        )

    def _about(self, order: Order) -> tuple[Batch, ...]:
        lines = [(order.subject, "name", f"{order.subject} Inc.", self.name, order.now)]
        return (Batch("profile", order.subject, frame("profile", lines), order.since),)

    def _filings(self, order: Order) -> tuple[Batch, ...]:
        known = datetime(2024, 2, 20, 21, 30, tzinfo=UTC)
        end = date(2023, 12, 31)
        lines = [
            (order.subject, end, "FY", "revenue", 1e9, "10-K", f"{order.subject}-1", known.date(), self.name, known),
            (order.subject, end, "FY", "net_income", 1e8, "10-K", f"{order.subject}-1", known.date(), self.name, known),
        ]
        return (Batch("fundamentals", order.subject, frame("fundamentals", lines), order.since),)
