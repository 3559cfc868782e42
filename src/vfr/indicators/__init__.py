"""Price and volume indicators, one definition each: kernels on one symbol's bars, and `compute` for whole panels.

Importing this package loads numba; import it inside the function that computes.
"""

from vfr.indicators.bars import Run, on_panel, runs, spread
from vfr.indicators.registry import INDICATORS, Indicator, compute

__all__ = ["INDICATORS", "Indicator", "Run", "compute", "on_panel", "runs", "spread"]
