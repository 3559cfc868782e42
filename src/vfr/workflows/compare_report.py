"""What an experiment found: were subjects dealt as planned, which score was better, and may that be said already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.experiments.analysis import Accuracy, Ordering, Paired, accuracy, confidence_bins, ordering
from vfr.experiments.counts import SampleRatio, Share, sample_ratio, share
from vfr.experiments.experiment import Arm, Experiment
from vfr.experiments.power import Power, power
from vfr.experiments.sequential import WEEK, Decision, decide, independent
from vfr.scoring.blend import blend
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray
from vfr.validation.metrics import Bin
from vfr.workflows.compare import ArmCount, Shown
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.stock import SCORE_DIGITS

if TYPE_CHECKING:
    import polars as pl

    from vfr.workflows.journalled import Matured

__all__ = ["ArmFigures", "ExperimentReport", "report"]

_DIGITS: Final = 6
_SAME: Final = 0.05
"""Scores closer than this are the same: both are rounded, and means of what several requests were shown."""

_SHOWN: Final[Mapping[Arm, str]] = {"classic": "classic", "shadow": "classic", "ml": "blended"}

_WORDS: Final = {
    "ml": "the blended score ordered returns better than the classic one",
    "classic": "the classic score ordered returns better than the blended one",
    "equal": "the two scores differ by less than the margin",
}


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm: who asked, and what came of what it was shown.

    Parameters
    ----------
    arm : str
    subjects, requests : int
    opt_in : Share
        Subjects that ever asked for machine learning.
    ml_requests : Share
        Requests that did.
    shown : {"classic", "blended"} or None
        The score it was shown where machine learning was asked for; None for the holdout, which chose.
    as_planned : float or None
        Share of the scores shown that are that score as the journal has it, 0-1.
    accuracy : Accuracy
        Of both scores on the stocks shown: what was shown beside what would have been.
    ordering : Ordering
        The same; dates on which fewer than ten stocks were shown have no rank IC.
    """

    arm: Arm
    subjects: int
    requests: int
    opt_in: Share
    ml_requests: Share
    shown: str | None
    as_planned: float | None
    accuracy: Accuracy
    ordering: Ordering


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentReport:
    """What an experiment found by now.

    Parameters
    ----------
    experiment : Experiment
    data_name : str or None
    sessions : datetime64[D] array, shape (R,)
        Matured sessions of the experiment.
    late : int
        Those forecast after the next session had opened.
    accuracy : Accuracy
    ordering : Ordering
    decision : Decision
        Of the stop rule on the difference of rank IC.
    decided_on : str or None
        ISO day of the session it stopped at.
    power : Power or None
        Of the stop rule, for the difference measured; None on too few values.
    sample_ratio : SampleRatio
    arms : tuple of ArmFigures
    calibration : tuple of Bin
        Confidence of the predictions beside how often their sign came true.
    at_stop : mapping or None
        What `findings` were when it was stopped, and the data version then; None while it runs.
    """

    experiment: Experiment
    data_name: str | None
    sessions: DateArray
    late: int
    accuracy: Accuracy
    ordering: Ordering
    decision: Decision
    decided_on: str | None
    power: Power | None
    sample_ratio: SampleRatio
    arms: tuple[ArmFigures, ...]
    calibration: tuple[Bin, ...]
    at_stop: Mapping[str, Any] | None = None

    @property
    def sessions_per_value(self) -> int:
        """Sessions that one value of the stop rule stands for."""
        return max(WEEK, HORIZONS[self.experiment.horizon])

    @property
    def verdict(self) -> str:
        """What may be said, in a sentence."""
        if self.sample_ratio.mismatch:
            return "nothing: subjects were not dealt as planned (sample ratio mismatch); find out why first"
        if self.decision.verdict != "open":
            return f"{_WORDS[self.decision.verdict]} (decided on the session of {self.decided_on})"
        left = self.experiment.rule.first - self.decision.n
        if left > 0:
            return f"nothing yet: {self.decision.n} values are known, {left} more are needed before the first look"
        return "nothing yet: the interval of the difference holds 0"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, keys in camel case; None where a figure cannot be computed."""
        return {"experiment": self.experiment.to_dict(), **self.findings(), "atStop": self.at_stop}

    def findings(self) -> dict[str, Any]:
        """Return the figures and the verdict, as `to_dict` has them."""
        found: dict[str, Any] = _plain(
            {
                "data_name": self.data_name,
                "verdict": self.verdict,
                "dates": self.ordering.dates,
                "first": str(self.sessions[0]) if self.sessions.size else None,
                "last": str(self.sessions[-1]) if self.sessions.size else None,
                "late_dates": self.late,
                "accuracy": self.accuracy,
                "rank_ic": self.ordering,
                "decision": {**asdict(self.decision), "on": self.decided_on},
                "sessions_per_value": self.sessions_per_value,
                "power": self._power(),
                "sample_ratio": {**asdict(self.sample_ratio), "mismatch": self.sample_ratio.mismatch},
                "arms": self.arms,
                "calibration": self.calibration,
            }
        )
        return found

    def to_frame(self) -> pl.DataFrame:
        """Return one row per matured session: date, and the rank IC of the blended score less the classic one's."""
        import polars as pl

        gain = [value if np.isfinite(value) else None for value in self.ordering.by_date.tolist()]
        return pl.DataFrame({"date": self.sessions, "rank_ic_difference": gain})

    def _power(self) -> dict[str, Any] | None:
        if self.power is None:
            return None
        needed = None if self.power.required is None else self.power.required * self.sessions_per_value
        at = [{"values": n, "power": chance} for n, chance in self.power.at]
        return {**asdict(self.power), "at": at, "required_sessions": needed}


def report(
    experiment: Experiment,
    record: Matured,
    counts: Sequence[ArmCount],
    shown: Sequence[Shown],
    *,
    data_name: str | None,
    rng: np.random.Generator,
) -> ExperimentReport:
    """Compare the arms of an experiment.

    Parameters
    ----------
    experiment : Experiment
    record : Matured
        Forecasts of the whole universe that the journal holds, with what came of them, over the experiment's horizon.
    counts : sequence of ArmCount
    shown : sequence of Shown
        What each arm was shown; of other data sets than `data_name` nothing is read.
    data_name : str or None
        The data set of the record.
    rng : numpy.random.Generator
        Draws blocks of dates, and futures.

    Returns
    -------
    ExperimentReport

    Notes
    -----
    Both scores are known for every stock of every session, whoever was shown what: they are compared on the same stocks
    and dates, and no difference between the subjects of the arms enters. What arms were shown is judged beside it.
    """
    pairs, rows = _paired(experiment, record)
    order = ordering(pairs, rng)
    values, places = independent(order.by_date, HORIZONS[experiment.horizon])
    decision = decide(values, experiment.rule)
    on = None if decision.at is None else str(pairs.sessions[places[decision.at - 1]])
    by_arm = {one.arm: one for one in counts}
    seen = _Seen(pairs, record.symbols, [one for one in shown if one.data_name == data_name])
    arms: tuple[Arm, ...] = ("classic", "ml", "shadow", "holdout")
    return ExperimentReport(
        experiment=experiment,
        data_name=data_name,
        sessions=pairs.sessions,
        late=int((~record.timely[rows] & pairs.cells.any(axis=1)).sum()),
        accuracy=accuracy(pairs, rng),
        ordering=order,
        decision=decision,
        decided_on=on,
        power=power(values, experiment.rule, rng),
        sample_ratio=sample_ratio(experiment, {arm: one.subjects for arm, one in by_arm.items()}),
        arms=tuple(
            _arm(by_arm.get(arm, ArmCount(arm, 0, 0, 0, 0)), pairs, seen, rng)
            for arm in arms
            if experiment.share(arm) > 0 or arm in by_arm
        ),
        calibration=tuple(confidence_bins(record.confidence[rows], record.expected[rows], pairs.excess, pairs.counted)),
    )


def _paired(experiment: Experiment, record: Matured) -> tuple[Paired, slice]:
    """Return both scores on the sessions of the experiment, and where those stand in the record."""
    start = int(np.searchsorted(record.sessions, np.datetime64(experiment.first, "D")))
    stop = record.sessions.size
    if experiment.last is not None:
        stop = int(np.searchsorted(record.sessions, np.datetime64(experiment.last, "D"), side="right"))
    rows = slice(start, max(stop, start))
    threshold = AnalyzeQuery("multiple").ml_confidence_threshold
    mixed = blend(
        record.classic[rows], record.ml_score[rows], record.confidence[rows], experiment.weight, threshold
    ).composite
    pairs = Paired(
        horizon=experiment.horizon,
        sessions=record.sessions[rows],
        classic=record.classic[rows],
        blended=np.round(mixed, SCORE_DIGITS),
        excess=record.excess[rows],
        counted=record.counted[rows],
    )
    return pairs, rows


class _Seen:
    """The scores each arm was shown, on the grid of a record."""

    def __init__(self, pairs: Paired, symbols: Sequence[str], shown: Sequence[Shown]) -> None:
        self._shape = pairs.classic.shape
        self._grids: dict[Arm, FloatArray] = {}
        rows = {str(day): r for r, day in enumerate(pairs.sessions)}
        columns = {symbol: n for n, symbol in enumerate(symbols)}
        for one in shown:
            if one.as_of in rows and one.symbol in columns:
                grid = self._grids.setdefault(one.arm, np.full(self._shape, np.nan))
                grid[rows[one.as_of], columns[one.symbol]] = one.score

    def of(self, arm: Arm) -> FloatArray:
        return self._grids.get(arm, np.full(self._shape, np.nan))


def _arm(count: ArmCount, pairs: Paired, seen: _Seen, rng: np.random.Generator) -> ArmFigures:
    score = seen.of(count.arm)
    within: BoolArray = np.isfinite(score)
    kind = _SHOWN.get(count.arm)
    planned = None
    if kind is not None and within.any():
        known = within & np.isfinite(getattr(pairs, kind))
        planned = float((np.abs(score - getattr(pairs, kind))[known] <= _SAME).mean()) if known.any() else None
    return ArmFigures(
        arm=count.arm,
        subjects=count.subjects,
        requests=count.requests,
        opt_in=share(count.askers, count.subjects),
        ml_requests=share(count.ml_requests, count.requests),
        shown=kind,
        as_planned=planned,
        accuracy=accuracy(pairs, rng, within),
        ordering=ordering(pairs, rng, within),
    )


def _plain(value: Any) -> Any:
    """Return plain JSON types with keys in camel case; floats are rounded, what is not finite is None."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({name: getattr(value, name) for name in value.__dataclass_fields__})
    if isinstance(value, Mapping):
        # One value per session is for a frame, not for a report that is read.
        return {_camel(str(key)): _plain(item) for key, item in value.items() if key != "by_date"}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if np.isfinite(value) else None
    return value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
