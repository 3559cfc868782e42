"""The one code path from a snapshot to features, for training and for serving."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.features.matrix import FeatureMatrix
from vfr.features.registry import FAMILIES, FEATURES, spec_hash
from vfr.typing import FloatArray, Matrix32

if TYPE_CHECKING:
    from vfr.features.carried import Carried

__all__ = ["compute"]

_NOTHING: Final = np.empty((0, 0, 0), dtype=np.float32)


def compute(snapshot: Snapshot, rows: slice | None = None, *, along: Carried | None = None) -> FeatureMatrix:
    """Compute every registered feature.

    Parameters
    ----------
    snapshot : Snapshot
        Panels of closes only give every feature that needs no more; the others are unknown throughout.
    rows : slice, optional
        Sessions wanted, by row of the panel and without a step; all by default. Each row uses only what was known at
        that session's close, and is the same, bit for bit, whichever rows are asked for: ``slice(T - 1, T)`` is the
        daily update.
    along : Carried, optional
        `vfr.features.carried.carried` of this snapshot, or of one that it is a past of: changes no bit, and saves most
        of the time where few rows are wanted of many.

    Returns
    -------
    FeatureMatrix
        [F x R x N] float32. Unknown inputs give unknown features. A symbol without a bar on a session has no features
        of its own there (those of the market and of statements remain); windows skip such sessions and carry on, and
        begin anew after ten sessions without a bar (see `vfr.features.history`).

    Raises
    ------
    ValueError
        If `rows` has a step.

    Examples
    --------
    >>> import numpy as np
    >>> from vfr.data import synthetic
    >>> market = synthetic.snapshot(np.random.default_rng(1), n_sessions=60, n_symbols=8)
    >>> compute(market, slice(59, 60)).values.shape[1:]
    (1, 8)
    """
    n_sessions, n_symbols = snapshot.panel.shape
    start, stop, step = (rows or slice(None)).indices(n_sessions)
    if step != 1:
        raise ValueError("rows: must not have a step")
    wanted = slice(start, max(start, stop))
    # Symbol by symbol in memory, as the kernels write it; [F x R x N] to the reader.
    by_symbol = np.empty((len(FEATURES), n_symbols, wanted.stop - start), dtype=np.float32)
    values = by_symbol.transpose(0, 2, 1)
    if values.size:
        _fill(snapshot, wanted, values, along)
    sessions = snapshot.sessions[wanted]
    return FeatureMatrix(tuple(FEATURES), spec_hash(), sessions, snapshot.symbols, values)


def _fill(snapshot: Snapshot, rows: slice, values: Matrix32, along: Carried | None) -> None:
    from vfr.features.market import market
    from vfr.features.peers import ranks, sector_numbers, sector_relative
    from vfr.features.regime import regime
    from vfr.features.valuation import filings, valuation

    ends = accumulate(len(entries) for entries in FAMILIES.values())
    family = {name: values[end - len(FAMILIES[name]) : end] for name, end in zip(FAMILIES, ends, strict=True)}
    index = market(snapshot.panel.adj_close[: rows.stop]) if along is None else along.market.until(rows.stop)
    _of_symbols(snapshot, rows, index.level, values, along)
    by_name = dict(zip(FEATURES, values, strict=True))
    for k, state in enumerate(regime(snapshot, index, rows)):
        family["regime"][k] = state[:, None]
    sector_relative(by_name, sector_numbers(snapshot.securities.sector), family["sector_relative"])
    ranks(by_name, family["cross_section"])
    family["fundamentals"].fill(np.nan)
    filed = filings(snapshot) if along is None else along.filings
    valuation(snapshot, filed, by_name["dollar_volume_63"], rows, family["fundamentals"])


def _of_symbols(snapshot: Snapshot, rows: slice, level: FloatArray, values: Matrix32, along: Carried | None) -> None:
    """Run the kernels that look at one symbol at a time, symbols shared between threads."""
    from vfr.features.columns import shared
    from vfr.features.counts import from_the_beginning
    from vfr.features.symbols import fields, symbols

    panels, by_symbol, n_symbols = fields(snapshot.panel), values.transpose(0, 2, 1), len(snapshot.symbols)
    begin, before = from_the_beginning(n_symbols) if along is None else along.bars.before(rows.start)
    held = _NOTHING if along is None or along.recursive is None else along.recursive

    def work(columns: tuple[int, int]) -> None:
        symbols(panels, level, columns, begin, before, held, (rows.start, rows.stop), by_symbol)

    shared(work, n_symbols)
