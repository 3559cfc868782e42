"""What forecasts of a session are made from, computed once for all horizons: features of its end, and base rates."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from vfr.typing import FloatArray, Horizon, Matrix32
from vfr.workflows.ml_board import Universe
from vfr.workflows.session_features import SessionFeatures

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.features.labels import Basis
    from vfr.typing import Keep

__all__ = ["Inputs", "universe_of"]

T = TypeVar("T")

RECENT: Final = 16
"""More sessions than a name may be without a close before it has left the market (`Panel.trading`)."""

KEPT: Final = 4
"""Sessions whose features are held: 480 names over 10 sessions are some megabytes."""


def universe_of(snapshot: Snapshot, *, past: bool) -> Universe:
    """Return who is forecast, and from which session."""
    return Universe(snapshot.name, snapshot.version, snapshot.as_of, snapshot.symbols, past)


class Inputs:
    """Features and base rates of the sessions asked for last.

    Notes
    -----
    Whoever asks for the same at once waits for the first. Kept by data version and session; data that is corrected is
    another version.

    Parameters
    ----------
    keep : callable, optional
        Where features of all past sessions are kept, which then are computed ahead.
    failed : callable, optional
        Told why they are not.
    """

    def __init__(self, keep: Keep | None = None, failed: Callable[[Exception], None] | None = None) -> None:
        self._lock = Lock()
        self._rows: OrderedDict[Hashable, Matrix32] = OrderedDict()
        self._features = SessionFeatures(keep, failed)
        self._rates: OrderedDict[Hashable, FloatArray] = OrderedDict()

    def rows(self, whole: Snapshot, snapshot: Snapshot, lookback: int) -> tuple[Matrix32, tuple[str, ...]]:
        """Return [L x N x F] features of the last sessions of a snapshot, and their names.

        Parameters
        ----------
        whole : Snapshot
            Everything there is.
        snapshot : Snapshot
            `whole`, or what was known of it on a day.
        lookback : int
            Sessions L wanted; fewer where there are fewer.
        """

        def make() -> Matrix32:
            return _of_traded(snapshot, self._features.last(whole, snapshot, lookback))

        with self._lock:
            X = _kept(self._rows, (whole.name, whole.version, str(snapshot.as_of), lookback), make, KEPT)
            return X, self._features.names

    def close(self) -> None:
        """End what is computed ahead."""
        with self._lock:
            self._features.close()

    def base_rate(self, whole: Snapshot, snapshot: Snapshot, horizon: Horizon) -> float:
        """Return the share of rises among the outcomes of a horizon known by the last session of a snapshot.

        Parameters
        ----------
        whole : Snapshot
            Everything there is.
        snapshot : Snapshot
            `whole`, or what was known of it on a day.
        horizon : Horizon
        """
        end = snapshot.sessions.size
        basis = _basis(snapshot.panel.open)
        with self._lock:
            rates = _kept(
                self._rates,
                (whole.name, whole.version, horizon, basis),
                lambda: _base_rates(whole, horizon, basis),
                KEPT * 3,
            )
        return float(rates[end - 1])


def _kept(held: OrderedDict[Hashable, T], key: Hashable, make: Callable[[], T], most: int) -> T:
    if key not in held:
        held[key] = make()
        while len(held) > most:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def _of_traded(snapshot: Snapshot, X: Matrix32) -> Matrix32:
    """Return [L x N x F] features of a snapshot's last sessions, unknown for names that left the market.

    A name that left the market has no row, as in training: it keeps statements for a while, but there is nothing left
    to forecast, and it must not hold a place among the others.
    """
    end, lookback = snapshot.sessions.size, X.shape[0]
    # Whether a name trades is seen in a few sessions; decades of them would take longer than the models.
    recent = snapshot.panel.rows(max(end - lookback - RECENT, 0), end)
    X[~recent.trading()[-lookback:]] = np.nan
    X.flags.writeable = False
    return X


def _basis(opens: FloatArray) -> Basis:
    """Return what is labelled: opens where any is known, most likely one of the last session."""
    return "open" if any(bool(np.isfinite(some).any()) for some in (opens[-1:], opens)) else "close"


def _base_rates(whole: Snapshot, horizon: Horizon, basis: Basis) -> FloatArray:
    """Return for each session, shape (T,), what needs no model: the share of rises among the outcomes known by then.

    No later session changes an earlier one's: the rate of a past day is that of the data as it was known then, as long
    as both label the same prices.
    """
    from vfr.features.labels import make
    from vfr.validation.baserate import ex_ante_base_rate
    from vfr.workflows.train_data import counting

    counts, _ = counting(whole)
    labels = make(whole.panel, horizon, basis=basis, universe=counts)
    return ex_ante_base_rate(labels.direction, labels.span, counts)
