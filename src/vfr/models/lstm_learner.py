"""A recurrent network over a name's last sessions, trained by torch, stored as an ONNX graph, served by onnxruntime.

It differs in kind from the other members: they see one evening, it sees the way there. Fischer and Krauss (2018), *Deep
learning with long short-term memory networks for financial market predictions*, EJOR 270; Hochreiter and Schmidhuber
(1997).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from vfr.errors import ArtifactCorrupt, ModelError
from vfr.models.learner import Params, Rows
from vfr.models.lstm_graph import graph, recognise
from vfr.models.lstm_training import best_device, train
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

_MAX_BYTES: Final = 1 << 20
"""Largest graph that is read; one of 16 units has 12,000."""


_AT_ONCE: Final = 2048
"""Rows that are scored together: what onnxruntime keeps of a row's way through the gates is many times the row."""


@dataclass(frozen=True, slots=True, eq=False)
class _Network:
    session: Any
    graph: bytes
    lookback: int
    mean: Matrix32
    spread: Matrix32
    device: str
    """What trained it."""

    def score(self, X: Matrix32) -> FloatArray:
        rows = np.ascontiguousarray(X, dtype=np.float32)
        starts = range(0, max(rows.shape[0], 1), _AT_ONCE)
        parts = [self.session.run(None, {"rows": rows[start : start + _AT_ONCE]})[0] for start in starts]
        return np.concatenate(parts)[:, 0].astype(np.float64)

    def dump(self) -> bytes:
        return self.graph

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return how far each column alone moves the score of a row of which nothing else is known.

        It steps from one standard deviation below its mean to one above, on one session; the sizes are summed over
        the sessions.
        """
        columns = self.mean.size
        impulse = np.eye(self.lookback * columns, dtype=np.float32).reshape(-1, self.lookback, columns) * self.spread
        moved = np.abs(self.score(self.mean + impulse) - self.score(self.mean - impulse))
        size = moved.reshape(self.lookback, columns).sum(axis=0)
        total = float(size.sum())
        return {name: float(s) / total if total > 0 else 0.0 for name, s in zip(names, size, strict=True)}


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
        """Return the network's size, its training schedule and what trains it; none depends on rows or target."""
        del n_rows, target
        return {
            "hidden": 16,
            "epochs": 4,
            "batch": 2048,
            "learning_rate": 0.005,
            "weight_decay": 0.001,
            "dropout": 0.2,
            "device": best_device(),
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
        missing = self.unavailable()
        if missing is not None:
            raise ModelError(f"lstm: {missing}")
        params = {**self.params(rows.y.size, target), **(tuned or {})}
        return self.load(graph(train(rows, watch, target=target, seed=seed, params=params)))

    def load(self, blob: bytes) -> _Network:
        """Read an ONNX graph written by `fit`, and only such a one; see `Learner.load`."""
        import onnxruntime

        if not 0 < len(blob) <= _MAX_BYTES:
            raise ArtifactCorrupt("lstm: the graph is empty or too large")
        try:
            mean, spread = recognise(blob)
            session = onnxruntime.InferenceSession(blob, _options(), providers=["CPUExecutionProvider"])
            device = session.get_modelmeta().custom_metadata_map["device"]
            ((name, shape),) = ((i.name, i.shape) for i in session.get_inputs())
            (_,) = session.get_outputs()
        except Exception as error:  # onnxruntime's errors share no base class
            raise ArtifactCorrupt("lstm: the graph cannot be read") from error
        if name != "rows" or shape[1:] != [self.lookback, mean.size]:
            raise ArtifactCorrupt("lstm: the graph does not read what a version of this learner reads")
        return _Network(session, blob, self.lookback, mean, spread, device)


def _options() -> Any:
    """Return options of a session: one thread, as several members and requests share the cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options
