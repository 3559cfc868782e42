"""Promotion gates and the leak alarm, with a verdict machines can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["GateFigures", "GateRow", "Verdict", "judge", "leak_alarm"]

LEAK_IC = 0.08
LEAK_ACCURACY = 0.53
LEAK_AUC = 0.54
LEAK_FEATURE_IC = 0.06
LEAK_DATES = 250
MIN_ROWS = 10_000
MAX_DEGENERATE = 0.05
MAX_EXCESS_ECE = 0.05
MAX_DIRECTION_ECE_OVER_BASE = 0.01
MAX_LATENCY_MS = 10.0


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What the gates look at; every figure is out of fold and on rows that count.

    `metrics` must all be finite. `worst_feature_ic` is the largest |rank IC| of a single feature. `degenerate` is the
    share of dates whose predictions have a standard deviation below 1e-4. `parity` says that the stored artifact
    reproduced its sample.
    """

    metrics: Mapping[str, float]
    dates: int
    ic: float
    excess_accuracy: float
    excess_auc: float
    worst_feature: str
    worst_feature_ic: float
    degenerate: float
    ece_excess: float
    ece_direction: float
    ece_base_rate: float
    training_rows: int
    latency_ms: float
    parity: bool


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate: its figure, its bound, whether it passed, and whether a recorded override let it pass."""

    gate: str
    passed: bool
    figure: float
    bound: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All gates of one version."""

    passed: bool
    rows: tuple[GateRow, ...]

    @property
    def refused(self) -> tuple[str, ...]:
        """Names of the gates that refuse."""
        return tuple(row.gate for row in self.rows if not row.passed)

    def to_dict(self) -> dict[str, object]:
        """Return the verdict for JSON; a figure that is not finite becomes None."""
        rows = [asdict(row) | {"figure": row.figure if np.isfinite(row.figure) else None} for row in self.rows]
        return {"passed": self.passed, "refused": list(self.refused), "rows": rows}


def leak_alarm(figures: GateFigures) -> tuple[GateRow, ...]:
    """Return the rows of the leak alarm: figures too good to be true over 250 dates or more."""
    long_enough = figures.dates >= LEAK_DATES
    short = "" if long_enough else f"only {figures.dates} dates: not judged"

    def row(gate: str, figure: float, bound: float, note: str = "") -> GateRow:
        return GateRow(f"leak.{gate}", not (long_enough and figure > bound), figure, bound, note or short)

    return (
        row("ic", figures.ic, LEAK_IC),
        row("excess_accuracy", figures.excess_accuracy, LEAK_ACCURACY),
        row("excess_auc", figures.excess_auc, LEAK_AUC),
        row("single_feature_ic", figures.worst_feature_ic, LEAK_FEATURE_IC, figures.worst_feature),
    )


def judge(figures: GateFigures, *, override_rows: str = "") -> Verdict:
    """Judge a version; `override_rows` is the recorded reason for promoting on fewer than 10,000 training rows."""
    broken = sorted(name for name, value in figures.metrics.items() if not np.isfinite(value))
    bound = figures.ece_base_rate + MAX_DIRECTION_ECE_OVER_BASE
    enough = figures.training_rows >= MIN_ROWS
    rows = (
        GateRow("finite", not broken, float(len(broken)), 0.0, ", ".join(broken)),
        GateRow("degenerate", figures.degenerate <= MAX_DEGENERATE, figures.degenerate, MAX_DEGENERATE),
        *leak_alarm(figures),
        GateRow("calibration.excess", figures.ece_excess <= MAX_EXCESS_ECE, figures.ece_excess, MAX_EXCESS_ECE),
        GateRow("calibration.direction", figures.ece_direction <= bound, figures.ece_direction, bound),
        GateRow("training_rows", enough or bool(override_rows), float(figures.training_rows), MIN_ROWS, override_rows),
        GateRow("parity", figures.parity, float(figures.parity), 1.0),
        GateRow("latency_ms", figures.latency_ms <= MAX_LATENCY_MS, figures.latency_ms, MAX_LATENCY_MS),
    )
    return Verdict(all(row.passed for row in rows), rows)
