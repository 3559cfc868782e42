from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from vfr.errors import ArtifactCorrupt, ModelError
from vfr.models.learner import Rows
from vfr.models.lstm_learner import CHANNELS, Lstm

torch = pytest.importorskip("torch", reason="needs torch: pip install 'vfr[lstm]'")
onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'vfr[lstm]'")

L, C = 10, 6
LEARNER = Lstm()
QUICK = {"epochs": 5, "batch": 160}


def make(n, seed=0):
    """The outcome is the turn of the first column: its last value less the mean of the four before."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-0.5, 0.5, (n, L, C)).astype(np.float32)
    X[rng.random(X.shape) < 0.03] = np.nan
    signal = np.nan_to_num(X[:, -1, 0]) - np.nan_to_num(X[:, -5:-1, 0]).mean(axis=1)
    y = signal + rng.normal(0, 0.3, n)
    ranks = (np.argsort(np.argsort(y)) + 0.5) / n - 0.5
    return Rows(X, ranks, np.ones(n), np.arange(n) // 100)


@pytest.fixture(scope="module")
def rows():
    return make(4000)


@pytest.fixture(scope="module")
def fitted(rows):
    return LEARNER.fit(rows, target="excess", seed=1, watch=make(1000, 2), tuned=QUICK)


def test_it_learns_what_only_the_way_there_tells(fitted):
    later = make(2000, 3)
    assert np.corrcoef(fitted.score(later.X), later.y)[0, 1] > 0.4
    last_only = later.X.copy()
    last_only[:, :-1] = np.nan
    assert (
        np.corrcoef(fitted.score(last_only), later.y)[0, 1] < np.corrcoef(fitted.score(later.X), later.y)[0, 1] - 0.03
    )


def test_direction_is_learned_as_a_logit(rows):
    up = Rows(rows.X, (rows.y > 0).astype(float), rows.weight, rows.session)
    score = LEARNER.fit(up, target="direction", seed=1, tuned=QUICK).score(rows.X)
    p = 1 / (1 + np.exp(-score))
    top = p > np.quantile(p, 0.8)
    assert up.y[top].mean() == pytest.approx(p[top].mean(), abs=0.06)


def test_fits_side_by_side_give_the_same_bytes_and_leave_torchs_generator_alone(rows, fitted):
    before = torch.random.get_rng_state()
    torch.set_num_threads(2)
    with ThreadPoolExecutor(2) as pool:
        blobs = list(
            pool.map(
                lambda _: LEARNER.fit(rows, target="excess", seed=1, watch=make(1000, 2), tuned=QUICK).dump(), range(2)
            )
        )
    assert blobs == [fitted.dump()] * 2
    assert torch.equal(before, torch.random.get_rng_state())
    assert LEARNER.fit(rows, target="excess", seed=2, tuned=QUICK).dump() != blobs[0]


def test_threads_share_a_session(fitted):
    X = make(4000, 5).X
    parts = np.array_split(X, 40)
    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate(list(pool.map(fitted.score, parts)))
    assert np.abs(found - fitted.score(X)).max() < 1e-6


def test_what_trained_it_is_a_parameter_and_stays_with_the_graph(fitted):
    found = "cuda" if torch.cuda.is_available() else "cpu"
    assert LEARNER.params(1000, "excess")["device"] == found
    assert LEARNER.load(fitted.dump()).device == found


def test_inputs_count_in_units_of_their_training_spread(rows, fitted):
    """A market column comes raw: its unit and level must not matter, nor a column that never varies or is unknown."""
    units = np.array([100.0, 1.0, 0.01, 1.0, 1.0, 1.0], dtype=np.float32)
    moved = Rows(rows.X * units + np.float32(20.0), rows.y, rows.weight, rows.session)
    watch, later = make(1000, 2), make(2000, 3).X
    watch = Rows(watch.X * units + np.float32(20.0), watch.y, watch.weight, watch.session)
    score = LEARNER.fit(moved, target="excess", seed=1, watch=watch, tuned=QUICK).score(later * units + 20.0)
    assert np.corrcoef(score, fitted.score(later))[0, 1] > 0.999
    empty = rows.X.copy()
    empty[..., 4], empty[..., 5] = np.nan, 0.3
    one = LEARNER.fit(Rows(empty, rows.y, rows.weight, rows.session), target="excess", seed=1, tuned=QUICK)
    assert np.isfinite(one.score(later)).all()


def test_importance_is_how_far_a_column_alone_moves_the_score(fitted):
    """Five columns are noise; the outcome reads the first on five of ten sessions."""
    shares = fitted.importance([f"c{k}" for k in range(C)])
    assert shares["c0"] > 0.5
    assert sum(shares.values()) == pytest.approx(1.0)
    moved = np.zeros(C)
    for t in range(L):
        for c in range(C):
            ends = np.full((2, L, C), np.nan, dtype=np.float32)
            ends[:, t, c] = fitted.mean[c] + np.array([1, -1], dtype=np.float32) * fitted.spread[c]
            up, down = fitted.score(ends)
            moved[c] += abs(up - down)
    assert list(shares.values()) == pytest.approx(list(moved / moved.sum()), rel=1e-3)


def test_what_is_served_equals_torch(rows, fitted):
    """The graph against a network of torch with the same weights, written down apart from the training code."""
    from onnx import numpy_helper

    model = onnx.load_from_string(fitted.dump())
    w = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    hidden = w["R"].shape[2]
    layer, head = torch.nn.LSTM(C, hidden, batch_first=True), torch.nn.Linear(hidden, 1)

    def torch_order(stacked):
        i, o, f, c = np.split(stacked, 4)
        return torch.from_numpy(np.concatenate([i, f, c, o]))

    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch_order(w["W"][0]))
        layer.weight_hh_l0.copy_(torch_order(w["R"][0]))
        layer.bias_ih_l0.copy_(torch_order(w["B"][0][: 4 * hidden]))
        layer.bias_hh_l0.copy_(torch_order(w["B"][0][4 * hidden :]))
        head.weight.copy_(torch.from_numpy(w["head"].copy()))
        head.bias.copy_(torch.from_numpy(w["offset"].copy()))
        X = make(10_000, 9).X
        X[:50] = np.nan
        X[50:100] *= 1e6
        Z = np.clip(np.nan_to_num((X - w["mean"]) * w["inverse"], nan=0.0, posinf=4, neginf=-4), -4, 4)
        theirs = head(layer(torch.from_numpy(Z))[0][:, -1])[:, 0].numpy()
    assert np.isfinite(theirs).all()
    assert np.abs(fitted.score(X) - theirs).max() < 1e-6
    one_by_one = np.concatenate([fitted.score(X[k : k + 1]) for k in range(200)])
    assert np.abs(one_by_one - fitted.score(X)[:200]).max() < 1e-6


def test_later_rows_decide_when_to_stop(rows):
    """Watched rows whose outcomes are reversed want the least trained network."""
    watch = make(1000, 2)
    against = Rows(watch.X, -watch.y, watch.weight, watch.session)
    early = LEARNER.fit(rows, target="excess", seed=1, watch=against, tuned=QUICK)
    late = LEARNER.fit(rows, target="excess", seed=1, watch=watch, tuned=QUICK)
    assert early.score(watch.X).std() < 0.7 * late.score(watch.X).std()


def test_columns_are_those_of_its_channels_in_their_order():
    names = ("zero_volume_252", "return_5", "return_1", "vix_rank_252")
    assert LEARNER.columns(names) == ("return_5", "return_1", "vix_rank_252")
    assert LEARNER.columns(("other",)) == ("other",)


def test_channels_are_features():
    from vfr.features.registry import FEATURES

    assert set(FEATURES) >= CHANNELS


def _constant(model, name):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _append(model, op, **where):
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(onnx.helper.make_node(op, ["before"], ["score"], **where))


def _rename_input(model):
    model.graph.input[0].name = model.graph.node[0].input[0] = "other"


def _own_operator(model):
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    _append(model, "Gelu", domain="com.microsoft")


def _sparse(model):
    values = onnx.helper.make_tensor("sparse", onnx.TensorProto.FLOAT, [1], [1.0])
    indices = onnx.helper.make_tensor("at", onnx.TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, indices, [1_000_000_000]))


def _huge(model):
    _constant(model, "mean").dims[:] = [0, -1]
    _constant(model, "mean").raw_data = b""


def _set(model, op, **attributes):
    node = next(node for node in model.graph.node if node.op_type == op)
    del node.attribute[:]
    node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in attributes.items())


FOREIGN = {
    "another order of axes": lambda m: _set(m, "Transpose", perm=[0, 1, 2]),
    "no order of axes": lambda m: _set(m, "Transpose"),
    "another size": lambda m: _set(m, "LSTM", hidden_size=8),
    "backwards": lambda m: _set(m, "LSTM", hidden_size=16, direction="reverse"),
    "a setting of ours elsewhere": lambda m: _set(m, "Sub", transB=1),
    "a weight turned": lambda m: _set(m, "Gemm", transB=0),
    "a scaled weight": lambda m: _set(m, "Gemm", transB=1, alpha=2.0),
    "no device": lambda m: m.ClearField("metadata_props"),
    "lookback": lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", L + 1),
    "input": _rename_input,
    "two outputs": lambda m: m.graph.output.append(
        onnx.helper.make_tensor_value_info("state", onnx.TensorProto.FLOAT, ["n", 16])
    ),
    "another operator": lambda m: _append(m, "Identity"),
    "an operator of onnxruntime's own": _own_operator,
    "a domain": lambda m: setattr(m.graph.node[1], "domain", "com.microsoft"),
    "a function": lambda m: m.functions.append(onnx.helper.make_function("own", "f", ["a"], ["b"], [], [])),
    "a sparse constant": _sparse,
    "a weight that is no number": lambda m: setattr(
        _constant(m, "head"), "raw_data", np.full(16, np.nan, dtype=np.float32).tobytes()
    ),
    "a column without spread": lambda m: setattr(
        _constant(m, "inverse"), "raw_data", np.zeros(C, dtype=np.float32).tobytes()
    ),
    "a shape": lambda m: _constant(m, "mean").dims.insert(0, 1),
    "a huge shape": _huge,
    "a constant twice": lambda m: m.graph.initializer.append(m.graph.initializer[0]),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_graph_is_refused(fitted, what):
    model = onnx.load_from_string(fitted.dump())
    LEARNER.load(model.SerializeToString())
    FOREIGN[what](model)
    with pytest.raises(ArtifactCorrupt, match="lstm"):
        LEARNER.load(model.SerializeToString())


def test_a_truncated_graph_is_refused(fitted):
    blob = fitted.dump()
    for end in range(0, len(blob), 97):
        with pytest.raises(ArtifactCorrupt, match="lstm"):
            LEARNER.load(blob[:end])


@pytest.mark.parametrize("blob", [b"", b"x" * 100, b"x" * 9_000_000])
def test_bytes_that_are_no_graph_are_refused(blob):
    with pytest.raises(ArtifactCorrupt, match="lstm"):
        LEARNER.load(blob)


def test_a_graph_with_weights_outside_it_is_refused(fitted, tmp_path, monkeypatch):
    """onnxruntime would read them: relative to the working directory, whatever file they name."""
    import onnxruntime

    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(fitted.dump())
    tensor = _constant(model, "W")
    (tmp_path / "weights").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights"
    blob = model.SerializeToString()
    onnxruntime.InferenceSession(blob, providers=["CPUExecutionProvider"])
    with pytest.raises(ArtifactCorrupt, match="lstm"):
        LEARNER.load(blob)


def test_training_without_torch_says_what_to_install(rows, monkeypatch):
    monkeypatch.setattr("vfr.models.lstm_learner.find_spec", lambda name: None if name == "torch" else object())
    assert "pip install 'vfr[lstm]'" in LEARNER.unavailable()
    with pytest.raises(ModelError, match="torch not installed"):
        LEARNER.fit(rows, target="excess", seed=0)


_WITHOUT_TORCH = """
import json, sys
import numpy as np
sys.modules["torch"] = sys.modules["onnx"] = None
from vfr.models.learner import Rows
from vfr.models.learners import LEARNERS
rng = np.random.default_rng(0)
X = rng.uniform(-0.5, 0.5, (400, 3)).astype(np.float32)
plane = LEARNERS["linear"].fit(Rows(X, X[:, 0].astype(float), np.ones(400), np.arange(400)), target="excess", seed=0)
lstm = LEARNERS["lstm"]
network = lstm.load(open(sys.argv[1], "rb").read())
print(json.dumps({
    "fits": [name for name, learner in LEARNERS.items() if learner.unavailable() is None],
    "plane": float(np.corrcoef(plane.score(X), X[:, 0])[0, 1]),
    "why": lstm.unavailable(),
    "params": lstm.params(1000, "excess")["device"],
    "scores": network.score(np.zeros((3, 10, 6), dtype=np.float32)).tolist(),
}))
"""


def test_without_torch_the_others_learn_and_a_stored_network_predicts(fitted, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(fitted.dump())
    done = subprocess.run(  # noqa: S603 - this interpreter, a program of this file
        [sys.executable, "-c", _WITHOUT_TORCH, path], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert "lstm" not in found["fits"]
    assert {"linear", "lightgbm"} <= set(found["fits"])
    assert found["plane"] > 0.99
    assert found["why"] == "torch and onnx not installed; pip install 'vfr[lstm]' trains the LSTM"
    assert found["params"] == "cpu"
    assert found["scores"] == fitted.score(np.zeros((3, L, C), dtype=np.float32)).tolist()
