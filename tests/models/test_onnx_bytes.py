from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.models.onnx_bytes import read

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'vfr[lstm]'")


def make() -> onnx.ModelProto:
    """A graph of two nodes, with constants of both types, no and two dimensions, and a long name."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "a" * 200: np.arange(300, dtype=np.float32).reshape(20, 15),
        "axis": np.array([-1], dtype=np.int64),
        "scalar": np.array(2.5, dtype=np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "a" * 200], ["y"]),
        helper.make_node("Squeeze", ["y", "axis"], ["z"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 20]) for name in ("x", "z")]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="p")


def test_it_reads_what_the_onnx_package_reads():
    from onnx import numpy_helper

    model = make()
    found = read(model.SerializeToString())
    assert found.steps == tuple((node.op_type, tuple(node.input), tuple(node.output)) for node in model.graph.node)
    theirs = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert found.constants.keys() == theirs.keys()
    for name, array in theirs.items():
        assert found.constants[name].dtype == array.dtype
        assert np.array_equal(found.constants[name], array)
        assert found.constants[name].shape == array.shape


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_read_or_fail(blob):
    _read_or_fail(blob)


@given(st.data())
def test_nor_do_damaged_graphs(data):
    blob = bytearray(make().SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    _read_or_fail(bytes(blob))


def _read_or_fail(blob: bytes) -> None:
    try:
        found = read(blob)
    except ValueError:
        return
    assert all(array.dtype in (np.float32, np.int64) for array in found.constants.values())


@pytest.mark.parametrize("kind", ["FLOAT16", "DOUBLE", "STRING"])
def test_other_types_are_refused(kind):
    model = make()
    model.graph.initializer[0].data_type = getattr(onnx.TensorProto, kind)
    with pytest.raises(ValueError, match="neither"):
        read(model.SerializeToString())


def test_two_graphs_in_one_file_are_refused():
    """onnxruntime would merge them; a reader that kept the last would see half."""
    blob = make().SerializeToString()
    second = onnx.ModelProto(graph=onnx.GraphProto(node=[onnx.helper.make_node("Identity", ["z"], ["w"])]))
    with pytest.raises(ValueError, match="unpack"):
        read(blob + second.SerializeToString())
