"""Tables as parquet bytes, and the hash by which a file's name says what must be in it."""

from __future__ import annotations

import hashlib
import io
from typing import Final

import polars as pl

__all__ = ["content_hash", "parquet_bytes"]

_LEVEL: Final = 3
_DIGITS: Final = 16


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Return a table as a zstd parquet file; equal tables give equal bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=_LEVEL)
    return buffer.getvalue()


def content_hash(data: bytes) -> str:
    """Return the hash that stands in a file's name: 16 hexadecimal digits of its sha256."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
