"""Prices and volumes of a universe: [T x N] arrays, oldest session first, NaN for unknown."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from vfr.errors import ImportRejected, InvalidField, UnknownSymbol
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["PRICE_FIELDS", "Adjustment", "Panel"]

Adjustment: TypeAlias = Literal["split", "dividend"]

PRICE_FIELDS: Final = ("open", "high", "low", "close", "adj_close")


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Bars of N symbols over T sessions; invariants are checked once, here.

    Parameters
    ----------
    sessions : datetime64[D] array, shape (T,)
        Strictly increasing exchange sessions, oldest first.
    symbols : tuple of str, length N
        Unique tickers; column order of every array.
    open, high, low, close : float64 arrays, shape (T, N)
        USD, adjusted for splits only (or for dividends too, see `adjustment`). NaN where unknown; a source
        that has closes only leaves the others NaN throughout.
    adj_close : float64 array, shape (T, N)
        USD, close adjusted for splits and dividends (total return).
    volume : float64 array, shape (T, N)
        Shares traded, on the split basis of `close`. NaN where unknown.
    adjustment : {"split", "dividend"}
        What `close` is adjusted for; "dividend" means `close` equals `adj_close` and dividends must never be
        credited on top of it.

    Raises
    ------
    ImportRejected
        If a shape, order, sign or uniqueness invariant does not hold.

    Notes
    -----
    Arrays are made read-only: a panel is shared between threads and never changes.
    """

    sessions: DateArray
    symbols: tuple[str, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    adj_close: FloatArray
    volume: FloatArray
    adjustment: Adjustment

    def __post_init__(self) -> None:
        if self.sessions.dtype != np.dtype("datetime64[D]") or self.sessions.ndim != 1:
            raise ImportRejected("sessions: must be a one-dimensional datetime64[D] array")
        if self.sessions.size > 1 and not bool(np.all(self.sessions[1:] > self.sessions[:-1])):
            raise ImportRejected("sessions: must be strictly increasing, oldest first")
        if len(set(self.symbols)) != len(self.symbols):
            raise ImportRejected("symbols: must be unique")
        for name in (*PRICE_FIELDS, "volume"):
            self._check(name)

    def _check(self, name: str) -> None:
        array: FloatArray = getattr(self, name)
        if array.dtype != np.float64 or array.shape != self.shape:
            raise ImportRejected(f"{name}: must be float64 of shape {self.shape}, is {array.dtype} {array.shape}")
        if bool(np.any(np.isinf(array))):
            raise ImportRejected(f"{name}: holds an infinite value; use NaN for unknown")
        lowest = np.nanmin(array, initial=np.inf)
        if lowest < 0 or (lowest == 0 and name != "volume"):
            raise ImportRejected(f"{name}: holds a value of {lowest}; prices are positive, volumes are not negative")
        array.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions and symbols, (T, N)."""
        return self.sessions.size, len(self.symbols)

    def column(self, symbol: str) -> int:
        """Return the column of a symbol.

        Raises
        ------
        UnknownSymbol
            If the panel does not hold it.
        """
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise UnknownSymbol(f"{symbol}: not in the installed data") from None

    def row(self, day: np.datetime64) -> int:
        """Return the row of the last session on or before a day.

        Raises
        ------
        InvalidField
            If the day is before the first session; named ``as_of``, as callers do, with the first day known.
        """
        row = int(np.searchsorted(self.sessions, day.astype("datetime64[D]"), side="right")) - 1
        if row < 0:
            raise InvalidField("as_of", f"{day} is before {self.sessions[0]}, the first day the data knows")
        return row

    def trading(self, sessions: int = 5) -> BoolArray:
        """Return [T x N]: whether a symbol closed on any of the last few sessions; else it has left the market.

        Examples
        --------
        >>> import numpy as np
        >>> from vfr.data import synthetic
        >>> bool(synthetic.snapshot(np.random.default_rng(1), n_sessions=60, n_symbols=8).panel.trading()[-1, 0])
        True
        """
        count = np.cumsum(np.isfinite(self.adj_close), axis=0)
        count[sessions:] -= count[:-sessions].copy()
        return np.asarray(count > 0)

    def rows(self, start: int, stop: int) -> Panel:
        """Return the sessions [start, stop) as a view."""
        part = copy(self)  # What holds for every row holds for some: decades are not looked through again.
        for name in ("sessions", *PRICE_FIELDS, "volume"):
            object.__setattr__(part, name, getattr(self, name)[start:stop])
        return part

    def take(self, columns: IntArray) -> Panel:
        """Return the given columns, in the given order."""
        cut = {name: getattr(self, name)[:, columns] for name in (*PRICE_FIELDS, "volume")}
        symbols = tuple(self.symbols[int(c)] for c in columns)
        return Panel(sessions=self.sessions, symbols=symbols, adjustment=self.adjustment, **cut)
