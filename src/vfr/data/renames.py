"""Ticker changes of large US companies, so that sources that spell a company differently can be matched.

Only plain changes of name are listed, where the shareholder kept the same share: mergers into another company's stock
are not. A ticker may be given to another company later (IR, AA, GCI), hence the dates.
"""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["RENAMES", "lineage"]

RENAMES: Final[tuple[tuple[str, str, str], ...]] = (
    ("AA", "ARNC", "2016-11-01"),
    ("AAXN", "AXON", "2021-01-26"),
    ("ABC", "COR", "2023-08-30"),
    ("ACT", "AGN", "2015-06-15"),
    ("ADS", "BFH", "2022-04-05"),
    ("ANTM", "ELV", "2022-06-28"),
    ("ARNC", "HWM", "2020-04-01"),
    ("BBT", "TFC", "2019-12-09"),
    ("BHGE", "BKR", "2019-10-18"),
    ("BHI", "BHGE", "2017-07-05"),
    ("BLL", "BALL", "2022-05-10"),
    ("CBG", "CBRE", "2018-03-20"),
    ("CBS", "VIAC", "2019-12-05"),
    ("CDAY", "DAY", "2024-02-01"),
    ("COG", "CTRA", "2021-10-04"),
    ("COH", "TPR", "2017-10-31"),
    ("CSC", "DXC", "2017-04-03"),
    ("CTL", "LUMN", "2020-09-18"),
    ("DISCA", "WBD", "2022-04-11"),
    ("DLPH", "APTV", "2017-12-05"),
    ("DPS", "KDP", "2018-07-10"),
    ("DWDP", "DD", "2019-06-03"),
    ("ERTS", "EA", "2011-12-20"),
    ("FB", "META", "2022-06-09"),
    ("FBHS", "FBIN", "2022-12-15"),
    ("FD", "M", "2007-06-01"),
    ("FISV", "FI", "2023-06-07"),
    ("FLT", "CPAY", "2024-03-25"),
    ("FO", "BEAM", "2011-10-04"),
    ("FPL", "NEE", "2010-06-01"),
    ("GCI", "TGNA", "2015-06-29"),
    ("GPS", "GAP", "2024-08-22"),
    ("HCN", "WELL", "2018-02-28"),
    ("HCP", "PEAK", "2019-11-05"),
    ("HFC", "DINO", "2022-03-15"),
    ("HRS", "LHX", "2019-07-01"),
    ("IR", "TT", "2020-03-02"),
    ("JDSU", "VIAV", "2015-08-05"),
    ("JEC", "J", "2019-12-10"),
    ("KFT", "MDLZ", "2012-10-02"),
    ("KORS", "CPRI", "2019-01-02"),
    ("LB", "BBWI", "2021-08-03"),
    ("LTD", "LB", "2013-12-09"),
    ("LUK", "JEF", "2018-05-24"),
    ("MHFI", "SPGI", "2016-04-28"),
    ("MHP", "MHFI", "2013-05-14"),
    ("MOT", "MSI", "2011-01-04"),
    ("MYL", "VTRS", "2020-11-17"),
    ("NLOK", "GEN", "2022-11-08"),
    ("NU", "ES", "2015-02-19"),
    ("PARA", "PSKY", "2025-08-07"),
    ("PCLN", "BKNG", "2018-02-27"),
    ("PEAK", "DOC", "2024-03-04"),
    ("PKI", "RVTY", "2023-05-16"),
    ("RE", "EG", "2023-07-10"),
    ("SQ", "XYZ", "2025-01-21"),
    ("SYMC", "NLOK", "2019-11-05"),
    ("TMK", "GL", "2019-08-09"),
    ("TSO", "ANDV", "2017-08-01"),
    ("UTX", "RTX", "2020-04-03"),
    ("VIAC", "PARA", "2022-02-17"),
    ("WAG", "WBA", "2014-12-31"),
    ("WLP", "ANTM", "2014-12-03"),
    ("WLTW", "WTW", "2022-01-10"),
    ("WMI", "WM", "2009-06-08"),
    ("WPI", "ACT", "2013-01-24"),
    ("WSH", "WLTW", "2016-01-05"),
    ("WYN", "WYND", "2018-06-01"),
    ("WYND", "TNL", "2021-02-17"),
    ("YHOO", "AABA", "2017-06-19"),
    ("ZMH", "ZBH", "2015-06-29"),
)
"""(old ticker, new ticker, first day under the new one)."""

_NEXT: Final = {old: (new, np.datetime64(day, "D")) for old, new, day in RENAMES}
_BEFORE: Final = {new: old for old, new, _ in RENAMES}


def lineage(symbol: str, day: np.datetime64) -> tuple[str, ...]:
    """Return every ticker of the company that `symbol` meant on a day, `symbol` itself first.

    Sources name a company by its ticker of the time or by its latest one; both are in the answer. A ticker on or after
    the day it was given up means its new owner, of whom nothing else is known.

    Examples
    --------
    >>> lineage("PCLN", np.datetime64("2015-06-30"))
    ('PCLN', 'BKNG')
    >>> lineage("IR", np.datetime64("2021-01-04"))
    ('IR',)
    """
    if symbol in _NEXT and day >= _NEXT[symbol][1]:
        return (symbol,)
    names = [symbol]
    later = symbol
    while later in _NEXT:
        later = _NEXT[later][0]
        names.append(later)
    earlier = symbol
    while earlier in _BEFORE:
        earlier = _BEFORE[earlier]
        names.append(earlier)
    return tuple(names)
