"""Features of the last sessions of a data set or of one of its pasts, from what was computed for other pasts of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from vfr.typing import Keep, Matrix32
from vfr.workflows.feature_history import FeatureHistory, by_name

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.features.carried import Carried

__all__ = ["SPAN", "SessionFeatures"]

SPAN: Final = 32
"""Past sessions computed together once a second of them is asked for: whoever walks from day to day waits for two of
them. They take half as long again as one alone."""

KEPT: Final = 4
"""Spans held: 480 names over 41 sessions are 10 MB."""

_Span: TypeAlias = tuple[int, int]


class SessionFeatures:
    """Features by session, and what computing them needs of all sessions; for one thread at a time.

    Parameters
    ----------
    keep : callable, optional
        Where all past sessions are kept, which are computed ahead once a second one is asked for; by default none are.
    failed : callable, optional
        Told why they are not.

    Attributes
    ----------
    names : tuple of str, length F
        Of the features returned last.
    """

    def __init__(self, keep: Keep | None = None, failed: Callable[[Exception], None] | None = None) -> None:
        self.names: tuple[str, ...] = ()
        self._keeping = keep
        self._failed = failed
        self._history: FeatureHistory | None = None
        self._version: tuple[str, str] | None = None
        self._along: Carried | None = None
        self._spans: OrderedDict[_Span, Matrix32 | None] = OrderedDict()

    def last(self, whole: Snapshot, snapshot: Snapshot, lookback: int) -> Matrix32:
        """Return the features of the last L sessions of a snapshot, [L x N x F]; fewer sessions where there are fewer.

        Parameters
        ----------
        whole : Snapshot
            Everything there is.
        snapshot : Snapshot
            `whole`, or what was known of it on a day.
        lookback : int
            Sessions L.
        """
        from vfr.features.carried import carried

        if self._along is None or self._version != (whole.name, whole.version):
            self.close()
            self._spans.clear()
            self._along = None  # Two of them would not fit into the memory of one.
            self._version, self._along = (whole.name, whole.version), carried(whole)
        end = snapshot.sessions.size
        first = max(end - lookback, 0)
        if end == whole.sessions.size:
            return by_name(self._compute(whole, first, end, self._along))
        if self._history is None:
            self._history = FeatureHistory(whole, self._along, self._keeping, self._failed)
        elif self._spans:
            self._history.begin()
        found = self._history.rows(first, end)
        if found is not None:
            if self._history.whole:
                self._spans.clear()
            return found
        return by_name(self._near(whole, snapshot, first, self._history.along))

    def _near(self, whole: Snapshot, snapshot: Snapshot, first: int, along: Carried) -> Matrix32:
        """Return [F x L x N] features, those of the neighbours kept once a second of them is asked for."""
        end = snapshot.sessions.size
        span = _span(end, end - first, whole.sessions.size)
        if span not in self._spans:
            self._keep(span, None)
            return self._compute(snapshot, first, end, along)
        values = self._spans[span]
        if values is None:
            # A row uses nothing of later sessions: those of the whole are those of its past.
            values = self._compute(whole, *span, along)
        self._keep(span, values)
        return values[:, first - span[0] : end - span[0]]

    def _compute(self, snapshot: Snapshot, first: int, end: int, along: Carried) -> Matrix32:
        from vfr.features import compute

        matrix = compute(snapshot, slice(first, end), along=along)
        self.names = matrix.names
        return matrix.values

    def close(self) -> None:
        """End what is computed ahead, and let go of it."""
        if self._history is not None:
            self._history.close()
            self._history = None

    def _keep(self, span: _Span, values: Matrix32 | None) -> None:
        self._spans[span] = values
        self._spans.move_to_end(span)
        while len(self._spans) > KEPT:
            self._spans.popitem(last=False)


def _span(end: int, lookback: int, sessions: int) -> _Span:
    """Return the rows that are computed together with the row before `end`, those it looks back to included."""
    first = (end - 1) // SPAN * SPAN
    return max(first - lookback + 1, 0), min(first + SPAN, sessions)
