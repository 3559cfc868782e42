"""What is written to a shared cache: a value with its own version, checksum and expiry, compressed where that gains.

Nothing read back is trusted: bytes that somebody else wrote, that were damaged, that an earlier version wrote or that
belong to another key do not pass the checksum, and are no value.
"""

from __future__ import annotations

import struct
from typing import Final
from zlib import crc32

import zstandard

from vfr.cache.protocol import Entry

__all__ = ["MAX_VALUE", "pack", "unpack"]

MAX_VALUE: Final = 32 * 2**20
"""Bytes of a value at most, compressed or not."""

COMPRESSED_FROM: Final = 1_024
LEVEL: Final = 1
"""Level 3 saves another tenth of a board and takes twice as long."""

_MARK: Final = b"VC\x01"
_RAW, _ZSTD = 0, 1
_HEAD: Final = struct.Struct("<3sBQdI")


def pack(key: str, entry: Entry) -> bytes:
    """Return the bytes to write for a value.

    Examples
    --------
    >>> unpack("a", pack("a", Entry(b"value", expires_ms=9))).value
    b'value'
    """
    how, body = _RAW, entry.value
    if len(body) >= COMPRESSED_FROM:
        smaller = zstandard.ZstdCompressor(level=LEVEL).compress(body)
        if len(smaller) < len(body):
            how, body = _ZSTD, smaller
    head = _HEAD.pack(_MARK, how, entry.expires_ms, entry.cost_ms, 0)
    return _HEAD.pack(_MARK, how, entry.expires_ms, entry.cost_ms, _sum(key, head, body)) + body


def unpack(key: str, raw: bytes) -> Entry:
    """Return the value of bytes that `pack` wrote for the same key.

    Raises
    ------
    ValueError
        If it did not.
    """
    if not _HEAD.size <= len(raw) <= MAX_VALUE + _HEAD.size:
        raise ValueError("these bytes are no value")
    mark, how, expires, cost, checksum = _HEAD.unpack_from(raw)
    body = raw[_HEAD.size :]
    if mark != _MARK or checksum != _sum(key, _HEAD.pack(mark, how, expires, cost, 0), body):
        raise ValueError("these bytes are not a value of this key")
    return Entry(_inflated(body) if how == _ZSTD else body, expires, cost)


def _sum(key: str, head: bytes, body: bytes) -> int:
    return crc32(body, crc32(head, crc32(key.encode())))


def _inflated(body: bytes) -> bytes:
    try:
        # Asked first: the library makes room for whatever size a frame claims.
        if not 0 <= zstandard.frame_content_size(body) <= MAX_VALUE:
            raise ValueError("this value is too large")
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError:
        raise ValueError("this value does not decompress") from None
