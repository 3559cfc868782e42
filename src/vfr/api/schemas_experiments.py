"""Shapes of experiments: how one is started and stopped, and what its report holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vfr.api.shapes import WHOLE, Shape, Share
from vfr.experiments.experiment import Arm

__all__ = ["ExperimentData", "ExperimentsData", "ReportData", "StartBody", "StopBody"]

Why = Annotated[str, Field(min_length=1, max_length=500, description="Why; kept with the experiment.")]
Horizon = Literal["1d", "7d", "30d"]


class RuleBody(Shape):
    """When an experiment may end, fixed before it starts; a value is a week, a month ahead a month."""

    error: Annotated[float, Field(ge=0.001, le=0.5)] = Field(
        default=0.05, description="Chance that a difference is ever claimed where there is none."
    )
    tight_at: Annotated[int, Field(ge=5, le=10_000), WHOLE] = Field(
        default=50, description="Values at which the interval is tightest."
    )
    first: Annotated[int, Field(ge=20, le=10_000), WHOLE] = Field(
        default=30, description="Values before the first look."
    )
    margin: Share = Field(default=0.0, description="Difference of rank IC too small to matter; 0 is never.")


class ArmShares(Shape):
    """Share of each arm."""

    classic: Share = 0.0
    ml: Share = 0.0
    shadow: Share = 0.0


class StartBody(Shape):
    """What an experiment is to be."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    arms: ArmShares = Field(description="Shares among the subjects that are not held out; sum to 1.")
    horizon: Horizon = "7d"
    weight: Annotated[float, Field(gt=0, le=1)] = Field(default=0.15, description="ML weight of the arm `ml`.")
    holdout: Annotated[float, Field(ge=0, le=0.9)] = Field(default=0.0, description="Share that is left alone.")
    why: Why
    rule: RuleBody = RuleBody()


class StopBody(Shape):
    """Why an experiment is stopped."""

    why: Why


class ExperimentData(Shape):
    """An experiment; `first` and `last` are the newest sessions when it was started and stopped."""

    id: str
    name: str
    running: bool
    arms: dict[str, Share]
    holdout: Share
    horizon: Horizon
    weight: Share
    rule: RuleBody
    first: str
    started_at: str
    started_by: str
    why: str
    last: str | None
    stopped_at: str | None
    stopped_by: str | None
    stopped_why: str | None


class ExperimentsData(Shape):
    """Experiments, newest first."""

    experiments: list[ExperimentData]
    next_cursor: str | None


class IntervalFigures(Shape):
    """An estimate with its 95 % interval over blocks of dates."""

    estimate: float | None
    low: float | None
    high: float | None


class AccuracyFigures(Shape):
    """How often a score above the median name's was followed by a return above the median name's."""

    dates: int
    rows: int
    classic: Share | None
    blended: Share | None
    difference: IntervalFigures
    classic_only: int
    blended_only: int
    p: Share | None = Field(description="McNemar's exact test, which takes every call for independent: too small.")
    p_blocks: Share | None = Field(description="The same with blocks of dates in the place of calls.")


class OrderingFigures(Shape):
    """How well each score ordered what came: mean rank IC."""

    dates: int
    classic: float | None
    blended: float | None
    difference: IntervalFigures


class DecisionFigures(Shape):
    """Where the stop rule stands: an interval that holds at every look, and what it stopped for."""

    verdict: Literal["open", "ml", "classic", "equal"]
    at: int | None
    on: str | None
    n: int
    mean: float | None
    low: float | None
    high: float | None


class PowerAt(Shape):
    """Chance to have found the difference after so many values."""

    values: int
    power: Share


class PowerFigures(Shape):
    """Chance that the stop rule finds the difference that was measured, and how long that takes."""

    effect: float
    wanted: Share
    at: list[PowerAt]
    required: int | None
    required_sessions: int | None
    longest: int
    wrong: Share


class SampleRatioFigures(Shape):
    """Subjects seen and expected by arm, and whether they were dealt as planned."""

    seen: dict[str, int]
    expected: dict[str, float]
    statistic: float | None
    p: Share | None
    mismatch: bool


class ShareFigures(Shape):
    """A share of a count with Wilson's 95 % interval."""

    count: int
    of: int
    share: Share | None
    low: Share | None
    high: Share | None


class ArmFiguresShape(Shape):
    """One arm: who asked, what it was shown, and what of that came true beside what it would have been shown."""

    arm: Arm
    subjects: int
    requests: int
    opt_in: ShareFigures
    ml_requests: ShareFigures
    shown: Literal["classic", "blended"] | None
    as_planned: Share | None
    accuracy: AccuracyFigures
    ordering: OrderingFigures


class ConfidenceFigures(Shape):
    """What a confidence promised, and how often the sign of the excess return came true."""

    forecast: Share
    observed: Share
    count: int


class Findings(Shape):
    """What an experiment found; null where a figure cannot be computed."""

    data_name: str | None
    verdict: str
    dates: int
    first: str | None
    last: str | None
    late_dates: int
    accuracy: AccuracyFigures
    rank_ic: OrderingFigures
    decision: DecisionFigures
    sessions_per_value: int
    power: PowerFigures | None
    sample_ratio: SampleRatioFigures
    arms: list[ArmFiguresShape]
    calibration: list[ConfidenceFigures]


class FindingsAtStop(Findings):
    """What an experiment had found when it was stopped: later outcomes and restated data never change it."""

    data_version: str


class ReportData(Findings):
    """What an experiment found by now, and what it had found when it was stopped."""

    experiment: ExperimentData
    at_stop: FindingsAtStop | None = Field(description="Null while it runs, and where none was kept.")
