"""Does any factor or feature see the future? Computed again where nothing may change, and compared bit for bit.

At several sessions of each snapshot, every registered sub-factor and feature is tested so:

- *truncation*: everything after the session is deleted (`Snapshot.upto`);
- *future*: everything that was not known at its close is changed at random;
- *rescaling*: each symbol's whole price history is multiplied by a constant, volumes and share counts divided;
- *anchor*: only the total-return closes are multiplied, as later dividends would (not where closes are total-return
  closes themselves);
- *prefix*: all sessions are computed together and each alone, so that the daily update equals the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.data.snapshot import Snapshot
from vfr.factors.statements import first_known
from vfr.typing import IntArray
from vfr.workflows.perturb import other_anchor, other_future, other_scale

__all__ = ["Kind", "Leak", "LookaheadReport", "Probe", "lookahead", "measure_factors", "measure_features"]

Kind: TypeAlias = Literal["factor", "feature"]
Values: TypeAlias = Mapping[str, NDArray[np.floating[Any]]]
Probe: TypeAlias = Callable[[Snapshot, IntArray], Values]
"""Returns entries by name, [..., R x N] each, at the given rows of a snapshot."""

_SESSIONS: Final = 4
_WARM: Final = 0.35
"""Share of the sessions that are left to windows to warm up."""


@dataclass(frozen=True, slots=True)
class Leak:
    """An entry that changed where it may not: its name and kind, the test, and the first cell that differs."""

    name: str
    kind: Kind
    test: str
    example: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.test} changes {self.example}"


@dataclass(frozen=True, slots=True)
class LookaheadReport:
    """What was checked, what leaks, and which entries never had a finite value to compare; names sorted."""

    checked: tuple[str, ...]
    leaks: tuple[Leak, ...]
    unchecked: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was checked and nothing leaks."""
        return not self.leaks and not self.unchecked

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        leaks = [asdict(leak) for leak in self.leaks]
        return {"checked": list(self.checked), "leaks": leaks, "unchecked": list(self.unchecked)}


def measure_factors(snapshot: Snapshot, rows: IntArray) -> Values:
    """Return value and score of every registered sub-factor, [2 x R x N]."""
    from vfr.factors.compute import score

    found = score(snapshot, rows)
    return {name: np.stack([found.value[k], found.score[k]]) for k, name in enumerate(found.names)}


def measure_features(snapshot: Snapshot, rows: IntArray) -> Values:
    """Return every registered feature, [R x N]: in one pass where rows follow each other, else each by itself."""
    from vfr.features import compute

    matrices = [compute(snapshot, slice(row, row + 1)) for row in rows.tolist()]
    return {name: np.concatenate([m.values[k] for m in matrices]) for k, name in enumerate(matrices[0].names)}


def _batch_of_features(snapshot: Snapshot, rows: IntArray) -> Values:
    """Return every registered feature at the rows, from one pass over all sessions between them."""
    from vfr.features import compute

    first = int(rows.min())
    matrix = compute(snapshot, slice(first, int(rows.max()) + 1))
    return {name: matrix.values[k][rows - first] for k, name in enumerate(matrix.names)}


def lookahead(
    snapshots: Sequence[Snapshot],
    *,
    factors: Probe | None = None,
    features: Probe | None = None,
    rng: np.random.Generator,
    progress: Callable[[str, float], None] | None = None,
) -> LookaheadReport:
    """Test every factor and feature for look-ahead.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        An entry counts as checked if it has a finite value on one of them, and as a leak if it leaks on one of them.
    factors, features : callable, optional
        What to test instead of the registered ones.
    rng : numpy.random.Generator
        Chooses sessions and the changes.
    progress : callable, optional
        Called with a stage and the fraction done.

    Returns
    -------
    LookaheadReport
    """
    probes: list[tuple[Kind, Probe, Probe]] = [
        ("factor", factors or measure_factors, factors or measure_factors),
        ("feature", features or measure_features, features or _batch_of_features),
    ]
    trial = _Trial()
    total = len(snapshots) * len(probes)
    for done, (snapshot, (kind, probe, batch)) in enumerate((s, p) for s in snapshots for p in probes):
        if progress is not None:
            progress(f"{kind}s of {snapshot.name}", done / total)
        trial.run(snapshot, kind, probe, batch, rng)
    if progress is not None:
        progress("done", 1.0)
    return trial.report()


class _Trial:
    """Collects what was seen and what differs."""

    def __init__(self) -> None:
        self._seen: dict[str, bool] = {}
        self._leaks: dict[tuple[str, str], Leak] = {}

    def run(self, snapshot: Snapshot, kind: Kind, probe: Probe, batch: Probe, rng: np.random.Generator) -> None:
        """Test all entries of a kind on a snapshot."""
        rows = _sessions(snapshot, rng)
        base = batch(snapshot, rows)
        for name, values in base.items():
            self._seen[name] = self._seen.get(name, False) or bool(np.isfinite(values).any())

        def compare(test: str, other: Values, at: IntArray) -> None:
            cells = _Cells(snapshot, rows[at])
            for name, values in base.items():
                example = cells.differing(values[..., at, :], other[name])
                if example is not None:
                    self._leaks.setdefault((name, test), Leak(name, kind, test, example))

        compare("rescaling", batch(other_scale(snapshot, rng), rows), np.arange(rows.size))
        if snapshot.panel.adjustment == "split":
            compare("anchor", batch(other_anchor(snapshot, rng), rows), np.arange(rows.size))
        for i, row in enumerate(rows.tolist()):
            at, own = np.array([i]), np.array([row])
            compare("truncation", probe(snapshot.upto(snapshot.sessions[row]), own), at)
            compare("future", probe(other_future(snapshot, row, rng), own), at)
        earlier = np.arange(rows.size - 1)
        compare("prefix", probe(snapshot.upto(snapshot.sessions[rows[-2]]), rows[:-1]), earlier)

    def report(self) -> LookaheadReport:
        """Sum up."""
        checked = sorted(name for name, seen in self._seen.items() if seen)
        unchecked = sorted(name for name, seen in self._seen.items() if not seen)
        return LookaheadReport(tuple(checked), tuple(self._leaks[key] for key in sorted(self._leaks)), tuple(unchecked))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Names the cells of [..., R x N] arrays."""

    snapshot: Snapshot
    rows: IntArray

    def differing(self, a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> str | None:
        """Describe the first cell in which two arrays differ, NaN being equal to NaN."""
        different = np.argwhere((a != b) & ~(np.isnan(a) & np.isnan(b)))
        if different.size == 0:
            return None
        cell = tuple(different[0].tolist())
        day, symbol = self.snapshot.sessions[self.rows[cell[-2]]], self.snapshot.symbols[cell[-1]]
        return f"{symbol} on {day} from {a[cell]:.9g} to {b[cell]:.9g} ({len(different)} of {a.size} values)"


def _sessions(snapshot: Snapshot, rng: np.random.Generator) -> IntArray:
    """Choose rows [R], ascending: spread over the span behind the warm-up, and where statements are about to come.

    That is between a period and its statement and, where statements are restated, between two versions of one. The
    last session is left out: it has no future to change.
    """
    n_sessions = snapshot.sessions.size
    edges = np.linspace(int(_WARM * n_sessions), n_sessions - 1, _SESSIONS + 1).astype(np.int64)
    rows = [int(rng.integers(low, max(high, low + 1))) for low, high in pairwise(edges)]
    f = snapshot.fundamentals
    if f is not None:
        first = first_known(f)
        again = f.known_at > first
        for begin, end in ((f.period_end[~again], f.known_at[~again]), (first[again], f.known_at[again])):
            middle = begin + (end - begin) // 2
            usable = middle[(middle > snapshot.sessions[edges[0]]) & (middle < snapshot.sessions[-2])]
            if usable.size:
                rows.append(snapshot.panel.row(rng.choice(usable)))
    return np.unique(np.array(rows, dtype=np.int64))
