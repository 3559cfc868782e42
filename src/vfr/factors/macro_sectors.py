"""How each GICS sector has answered to the state of the economy: one published table.

Signs and order follow the literature, the numbers are ours, rounded, between -1 and 1, and fixed in advance rather
than fitted: cyclical sectors (consumer discretionary, financials, industrials, materials, technology) against
defensive ones (staples, health care, utilities).

References
----------
.. [1] Jacobsen, Stangl and Visaltanachoti (2009), Sector Rotation over Business Cycles.
.. [2] Chen, Roll and Ross (1986), Economic Forces and the Stock Market, Journal of Business 59(3).
.. [3] Boudoukh, Richardson and Whitelaw (1994), Industry Returns and the Fisher Effect, Journal of Finance 49(5).
.. [4] MSCI Cyclical and Defensive Sectors Indexes Methodology (2017), for the division itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["SENSITIVITY", "Exposure"]


class Exposure(NamedTuple):
    """What is good for a sector relative to others: 1 gains most, -1 loses most, 0 indifferent."""

    steep_curve: float
    calm: float
    strong_labour: float
    high_inflation: float
    low_inflation: float


_TABLE: Final[dict[str, Exposure]] = {
    "Communication Services": Exposure(0.2, 0.4, 0.2, -0.4, -0.2),
    "Consumer Discretionary": Exposure(0.9, 0.9, 1.0, -0.8, -0.5),
    "Consumer Staples": Exposure(-0.5, -0.4, -0.5, -0.3, 0.2),
    "Energy": Exposure(0.3, 0.6, 0.4, 0.8, -1.0),
    "Financials": Exposure(1.0, 1.0, 0.8, -0.4, -0.7),
    "Health Care": Exposure(-0.4, -0.3, -0.4, -0.2, 0.1),
    "Industrials": Exposure(0.8, 0.8, 0.8, -0.3, -0.6),
    "Information Technology": Exposure(0.6, 0.9, 0.6, -0.6, -0.2),
    "Materials": Exposure(0.7, 0.8, 0.7, 0.5, -0.9),
    "Real Estate": Exposure(-0.2, 0.5, 0.5, -0.4, -0.2),
    "Utilities": Exposure(-0.6, -0.4, -0.5, -0.5, 0.3),
}

SENSITIVITY: Final[dict[str, Exposure]] = {
    **{sector.casefold(): exposure for sector, exposure in _TABLE.items()},
    # The sector's name before the GICS revision of September 2018.
    "telecommunication services": Exposure(-0.2, -0.1, -0.2, -0.4, 0.0),
}
"""Exposure by the sector's name in lower case; a sector not listed has none."""
