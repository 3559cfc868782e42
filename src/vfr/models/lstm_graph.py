"""The ONNX graph of the recurrent network: it standardises, fills what is unknown, and scores.

Written from trained weights, and recognised again before it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from vfr.models.lstm_training import CLIP, Weights
from vfr.models.onnx_bytes import Step, read
from vfr.typing import Matrix32

__all__ = ["graph", "recognise"]

_OPSET: Final = 17
_IR: Final = 8

_STEPS: Final[tuple[Step, ...]] = (
    ("Sub", ("rows", "mean"), ("centred",)),
    ("Mul", ("centred", "inverse"), ("scaled",)),
    ("IsNaN", ("scaled",), ("unknown",)),
    ("Where", ("unknown", "zero", "scaled"), ("filled",)),
    ("Clip", ("filled", "low", "high"), ("clipped",)),
    ("Transpose", ("clipped",), ("sequence",)),
    ("LSTM", ("sequence", "W", "R", "B"), ("", "last")),
    ("Squeeze", ("last", "axis"), ("state",)),
    ("Gemm", ("state", "head", "offset"), ("score",)),
)


def graph(weights: Weights) -> bytes:
    """Return the bytes of a graph (n, L, C) -> (n, 1); equal weights give equal bytes.

    Unknown inputs take the training mean.
    """
    from onnx import TensorProto, checker, helper

    settings = _settings(weights.hidden)
    steps = [helper.make_node(op, inputs, outputs, **settings.get(op, {})) for op, inputs, outputs in _STEPS]
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
    helper.set_model_props(model, {"device": weights.device})
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def recognise(blob: bytes) -> tuple[Matrix32, Matrix32]:
    """Return training mean and standard deviation of each column, shape (C,), of a graph that `graph` wrote.

    Raises
    ------
    ValueError
        If it computes anything else, or its constants do not fit together or are not finite.
    """
    contents = read(blob)
    found = contents.constants
    if contents.steps != _STEPS or set(found) != {"axis", *_shapes(0, 0)}:
        raise ValueError("another graph")
    columns, hidden = found["mean"].size, found["R"].shape[-1]
    ours = _settings(hidden)
    if any(_as_numbers(ours.get(op, {})) != given for (op, _, _), given in zip(_STEPS, contents.settings, strict=True)):
        raise ValueError("operators set otherwise")
    for name, shape in _shapes(columns, hidden).items():
        if found[name].shape != shape or found[name].dtype != np.float32 or not np.isfinite(found[name]).all():
            raise ValueError(f"{name} does not fit")
    if not (found["inverse"] > 0).all():
        raise ValueError("a column without spread")
    return found["mean"].astype(np.float32), np.float32(1.0) / found["inverse"].astype(np.float32)


def _settings(hidden: int) -> dict[str, dict[str, Any]]:
    """Return the attributes of the operators that have any."""
    return {"Transpose": {"perm": [1, 0, 2]}, "LSTM": {"hidden_size": hidden}, "Gemm": {"transB": 1}}


def _as_numbers(settings: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value) if isinstance(value, list) else (value,) for name, value in settings.items()}


def _shapes(columns: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all float constants."""
    return {
        **dict.fromkeys(("mean", "inverse"), (columns,)),
        **dict.fromkeys(("zero", "low", "high"), ()),
        "W": (1, 4 * hidden, columns),
        "R": (1, 4 * hidden, hidden),
        "B": (1, 8 * hidden),
        "head": (1, hidden),
        "offset": (1,),
    }


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
    # asarray, not ascontiguousarray, which makes a scalar a vector.
    return [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in arrays.items()]


def _gates(stacked: Any) -> Any:
    """Reorder torch's gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    i, f, c, o = np.split(stacked, 4)
    return np.concatenate([i, o, f, c])
