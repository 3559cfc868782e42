"""One test process at a time compiles a kernel: the others wait, and read from numba's cache what it compiled."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

__all__ = ["one_at_a_time"]


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Within this context a kernel is compiled, or read from the cache, under a lock of its own in the folder.

    A kernel holds its lock while those it calls take theirs. No kernel calls itself through others, so that no two
    processes wait for each other; the compiler's own lock comes first, so that no two threads do.
    """
    compile_ = Dispatcher.compile

    def waited(self: Any, sig: Any) -> Any:
        if isinstance(self._cache, NullCache):
            return compile_(self, sig)
        name = f"{self.py_func.__module__}.{self.py_func.__qualname__}.compiling"
        with global_compiler_lock, (folder / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return compile_(self, sig)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dispatcher, "compile", waited)
        yield
