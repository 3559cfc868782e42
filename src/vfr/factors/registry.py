"""Every sub-factor of the classic score, in its published order, and the function that measures each factor.

A newcomer looks here first: adding a sub-factor is one entry in its factor's module. Importing costs numpy only.
"""

from __future__ import annotations

from types import ModuleType

from vfr.factors.scores import FACTOR_NAMES, FactorFunction, FactorName, SubFactor

__all__ = ["FACTORS", "SUB_FACTORS"]

_MODULES: dict[FactorName, ModuleType] = {}

FACTORS: dict[FactorName, FactorFunction] = {name: _MODULES[name].measure for name in FACTOR_NAMES if name in _MODULES}
"""The function that measures all sub-factors of a factor, by factor name."""

SUB_FACTORS: dict[str, SubFactor] = {
    entry.name: entry for name in FACTOR_NAMES if name in _MODULES for entry in _MODULES[name].SUB_FACTORS
}
"""Every sub-factor by name, factors in the order of `FACTOR_NAMES`."""
