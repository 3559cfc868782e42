"""Look things up: symbols by ticker or name, the symbols of a sector, the bars of a symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vfr.data.panel import Adjustment, Panel
from vfr.data.records import Securities
from vfr.data.sessions import parse_day
from vfr.data.symbols import normalise
from vfr.errors import InvalidField
from vfr.scoring.selection import sector_members
from vfr.typing import BoolArray

__all__ = ["HistoryQuery", "by_sector", "history", "search"]

MAX_BARS: Final = 10_000
MAX_QUERY: Final = 64
DEFAULT_BARS: Final = 1_000

_ADJUSTMENTS: Final[Mapping[str, Adjustment]] = {"raw": "split", "dividend-adjusted": "dividend"}
_NAMES: Final = {stored: name for name, stored in _ADJUSTMENTS.items()}


def search(symbols: tuple[str, ...], securities: Securities, text: str, limit: int = 20) -> dict[str, Any]:
    """Find symbols by ticker or company name, any case.

    Parameters
    ----------
    symbols : tuple of str, length N
    securities : Securities
        Of the same N symbols.
    text : str
        1-64 printable characters.
    limit : int
        Most results listed; `total` counts all.

    Returns
    -------
    dict
        ``{results: [{symbol, name, exchange, type, currency, matchScore}], query, total}``, best
        match first, ties by symbol.
        `exchange` is null: the data does not know it. `matchScore` is 1 for the ticker itself, 0.9 for the start of a
        ticker, 0.8 of a name, 0.7 of a word of a name, 0.5 for anywhere else.

    Raises
    ------
    InvalidField
        If the text is empty, too long or not printable.
    """
    wanted = _printable("query", text).casefold()
    found = [
        (-score, symbol, name)
        for symbol, name in zip(symbols, securities.name, strict=True)
        if (score := _match(wanted, symbol.casefold(), name.casefold())) > 0
    ]
    results = [
        {"symbol": symbol, "name": name, "exchange": None, "type": "Equity", "currency": "USD", "matchScore": -score}
        for score, symbol, name in sorted(found)[:limit]
    ]
    return {"results": results, "query": text.strip(), "total": len(found)}


def _match(wanted: str, symbol: str, name: str) -> float:
    dotted = wanted.replace("-", ".")
    if dotted == symbol:
        return 1.0
    if symbol.startswith(dotted):
        return 0.9
    if name.startswith(wanted):
        return 0.8
    if f" {wanted}" in name:
        return 0.7
    return 0.5 if wanted in name or dotted in symbol else 0.0


def by_sector(symbols: tuple[str, ...], securities: Securities, text: str) -> dict[str, Any]:
    """List the symbols of a sector, by any spelling or GICS code of it.

    Returns
    -------
    dict
        ``{sector, symbols: [{symbol, name}]}``, by symbol; `sector` as the data spells it.

    Raises
    ------
    InvalidField
        If the text is empty, too long or not printable.
    UnknownSector
        If the data has no such sector.
    """
    wanted = _printable("sector", text)
    columns = sector_members(securities.sector, wanted)
    listed = sorted((symbols[c], securities.name[c]) for c in columns)
    return {
        "sector": securities.sector[int(columns[0])],
        "symbols": [{"symbol": symbol, "name": name} for symbol, name in listed],
    }


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A checked request for bars.

    Parameters
    ----------
    symbol : str
        Normalised ticker.
    adjustment : {"split", "dividend"} or None
        None is the adjustment the data is stored with. Requests and answers call them ``raw`` and
        ``dividend-adjusted``.
    start, end : datetime64[D] or None
        First and last day wanted.
    limit : int
        1-10,000: the newest bars of the span.
    """

    symbol: str
    adjustment: Adjustment | None = None
    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    limit: int = DEFAULT_BARS

    @classmethod
    def parse(cls, symbol: str, params: Mapping[str, str]) -> HistoryQuery:
        """Check the parameters ``adjustment``, ``from``, ``to`` and ``limit`` as text.

        Raises
        ------
        InvalidField
            Naming the first one that is wrong.
        """
        asked = params.get("adjustment")
        if asked is not None and asked not in _ADJUSTMENTS:
            raise InvalidField("adjustment", f"must be one of {', '.join(_ADJUSTMENTS)}")
        start, end = (parse_day(f, params[f]) if f in params else None for f in ("from", "to"))
        if start is not None and end is not None and start > end:
            raise InvalidField("from", "must not be after to")
        text = params.get("limit", str(DEFAULT_BARS))
        if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= MAX_BARS):
            raise InvalidField("limit", f"must be a whole number from 1 to {MAX_BARS}")
        return cls(normalise(symbol, "symbol"), None if asked is None else _ADJUSTMENTS[asked], start, end, int(text))


def history(panel: Panel, query: HistoryQuery) -> dict[str, Any]:
    """Return the bars of a symbol, oldest first.

    Returns
    -------
    dict
        ``{symbol, adjustment, bars: [[date, open, high, low, close, volume]], total}``: USD and shares, None where
        unknown, without the sessions before the first and after the last known price; `total` counts the bars of the
        span before `limit` cut it.

    Raises
    ------
    UnknownSymbol
        If the data does not hold the symbol.
    InvalidField
        If the data is adjusted for dividends already and bars adjusted for splits only are asked for.
    """
    column = panel.column(query.symbol)
    adjustment = query.adjustment or panel.adjustment
    if adjustment == "split" and panel.adjustment == "dividend":
        raise InvalidField(
            "adjustment", "the installed data is adjusted for dividends already; ask for dividend-adjusted"
        )
    prices = np.stack([getattr(panel, name)[:, column] for name in ("open", "high", "low", "close")])
    if adjustment != panel.adjustment:
        # One factor for the four prices of a day keeps the bar's shape; the volume stays on the split basis.
        prices = prices * (panel.adj_close[:, column] / panel.close[:, column])
    rows = _span(panel, np.isfinite(prices).any(axis=0), query)
    cut = rows[-query.limit :]
    shown = slice(cut.start, cut.stop)
    figures = np.vstack([prices, panel.volume[:, column]])[:, shown].T
    # One value at a time this takes ten times as long, and nearly all of it is spent here.
    known = np.where(np.isfinite(figures), figures, np.array(None)).tolist()
    bars = [[day, *bar] for day, bar in zip(panel.sessions[shown].astype(str).tolist(), known, strict=True)]
    return {"symbol": query.symbol, "adjustment": _NAMES[adjustment], "bars": bars, "total": len(rows)}


def _span(panel: Panel, known: BoolArray, query: HistoryQuery) -> range:
    listed = np.flatnonzero(known)
    if not listed.size:
        return range(0)
    first, last = int(listed[0]), int(listed[-1])
    if query.start is not None:
        first = max(first, int(np.searchsorted(panel.sessions, query.start, side="left")))
    if query.end is not None:
        last = min(last, int(np.searchsorted(panel.sessions, query.end, side="right")) - 1)
    return range(first, last + 1)


def _printable(field: str, text: str) -> str:
    wanted = text.strip()
    if not wanted or len(wanted) > MAX_QUERY or not wanted.isprintable():
        raise InvalidField(field, f"must be 1 to {MAX_QUERY} printable characters")
    return wanted
