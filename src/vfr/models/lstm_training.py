"""Training of the recurrent network; the only module that imports torch, and only when it trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.models.learner import Params, Rows
from vfr.typing import Matrix32, Target

if TYPE_CHECKING:
    import torch

__all__ = ["CLIP", "Weights", "best_device", "train"]

CLIP: Final = 4.0
"""Standard deviations beyond which an input says no more."""

_RANK_SD: Final = 12**-0.5
"""Standard deviation of the ranks that the excess target is made of; the loss is in units of it."""

_MIN_BATCHES: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A trained network as arrays of float32, gates in torch's order: input, forget, cell, output."""

    mean: Matrix32
    inverse: Matrix32
    input: Matrix32
    recurrent: Matrix32
    input_bias: Matrix32
    recurrent_bias: Matrix32
    head: Matrix32
    offset: Matrix32
    lookback: int
    hidden: int
    device: str


def best_device() -> str:
    """Return "cuda" where torch finds a GPU, else "cpu"."""
    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def train(rows: Rows, watch: Rows | None, *, target: Target, seed: int, params: Params) -> Weights:
    """Train on sequences (n, L, C) and return the weights of the epoch with the lowest loss on the watched rows.

    Without watched rows the last epoch counts. One thread, and a generator of its own for start, order and dropout:
    fits may run side by side in threads or processes and give the same weights.
    """
    import torch

    # Sums keep one order whatever runs beside. It stays set: to restore it would disturb a fit in another thread.
    torch.set_num_threads(1)
    device = str(params["device"])
    generator = torch.Generator().manual_seed(seed)
    mean, inverse = _moments(rows.X)
    data = _Data(rows, mean, inverse, target, device)
    later = None if watch is None or watch.y.size == 0 else _Data(watch, mean, inverse, target, device)
    network = _start(rows.X.shape[2], int(params["hidden"]), generator, device)
    best, lowest = _state(network), float("inf")
    for _ in _epochs(network, data, generator, params):
        loss = -1.0 if later is None else later.loss(network)
        if later is None or loss < lowest:
            best, lowest = _state(network), loss
    return Weights(
        mean=mean, inverse=inverse, **best, lookback=rows.X.shape[1], hidden=int(params["hidden"]), device=device
    )


class _Data:
    """Standardised sequences on the device, with outcomes and weights."""

    def __init__(self, rows: Rows, mean: Matrix32, inverse: Matrix32, target: Target, device: str) -> None:
        import torch

        Z = rows.X - mean
        Z *= inverse
        np.clip(np.nan_to_num(Z, copy=False, nan=0.0), -CLIP, CLIP, out=Z)
        self.X = torch.from_numpy(Z).to(device)
        scale = 1.0 if target == "direction" else 1.0 / _RANK_SD
        self.y = torch.from_numpy((rows.y * scale).astype(np.float32)).to(device)
        self.weight = torch.from_numpy((rows.weight / rows.weight.mean()).astype(np.float32)).to(device)
        self.target = target

    def losses(self, score: torch.Tensor, at: Any) -> torch.Tensor:
        """Return the weighted mean loss of some rows."""
        import torch

        if self.target == "direction":
            each = torch.nn.functional.binary_cross_entropy_with_logits(score, self.y[at], reduction="none")
        else:
            each = (score - self.y[at]) ** 2
        return (self.weight[at] * each).mean()

    def loss(self, network: _Parts, size: int = 8192) -> float:
        """Return the mean loss over all rows, without dropout."""
        import torch

        total = 0.0
        with torch.no_grad():
            for start in range(0, self.y.numel(), size):
                at = slice(start, start + size)
                total += float(self.losses(network(self.X[at]), at)) * self.y[at].numel()
        return total / self.y.numel()


@dataclass(slots=True, eq=False)
class _Parts:
    """One recurrent layer and a linear head."""

    layer: torch.nn.LSTM
    head: torch.nn.Linear

    def __call__(self, X: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Return scores (n,); `kept` (n, H) scales the last state: 0 where dropped."""
        states, _ = self.layer(X)
        last = states[:, -1]
        score: torch.Tensor = self.head(last if kept is None else last * kept)
        return score.squeeze(-1)

    def parameters(self) -> list[torch.Tensor]:
        return [*self.layer.parameters(), *self.head.parameters()]


def _start(columns: int, hidden: int, generator: torch.Generator, device: str) -> _Parts:
    """Draw the starting weights from the generator; torch's own start would draw from a global one."""
    import torch

    layer = torch.nn.LSTM(columns, hidden, batch_first=True, device="meta").to_empty(device="cpu")
    head = torch.nn.Linear(hidden, 1, device="meta").to_empty(device="cpu")
    network = _Parts(layer, head)
    bound = hidden**-0.5
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return _Parts(layer.to(device), head.to(device))


def _epochs(network: _Parts, data: _Data, generator: torch.Generator, params: Params) -> Iterator[int]:
    """Run the epochs of one cycle of the learning rate (Smith 2018); yields after each."""
    import torch

    n, epochs, dropout = data.y.numel(), int(params["epochs"]), float(params["dropout"])
    size = max(min(int(params["batch"]), n // _MIN_BATCHES), 1)
    batches = n // size
    rate = float(params["learning_rate"])
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=float(params["weight_decay"]))
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches)
    hidden = network.layer.hidden_size
    for epoch in range(epochs):
        order = torch.randperm(n, generator=generator)
        for batch in range(batches):
            at = order[batch * size : (batch + 1) * size].to(data.X.device)
            kept = (torch.rand(size, hidden, generator=generator) >= dropout).float() / (1.0 - dropout)
            loss = data.losses(network(data.X[at], kept.to(data.X.device)), at)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
        yield epoch


def _state(network: _Parts) -> dict[str, Matrix32]:
    names = ("input", "recurrent", "input_bias", "recurrent_bias", "head", "offset")
    return {
        name: parameter.detach().cpu().numpy().copy()
        for name, parameter in zip(names, network.parameters(), strict=True)
    }


def _moments(X: Matrix32) -> tuple[Matrix32, Matrix32]:
    """Return each column's mean and inverse standard deviation over what is known; 0 and 1 where nothing varies."""
    mean, inverse = np.zeros(X.shape[2], dtype=np.float32), np.ones(X.shape[2], dtype=np.float32)
    for c in range(X.shape[2]):  # A column at a time: sums are in float64, and all of X in it would be a gigabyte.
        column = X[..., c]
        known = column[np.isfinite(column)].astype(np.float64)
        if known.size:
            mean[c] = known.mean()
            spread = float(known.std())
            inverse[c] = 1.0 / spread if spread > 1e-12 else 1.0
    return mean, inverse
