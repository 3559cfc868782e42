"""Forecasts and boards as bytes, for caches and sockets: a typed header, then flat arrays, nothing that can run.

A decoder trusts nothing: sizes are bounded and must fit exactly, every field has its type, and whatever differs is a
`ValueError`. Floats pass bit for bit, NaN included. Decoded arrays are read-only, as several requests share them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Annotated, Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from vfr.adapters.store.board_files import BoardPlain, board_arrays, board_of, board_plain
from vfr.factors.board import Board
from vfr.typing import FloatArray, Horizon
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable, UnavailableCode

__all__ = ["decode_board", "decode_forecast", "encode_board", "encode_forecast"]

MAX_BYTES: Final = 64 * 2**20
"""Of anything encoded; a board of 480 symbols has half a megabyte."""

MAX_SYMBOLS: Final = 100_000
MAX_MEMBERS: Final = 64
MAX_DAY: Final = 10_000_000

_FORECAST: Final = b"VFRF\x01"
_NONE: Final = b"VFRN\x01"
_BOARD: Final = b"VFRB\x01"
_LENGTH: Final = 4

_SERIES: Final = ("p_up", "expected_excess", "low", "high", "confidence", "score", "agreement")
_SHARES: Final = ("p_up", "expected", "weight")

_DAYS: Final = {"scores_as_of": "datetime64[D]", "last_bar": "datetime64[D]"}
"""Arrays that are stored as days since 1970."""

_Day = Annotated[int, msgspec.Meta(ge=-MAX_DAY, le=MAX_DAY)]
_T = TypeVar("_T")


class _Member(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A `MemberForecast` without its arrays."""

    member: str
    version: str | None
    status: str
    reason: str | None
    latency_ms: float
    warning: str | None


class _Forecast(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A `Forecast` without its arrays."""

    data_version: str
    as_of: _Day
    horizon: Horizon
    symbols: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_SYMBOLS)]
    level: float
    base_rate: float
    members: Annotated[tuple[_Member, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    method_applied: str
    note: str | None
    small_universe: bool
    importance: tuple[tuple[str, float], ...]
    computed_at: int
    latency_ms: float
    from_cache: bool
    method: str


class _None(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """An `MlUnavailable`."""

    code: UnavailableCode
    message: str


class _Board(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A `Board` without its arrays."""

    data_name: str
    data_version: str
    plain: BoardPlain


def encode_forecast(found: Forecast | MlUnavailable) -> bytes:
    """Return the bytes of a forecast, or of the reason why there is none.

    Raises
    ------
    ValueError
        If it holds what cannot be encoded: arrays of other lengths, no day, a text that is no Unicode.

    Examples
    --------
    >>> decode_forecast(encode_forecast(MlUnavailable("NO_MODEL", "none yet"))).code
    'NO_MODEL'
    """
    if isinstance(found, MlUnavailable):
        return _pack(_NONE, _None(found.code, found.message), ())
    members = tuple(_Member(*(getattr(one, name) for name in _Member.__struct_fields__)) for one in found.members)
    plain = {name: getattr(found, name) for name in _Forecast.__struct_fields__}
    header = _Forecast(**plain | {"as_of": _day(found.as_of), "members": members})
    arrays = [np.asarray(getattr(found, name)) for name in _SERIES]
    arrays += [np.asarray(getattr(one, name)) for one in found.members for name in _SHARES]
    if any(array.shape != (len(found.symbols),) for array in arrays):
        raise ValueError("a forecast's arrays must have one place for each symbol")
    return _pack(_FORECAST, header, (array.astype("<f8") for array in arrays))


def decode_forecast(raw: bytes) -> Forecast | MlUnavailable:
    """Return what `encode_forecast` was given.

    Raises
    ------
    ValueError
        If these are not bytes that it wrote.
    """
    if raw[: len(_NONE)] == _NONE:
        none, rest = _unpack(_NONE, raw, _None)
        _exactly(rest, 0)
        return MlUnavailable(none.code, none.message)
    header, rest = _unpack(_FORECAST, raw, _Forecast)
    n, many = len(header.symbols), len(_SERIES) + len(_SHARES) * len(header.members)
    _exactly(rest, 8 * n * many)
    rows = _array(rest, "<f8").reshape(many, n)
    shares = rows[len(_SERIES) :].reshape(len(header.members), len(_SHARES), n)
    plain: dict[str, Any] = {name: getattr(header, name) for name in _Forecast.__struct_fields__}
    plain["as_of"] = np.datetime64(header.as_of, "D")
    plain["members"] = tuple(map(_member, header.members, shares))
    plain |= zip(_SERIES, rows, strict=False)
    return Forecast(**plain)


def encode_board(board: Board) -> bytes:
    """Return the bytes of a board.

    Raises
    ------
    ValueError
        If it holds what cannot be encoded.
    """
    plain, arrays = board_plain(board), board_arrays(board)
    layout = _layout(plain)
    if any(arrays[name].shape != shape for name, (_, shape) in layout.items()):
        raise ValueError("a board's arrays must have one place for each symbol")
    header = _Board(board.data_name, board.data_version, plain)
    return _pack(_BOARD, header, (arrays[name].astype(kind) for name, (kind, _) in layout.items()))


def decode_board(raw: bytes) -> Board:
    """Return what `encode_board` was given.

    Raises
    ------
    ValueError
        If these are not bytes that it wrote.
    """
    header, rest = _unpack(_BOARD, raw, _Board)
    layout = _layout(header.plain)
    _exactly(rest, sum(_size(kind, shape) for kind, shape in layout.values()))
    arrays, start = {}, 0
    for name, (kind, shape) in layout.items():
        stop = start + _size(kind, shape)
        arrays[name] = _array(rest[start:stop], kind, _DAYS.get(name)).reshape(shape)
        start = stop
    try:
        return board_of(header.plain, arrays, name=header.data_name, version=header.data_version)
    except TypeError:  # a securities or inputs field of another name
        raise ValueError("a board's names are not those that are written") from None


def _layout(plain: BoardPlain) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of a board's arrays, in the order they are written."""
    k, n = len(plain["names"]), len(plain["symbols"])
    if any(len(words) != n for words in plain["securities"].values()):
        raise ValueError("a board's securities must have one place for each symbol")
    whole, row = (k, 1, n), (n,)
    return {
        "scores_value": ("<f8", whole),
        "scores_score": ("<f8", whole),
        "scores_as_of": ("<i8", whole),
        "scores_market_cap": ("<f8", (1, n)),
        "price": ("<f8", row),
        "change": ("<f8", row),
        "last_bar": ("<i8", row),
        "scores_reason": ("i1", whole),
    }


def _member(plain: _Member, rows: FloatArray) -> MemberForecast:
    return MemberForecast(
        member=plain.member,
        version=plain.version,
        status=plain.status,
        reason=plain.reason,
        p_up=rows[0],
        expected=rows[1],
        weight=rows[2],
        latency_ms=plain.latency_ms,
        warning=plain.warning,
    )


def _day(day: np.datetime64) -> int:
    if np.isnat(day):
        raise ValueError("a forecast must have a day")
    return int(day.astype("datetime64[D]").astype(np.int64))


def _pack(mark: bytes, header: msgspec.Struct, arrays: Iterable[NDArray[Any]]) -> bytes:
    head = msgspec.msgpack.encode(header)
    return b"".join((mark, len(head).to_bytes(_LENGTH, "little"), head, *(array.tobytes() for array in arrays)))


def _unpack(mark: bytes, raw: bytes, header: type[_T]) -> tuple[_T, memoryview]:
    """Return the header and the bytes after it."""
    start = len(mark) + _LENGTH
    if len(raw) > MAX_BYTES or len(raw) < start or raw[: len(mark)] != mark:
        raise ValueError("these bytes are nothing that was encoded here")
    rest = memoryview(raw)[start:]
    length = int.from_bytes(raw[len(mark) : start], "little")
    if length > len(rest):
        raise ValueError("the header is cut off")
    return msgspec.msgpack.decode(rest[:length], type=header), rest[length:]


def _exactly(rest: memoryview, size: int) -> None:
    if len(rest) != size:
        raise ValueError("the arrays are longer or shorter than their header says")


def _size(kind: str, shape: tuple[int, ...]) -> int:
    return np.dtype(kind).itemsize * prod(shape)


def _array(raw: memoryview, kind: str, view: str | None = None) -> NDArray[Any]:
    """Return a read-only array of its own, aligned and in the machine's byte order."""
    array = np.frombuffer(raw, kind).astype(np.dtype(kind).newbyteorder("="))
    array = array if view is None else array.view(view)
    array.setflags(write=False)
    return array
