"""What each member did, date by date: the record that weights, alarms and reports are made from."""

from __future__ import annotations

from dataclasses import dataclass

from vfr.typing import DateArray, FloatArray

__all__ = ["Scores"]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures of M members on D dates, each an average over the names that count.

    Only dates whose outcomes have matured are in it; a figure is NaN where the member gave no prediction.

    Parameters
    ----------
    members : tuple of str, length M
    dates : datetime64[D] array, shape (D,)
        Sessions forecast from, increasing.
    cells : float64 array, shape (D,)
        Names judged.
    log_loss, brier : float64 arrays, shape (D, M)
        Of P(up).
    ic : float64 array, shape (D, M)
        Rank correlation of the excess score with the excess return.
    accuracy : float64 array, shape (D, M)
        Share of names whose sign of the excess return was predicted right.
    base_log_loss, base_brier : float64 arrays, shape (D,)
        Of the base rate known at the time, on the same names.
    """

    members: tuple[str, ...]
    dates: DateArray
    cells: FloatArray
    log_loss: FloatArray
    brier: FloatArray
    ic: FloatArray
    accuracy: FloatArray
    base_log_loss: FloatArray
    base_brier: FloatArray
