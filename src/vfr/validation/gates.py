"""Promotion gates and the leak alarm, with a verdict machines can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

__all__ = ["VERDICT_SCHEMA", "GateFigures", "GateRow", "Verdict", "judge", "leak_alarm"]

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
MAX_PARITY = 1e-6

VERDICT_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Verdict of the promotion gates",
    "type": "object",
    "required": ["passed", "refused", "rows"],
    "additionalProperties": False,
    "properties": {
        "passed": {"type": "boolean"},
        "refused": {"type": "array", "items": {"type": "string"}},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["gate", "passed", "figure", "bound", "note"],
                "additionalProperties": False,
                "properties": {
                    "gate": {"type": "string"},
                    "passed": {"type": "boolean"},
                    "figure": {"type": ["number", "null"]},
                    "bound": {"type": ["number", "null"]},
                    "note": {"type": "string"},
                },
            },
        },
    },
}
"""JSON Schema of `Verdict.to_dict`. A figure is null where it is not finite; a bound is null where nothing is gated."""


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What the gates look at; every figure is out of fold and on rows that count.

    Parameters
    ----------
    metrics : mapping
        Must all be finite. ``share_up``, where it is given, is printed and never gated.
    dates : int
        Sessions with an information coefficient.
    ic, excess_accuracy, excess_auc : float
        Mean rank IC, share of right signs of the excess return, and its area under the curve.
    worst_feature, worst_feature_ic : str, float
        The single feature with the largest |rank IC|, and that.
    degenerate : float
        Share of dates whose predictions have a standard deviation below 1e-4: probabilities as they are, the expected
        excess in units of its interval's half-width.
    ece_excess, ece_direction, ece_base_rate : float
        Expected calibration errors of the confidence, of P(up), and of the base rate known at the time.
    training_rows : int
    latency_ms : float
        99th percentile of the time on the processor of predicting one row.
    parity : bool
        The stored artifact opens and reproduces its sample.
    parity_difference, parity_rows : float, int
        Largest difference between scores when trained and when served, and the rows it was looked for in.
    degenerate_raw : float
        As `degenerate`, with the expected excess as a plain fraction; printed, never gated.
    latency_rows, latency_median_ms, latency_wall_ms : int, float, float
        Predictions that were timed, and the median and 99th percentile of their times by the clock. The median is held
        to the same bound; the tail is printed only, for it also holds whatever else the machine did.
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
    parity_difference: float = 0.0
    parity_rows: int = 0
    degenerate_raw: float = float("nan")
    latency_rows: int = 0
    latency_median_ms: float = float("nan")
    latency_wall_ms: float = float("nan")


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate: its figure, its bound (NaN: printed, never gated), whether it passed, and what else is to be said."""

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
        """Return the verdict for JSON, in the form of `VERDICT_SCHEMA`."""
        rows = [asdict(row) | {"figure": _finite(row.figure), "bound": _finite(row.bound)} for row in self.rows]
        return {"passed": self.passed, "refused": list(self.refused), "rows": rows}


def leak_alarm(figures: GateFigures) -> tuple[GateRow, ...]:
    """Return the rows of the leak alarm: figures too good to be true over 250 dates or more, each named."""
    long_enough = figures.dates >= LEAK_DATES

    def row(gate: str, what: str, figure: float, bound: float) -> GateRow:
        if not long_enough:
            return GateRow(f"leak.{gate}", True, figure, bound, f"{what}; only {figures.dates} dates: not judged")
        passed = not figure > bound
        note = what if passed else f"{what}: {figure:.4f} over {figures.dates:,} dates is a leak until shown otherwise"
        return GateRow(f"leak.{gate}", passed, figure, bound, note)

    return (
        row("ic", "mean rank IC", figures.ic, LEAK_IC),
        row("excess_accuracy", "share of right signs of the excess return", figures.excess_accuracy, LEAK_ACCURACY),
        row("excess_auc", "area under the curve of the excess return", figures.excess_auc, LEAK_AUC),
        row("single_feature_ic", f"feature {figures.worst_feature}", figures.worst_feature_ic, LEAK_FEATURE_IC),
    )


def judge(figures: GateFigures, *, override_rows: str = "") -> Verdict:
    """Judge a version; `override_rows` is the recorded reason for promoting on fewer than 10,000 training rows."""
    broken = sorted(name for name, value in figures.metrics.items() if not np.isfinite(value))
    bound = figures.ece_base_rate + MAX_DIRECTION_ECE_OVER_BASE
    enough = figures.training_rows >= MIN_ROWS
    rows = (
        GateRow("finite", not broken, float(len(broken)), 0.0, ", ".join(broken)),
        GateRow("degenerate", figures.degenerate <= MAX_DEGENERATE, figures.degenerate, MAX_DEGENERATE, _UNITS),
        _printed("degenerate.raw", figures.degenerate_raw, "the expected excess as a plain fraction"),
        _printed("share_up", figures.metrics.get("share_up", float("nan")), "share of calls that say UP"),
        *leak_alarm(figures),
        GateRow("calibration.excess", figures.ece_excess <= MAX_EXCESS_ECE, figures.ece_excess, MAX_EXCESS_ECE),
        GateRow("calibration.direction", figures.ece_direction <= bound, figures.ece_direction, bound),
        GateRow("training_rows", enough or bool(override_rows), float(figures.training_rows), MIN_ROWS, override_rows),
        _parity(figures),
        _latency(figures),
    )
    return Verdict(all(row.passed for row in rows), rows)


_UNITS: Final = "the expected excess in units of its interval"


def _printed(name: str, figure: float, note: str) -> GateRow:
    return GateRow(name, True, figure, float("nan"), f"{note}; printed, never gated")


def _parity(figures: GateFigures) -> GateRow:
    same = figures.parity and figures.parity_difference <= MAX_PARITY
    note = f"largest difference of scores over {figures.parity_rows:,} rows"
    if not figures.parity:
        note = "the stored artifact cannot be opened, or does not reproduce its sample"
    return GateRow("parity", same, figures.parity_difference, MAX_PARITY, note)


def _latency(figures: GateFigures) -> GateRow:
    figure = float(max(figures.latency_ms, np.nan_to_num(figures.latency_median_ms)))
    note = f"99th percentile on the processor of {figures.latency_rows:,} rows one by one"
    if np.isfinite(figures.latency_wall_ms):
        note += f"; by the clock median {figures.latency_median_ms:.2f}, 99th percentile {figures.latency_wall_ms:.2f}"
    return GateRow("latency_ms", figure <= MAX_LATENCY_MS, figure, MAX_LATENCY_MS, note)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
