"""Which symbols a request is about, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from vfr.errors import UnknownSector
from vfr.typing import FloatArray, IntArray

__all__ = ["rank", "sector_key", "sector_members"]

_CODES: Final[Mapping[str, str]] = {
    "10": "energy",
    "15": "materials",
    "20": "industrials",
    "25": "consumerdiscretionary",
    "30": "consumerstaples",
    "35": "healthcare",
    "40": "financials",
    "45": "informationtechnology",
    "50": "communicationservices",
    "55": "utilities",
    "60": "realestate",
}
"""GICS sector codes (S&P and MSCI, structure of 2018)."""

_ALIASES: Final[Mapping[str, str]] = {
    "technology": "informationtechnology",
    "financial": "financials",
    "financialservices": "financials",
    "consumercyclical": "consumerdiscretionary",
    "consumerdefensive": "consumerstaples",
    "basicmaterials": "materials",
    "telecommunicationservices": "communicationservices",
    "telecommunications": "communicationservices",
}
"""Names other vendors and earlier GICS structures use for the same sectors."""


def sector_key(text: str) -> str:
    """Return the spelling-independent key of a sector name or id.

    Examples
    --------
    >>> sector_key(" Information-Technology "), sector_key("45"), sector_key("HEALTH_CARE")
    ('informationtechnology', 'informationtechnology', 'healthcare')
    """
    key = "".join(letter for letter in text.casefold() if letter.isalnum())
    key = _CODES.get(key, key)
    return _ALIASES.get(key, key)


def sector_members(sectors: Sequence[str], asked: str) -> IntArray:
    """Return the columns whose sector is the one asked for, in any case, with spaces or hyphens, or by GICS code.

    Raises
    ------
    UnknownSector
        Naming the sectors of the data.
    """
    key = sector_key(asked)
    columns = np.flatnonzero([bool(sector) and sector_key(sector) == key for sector in sectors])
    if not columns.size:
        known = ", ".join(sorted({sector for sector in sectors if sector}))
        raise UnknownSector(f"sector: not in the installed data, which has {known or 'no sectors'}")
    return columns.astype(np.int64)


def rank(scores: FloatArray, symbols: Sequence[str]) -> IntArray:
    """Return the order of S symbols: best score first, ties by symbol.

    Examples
    --------
    >>> rank(np.array([50.0, 70.0, 50.0]), ("MSFT", "JPM", "AAPL")).tolist()
    [1, 2, 0]
    """
    return np.lexsort((np.array(symbols, dtype=np.str_), -scores)).astype(np.int64)
