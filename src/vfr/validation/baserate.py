"""The base rate as it was known: the mean of every label that had matured by each session."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["ex_ante_base_rate"]


def ex_ante_base_rate(labels: FloatArray, span: int, mask: BoolArray | None = None) -> FloatArray:
    """Return, for each session, the mean of all labels matured by then, shape (T,).

    Parameters
    ----------
    labels : float64 array, shape (T, N)
        1 or 0, NaN where unknown.
    span : int
        The label of row t is known at row t + span.
    mask : bool array, shape (T, N), optional
        Cells that count.

    Returns
    -------
    float64 array, shape (T,)
        NaN until the first label matures.

    Examples
    --------
    >>> ex_ante_base_rate(np.array([[1.0], [0.0], [1.0], [1.0]]), span=2).tolist()
    [nan, nan, 1.0, 0.5]
    """
    known = np.isfinite(labels) if mask is None else np.isfinite(labels) & mask
    ups = np.cumsum(np.where(known, labels, 0.0).sum(axis=1))
    count = np.cumsum(known.sum(axis=1))
    rate = np.divide(ups, count, out=np.full(ups.size, np.nan), where=count > 0)
    out = np.full(ups.size, np.nan)
    if ups.size > span:
        out[span:] = rate[: ups.size - span]
    return out
