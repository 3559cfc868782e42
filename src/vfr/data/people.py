"""What people close to a company do and say: insiders' trades and analysts' counts. Plain arrays, dated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import renumbered
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["GRADES", "Insiders", "Ratings", "numbered"]

GRADES: Final = ("strong_buy", "buy", "hold", "sell", "strong_sell")
"""What analysts say, from best to worst: the columns of `Ratings.counts`."""


@dataclass(frozen=True, slots=True, eq=False)
class Insiders:
    """Transactions in shares that insiders reported (SEC Form 4), M rows sorted by `known_at`.

    Parameters
    ----------
    column : int64 array
        Column of the symbol.
    date : datetime64[D] array
        Day of the transaction.
    known_at : datetime64[D] array
        First day at whose close the report was public.
    owner : int64 array
        Who reported it, as a place in `owners`, which are numbered as they first appear. People who report together
        are one owner.
    manager : bool array
        Whether the owner is a director or an officer, not merely a holder of more than a tenth of the shares.
    code : str array of one character
        The SEC's code: ``P`` a purchase and ``S`` a sale on the market or privately, others for grants, gifts, options
        and taxes; "" where the form has none.
    shares, price : float64 arrays
        Shares as traded, negative when disposed, and USD a share; NaN where unknown.
    owners : tuple of str
    """

    column: IntArray
    date: DateArray
    known_at: DateArray
    owner: IntArray
    manager: BoolArray
    code: NDArray[np.str_]
    shares: FloatArray
    price: FloatArray
    owners: tuple[str, ...]

    def known_by(self, day: np.datetime64) -> Insiders:
        """Drop every report not yet public at the end of a day, and who had reported none by then."""
        rows = np.arange(int(np.searchsorted(self.known_at, day, side="right")))
        return self._chosen(self.column[rows], rows)

    def take(self, columns: IntArray) -> Insiders:
        """Return the transactions in the given columns, renumbered from 0 in their order."""
        return self._chosen(*renumbered(self.column, columns))

    def _chosen(self, column: IntArray, rows: IntArray) -> Insiders:
        owner, kept = numbered(self.owner[rows])
        return Insiders(
            column,
            self.date[rows],
            self.known_at[rows],
            owner,
            self.manager[rows],
            self.code[rows],
            self.shares[rows],
            self.price[rows],
            tuple([self.owners[i] for i in kept.tolist()]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """How many analysts say what of a symbol, M rows sorted by `known_at`; those of one symbol by `date` too.

    On any day the last row known by then is in force. `counts` is [M x 5] in the order of `GRADES`, `target_mean` the
    mean of their price targets in USD, on the split basis of its day; NaN where unknown.
    """

    column: IntArray
    date: DateArray
    known_at: DateArray
    counts: FloatArray
    target_mean: FloatArray

    def known_by(self, day: np.datetime64) -> Ratings:
        """Drop every row not yet public at the end of a day."""
        n = int(np.searchsorted(self.known_at, day, side="right"))
        return Ratings(self.column[:n], self.date[:n], self.known_at[:n], self.counts[:n], self.target_mean[:n])

    def take(self, columns: IntArray) -> Ratings:
        """Return the rows about the given columns, renumbered from 0 in their order."""
        column, rows = renumbered(self.column, columns)
        return Ratings(column, self.date[rows], self.known_at[rows], self.counts[rows], self.target_mean[rows])


def numbered(keys: NDArray[Any]) -> tuple[IntArray, NDArray[Any]]:
    """Give each key the number of its first appearance among the distinct ones.

    A number never depends on what comes later, so that what is cut back equals what was known then.

    Returns
    -------
    number : int64 array, shape (M,)
    kept : array
        The key of each number.

    Examples
    --------
    >>> number, kept = numbered(np.array([7, 3, 7, 9]))
    >>> number.tolist(), kept.tolist()
    ([0, 1, 0, 2], [7, 3, 9])
    """
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    return place[inverse.reshape(-1)], distinct[order]
