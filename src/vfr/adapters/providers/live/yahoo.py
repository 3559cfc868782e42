"""Yahoo Finance: bars, splits and dividends, names and sectors, analysts' counts, headlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, time
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from vfr.adapters.providers.live.client import Client
from vfr.adapters.providers.live.daily import NEW_YORK
from vfr.adapters.providers.live.yahoo_chart import read_chart
from vfr.adapters.providers.live.yahoo_search import read_search
from vfr.adapters.providers.live.yahoo_summary import MODULES, read_summary
from vfr.data.provider import Batch, Offer, Order

__all__ = ["YahooProvider"]

_BARS: Final = Offer(("bars", "actions"), "symbol")
_ABOUT: Final = Offer(("profile", "ratings"), "symbol", every=30)
_NEWS: Final = Offer(("texts",), "symbol")

_HEADLINES: Final = 20


@dataclass(frozen=True, slots=True)
class YahooProvider:
    """Yahoo Finance, through the addresses its own pages read.

    Parameters
    ----------
    client : Client
        Over a `YahooTransport`, which brings the cookie and the crumb that Yahoo wants.
    url : str
        Where it is asked.

    Notes
    -----
    Yahoo documents none of this and may change it; every answer is therefore parsed strictly, and one that looks
    different is refused with its reason. Prices and dividends come on today's share basis and are stored as traded.
    """

    client: Client
    _: KW_ONLY
    url: str = "https://query2.finance.yahoo.com"

    @property
    def name(self) -> str:
        """As in ``--provider yahoo``."""
        return "yahoo"

    @property
    def offers(self) -> Sequence[Offer]:
        """Bars and headlines daily, names and ratings monthly."""
        return (_BARS, _ABOUT, _NEWS)

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order about a symbol.

        Raises
        ------
        ProviderError
            As `DataProvider.fetch` says.
        """
        # Yahoo writes a class of shares with a dash.
        ticker = order.subject.replace(".", "-")
        if order.offer == _BARS:
            return self._chart(order, ticker)
        if order.offer == _ABOUT:
            address = f"{self.url}/v10/finance/quoteSummary/{quote(ticker, safe='')}"
            document = self.client.json(address, params={"modules": ",".join(MODULES), "formatted": "false"})
            return read_summary(document, order, ticker)
        params = {"q": ticker, "quotesCount": "1", "newsCount": str(_HEADLINES), "enableFuzzyQuery": "false"}
        return (read_search(self.client.json(f"{self.url}/v1/finance/search", params=params), order, ticker),)

    def _chart(self, order: Order, ticker: str) -> tuple[Batch, ...]:
        since = datetime.combine(order.since, time(), ZoneInfo(NEW_YORK))
        # Up to the moment of asking, because prices are adjusted by every split until then.
        params = {
            "period1": str(int(since.timestamp())),
            "period2": str(int(order.now.timestamp())),
            "interval": "1d",
            "events": "div,split",
            "includePrePost": "false",
        }
        document = self.client.json(f"{self.url}/v8/finance/chart/{quote(ticker, safe='')}", params=params)
        return read_chart(document, order, ticker)
