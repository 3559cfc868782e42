"""Name a sector as GICS does; the vendors that follow Morningstar's scheme have the same eleven under other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["gics_name"]

_GICS: Final[Mapping[str, str]] = {
    "Basic Materials": "Materials",
    "Consumer Cyclical": "Consumer Discretionary",
    "Consumer Defensive": "Consumer Staples",
    "Financial Services": "Financials",
    "Healthcare": "Health Care",
    "Technology": "Information Technology",
}


def gics_name(sector: str) -> str:
    """Return the name that GICS gives a sector; a name that is not in the table stays as it is.

    Examples
    --------
    >>> gics_name("Technology"), gics_name("Energy")
    ('Information Technology', 'Energy')
    """
    return _GICS.get(sector, sector)
