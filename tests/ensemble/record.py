"""Made-up records of members, for the tests of what is learned from them."""

from __future__ import annotations

import numpy as np

from vfr.ensemble.scores import Scores, from_array

FIVE = ("lightgbm", "xgboost", "lstm", "linear", "trees")


def calendar(n, start="2010-01-04"):
    """Return n weekdays."""
    return np.busday_offset(np.datetime64(start), np.arange(n), roll="forward").astype("datetime64[D]")


def record(ic, log_loss=None, members=FIVE, dates=None) -> Scores:
    """Return a record with the given coefficients and log losses, [D x M]; the other figures are plausible."""
    ic = np.asarray(ic, dtype=np.float64)
    days = calendar(ic.shape[0]) if dates is None else dates
    loss = np.full(ic.shape, 0.69) if log_loss is None else np.asarray(log_loss, dtype=np.float64)
    head = np.column_stack([days.astype(np.float64), np.full((ic.shape[0], 3), [480.0, 0.69, 0.25])])
    judged = np.isfinite(ic)
    figures = (np.where(judged, loss, np.nan), np.where(judged, 0.25, np.nan), ic, np.where(judged, 0.5, np.nan))
    return from_array(members, np.concatenate([head, *figures], axis=1))
