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
QUICK = {"epochs": 6, "batch": 256}


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
    return make(6000)


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
    shares = fitted.importance([f"c{k}" for k in range(C)])
    assert max(shares, key=shares.get) == "c0"
    assert sum(shares.values()) == pytest.approx(1.0)


def test_direction_is_learned_as_a_logit(rows):
    up = Rows(rows.X, (rows.y > 0).astype(float), rows.weight, rows.session)
    score = LEARNER.fit(up, target="direction", seed=1, tuned=QUICK).score(rows.X)
    p = 1 / (1 + np.exp(-score))
    top = p > np.quantile(p, 0.8)
    assert up.y[top].mean() == pytest.approx(p[top].mean(), abs=0.06)


def test_fits_side_by_side_give_the_same_bytes_and_leave_torchs_generator_alone(rows, fitted):
    before = torch.random.get_rng_state()
    with ThreadPoolExecutor(2) as pool:
        blobs = list(
            pool.map(
                lambda _: LEARNER.fit(rows, target="excess", seed=1, watch=make(1000, 2), tuned=QUICK).dump(), range(2)
            )
        )
    assert blobs == [fitted.dump()] * 2
    assert torch.equal(before, torch.random.get_rng_state())
    assert LEARNER.fit(rows, target="excess", seed=2, tuned=QUICK).dump() != blobs[0]


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


def _without(model, what):
    if what == "shares":
        del model.metadata_props[:]
    elif what == "lookback":
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = L + 1
    else:
        model.graph.input[0].name = "other"
        model.graph.node[0].input[0] = "other"
    return model.SerializeToString()


@pytest.mark.parametrize("what", ["shares", "lookback", "input"])
def test_a_foreign_graph_is_refused(fitted, what):
    with pytest.raises(ArtifactCorrupt, match="lstm"):
        LEARNER.load(_without(onnx.load_from_string(fitted.dump()), what))


@pytest.mark.parametrize("blob", [b"", b"x" * 100, b"x" * 9_000_000])
def test_bytes_that_are_no_graph_are_refused(blob):
    with pytest.raises(ArtifactCorrupt, match="lstm"):
        LEARNER.load(blob)


def test_a_graph_with_weights_outside_it_is_refused(fitted, tmp_path):
    model = onnx.load_from_string(fitted.dump())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", str(tmp_path / "weights")
    with pytest.raises(ArtifactCorrupt):
        LEARNER.load(model.SerializeToString())


def test_training_without_torch_says_what_to_install(rows, monkeypatch):
    monkeypatch.setattr("vfr.models.lstm_learner.find_spec", lambda name: None if name == "torch" else object())
    assert "pip install 'vfr[lstm]'" in LEARNER.unavailable()
    with pytest.raises(ModelError, match="torch not installed"):
        LEARNER.fit(rows, target="excess", seed=0)


_WITHOUT_TORCH = """
import sys
import numpy as np
sys.modules["torch"] = sys.modules["onnx"] = None
from vfr.models.lstm_learner import Lstm
network = Lstm().load(open(sys.argv[1], "rb").read())
print(network.score(np.zeros((3, 10, 6), dtype=np.float32)).tolist())
"""


def test_a_stored_network_predicts_without_torch(fitted, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(fitted.dump())
    done = subprocess.run(  # noqa: S603 - this interpreter, a program of this file
        [sys.executable, "-c", _WITHOUT_TORCH, path], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == fitted.score(np.zeros((3, L, C), dtype=np.float32)).tolist()
