"""Clean answers to spoil: bars as traded of an invented symbol, and rows of every other kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from vfr.data.batch_checks import Checked, check_batch
from vfr.data.bitemporal.tables import TABLES, Kind, conform, empty
from vfr.data.provider import Batch, Offer, Order, Subject
from vfr.data.trading_days import trading_days

NOW = datetime(2024, 7, 8, 12, tzinfo=UTC)  # Monday morning; the last completed session is Friday 5 July
FIRST, LAST = date(2024, 3, 1), date(2024, 7, 5)
PER: dict[Kind, Subject] = {"macro": "series", "membership": "index"}
SUBJECT: dict[Kind, str] = {"macro": "DGS10", "membership": "S&P 500"}


def bars(first: date = FIRST, last: date = LAST, seed: int = 1, source: str = "yahoo") -> pl.DataFrame:
    days = trading_days(first, last)
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, days.size)))
    opened = close * np.exp(rng.normal(0, 0.005, days.size))
    frame = pl.DataFrame(
        {
            "symbol": "ZZZ",
            "date": days,
            "open": opened.round(2),
            "high": (np.maximum(opened, close) * 1.004).round(2) + 0.01,
            "low": (np.minimum(opened, close) * 0.996).round(2) - 0.01,
            "close": close.round(2),
            "volume": rng.integers(500_000, 2_000_000, days.size).astype(float),
            "currency": "USD",
            "source": source,
            "known_at": [datetime(d.year, d.month, d.day, 20, tzinfo=UTC) for d in days.tolist()],
        }
    )
    return conform("bars", frame)


def change(frame: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    """Put other values into one row; a callable gets the old value."""
    one = frame.row(row % frame.height, named=True)
    one |= {name: value(one[name]) if callable(value) else value for name, value in values.items()}
    changed = pl.DataFrame([one], schema=frame.schema)
    row %= frame.height
    return pl.concat([frame.head(row), changed, frame.slice(row + 1)])


def scale(frame: pl.DataFrame, factor: float, rows: slice) -> pl.DataFrame:
    """Multiply the prices of some rows."""
    chosen = pl.Series([i in range(*rows.indices(frame.height)) for i in range(frame.height)])
    prices = ("open", "high", "low", "close")
    return frame.with_columns(pl.when(chosen).then(pl.col(c) * factor).otherwise(pl.col(c)).alias(c) for c in prices)


def actions(*told: tuple[date, str, float | None], source: str = "yahoo") -> pl.DataFrame:
    rows = [
        {"symbol": "ZZZ", "date": d, "action": a, "value": v, "source": source, "known_at": midnight(d)}
        for d, a, v in told
    ]
    return pl.DataFrame(rows, schema=dict(TABLES["actions"].columns))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows(kind: Kind, *changes: dict[str, Any]) -> pl.DataFrame:
    """One clean row of a kind for each set of changes to it."""
    return pl.DataFrame([_CLEAN[kind] | changed for changed in changes], schema=dict(TABLES[kind].columns))


def judge(
    kind: Kind,
    frame: pl.DataFrame,
    known: pl.DataFrame | None = None,
    told: pl.DataFrame | None = None,
    since: date = FIRST,
    now: datetime = NOW,
    **more: Any,
) -> Checked:
    subject = SUBJECT.get(kind, "ZZZ")
    order = Order(Offer((kind,), PER.get(kind, "symbol")), subject, since, now)
    stored = empty(kind) if known is None else known
    acted = empty("actions") if told is None else told
    return check_batch(Batch(kind, subject, frame, since), order, stored, acted, **more)


def found(checked: Checked) -> dict[str, int]:
    return {f.check: f.count for f in checked.findings}


def reasons(checked: Checked) -> dict[str, int]:
    counted = checked.quarantined["reason"].value_counts()
    return dict(counted.iter_rows())


_AT = NOW - timedelta(days=3)
_STAMP = {"source": "src", "known_at": _AT}
_CLEAN: dict[Kind, dict[str, Any]] = {
    "actions": {"symbol": "ZZZ", "date": date(2024, 6, 3), "action": "split", "value": 4.0} | _STAMP,
    "fundamentals": {
        "symbol": "ZZZ",
        "period_end": date(2024, 3, 31),
        "period": "Q",
        "item": "revenue",
        "value": 1e9,
        "form": "10-Q",
        "accession": "0000000000-24-000001",
        "filed_at": date(2024, 5, 3),
    }
    | _STAMP,
    "macro": {"series": "DGS10", "date": date(2024, 7, 3), "value": 4.36} | _STAMP,
    "membership": {"index": "S&P 500", "symbol": "ZZZ", "start_date": date(2020, 1, 2), "end_date": None} | _STAMP,
    "texts": {"symbol": "ZZZ", "created_at": _AT, "text": "ZZZ rises", "url": "https://example.com/1"} | _STAMP,
    "insiders": {
        "symbol": "ZZZ",
        "date": date(2024, 7, 1),
        "owner": "A. Person",
        "role": "director",
        "code": "P",
        "shares": 100.0,
        "price": 12.5,
        "accession": "0000000000-24-000002",
        "line": 0,
    }
    | _STAMP,
    "ratings": {"symbol": "ZZZ", "date": date(2024, 7, 5), "measure": "buy", "value": 11.0} | _STAMP,
    "profile": {"symbol": "ZZZ", "field": "name", "text": "Zee Incorporated"} | _STAMP,
}
