"""What an ONNX file holds, read from its bytes: before onnxruntime runs any of it, and without the onnx package.

onnxruntime runs whatever a file asks for: operators of its own, loops, weights read from other files. A model of ours
needs none of it, so a file that holds anything but standard operators and constants is refused unread.

References
----------
Protocol buffers, *Encoding*: https://protobuf.dev/programming-guides/encoding; the fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from vfr.typing import IntArray, Matrix32

__all__ = ["Contents", "Step", "read"]

Step: TypeAlias = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A node: standard operator, inputs, outputs."""

_Allowed: TypeAlias = Mapping[tuple[int, int], str]
"""Names of the fields that a message may hold, by number and wire type."""

_NUMBER: Final = 0
_BYTES: Final = 2

_MODEL: Final[_Allowed] = {
    (1, _NUMBER): "ir_version",
    (2, _BYTES): "producer_name",
    (7, _BYTES): "graph",
    (8, _BYTES): "opset_import",
    (14, _BYTES): "metadata_props",
}
_OPSET: Final[_Allowed] = {(1, _BYTES): "domain", (2, _NUMBER): "version"}
_GRAPH: Final[_Allowed] = {
    (1, _BYTES): "node",
    (2, _BYTES): "name",
    (5, _BYTES): "initializer",
    (11, _BYTES): "input",
    (12, _BYTES): "output",
}
_NODE: Final[_Allowed] = {
    (1, _BYTES): "input",
    (2, _BYTES): "output",
    (4, _BYTES): "op_type",
    (5, _BYTES): "attribute",
}
_ATTRIBUTE: Final[_Allowed] = {
    (1, _BYTES): "name",
    (3, _NUMBER): "i",
    (8, _NUMBER): "ints",
    (20, _NUMBER): "type",
}
_TENSOR: Final[_Allowed] = {
    (1, _NUMBER): "dims",
    (2, _NUMBER): "data_type",
    (8, _BYTES): "name",
    (9, _BYTES): "raw_data",
}
_TYPES: Final[Mapping[int, np.dtype[Any]]] = {1: np.dtype("<f4"), 7: np.dtype("<i8")}


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Nodes in their order, the whole numbers that each is set to by name, and constants by name."""

    steps: tuple[Step, ...]
    settings: tuple[Mapping[str, tuple[int, ...]], ...]
    constants: Mapping[str, Matrix32 | IntArray]


def read(blob: bytes) -> Contents:
    """Return the nodes and constants of an ONNX file.

    Raises
    ------
    ValueError
        If the bytes are no ONNX file, or hold anything but standard operators, set to whole numbers, and float32 or
        int64 constants.
    """
    model = _parse(blob, _MODEL)
    if any(b"".join(_parse(opset, _OPSET).chunks["domain"]) for opset in model.chunks["opset_import"]):
        raise ValueError("operators beyond the standard's")
    graph = _parse(model.chunk("graph"), _GRAPH)
    tensors = [_tensor(_parse(tensor, _TENSOR)) for tensor in graph.chunks["initializer"]]
    constants = dict(tensors)
    if len(constants) != len(tensors):
        raise ValueError("two constants of one name")
    nodes = [_parse(node, _NODE) for node in graph.chunks["node"]]
    return Contents(tuple(map(_step, nodes)), tuple(map(_settings, nodes)), constants)


@dataclass(frozen=True, slots=True, eq=False)
class _Message:
    """Fields by name, an empty list for each that is absent."""

    numbers: dict[str, list[int]]
    chunks: dict[str, list[bytes]]

    def chunk(self, name: str) -> bytes:
        """Return a field that must be there once: readers disagree on what a second one means."""
        (value,) = self.chunks[name]
        return value


def _step(node: _Message) -> Step:
    inputs, outputs = (tuple(name.decode() for name in node.chunks[side]) for side in ("input", "output"))
    return node.chunk("op_type").decode(), inputs, outputs


def _settings(node: _Message) -> dict[str, tuple[int, ...]]:
    attributes = [_parse(attribute, _ATTRIBUTE) for attribute in node.chunks["attribute"]]
    found = {a.chunk("name").decode(): (*a.numbers["i"], *a.numbers["ints"]) for a in attributes}
    if len(found) != len(attributes):
        raise ValueError("a node is set twice")
    return found


def _tensor(tensor: _Message) -> tuple[str, Matrix32 | IntArray]:
    (kind,) = tensor.numbers["data_type"]
    if kind not in _TYPES:
        raise ValueError("a constant that is neither float32 nor int64")
    dims, raw = tensor.numbers["dims"], tensor.chunk("raw_data")
    if max(dims, default=0) > len(raw):
        raise ValueError("a constant of fewer bytes than its shape needs")
    return tensor.chunk("name").decode(), np.frombuffer(raw, _TYPES[kind]).reshape(dims)


def _parse(message: bytes, allowed: _Allowed) -> _Message:
    found = _Message(
        {name: [] for (_, wire), name in allowed.items() if wire == _NUMBER},
        {name: [] for (_, wire), name in allowed.items() if wire == _BYTES},
    )
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, at = _varint(message, at)
        name = allowed.get((key >> 3, key & 7))
        if name is None:
            raise ValueError(f"a foreign field, number {key >> 3}")
        if key & 7 == _NUMBER:
            found.numbers[name].append(value)
            continue
        if at + value > len(message):
            raise ValueError("the bytes end within a field")
        found.chunks[name].append(message[at : at + value])
        at += value
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, low ones first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("the bytes end within a number")
        value |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return value, at
    raise ValueError("a number of more than 64 bits")
