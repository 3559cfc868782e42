"""Bytes of forecasts and boards: the same back, bit for bit, and only a ValueError from bytes that are not ours."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.examples import examples

from vfr.adapters.store.codecs import decode_board, decode_forecast, encode_board, encode_forecast
from vfr.factors.compute import compute_board
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
TEXT = st.text(max_size=12)


@st.composite
def members(draw: st.DrawFn, n: int) -> MemberForecast:
    series = [draw(arrays.arrays(np.float64, n, elements=FLOATS)) for _ in range(3)]
    words = [draw(TEXT), draw(st.none() | TEXT), draw(TEXT), draw(st.none() | TEXT)]
    return MemberForecast(*words, *series, draw(FLOATS), draw(st.none() | TEXT))


@st.composite
def forecasts(draw: st.DrawFn) -> Forecast:
    n = draw(st.integers(0, 5))
    series = {
        name: draw(arrays.arrays(np.float64, n, elements=FLOATS))
        for name in ("p_up", "expected_excess", "low", "high", "confidence", "score", "agreement")
    }
    return Forecast(
        data_version=draw(TEXT),
        as_of=np.datetime64(draw(st.dates()), "D"),
        horizon=draw(st.sampled_from(("1d", "7d", "30d"))),
        symbols=tuple(draw(st.lists(TEXT, min_size=n, max_size=n))),
        level=draw(FLOATS),
        base_rate=draw(FLOATS),
        members=tuple(draw(st.lists(members(n), max_size=3))),
        method_applied=draw(TEXT),
        note=draw(st.none() | TEXT),
        small_universe=draw(st.booleans()),
        importance=tuple(draw(st.lists(st.tuples(TEXT, FLOATS), max_size=3))),
        computed_at=draw(st.integers(0, 2**53)),
        latency_ms=draw(FLOATS),
        from_cache=draw(st.booleans()),
        method=draw(TEXT),
        **series,
    )


def same(a: Any, b: Any) -> bool:
    """Compare two values of any depth, floats bit for bit."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return isinstance(b, float) and np.float64(a).tobytes() == np.float64(b).tobytes()
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.init and f.compare
        )
    return type(a) is type(b) and bool(a == b)


@given(forecasts())
@examples(150)
def test_a_forecast_comes_back_bit_for_bit(found: Forecast) -> None:
    assert same(decode_forecast(encode_forecast(found)), found)


@given(st.sampled_from(("NO_MODEL", "TIMEOUT", "DISABLED")), TEXT)
@examples(50)
def test_a_reason_comes_back(code: Any, message: str) -> None:
    assert decode_forecast(encode_forecast(MlUnavailable(code, message))) == MlUnavailable(code, message)


@pytest.fixture(scope="module")
def board(seeded_snapshot: Snapshot) -> Board:
    return compute_board(seeded_snapshot)


def test_a_board_comes_back_bit_for_bit(board: Board) -> None:
    assert same(decode_board(encode_board(board)), board)


def test_decoded_arrays_are_shared_and_so_read_only(board: Board) -> None:
    found = decode_board(encode_board(board))
    for array in (found.price, found.last_bar, found.scores.score):
        assert array.flags.aligned
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array


def damaged(draw: Callable[[Any], Any], raw: bytes) -> bytes:
    kind = draw(st.sampled_from(("cut", "longer", "flipped", "spliced")))
    at = draw(st.integers(0, len(raw) - 1))
    if kind == "cut":
        return raw[:at]
    if kind == "longer":
        return raw + draw(st.binary(min_size=1, max_size=16))
    if kind == "spliced":
        return raw[:at] + draw(st.binary(max_size=16)) + raw[draw(st.integers(at, len(raw))) :]
    changed = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(0, min(len(raw), 400) - 1))] ^= draw(st.integers(1, 255))
    return bytes(changed)


def answered_or_value_error(decode: Callable[[bytes], Any], raw: bytes) -> None:
    try:
        decode(raw)
    except ValueError:
        return


@given(st.data(), forecasts())
@examples(400)
def test_damaged_forecasts_are_value_errors(data: st.DataObject, found: Forecast) -> None:
    answered_or_value_error(decode_forecast, damaged(data.draw, encode_forecast(found)))


@given(st.data())
@examples(400)
def test_damaged_boards_are_value_errors(board: Board, data: st.DataObject) -> None:
    answered_or_value_error(decode_board, damaged(data.draw, encode_board(board)))


@given(st.binary(max_size=200), st.sampled_from((b"VFRF\x01", b"VFRN\x01", b"VFRB\x01", b"")))
@examples(400)
def test_foreign_bytes_are_value_errors(raw: bytes, mark: bytes) -> None:
    for decode in (decode_forecast, decode_board):
        answered_or_value_error(decode, mark + raw)


def test_every_cut_of_every_kind_is_refused(board: Board) -> None:
    small = encode_board(board)
    reason = encode_forecast(MlUnavailable("NO_MODEL", "none"))
    for raw, decode in ((small, decode_board), (reason, decode_forecast)):
        for stop in {0, 1, 4, 5, 8, 9, 10, len(raw) // 2, len(raw) - 8, len(raw) - 1}:
            with pytest.raises(ValueError, match=r"\w"):
                decode(raw[:stop])


def test_one_kind_is_not_taken_for_another(board: Board) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode_forecast(encode_board(board))
    with pytest.raises(ValueError, match=r"\w"):
        decode_board(encode_forecast(MlUnavailable("NO_MODEL", "none")))


def test_what_cannot_be_encoded_is_refused(board: Board) -> None:
    with pytest.raises(ValueError, match="one place for each symbol"):
        encode_board(replace(board, price=board.price[:-1]))


def test_the_same_board_has_the_same_bytes(board: Board) -> None:
    assert encode_board(board) == encode_board(decode_board(encode_board(board)))
