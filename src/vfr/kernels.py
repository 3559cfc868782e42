"""Kernels: functions that numba compiles, once after each installation and again when what they are made of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit

__all__ = ["compiled", "kernel"]

P = ParamSpec("P")
T = TypeVar("T")


def kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function compiled when it is first called; the interpreter's lock is free while it runs.

    What is compiled is kept beside the source. Numba takes it for current as long as the function's own file is the
    same. Here the kernels and numbers that this file imports must be the same as well: after an update, a kernel would
    else go on computing with what they were before.

    Parameters
    ----------
    function : callable
        Of a file that imports what it needs above all its kernels.
    """
    made: Any = njit(cache=True, nogil=True)(function)
    if hasattr(made, "py_func"):  # NUMBA_DISABLE_JIT leaves functions as they are.
        made.made_of = _kept(made)._source_stamp = _stamp(made)  # noqa: SLF001 - numba has no other place for it
    return cast("Callable[P, T]", made)


def compiled(made: Callable[..., Any]) -> bool:
    """Return whether a kernel was compiled before, on this machine and from all it is made of as it is now."""
    plain = not hasattr(made, "made_of")
    return plain or bool(_kept(made)._load_index())  # noqa: SLF001 - numba tells of this process only


def _kept(made: Any) -> Any:
    """Return what numba keeps of a kernel on disk."""
    return made._cache._cache_file  # noqa: SLF001


def _stamp(made: Any) -> bytes:
    """Return a hash of numba's own stamp, which is one of a kernel's file, and of what that file imports."""
    function, stamp = made.py_func, sha256(_kept(made)._source_stamp)  # noqa: SLF001
    package = function.__module__.partition(".")[0]
    for name, used in _known(function.__globals__):
        if isinstance(used, ModuleType) and used.__name__.partition(".")[0] == package:
            for inner, held in _known(vars(used)):
                stamp.update(_said(f"{name}.{inner}", held))
        stamp.update(_said(name, used))
    return stamp.digest()


def _known(names: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    return ((name, used) for name, used in names.items() if not name.startswith("__"))


def _said(name: str, used: object) -> bytes:
    """Return what a kernel takes over of a name: the stamp of a kernel, a number, nothing of all else."""
    made_of: bytes = getattr(used, "made_of", b"")
    return f"{name}={used!r};".encode() if _is_number(used) else made_of


def _is_number(used: object) -> bool:
    if isinstance(used, tuple):
        return all(map(_is_number, used))
    return isinstance(used, int | float | str | np.generic)
