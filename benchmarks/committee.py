"""The whole answer of five members, from raw rows to one verdict: in sequence, side by side, and as usually written.

Every size is its own universe: its rows are ranked, scored by both models of every member, calibrated and combined. The
usual way ranks for each member again, asks the libraries' scikit-learn wrappers (torch for the LSTM) in turn and takes
the mean. Wall-clock time: handing over between threads is part of what is measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.inference import PEERS, made
from benchmarks.measure import Row
from vfr.ensemble.asking import ask
from vfr.ensemble.combine import Base, combine
from vfr.ensemble.committee import Committee, Seat
from vfr.ensemble.lanes import Lanes, Limits
from vfr.features.registry import FEATURES
from vfr.models.calibrated import Calibrated
from vfr.models.design import Design
from vfr.models.learners import LEARNERS
from vfr.models.member import Member, StoredMember
from vfr.models.prediction import ModelCard
from vfr.models.scale import SCALE_FEATURES, Scale
from vfr.typing import TARGETS
from vfr.validation.calibration import Platt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vfr.typing import Matrix32

    Call = Callable[[Matrix32], object]

NAMES = tuple(FEATURES)
MARKET = ("market_return_21", "market_volatility_21", "market_drawdown_252", "dispersion_21", "vix_rank_252")
DESIGN = Design(NAMES, tuple(name for name in NAMES if name not in MARKET), MARKET)
CALIBRATED = Calibrated(
    Platt(0.1, 0.0, (0.1, 0.1), (0.0, 0.0)),
    0.01,
    Platt(0.0, 0.0, (0.2,), (0.25,)),
    Scale(SCALE_FEATURES, (0.3, 0.3, 0.3), 0.1, 0.02),
    1.6,
    0.9,
)
LIMITS_MS: Mapping[int, tuple[float | None, float | None]] = {1: (1.5, 5.0), 25: (None, 12.0), 500: (120.0, None)}
"""Published, by names: median and 99th percentile."""

CALLS = {1: 500, 25: 300, 500: 60}
FIT_ROWS = 20_000
LSTM_ROWS = 6_000


@dataclass(frozen=True)
class Five:
    """Members, their cards, and their libraries' own calls on design rows, by target."""

    members: Mapping[str, Member]
    peers: Mapping[str, Mapping[str, Callable[[Matrix32], object]]]

    def card(self, name: str) -> ModelCard:
        empty: dict[str, Any] = {
            "params": {},
            "metrics": {},
            "importance": {},
            "gates": {},
            "libraries": {},
            "files": {},
        }
        return ModelCard(
            model_id=name,
            member=name,
            horizon="7d",
            status="champion",
            created_at="",
            data_name="made",
            data_version="",
            feature_spec="",
            feature_names=NAMES,
            labels_end="",
            train_start="",
            n_rows=0,
            n_dates=0,
            seed=0,
            **empty,
        )

    def committee(self, lanes: Lanes, width: int) -> Committee:
        stored = {name: StoredMember(self.card(name), member) for name, member in self.members.items()}
        seats = tuple(Seat((one.card,)) for one in stored.values())
        limits = Limits(each=2_000, whole=10_000)
        return Committee(seats, stored.__getitem__, lanes, Base.equal(list(stored)), limits=limits, width=width)


def five(quick: bool) -> Five:
    """Fit every learner there is to both targets, on made rows of the columns that it reads."""
    members: dict[str, Member] = {}
    peers: dict[str, dict[str, Callable[[Matrix32], object]]] = {}
    for name, learner in LEARNERS.items():
        if learner.unavailable() is not None:
            continue
        scorers, own = {}, {}
        for target in TARGETS:
            n = 3_000 if quick else LSTM_ROWS if learner.lookback > 1 else FIT_ROWS
            rows = made(learner, len(learner.columns(DESIGN.columns(target))), n)
            rows = replace(rows, y=(rows.y > 0).astype(np.float64)) if target == "direction" else rows
            scorers[target] = learner.fit(rows, target=target, seed=1)
            calls = PEERS[name](dict(learner.params(rows.y.size, target)), scorers[target].dump(), rows)
            own[target] = next(iter(calls.values()))
        members[name] = Member(name, scorers["direction"], scorers["excess"], DESIGN, CALIBRATED)
        peers[name] = own
    return Five(members, peers)


def universe(n: int, seed: int) -> Matrix32:
    """Return ten sessions of raw rows of n names, a twentieth of them unknown, the market's the same for all."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(10, n, len(NAMES))).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    volatility = [NAMES.index(name) for name in SCALE_FEATURES]
    X[..., volatility] = np.abs(X[..., volatility]) + 0.01
    market = [NAMES.index(name) for name in MARKET]
    X[..., market] = rng.normal(size=(10, 1, len(MARKET)))
    return X


def one_by_one(members: Mapping[str, Member]) -> Call:
    """Ask in turn on the calling thread: no deadline, and the slowest holds up all."""
    base = Base.equal(list(members))

    def call(X: Matrix32) -> object:
        n = X.shape[1]
        results = [ask(name, name, lambda m=member: m.predict(X), n) for name, member in members.items()]
        return combine(results, "weighted", n, base)

    return call


def usual(group: Five) -> Call:
    """Rank for every member and target, ask its library's wrapper, take the mean."""

    def call(X: Matrix32) -> object:
        found = []
        for name, own in group.peers.items():
            learner = LEARNERS[name]
            for target, predict in own.items():
                columns = learner.columns(DESIGN.columns(target))
                rows = DESIGN.rows(X[-learner.lookback :], columns)
                found.append(np.ravel(predict(rows[0] if learner.lookback == 1 else rows.transpose(1, 0, 2))))
        return np.mean(found, axis=0)

    return call


def measure(quick: bool) -> list[Row]:
    group = five(quick)
    lanes = Lanes()
    ours: dict[str, Call] = {
        "committee": group.committee(lanes, 2).verdict,
        "committee, one lane": group.committee(lanes, 1).verdict,
        "members one by one": one_by_one(group.members),
    }
    # Apart, not in turn: the thread pools of the wrappers spin on for a while, and whoever came next would pay for it.
    theirs = {"usual wrappers one by one": usual(group)}
    try:
        repeats = {n: max(5, many // 20) if quick else many for n, many in CALLS.items()}
        return [row for calls in (ours, theirs) for n, many in repeats.items() for row in timed(calls, n, many)]
    finally:
        lanes.close()


def timed(calls: Mapping[str, Call], n: int, repeats: int) -> list[Row]:
    """Return the median and the 99th percentile of each call, in turn so that a noisy moment hits all alike."""
    universes = [universe(n, seed) for seed in range(8)]
    taken = np.empty((repeats, len(calls)))
    for one in calls.values():
        one(universes[0])
    for i in range(repeats):
        for k, one in enumerate(calls.values()):
            start = time.perf_counter()
            one(universes[i % len(universes)])
            taken[i, k] = 1e3 * (time.perf_counter() - start)
    rows = []
    for name, times in zip(calls, taken.T, strict=True):
        median, worst = LIMITS_MS[n] if name == "committee" else (None, None)
        what = f"{name}, {n} name{'s' * (n > 1)}"
        rows.append(Row(f"{what}, median", float(np.median(times)), "ms", median, repeats))
        rows.append(Row(f"{what}, 99th percentile", float(np.percentile(times, 99)), "ms", worst, repeats))
    return rows
