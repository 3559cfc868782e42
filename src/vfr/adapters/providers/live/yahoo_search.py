"""Read Yahoo's search document: headlines about a symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from vfr.adapters.providers.live.reading import listing, moment, record, words
from vfr.data.bitemporal.tables import conform, empty
from vfr.data.provider import Batch, Order
from vfr.errors import BadAnswer

__all__ = ["read_search"]


def read_search(document: Any, order: Order, ticker: str) -> Batch:
    """Return the headlines of a search document, each known from the moment it was published.

    Parameters
    ----------
    document : object
        As parsed.
    order : Order
        What was asked; headlines published before `since` or after `now` are left out.
    ticker : str
        The symbol as Yahoo spells it.

    Returns
    -------
    Batch
        Search is by likeness: a headline that names its symbols, and this one not among them, is left out.

    Raises
    ------
    BadAnswer
        If a headline has no title, link or moment of publication, or one of another type.
    """
    where = f"yahoo, {order.subject}"
    rows = []
    for one in listing(record(document, where).get("news"), f"{where}: news"):
        story = record(one, f"{where}: news")
        related = story.get("relatedTickers")
        if related is not None and ticker not in listing(related, f"{where}: relatedTickers"):
            continue
        row = _row(story, where)
        if order.since <= row["created_at"].date() and row["created_at"] <= order.now:
            rows.append(row)
    if not rows:
        return Batch("texts", order.subject, empty("texts"), order.since)
    frame = pl.DataFrame(rows).unique(("created_at", "url"), keep="first", maintain_order=True)
    frame = frame.with_columns(symbol=pl.lit(order.subject), source=pl.lit("yahoo"), known_at=pl.col("created_at"))
    return Batch("texts", order.subject, conform("texts", frame.sort("created_at", "url")), order.since)


def _row(story: dict[str, Any], where: str) -> dict[str, Any]:
    title, link = (words(story.get(name), f"{where}: {name} of a headline") for name in ("title", "link"))
    if title is None or link is None:
        raise BadAnswer(f"{where}: a headline came without its title or its link")
    published = moment(story.get("providerPublishTime"), f"{where}: providerPublishTime")
    return {"created_at": datetime.fromtimestamp(published, UTC), "text": title, "url": link}
