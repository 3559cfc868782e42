"""Whether kernels must be compiled before they compute: on a new machine that takes minutes, and progress says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["COMPILING", "factors_stage", "features_stage", "members_stage"]

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


def _stage(name: str, *kernels: Callable[..., Any]) -> str:
    from vfr.kernels import compiled

    return name if all(map(compiled, kernels)) else f"{name} ({COMPILING})"
