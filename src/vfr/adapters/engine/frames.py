"""What goes over the engine's socket: frames of a mark, a length and that many bytes, and the questions in them."""

from __future__ import annotations

import socket
from struct import Struct
from typing import Annotated, Final, TypeAlias

import msgspec

from vfr.clock import elapsed_ms
from vfr.typing import Horizon

__all__ = [
    "MAX_ANSWER",
    "MAX_QUESTION",
    "ForecastQuestion",
    "PingQuestion",
    "Question",
    "StateQuestion",
    "decode_question",
    "encode_question",
    "receive",
    "send",
]

MAX_QUESTION: Final = 65_536
MAX_ANSWER: Final = 64 * 2**20
"""Bytes; a forecast of 480 symbols by five members has about 90,000."""

MAX_TIMEOUT_MS: Final = 600_000
MAX_MEMBERS: Final = 64

_MARK: Final = b"VFR1"
_HEAD: Final = Struct("<4sI")
_AT_ONCE: Final = 1 << 20

_Name = Annotated[str, msgspec.Meta(max_length=64)]


class ForecastQuestion(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="forecast"):
    """The arguments of `vfr.workflows.forecaster.Forecaster.at`; the day in ISO form."""

    as_of: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None
    horizon: Horizon
    members: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    method: _Name
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=MAX_TIMEOUT_MS)]


class PingQuestion(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="ping"):
    """Whether the engine answers; it says nothing else."""


class StateQuestion(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="state"):
    """How the engine does; answered in JSON."""


Question: TypeAlias = ForecastQuestion | PingQuestion | StateQuestion

_DECODER: Final[msgspec.msgpack.Decoder[Question]] = msgspec.msgpack.Decoder(Question)


def encode_question(question: Question) -> bytes:
    """Return the bytes of a question."""
    return msgspec.msgpack.encode(question)


def decode_question(raw: bytes) -> Question:
    """Return what `encode_question` was given.

    Raises
    ------
    ValueError
        If these are not bytes that it wrote.

    Examples
    --------
    >>> decode_question(encode_question(ForecastQuestion(None, "7d", ("trees",), "weighted", 900))).horizon
    '7d'
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("no question that the engine knows") from error


def send(link: socket.socket, payload: bytes, until: float) -> None:
    """Send one frame.

    Parameters
    ----------
    link : socket.socket
    payload : bytes
    until : float
        Reading of `elapsed_ms` after which it is too late.

    Raises
    ------
    TimeoutError
        If the other side does not take it in time.
    OSError
        If the other side is gone.
    """
    link.settimeout(_left(until))
    link.sendall(_HEAD.pack(_MARK, len(payload)) + payload)


def receive(link: socket.socket, limit: int, until: float | None) -> bytes:
    """Return the next frame.

    Parameters
    ----------
    link : socket.socket
    limit : int
        Most bytes it may have.
    until : float or None
        Reading of `elapsed_ms` after which it is too late; None waits for as long as the other side is there.

    Raises
    ------
    TimeoutError
        If it has not come in time.
    ConnectionError
        If the other side is gone.
    ValueError
        If what came is no frame, or a longer one.
    """
    mark, length = _HEAD.unpack(_exactly(link, _HEAD.size, until))
    if mark != _MARK or length > limit:
        raise ValueError("what came over the engine's socket is no frame")
    return bytes(_exactly(link, length, until))


def _exactly(link: socket.socket, size: int, until: float | None) -> bytearray:
    found = bytearray()
    while len(found) < size:
        link.settimeout(None if until is None else _left(until))
        some = link.recv(min(size - len(found), _AT_ONCE))
        if not some:
            raise ConnectionResetError("the other side of the engine's socket is gone")
        found += some
    return found


def _left(until: float) -> float:
    left = (until - elapsed_ms()) / 1e3
    if left <= 0.0:
        raise TimeoutError("the deadline has passed")
    return left
