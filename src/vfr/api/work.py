"""Bounded threads for work that blocks: the event loop only parses, waits and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from vfr.api.errors import Refusal

__all__ = ["Work"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Work:
    """A fixed number of threads and a bounded line in front of them.

    Parameters
    ----------
    threads : int
        Calls that run at once.
    queue : int
        Calls that may wait.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="vfr")
        self._places = BoundedSemaphore(threads + queue)

    async def run(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a call in a thread and return its result.

        Raises
        ------
        Refusal
            503 with ``Retry-After`` if the line is full. A caller that has left keeps its place until its call is done.
        """
        if not self._places.acquire(blocking=False):
            raise Refusal(503, "OVERLOADED", "too many requests wait already; try again", {"Retry-After": "1"})
        future: Future[_T] = self._pool.submit(copy_context().run, lambda: call(*args, **kwargs))
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Stop taking calls; those that run finish."""
        self._pool.shutdown(wait=False, cancel_futures=True)
