"""The registry is complete, documented and hashed."""

from __future__ import annotations

import re
import subprocess
import sys

from vfr.features import registry
from vfr.features.registry import CODE_VERSIONS, FAMILIES, FEATURES, docs_table, spec_hash


def test_every_entry_is_named_once_and_documented() -> None:
    entries = [entry for family in FAMILIES.values() for entry in family]
    assert len(entries) == len(FEATURES) >= 60
    for family, members in FAMILIES.items():
        for entry in members:
            assert entry.family == family
            assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.name)
            assert entry.description.endswith(".")
            assert entry.unit
            assert re.search(r"\(\d{4}\)", entry.reference), entry.name
            assert entry.window >= 0


def test_the_hash_follows_entries_and_code_versions(monkeypatch: object) -> None:
    first = spec_hash()
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    monkeypatch.setitem(registry.CODE_VERSIONS, "bars", CODE_VERSIONS["bars"] + 1)
    spec_hash.cache_clear()
    second = spec_hash()
    monkeypatch.undo()
    spec_hash.cache_clear()
    assert second != first
    assert spec_hash() == first
    assert FAMILIES.keys() == CODE_VERSIONS.keys()


def test_the_table_lists_every_feature() -> None:
    table = docs_table()
    assert all(f"| `{name}` |" in table for name in FEATURES)
    assert table.count("\n## ") == len(FAMILIES) - 1


def test_importing_the_package_loads_no_compiler() -> None:
    code = "import sys, vfr.features; print({'numba', 'pandas', 'polars', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "set()"
