"""What requests share: the current data set, held in memory until another one is current, and boards of the past."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock, RLock
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from vfr.clock import elapsed_ms
from vfr.workflows.past_boards import PastBoards

if TYPE_CHECKING:
    import numpy as np

    from vfr.data.quality import QualityReport
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board
    from vfr.workflows.datasets import DatasetInfo, DatasetStore

__all__ = ["Boards", "HeldDatasets"]

KEPT_BOARDS: Final = 16
LATELY_MS: Final = 20.0
"""How long answers that wait for nothing trust a stamp: a question to the disk hands the interpreter to other threads,
and who asks gets it back when they are done."""

_T = TypeVar("_T")
_Key: TypeAlias = tuple[str, str, str]
"""Name and version of a data set, and the day asked for."""


class HeldDatasets:
    """A store that reads the current board and snapshot once per version; implements `DatasetStore`.

    Parameters
    ----------
    store : DatasetStore

    Notes
    -----
    The stamp of the store is asked at every call, so that an import by another process is seen by the next request.
    Named data sets, and parts of one, are passed through.
    """

    def __init__(self, store: DatasetStore) -> None:
        self._store = store
        self._lock = RLock()
        self._board: tuple[str, Board] | None = None
        self._snapshot: tuple[str, Snapshot] | None = None
        self._seen: tuple[str | None, float] = (None, 0.0)

    def publish(self, snapshot: Snapshot, quality: QualityReport, board: Board, *, make_current: bool = True) -> str:
        """Store a data set and make it current if wanted."""
        version = self._store.publish(snapshot, quality, board, make_current=make_current)
        self._seen = None, 0.0
        return version

    def names(self) -> list[DatasetInfo]:
        """Return every data set, by name."""
        return self._store.names()

    def current(self) -> str | None:
        """Return the name of the current data set, None if there is none."""
        return self._store.current()

    def stamp(self) -> str | None:
        """Return a key that changes with the current data set."""
        return self._store.stamp()

    def use(self, name: str) -> None:
        """Make a data set current."""
        self._store.use(name)
        self._seen = None, 0.0

    def quality(self, name: str | None = None) -> QualityReport:
        """Return what the import of a data set found."""
        return self._store.quality(name)

    def verify(self, name: str | None = None) -> list[str]:
        """Return the files of a data set that differ from what was stored."""
        return self._store.verify(name)

    def board(self, name: str | None = None) -> Board:
        """Return the prepared last row of a data set."""
        if name is not None:
            return self._store.board(name)
        with self._lock:
            self._board = _current(self._board, self._store.stamp(), self._store.board)
            return self._board[1]

    def lately(self) -> str | None:
        """Return the stamp as it was a moment ago, at most `LATELY_MS`: for whoever must not wait for the disk."""
        stamp, until = self._seen
        now = elapsed_ms()
        if now >= until:
            stamp = self._store.stamp()
            self._seen = stamp, now + LATELY_MS
        return stamp

    def ready(self) -> Board | None:
        """Return the board of the current data set if it is in memory, else None; waits for nobody."""
        held = self._board
        return held[1] if held is not None and held[0] == self.lately() else None

    def snapshot(self, name: str | None = None, symbols: Sequence[str] | None = None) -> Snapshot:
        """Return everything a data set holds, or everything about some symbols; a part is read anew."""
        if name is not None or symbols is not None:
            return self._store.snapshot(name, symbols)
        with self._lock:
            self._snapshot = _current(self._snapshot, self._store.stamp(), self._store.snapshot)
            return self._snapshot[1]


def _current(held: tuple[str, _T] | None, stamp: str | None, read: Callable[[], _T]) -> tuple[str, _T]:
    if held is not None and held[0] == stamp:
        return held
    # Without a stamp there is no data set, and reading says so.
    return stamp or "", read()


def _identity(board: Board) -> tuple[str, str]:
    return board.data_name, board.data_version


class Boards:
    """Boards by day: the latest as it was stored, past ones computed from what was known then and kept.

    Parameters
    ----------
    datasets : HeldDatasets
    compute : callable, optional
        Computes the board of a past day's session; here and now by default. A server leaves it to another process.
    kept : int
        Past boards kept, least recently used first out.

    Notes
    -----
    A second request for the same day waits for the first instead of computing it again.
    """

    def __init__(
        self, datasets: HeldDatasets, compute: Callable[[np.datetime64], Board] | None = None, kept: int = KEPT_BOARDS
    ) -> None:
        self._datasets = datasets
        self._compute = compute or PastBoards(datasets)
        self._kept = kept
        self._past: OrderedDict[_Key, Board] = OrderedDict()
        self._running: dict[_Key, Future[Board]] = {}
        self._lock = Lock()

    def at(self, day: np.datetime64 | None) -> Board:
        """Return the board of the last session on or before a day; None is the latest session.

        Raises
        ------
        NoData
            If no data set is installed.
        InvalidField
            If the day is before its first session.
        Overloaded
            If too many past days wait to be computed.
        """
        latest = self._datasets.board()
        if day is None or day >= latest.as_of:
            return latest
        key = (*_identity(latest), str(day))
        with self._lock:
            kept, running = self._look(key), self._running.get(key)
            if kept is None and running is None:
                mine = self._running[key] = Future()
        if kept is not None:
            return kept
        return self._compute_for_all(day, key, mine) if running is None else running.result()

    def ready(self, day: np.datetime64 | None) -> Board | None:
        """Return the board of a day if it is in memory, else None."""
        latest = self._datasets.ready()
        if latest is None or day is None or day >= latest.as_of:
            return latest
        with self._lock:
            return self._look((*_identity(latest), str(day)))

    def _look(self, key: _Key) -> Board | None:
        found = self._past.get(key)
        if found is not None:
            self._past.move_to_end(key)
        return found

    def _compute_for_all(self, day: np.datetime64, key: _Key, told: Future[Board]) -> Board:
        """Compute a board and tell whoever waits for it; keep it unless it failed or the data changed meanwhile."""
        try:
            board = self._compute(day)
        except BaseException as error:
            told.set_exception(error)
            raise
        else:
            told.set_result(board)
            if _identity(board) == key[:2]:
                with self._lock:
                    self._past[key] = board
                    while len(self._past) > self._kept:
                        self._past.popitem(last=False)
            return board
        finally:
            with self._lock:
                del self._running[key]
