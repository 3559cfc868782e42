"""The data version: a hash of what a snapshot holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np

from vfr.data.snapshot import Snapshot

__all__ = ["fingerprint"]

_DIGITS: Final = 16
_SCHEMA: Final = "vfr-snapshot-1"

_ADDED: Final = frozenset({"insiders", "ratings"})
"""Records that came after data sets had versions: where they are absent they do not enter, so that versions stay."""


def fingerprint(snapshot: Snapshot) -> str:
    """Return the first 16 hex digits of the SHA-256 of a snapshot's content.

    The name, the current version and the wall clock do not enter; every array, text and table does. Arrays count by
    value: all NaN are alike, and so are 0.0 and -0.0.
    """
    digest = hashlib.sha256(_SCHEMA.encode())
    for field in fields(snapshot):
        record = getattr(snapshot, field.name)
        if field.name in {"name", "version"} or (field.name in _ADDED and record is None):
            continue
        for chunk in _chunks(field.name, record):
            digest.update(chunk)
    return digest.hexdigest()[:_DIGITS]


def _chunks(name: str, value: Any) -> Iterator[bytes | memoryview]:
    yield f"|{name}:".encode()
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        plain = np.where(np.isnan(value), np.nan, value + 0.0) if value.dtype.kind == "f" else value
        yield np.ascontiguousarray(plain).view(np.uint8).data
    elif is_dataclass(value):
        for field in fields(value):
            yield from _chunks(field.name, getattr(value, field.name))
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _chunks(key, value[key])
    elif isinstance(value, tuple):
        # Length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
        yield b"".join(b"%d:%b" % (len(item), item) for item in (str(v).encode() for v in value))
    else:
        yield repr(value).encode()
