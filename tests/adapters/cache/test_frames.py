"""What is written to a shared cache: back as it was for its own key, and nothing for anything else."""

from __future__ import annotations

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.cache.frames import _HEAD, COMPRESSED_FROM, MAX_VALUE, pack, unpack
from vfr.cache.protocol import Entry

KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
VALUES = st.binary(max_size=3_000) | st.binary(min_size=1, max_size=20).map(lambda piece: 200 * piece)


@given(KEYS, VALUES, st.integers(0, 2**63), st.floats(0, 1e12))
def test_a_value_comes_back(key: str, value: bytes, expires: int, cost: float) -> None:
    entry = Entry(value, expires, cost)
    assert unpack(key, pack(key, entry)) == entry


@given(VALUES, st.data())
def test_any_change_of_a_few_bits_is_noticed(value: bytes, data: st.DataObject) -> None:
    raw = bytearray(pack("key", Entry(value, 5)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="these bytes"):
        unpack("key", bytes(raw))


@given(st.binary(max_size=200))
def test_foreign_bytes_are_no_value(raw: bytes) -> None:
    with pytest.raises(ValueError, match="these bytes"):
        unpack("key", raw)


@given(VALUES, st.data())
def test_a_value_cut_short_is_none(value: bytes, data: st.DataObject) -> None:
    raw = pack("key", Entry(value, 5))
    with pytest.raises(ValueError, match="these bytes"):
        unpack("key", raw[: data.draw(st.integers(0, len(raw) - 1))])


def test_a_value_of_another_key_is_none() -> None:
    with pytest.raises(ValueError, match="not a value of this key"):
        unpack("a", pack("b", Entry(b"value", 5)))


def test_only_what_gains_is_compressed() -> None:
    noise, words = np.random.default_rng(1).bytes(100_000), b"words " * 20_000
    assert len(pack("key", Entry(noise, 5))) == len(noise) + _HEAD.size
    assert len(pack("key", Entry(words, 5))) < len(words) / 100
    small = b" " * (COMPRESSED_FROM - 1)
    assert len(pack("key", Entry(small, 5))) == len(small) + _HEAD.size


@pytest.mark.parametrize(
    "body",
    [
        zstandard.ZstdCompressor().compress(bytes(MAX_VALUE + 1)),
        zstandard.ZstdCompressor(write_content_size=False).compress(bytes(10)),
        b"no frame",
        zstandard.ZstdCompressor().compress(bytes(10_000))[:-3],
    ],
)
def test_a_frame_that_is_ours_but_does_not_decompress_is_no_value(body: bytes) -> None:
    """Even where somebody has found the checksum; a bomb is not let off."""
    from zlib import crc32

    head = _HEAD.pack(b"VC\x01", 1, 5, 0.0, 0)
    raw = _HEAD.pack(b"VC\x01", 1, 5, 0.0, crc32(body, crc32(head, crc32(b"key")))) + body
    with pytest.raises(ValueError, match="this value"):
        unpack("key", raw)
