"""Tiingo: bars as traded with their dividends and splits, and the names of companies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final
from urllib.parse import quote

from vfr.adapters.providers.live.client import Client
from vfr.adapters.providers.live.daily import today
from vfr.adapters.providers.live.tiingo_answers import read_about, read_prices, refusal
from vfr.data.provider import Batch, Offer, Order

__all__ = ["TiingoProvider"]

_BARS: Final = Offer(("bars", "actions"), "symbol")
_ABOUT: Final = Offer(("profile",), "symbol", every=30)


@dataclass(frozen=True, slots=True)
class TiingoProvider:
    """Tiingo's daily prices.

    Parameters
    ----------
    client : Client
        Over a `TiingoTransport`, which recognises Tiingo's wordings of "too many questions".
    key : str
        Tiingo's token; sent in a header, shown nowhere.
    url : str
        Where it is asked.

    Notes
    -----
    A price answer does not name its ticker, so that an answer about another company cannot be told from its form.
    """

    client: Client
    _: KW_ONLY
    key: str = field(repr=False)
    url: str = "https://api.tiingo.com"

    @property
    def name(self) -> str:
        """As in ``--provider tiingo``."""
        return "tiingo"

    @property
    def offers(self) -> Sequence[Offer]:
        """Bars and actions daily, names monthly."""
        return (_BARS, _ABOUT)

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order about a symbol.

        Raises
        ------
        ProviderError
            As `DataProvider.fetch` says.
        """
        # Tiingo writes a class of shares with a dash.
        ticker = order.subject.replace(".", "-")
        address = f"{self.url}/tiingo/daily/{quote(ticker, safe='')}"
        if order.offer == _ABOUT:
            return (read_about(self._ask(address, {}, order), order, ticker),)
        params = {
            "startDate": order.since.isoformat(),
            "endDate": today(order.now).isoformat(),
            "format": "json",
        }
        return read_prices(self._ask(f"{address}/prices", params, order), order)

    def _ask(self, address: str, params: Mapping[str, str], order: Order) -> Any:
        document = self.client.json(address, params=params, headers={"Authorization": f"Token {self.key}"})
        error = refusal(document, order.subject)
        if error is not None:
            raise error
        return document
