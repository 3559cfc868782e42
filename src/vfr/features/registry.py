"""Every feature by name, in the order of the matrix, and the version hash of their specification.

Adding a feature: an entry in a catalogue and its line in the family's kernel, at the same place; then raise the
family's number in `CODE_VERSIONS`. Importing this module costs no compiler.
"""

from __future__ import annotations

import json
from dataclasses import astuple
from functools import cache
from hashlib import sha256
from typing import Final

from vfr.features.catalogue_context import CROSS_SECTION, FUNDAMENTALS, REGIME, SECTOR_RELATIVE
from vfr.features.catalogue_prices import MARKET_RELATIVE, RETURNS, VOLATILITY
from vfr.features.catalogue_trading import BARS, OSCILLATORS, TRADING
from vfr.features.feature import Family, Feature

__all__ = ["CODE_VERSIONS", "FAMILIES", "FEATURES", "docs_table", "spec_hash"]

CODE_VERSIONS: Final[dict[Family, int]] = {
    "returns": 1,
    "volatility": 1,
    "market_relative": 1,
    "bars": 1,
    "trading": 1,
    "oscillators": 1,
    "regime": 2,
    "sector_relative": 1,
    "cross_section": 1,
    "fundamentals": 2,
}
"""Raised whenever a change of code may change a value of the family; part of the version hash."""

FAMILIES: Final[dict[Family, tuple[Feature, ...]]] = {
    "returns": RETURNS,
    "volatility": VOLATILITY,
    "market_relative": MARKET_RELATIVE,
    "bars": BARS,
    "trading": TRADING,
    "oscillators": OSCILLATORS,
    "regime": REGIME,
    "sector_relative": SECTOR_RELATIVE,
    "cross_section": CROSS_SECTION,
    "fundamentals": FUNDAMENTALS,
}
"""Features by family, in the order of the matrix."""

FEATURES: Final[dict[str, Feature]] = {entry.name: entry for family in FAMILIES.values() for entry in family}
"""Every feature by name."""


@cache
def spec_hash() -> str:
    """Return the version hash of the specification: entries, parameters and code versions, 16 hex digits.

    A model is tied to it: another hash means that its inputs may mean something else.
    """
    body = [[astuple(entry), CODE_VERSIONS[entry.family]] for entry in FEATURES.values()]
    return sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()[:16]


def docs_table() -> str:
    """Return a Markdown table of every feature, one section per family."""
    lines: list[str] = []
    for family, entries in FAMILIES.items():
        lines += [f"## {family.replace('_', ' ').capitalize()}", ""]
        lines += ["| feature | unit | window | what | reference |", "|---|---|---|---|---|"]
        for e in entries:
            lines.append(f"| `{e.name}` | {e.unit} | {e.window or '-'} | {e.description} | {e.reference} |")
        lines.append("")
    return "\n".join(lines)
