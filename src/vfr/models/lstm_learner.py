"""A recurrent network over a name's last sessions, trained by torch, stored as an ONNX graph, served by onnxruntime.

It differs in kind from the other members: they see one evening, it sees the way there. Fischer and Krauss (2018), *Deep
learning with long short-term memory networks for financial market predictions*, EJOR 270; Hochreiter and Schmidhuber
(1997).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Params, Rows
from vfr.typing import FloatArray, Matrix32, Target

__all__ = ["Lstm"]

CHANNELS: Final = frozenset(
    {
        "return_1",
        "return_5",
        "return_21",
        "overnight_1",
        "intraday_1",
        "relative_volume_1",
        "close_location_1",
        "relative_range_21",
        "volatility_21",
        "return_1_in_sector",
        "return_5_in_sector",
        "return_21_in_sector",
        "momentum_12_1",
        "dollar_volume_63",
        "seasonality_21",
        "rsi_14",
        "market_return_21",
        "market_volatility_21",
        "market_drawdown_252",
        "dispersion_21",
        "vix_rank_252",
    }
)
"""What changes from one evening to the next, and a few slow columns that say what kind of name it is."""

_MAX_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Network:
    session: Any
    graph: bytes
    shares: tuple[float, ...]

    def score(self, X: Matrix32) -> FloatArray:
        rows = np.ascontiguousarray(X, dtype=np.float32)
        (found,) = self.session.run(None, {"rows": rows})
        return np.asarray(found[:, 0], dtype=np.float64)

    def dump(self) -> bytes:
        return self.graph

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return each column's share of the input weights' squares; inputs are standardised."""
        return dict(zip(names, self.shares, strict=True))


@dataclass(frozen=True, slots=True)
class Lstm:
    """One small recurrent layer over ten sessions; early stopping on later sessions."""

    name: str = "lstm"
    suffix: str = "onnx"
    lookback: int = 10
    watches: bool = True

    def unavailable(self) -> str | None:
        """Return what is missing for training; predicting needs neither torch nor onnx."""
        missing = [package for package in ("torch", "onnx") if find_spec(package) is None]
        if not missing:
            return None
        return f"{' and '.join(missing)} not installed; pip install 'vfr[lstm]' trains the LSTM"

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the channels on offer, or every column where none is."""
        return tuple(name for name in names if name in CHANNELS) or tuple(names)

    def max_rows(self, n_names: int) -> int:
        """Return 160,000, or 1,500 sessions of a narrow universe."""
        return min(160_000, 1_500 * n_names)

    def params(self, n_rows: int, target: Target) -> Params:
        """Return the network's size and its training schedule; neither depends on the target."""
        del n_rows, target
        return {
            "hidden": 16,
            "epochs": 4,
            "batch": 2048,
            "learning_rate": 0.005,
            "weight_decay": 0.001,
            "dropout": 0.2,
        }

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> _Network:
        """Train on sequences, (n, L, C); the epoch with the lowest loss on `watch` is kept; see `Learner.fit`.

        On a processor the same rows and seed give the same bytes. A GPU is used where torch finds one, and is not held
        to that.

        Raises
        ------
        ModelError
            If torch or onnx is not installed.
        """
        from vfr.errors import ModelError
        from vfr.models.lstm_graph import graph
        from vfr.models.lstm_training import train

        missing = self.unavailable()
        if missing is not None:
            raise ModelError(f"lstm: {missing}")
        params = {**self.params(rows.y.size, target), **(tuned or {})}
        return self.load(graph(train(rows, watch, target=target, seed=seed, params=params)))

    def load(self, blob: bytes) -> _Network:
        """Read an ONNX graph written by `fit`; see `Learner.load`."""
        import onnxruntime

        if not 0 < len(blob) <= _MAX_BYTES:
            raise ArtifactCorrupt("lstm: the graph is empty or too large")
        try:
            session = onnxruntime.InferenceSession(blob, _options(), providers=["CPUExecutionProvider"])
            about = session.get_modelmeta().custom_metadata_map
            shares = tuple(float(share) for share in json.loads(about["shares"]))
            ((name, shape),) = ((i.name, i.shape) for i in session.get_inputs())
        except Exception as error:  # onnxruntime's errors share no base class
            raise ArtifactCorrupt("lstm: the graph cannot be read") from error
        if name != "rows" or shape[1:] != [self.lookback, len(shares)]:
            raise ArtifactCorrupt("lstm: the graph does not read what a version of this learner reads")
        return _Network(session, blob, shares)


def _options() -> Any:
    """Return options of a session: one thread, as several members and requests share the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options
