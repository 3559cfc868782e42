"""A snapshot as plain arrays for fast loading (numpy and JSON only), beside the same content as parquet tables.

Prices and texts are mapped from disk, so that a few symbols cost what they hold, not what the whole holds. Bars lie
there twice: by session for whole panels, which processes then share, and by symbol, where a few symbols lie together.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.people import Insiders, Ratings
from vfr.data.records import (
    Actions,
    Benchmark,
    Fundamentals,
    Macro,
    MacroSeries,
    Membership,
    Securities,
    Texts,
    renumbered,
)
from vfr.data.snapshot import Snapshot
from vfr.errors import UnknownSymbol
from vfr.typing import FloatArray, IntArray

__all__ = ["read_snapshot", "write_snapshot"]

_BARS: Final = (*PRICE_FIELDS, "volume")
_BY_SYMBOL: Final = "by_symbol.npy"
_AT_ONCE: Final = 16
_TEXTS: Final = "texts.utf8"
_OF_SERIES: Final = ("date", "known_at", "value")


def write_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Write ``.npy`` files of bars, ``records.npz``, ``records.json`` and the texts one after the other."""
    for name in _BARS:
        np.save(folder / f"{name}.npy", getattr(snapshot.panel, name), allow_pickle=False)
    _write_by_symbol(folder / _BY_SYMBOL, snapshot.panel)
    arrays: dict[str, np.ndarray] = {"sessions": snapshot.sessions, "closes_at": snapshot.closes_at}
    words: dict[str, Any] = {"symbols": snapshot.symbols, "adjustment": snapshot.panel.adjustment}
    for kind in ("securities", "actions", "fundamentals", "membership", "benchmark", "insiders", "ratings"):
        record = getattr(snapshot, kind)
        if record is not None:
            words[kind] = _split(kind, record, arrays)
    if snapshot.macro is not None:
        words["macro"] = _split_macro(snapshot.macro, arrays)
    if snapshot.texts is not None:
        written = [line.encode() for line in snapshot.texts.text]
        (folder / _TEXTS).write_bytes(b"".join(written))
        ends = np.cumsum([len(line) for line in written], dtype=np.int64)
        arrays |= {"texts.column": snapshot.texts.column, "texts.created_at": snapshot.texts.created_at}
        arrays["texts.end"] = ends
    np.savez(folder / "records.npz", allow_pickle=False, **arrays)
    (folder / "records.json").write_text(json.dumps(words), encoding="utf-8")


def _write_by_symbol(path: Path, panel: Panel) -> None:
    """Write the bars as one array [N x 6 x T], a few symbols at a time.

    Not through a memory map: on a full disk that would kill the process where a write raises.
    """
    t, n = panel.shape
    bars: list[FloatArray] = [getattr(panel, name) for name in _BARS]
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(bars[0].dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, header | {"shape": (n, len(_BARS), t)})
        for begin in range(0, n, _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            np.stack([field[:, some].T for field in bars], axis=1).tofile(file)


def _split(kind: str, record: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Put a record's arrays into `arrays` under ``kind.field``; return its other fields as plain JSON."""
    plain: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"{kind}.{field.name}"] = value
        elif isinstance(value, Mapping):
            # One array: a zip archive takes as long to open a member as to read a thousand figures of it.
            arrays[f"{kind}.{field.name}"] = np.array(list(value.values()))
            plain[field.name] = list(value)
        else:
            plain[field.name] = value
    return plain


def _split_macro(macro: Macro, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Put the arrays of all series one after the other into `arrays`; return where each begins and ends."""
    listed = list(macro.series.values())
    for name in _OF_SERIES if listed else ():
        arrays[f"macro.{name}"] = np.concatenate([getattr(series, name) for series in listed])
    ends = np.cumsum([series.date.size for series in listed], dtype=np.int64).tolist()
    rows = zip([0, *ends], ends, strict=False)
    return {
        name: {"revised": series.revised, "rows": span}
        for (name, series), span in zip(macro.series.items(), rows, strict=True)
    }


def read_snapshot(folder: Path, *, name: str, version: str, symbols: Sequence[str] | None = None) -> Snapshot:
    """Return the snapshot of a folder, or the part of it that is about some symbols, in the panel's order.

    Raises
    ------
    UnknownSymbol
        If the panel lacks one of the symbols.
    OSError, ValueError, KeyError, TypeError
        If a file is missing or not what `write_snapshot` wrote.
    """
    words = json.loads((folder / "records.json").read_text(encoding="utf-8"))
    with np.load(folder / "records.npz", allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    listed = tuple(words["symbols"])
    columns = None if symbols is None else _columns(listed, symbols)
    part = listed if columns is None else tuple(listed[c] for c in columns.tolist())
    bars = _bars(folder) if columns is None else _bars_of(folder, columns)
    panel = Panel(sessions=arrays["sessions"], symbols=part, adjustment=words["adjustment"], **bars)
    return Snapshot(
        name=name,
        version=version,
        panel=panel,
        closes_at=arrays["closes_at"],
        securities=_taken(_join(Securities, "securities", words, arrays), columns),
        actions=_taken(_join(Actions, "actions", words, arrays), columns),
        fundamentals=_taken(_join(Fundamentals, "fundamentals", words, arrays), columns),
        macro=_macro(words, arrays),
        texts=_texts(folder, words, arrays, columns),
        membership=_taken(_join(Membership, "membership", words, arrays), columns),
        benchmark=_join(Benchmark, "benchmark", words, arrays),
        insiders=_taken(_join(Insiders, "insiders", words, arrays), columns),
        ratings=_taken(_join(Ratings, "ratings", words, arrays), columns),
    )


def _columns(listed: tuple[str, ...], symbols: Sequence[str]) -> IntArray:
    """Return the columns of some symbols, ascending."""
    place = {symbol: column for column, symbol in enumerate(listed)}
    unknown = [symbol for symbol in symbols if symbol not in place]
    if unknown:
        raise UnknownSymbol(f"{unknown[0]}: not in the installed data")
    return np.unique(np.array([place[symbol] for symbol in symbols], dtype=np.int64))


def _bars(folder: Path) -> dict[str, FloatArray]:
    """Map the price fields from disk, [T x N] each."""
    return {name: _mapped(folder / f"{name}.npy") for name in _BARS}


def _bars_of(folder: Path, columns: IntArray) -> dict[str, FloatArray]:
    """Copy the price fields of some columns, [T x n] each."""
    path = folder / _BY_SYMBOL
    if not path.exists():
        # Written before bars lay by symbol too.
        return {name: np.take(whole, columns, axis=1) for name, whole in _bars(folder).items()}
    block = _mapped(path)[columns]
    return {name: np.ascontiguousarray(block[:, place].T) for place, name in enumerate(_BARS)}


def _mapped(path: Path) -> FloatArray:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _taken(record: Any, columns: IntArray | None) -> Any:
    return record if record is None or columns is None else record.take(columns)


def _texts(
    folder: Path, words: Mapping[str, Any], arrays: Mapping[str, np.ndarray], columns: IntArray | None
) -> Texts | None:
    """Return the texts, reading no other than those asked for; None if the snapshot had none."""
    if "texts" in words:
        # Written before texts had a file of their own.
        return _taken(_join(Texts, "texts", words, arrays), columns)  # type: ignore[no-any-return]
    if "texts.end" not in arrays:
        return None
    column, end = arrays["texts.column"], arrays["texts.end"]
    rows = np.arange(column.size)
    if columns is not None:
        column, rows = renumbered(column, columns)
    begin = np.concatenate([[0], end[:-1]])
    lines = _lines(folder / _TEXTS, begin[rows].tolist(), end[rows].tolist())
    return Texts(column, arrays["texts.created_at"][rows], lines)


def _lines(path: Path, begin: list[int], end: list[int]) -> tuple[str, ...]:
    """Return the texts between pairs of byte offsets of a file."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return ("",) * len(begin)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return tuple([content[a:b].decode() for a, b in zip(begin, end, strict=True)])


def _join(record: Any, kind: str, words: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a record from its plain fields and its arrays, None if the snapshot had none."""
    plain = words.get(kind)
    if plain is None:
        return None
    values: dict[str, Any] = {}
    for field in fields(record):
        key = f"{kind}.{field.name}"
        if field.name == "values":
            # Data sets written before hold one array for each item.
            figures = arrays[key] if key in arrays else [arrays[f"{key}.{item}"] for item in plain[field.name]]
            values[field.name] = dict(zip(plain[field.name], figures, strict=True))
        elif key in arrays:
            values[field.name] = arrays[key]
        else:
            value = plain[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return record(**values)


def _macro(words: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Macro | None:
    if "macro" not in words:
        return None
    return Macro({name: _series(name, plain, arrays) for name, plain in words["macro"].items()})


def _series(name: str, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> MacroSeries:
    if "rows" in plain:
        begin, end = plain["rows"]
        date, known_at, value = (arrays[f"macro.{field}"][begin:end] for field in _OF_SERIES)
    else:
        # Written before all series shared their arrays.
        date, known_at, value = (arrays[f"macro.{name}.{field}"] for field in _OF_SERIES)
    return MacroSeries(date, known_at, value, plain["revised"])
