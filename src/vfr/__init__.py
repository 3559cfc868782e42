"""VFR: a transparent five-factor stock score, and machine learning that can only help.

The Python API, the same uses as the command line. Names are resolved on first use, so that ``import vfr`` costs
milliseconds.

Examples
--------
>>> import vfr
>>> vfr.__version__
'0.1.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfr.python_api import (
        analyze,
        evidence,
        import_data,
        load_snapshot,
        lookahead,
        monitor_performance,
        sync,
        train,
    )

__all__ = [
    "__version__",
    "analyze",
    "evidence",
    "import_data",
    "load_snapshot",
    "lookahead",
    "monitor_performance",
    "sync",
    "train",
]

__version__ = "0.1.0"

_LAZY = frozenset(__all__) - {"__version__"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module("vfr.python_api"), name)
    raise AttributeError(f"module 'vfr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
