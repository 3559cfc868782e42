"""A snapshot as plain arrays for fast loading (numpy and JSON only), beside the same content as parquet tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.records import Actions, Benchmark, Fundamentals, Macro, MacroSeries, Membership, Securities, Texts
from vfr.data.snapshot import Snapshot

__all__ = ["read_snapshot", "write_snapshot"]

_BARS: Final = (*PRICE_FIELDS, "volume")


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Write one ``.npy`` file per price field, ``records.npz`` and ``records.json``."""
    for name in _BARS:
        np.save(folder / f"{name}.npy", getattr(snapshot.panel, name), allow_pickle=False)
    arrays: dict[str, np.ndarray] = {"sessions": snapshot.sessions, "closes_at": snapshot.closes_at}
    words: dict[str, Any] = {"symbols": snapshot.symbols, "adjustment": snapshot.panel.adjustment}
    for kind in ("securities", "actions", "fundamentals", "texts", "membership", "benchmark"):
        record = getattr(snapshot, kind)
        if record is not None:
            words[kind] = _split(kind, record, arrays)
    if snapshot.macro is not None:
        words["macro"] = {name: _split(f"macro.{name}", s, arrays) for name, s in snapshot.macro.series.items()}
    np.savez(folder / "records.npz", allow_pickle=False, **arrays)
    (folder / "records.json").write_text(json.dumps(words), encoding="utf-8")


def _split(kind: str, record: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Put a record's arrays into `arrays` under ``kind.field``; return its other fields as plain JSON."""
    plain: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"{kind}.{field.name}"] = value
        elif isinstance(value, Mapping):
            arrays |= {f"{kind}.{field.name}.{key}": array for key, array in value.items()}
            plain[field.name] = list(value)
        else:
            plain[field.name] = value
    return plain


def read_snapshot(folder: Path, *, name: str, version: str) -> Snapshot:
    """Return the snapshot of a folder.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If a file is missing or not what `write_snapshot` wrote.
    """
    words = json.loads((folder / "records.json").read_text(encoding="utf-8"))
    with np.load(folder / "records.npz", allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    bars = {field: np.asarray(np.load(folder / f"{field}.npy", mmap_mode="r", allow_pickle=False)) for field in _BARS}
    panel = Panel(sessions=arrays["sessions"], symbols=tuple(words["symbols"]), adjustment=words["adjustment"], **bars)
    return Snapshot(
        name=name,
        version=version,
        panel=panel,
        closes_at=arrays["closes_at"],
        securities=_join(Securities, "securities", words, arrays),
        actions=_join(Actions, "actions", words, arrays),
        fundamentals=_join(Fundamentals, "fundamentals", words, arrays),
        macro=_macro(words, arrays),
        texts=_join(Texts, "texts", words, arrays),
        membership=_join(Membership, "membership", words, arrays),
        benchmark=_join(Benchmark, "benchmark", words, arrays),
    )


def _join(record: Any, kind: str, words: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a record from its plain fields and its arrays, None if the snapshot had none."""
    plain = words.get(kind)
    if plain is None:
        return None
    values: dict[str, Any] = {}
    for field in fields(record):
        key = f"{kind}.{field.name}"
        if key in arrays:
            values[field.name] = arrays[key]
        elif field.name == "values":
            values[field.name] = {item: arrays[f"{key}.{item}"] for item in plain[field.name]}
        else:
            value = plain[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return record(**values)


def _macro(words: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Macro | None:
    if "macro" not in words:
        return None
    return Macro(
        {
            name: _join(MacroSeries, f"macro.{name}", {f"macro.{name}": plain}, arrays)
            for name, plain in words["macro"].items()
        }
    )
