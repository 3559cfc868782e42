"""Weights of a trained network into an ONNX graph that standardises, fills what is unknown, and scores."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

from vfr.models.lstm_training import CLIP, Weights

__all__ = ["graph"]

_OPSET: Final = 17
_IR: Final = 8


def graph(weights: Weights) -> bytes:
    """Return the bytes of a graph (n, L, C) -> (n, 1); equal weights give equal bytes.

    Unknown inputs take the training mean.
    """
    from onnx import TensorProto, checker, helper

    steps = [
        helper.make_node("Sub", ["rows", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "inverse"], ["scaled"]),
        helper.make_node("IsNaN", ["scaled"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "scaled"], ["filled"]),
        helper.make_node("Clip", ["filled", "low", "high"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["sequence"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["sequence", "W", "R", "B"], ["", "last"], hidden_size=weights.hidden),
        helper.make_node("Squeeze", ["last", "axis"], ["state"]),
        helper.make_node("Gemm", ["state", "head", "offset"], ["score"], transB=1),
    ]
    shape: list[str | int | None] = ["n", weights.lookback, weights.mean.size]
    body = helper.make_graph(
        steps,
        "lstm",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        _constants(weights),
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="vfr"
    )
    helper.set_model_props(model, {"shares": json.dumps(_shares(weights)), "device": weights.device})
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _constants(weights: Weights) -> list[Any]:
    from onnx import numpy_helper

    arrays = {
        "mean": weights.mean,
        "inverse": weights.inverse,
        "zero": np.float32(0.0),
        "low": np.float32(-CLIP),
        "high": np.float32(CLIP),
        "axis": np.array([0], dtype=np.int64),
        "W": _gates(weights.input)[None],
        "R": _gates(weights.recurrent)[None],
        "B": np.concatenate([_gates(weights.input_bias), _gates(weights.recurrent_bias)])[None],
        "head": weights.head,
        "offset": weights.offset,
    }
    return [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items()]


def _gates(stacked: Any) -> Any:
    """Reorder torch's gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    i, f, c, o = np.split(stacked, 4)
    return np.concatenate([i, o, f, c])


def _shares(weights: Weights) -> list[float]:
    size = (weights.input.astype(np.float64) ** 2).sum(axis=0)
    return [float(share) for share in size / size.sum()] if size.sum() > 0 else [0.0] * size.size
