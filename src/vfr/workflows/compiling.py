"""Whether kernels must be compiled before they compute: on a new machine that takes minutes, and progress says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

__all__ = ["COMPILING", "cached", "factors_stage", "features_stage", "members_stage"]

COMPILING: Final = "compiling kernels first, once after each installation"


def features_stage() -> str:
    """Return what to call the stage that computes features."""
    from vfr.features.symbols import symbols

    return _stage("features", symbols)


def members_stage() -> str:
    """Return what to call the stage that asks members, which computes features first."""
    from vfr.features.symbols import symbols
    from vfr.models.tree_walk import add_leaves

    return _stage("asking members", symbols, add_leaves)


def factors_stage() -> str:
    """Return what to call the stage that computes the factors of a board."""
    from vfr.indicators.averages import ema

    return _stage("computing factor scores", ema)


def cached(kernel: Any) -> bool:
    """Return whether a kernel of numba was compiled before, on this machine and from its source as it is now."""
    code, folder = kernel.py_func.__code__, kernel.stats.cache_path
    source = Path(code.co_filename)
    if folder is None or not source.is_file():
        return False
    written = source.stat().st_mtime
    name = f"{source.stem}.{kernel.py_func.__qualname__}-{code.co_firstlineno}.py*.nbi"
    return any(index.stat().st_mtime >= written for index in Path(folder).glob(name))


def _stage(name: str, *kernels: Any) -> str:
    return name if all(map(cached, kernels)) else f"{name} ({COMPILING})"
