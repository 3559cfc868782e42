"""What is left of scores once known exposures are taken out of them, session by session."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = ["neutralise"]


def neutralise(
    score: FloatArray,
    exposures: FloatArray,
    sectors: IntArray | None = None,
    mask: BoolArray | None = None,
    *,
    min_names: int = 30,
) -> FloatArray:
    """Return the residual of a score after least squares on exposures and sector dummies within each session.

    Parameters
    ----------
    score : float64 array, shape (R, N), or (M, R, N) for several scores
        NaN where unknown. Of several scores, a name takes part where all of them are known.
    exposures : float64 array, shape (E, R, N)
        For example beta, size, momentum, in any unit. An unknown exposure takes the mean of the session's known ones,
        so that it explains nothing of that name; one unknown for the whole session is left out.
    sectors : int array, shape (N,) or (R, N), optional
        Sector of each name; every value is a group, so unknown sectors share one (-1, say). Without sectors the
        session mean is taken out.
    mask : bool array, shape (R, N), optional
        Cells that count; the others take no part and are NaN.
    min_names : int
        A session with fewer known scores is NaN, as is one with no more names than regressors.

    Returns
    -------
    float64 array of the shape of `score`
        NaN where a name takes no part. Uncorrelated with each exposure and of mean 0 within each sector. A name alone
        in its sector is explained by it: its residual is 0.

    References
    ----------
    Grinold and Kahn (2000), *Active Portfolio Management*, 2nd edition, chapter 11: residual alphas.

    Examples
    --------
    >>> beta = np.linspace(0.5, 1.5, 40)
    >>> rest = np.tile([1.0, -1.0, -1.0, 1.0], 10)
    >>> left = neutralise((3.0 * beta + rest)[None], beta[None, None])
    >>> bool(np.allclose(left[0], rest))
    True
    """
    scores = score.reshape(-1, *score.shape[-2:])
    known: BoolArray = np.asarray(np.isfinite(scores).all(axis=0))
    if mask is not None:
        known = known & mask
    groups = None if sectors is None else np.broadcast_to(sectors, known.shape)
    out = np.full(scores.shape, np.nan)
    for row in np.flatnonzero(known.sum(axis=1) >= max(min_names, 1)):
        names = np.flatnonzero(known[row])
        design = _design(exposures[:, row, names], None if groups is None else groups[row, names])
        if names.size > design.shape[1]:
            values = scores[:, row, names].T
            out[:, row, names] = (values - design @ np.linalg.lstsq(design, values, rcond=None)[0]).T
    return out.reshape(score.shape)


def _design(exposures: FloatArray, sectors: IntArray | None) -> FloatArray:
    """Return regressors [names x columns]: sector dummies (or a constant), then exposures of mean 0 and unit length."""
    count = exposures.shape[1]
    dummies = np.ones((count, 1)) if sectors is None else sectors[:, None] == np.unique(sectors)
    columns = [dummies.astype(np.float64)]
    for values in exposures:
        known = np.isfinite(values)
        if not known.any():
            continue
        centred = np.where(known, values - values[known].mean(), 0.0)
        length = float(np.linalg.norm(centred))
        # A constant, but for rounding, explains nothing that the dummies do not.
        if length > 1e-12 * float(np.abs(values[known]).max()) * np.sqrt(count):
            columns.append((centred / length)[:, None])
    return np.hstack(columns)
