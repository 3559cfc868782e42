"""Where Financial Modeling Prep keeps each document: its present addresses, and those of version 3 for older keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vfr.errors import BadAnswer

__all__ = ["STABLE", "V3", "Layout", "layout_at", "told", "vendor_symbol"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One generation of addresses.

    Parameters
    ----------
    paths : mapping of str to str
        Document to its path behind the provider's address; ``{symbol}`` stands for the ticker.
    params : mapping of str to str
        What is asked with about a ticker, ``{symbol}`` as in the paths.
    exchange : str
        The field of a profile that holds the exchange's short name.
    """

    paths: Mapping[str, str]
    params: Mapping[str, str]
    exchange: str

    def question(self, document: str, symbol: str | None = None) -> tuple[str, dict[str, str]]:
        """Return the path and the parameters that ask for a document, about a ticker if one is given.

        Examples
        --------
        >>> STABLE.question("profile", "BRK.B")
        ('profile', {'symbol': 'BRK-B'})
        >>> V3.question("profile", "BRK.B")
        ('v3/profile/BRK-B', {})
        """
        if symbol is None:
            return self.paths[document], {}
        spelled = vendor_symbol(symbol)
        params = {name: text.format(symbol=spelled) for name, text in self.params.items()}
        return self.paths[document].format(symbol=spelled), params


STABLE: Final = Layout(
    {
        "income-statement": "income-statement",
        "balance-sheet-statement": "balance-sheet-statement",
        "cash-flow-statement": "cash-flow-statement",
        "ratings": "grades-historical",
        "profile": "profile",
        "members": "sp500-constituent",
        "changes": "historical-sp500-constituent",
        "symbols": "stock-list",
    },
    params={"symbol": "{symbol}"},
    exchange="exchange",
)
"""The addresses that every key may ask."""

V3: Final = Layout(
    {
        "income-statement": "v3/income-statement/{symbol}",
        "balance-sheet-statement": "v3/balance-sheet-statement/{symbol}",
        "cash-flow-statement": "v3/cash-flow-statement/{symbol}",
        "ratings": "v3/analyst-stock-recommendations/{symbol}",
        "profile": "v3/profile/{symbol}",
        "members": "v3/sp500_constituent",
        "changes": "v3/historical/sp500_constituent",
        "symbols": "v3/stock/list",
    },
    params={},
    # There, `exchange` is the long name.
    exchange="exchangeShortName",
)
"""Open to subscriptions from before 31 August 2025 only."""

_EARLIER: Final[Mapping[str, str]] = {
    "filingDate": "fillingDate",
    "epsDiluted": "epsdiluted",
    "analystRatingsBuy": "analystRatingsbuy",
}
"""A field's present name to the one it has in version 3."""


def layout_at(url: str) -> Layout:
    """Return the layout behind an address: version 3 where it ends in ``/api``, else the present one.

    Examples
    --------
    >>> layout_at("https://gateway.example/fmp/api/") is V3
    True
    """
    return V3 if url.rstrip("/").endswith("/api") else STABLE


def vendor_symbol(symbol: str) -> str:
    """Return a ticker as the vendor spells it: BRK-B."""
    return symbol.replace(".", "-")


def told(row: Mapping[str, Any], name: str, where: str) -> Any:
    """Return what a row says under a field's present name or its name in version 3; None if under neither.

    Raises
    ------
    BadAnswer
        If it says one thing under the one and another under the other.
    """
    earlier = _EARLIER.get(name)
    if earlier is None or earlier not in row:
        return row.get(name)
    if name in row and row[name] != row[earlier]:
        raise BadAnswer(f"{where}: {name} and {earlier} differ")
    return row[earlier]
