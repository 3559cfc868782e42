"""Heavy work of a server in a process of its own: neither the event loop nor the interpreter's lock ever waits for it.

The process is started by the first call, ends when it has had nothing to do for a while, and is replaced when it dies
or hangs. Calls and results travel between processes of one program; nothing that was stored is read that way.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from threading import BoundedSemaphore, Lock, Timer
from typing import Final, ParamSpec, TypeVar

from vfr.adapters.compute.parent import end_with_parent
from vfr.errors import Overloaded

__all__ = ["ProcessPool"]

IDLE_S: Final = 300.0
"""Seconds without work after which the process ends."""

LIMIT_S: Final = 120.0
"""Seconds one call may take; beyond it the process is taken for hung."""

NICE: Final = 5

PIPE_BYTES: Final = 1 << 20
"""Room for a whole result on its way: through less, both processes wake each other for every piece."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ProcessPool:
    """A few processes and a bounded line in front of them.

    Parameters
    ----------
    workers : int
        Processes, and calls that run at once.
    waiting : int
        Calls that may wait; one more is refused.
    idle_s, limit_s : float
        When processes without work end, and when a call is given up.
    nice : int
        How far quick answers come first; 0 for work that somebody waits for.

    Notes
    -----
    Safe in threads. Processes are spawned: a forked one would inherit the locks of threads it does not have.

    Examples
    --------
    >>> pool = ProcessPool()
    >>> pool.run(divmod, 7, 2)
    (3, 1)
    >>> pool.close()
    """

    def __init__(
        self,
        workers: int = 1,
        waiting: int = 8,
        *,
        idle_s: float = IDLE_S,
        limit_s: float = LIMIT_S,
        nice: int = NICE,
    ) -> None:
        self._workers = workers
        self._nice = nice
        self._idle_s = idle_s
        self._limit_s = limit_s
        self._places = BoundedSemaphore(workers + waiting)
        self._lock = Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._running = 0
        self._timer: Timer | None = None
        self._closed = False

    def run(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a call of a module's function in a process and return its result; what it raises is raised here.

        Raises
        ------
        Overloaded
            If the line is full, the process died twice or hung over this call, or the pool was closed.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded("too much work of this kind waits already; ask again")
        try:
            self._begin()
            for _ in range(2):
                executor, future = self._submit(lambda one: one.submit(call, *args, **kwargs))
                try:
                    return future.result(self._limit_s)
                except BrokenProcessPool:
                    self._drop(executor)
                except TimeoutError:
                    if future.done():  # It is the call's own.
                        raise
                    self._drop(executor)
                    break
            raise Overloaded("the process that does such work was lost; ask again")
        finally:
            self._end()
            self._places.release()

    def close(self) -> None:
        """End the processes and start none any more; what runs is lost."""
        with self._lock:
            self._closed = True
            executor, timer = self._executor, self._timer
            self._timer = None
        if timer is not None:
            timer.cancel()
        if executor is not None:
            self._drop(executor)

    def _submit(self, submit: Callable[[ProcessPoolExecutor], Future[_T]]) -> tuple[ProcessPoolExecutor, Future[_T]]:
        with self._lock:
            if self._closed:
                raise Overloaded("the server stops; ask again")
            if self._executor is None:
                self._executor = _started(self._workers, self._nice)
            executor = self._executor
            try:
                return executor, submit(executor)
            except BrokenProcessPool as error:  # It died while nobody asked.
                lost: Future[_T] = Future()
                lost.set_exception(error)
                return executor, lost

    def _drop(self, executor: ProcessPoolExecutor) -> None:
        """Leave an executor, and let no process of it live on."""
        with self._lock:
            if self._executor is executor:
                self._executor = None
        processes = list((executor._processes or {}).values())  # noqa: SLF001 - public only since Python 3.14
        for process in processes:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        with self._lock:
            self._running += 1
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0 and self._executor is not None:
                self._timer = Timer(self._idle_s, self._rest)
                self._timer.daemon = True
                self._timer.start()

    def _rest(self) -> None:
        """End the processes unless somebody asked meanwhile."""
        with self._lock:
            if self._running:
                return
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)


def _started(workers: int, nice: int) -> ProcessPoolExecutor:
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_settle_in, initargs=(nice,))
    with suppress(OSError, AttributeError):  # Where pipes have one size only, or users have used up their share.
        fcntl.fcntl(executor._result_queue._reader.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[attr-defined]  # noqa: SLF001
    return executor


def _settle_in(nice: int) -> None:
    """Begin the life of a process: Ctrl-C is for who started it, with whom it ends, and quick answers come first."""
    os.nice(nice)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
