"""Undo a vendor's split adjustment: bring figures on today's share basis back to the shares that traded."""

from __future__ import annotations

import numpy as np

from vfr.typing import DateArray, FloatArray

__all__ = ["later_splits"]


def later_splits(days: DateArray, split_days: DateArray, ratios: FloatArray) -> FloatArray:
    """Return for each day how many of today's shares one share of that day has become.

    A price on today's basis times this is the price as traded; a volume is divided by it. The day of a split already
    trades in new shares, so only splits after a day count.

    Parameters
    ----------
    days : datetime64[D] array, shape (T,)
        Any order.
    split_days : datetime64[D] array, shape (S,)
        Any order; two splits on one day both count.
    ratios : float array, shape (S,)
        New shares for one old.

    Returns
    -------
    float array, shape (T,)

    Examples
    --------
    >>> days = np.array(["2020-08-28", "2020-08-31"], dtype="datetime64[D]")
    >>> later_splits(days, days[1:], np.array([4.0])).tolist()
    [4.0, 1.0]
    """
    order = np.argsort(split_days, kind="stable")
    after = np.append(np.cumprod(ratios[order][::-1])[::-1], 1.0)
    factor: FloatArray = after[np.searchsorted(split_days[order], days, side="right")]
    return factor
