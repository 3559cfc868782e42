"""Experiments in service: what an arm changes about a request, and how an experiment is started and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from vfr.errors import InvalidField
from vfr.experiments.assignment import assign
from vfr.experiments.experiment import Arm, Experiment, StopRule
from vfr.typing import Horizon
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.query import AnalyzeQuery

__all__ = [
    "ArmCount",
    "ExperimentStore",
    "Plan",
    "Seen",
    "Shown",
    "apply",
    "known",
    "start",
    "stop",
    "together",
]

_WITHHELD: Final = MlUnavailable("EXPERIMENT", "an experiment runs in which this caller is shown the classic answer")

_FIELD: Final = "experiment"


@dataclass(frozen=True, slots=True)
class Seen:
    """Requests of one subject since it was last written down; `subject` is a hash, times are seconds since 1970."""

    experiment: str
    subject: str
    arm: Arm
    first_seen: float
    last_seen: float
    requests: int
    ml_requests: int


@dataclass(frozen=True, slots=True)
class ArmCount:
    """How many subjects an arm had, how many of them ever asked for machine learning, and their requests."""

    arm: Arm
    subjects: int
    askers: int
    requests: int
    ml_requests: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The score of one stock of one session, as one arm was shown it."""

    data_name: str
    arm: Arm
    as_of: str
    symbol: str
    score: float


class ExperimentStore(Protocol):
    """Where experiments are kept; every method raises `DataError` if the store cannot be used."""

    def start(self, experiment: Experiment) -> bool:
        """Keep a running experiment; return False, and keep nothing, where another one runs."""
        ...

    def stop(self, ended: Experiment, verdict: Mapping[str, Any] | None) -> bool:
        """Stop an experiment and keep its report; return False, and keep nothing, where it does not run."""
        ...

    def verdict(self, experiment: str) -> dict[str, Any] | None:
        """Return the report that was kept when it was stopped, None where none was."""
        ...

    def one(self, experiment: str) -> Experiment | None:
        """Return an experiment by its id, None where there is none."""
        ...

    def all(self, limit: int, after: Experiment | None = None) -> list[Experiment]:
        """Return experiments, newest first, at most `limit`, those behind `after` in that order."""
        ...

    def running(self, known: Experiment | None = None) -> Experiment | None:
        """Return the experiment that runs, None where none does; `known` itself where it still does."""
        ...

    def see(self, seen: Sequence[Seen]) -> None:
        """Count requests of subjects: one row for each, whose arm stays what it was first."""
        ...

    def counts(self, experiment: str) -> list[ArmCount]:
        """Return how many subjects and requests each arm had."""
        ...

    def shown(self, experiment: str) -> list[Shown]:
        """Return the mean score each arm was shown of each stock of each session, however often."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment is asked to be; see `vfr.experiments.experiment.Experiment`."""

    name: str
    shares: Mapping[Arm, float]
    horizon: Horizon
    why: str
    holdout: float = 0.0
    weight: float = 0.15
    rule: StopRule = field(default_factory=StopRule)


def apply(query: AnalyzeQuery, experiment: Experiment, subject: str) -> tuple[AnalyzeQuery, Arm]:
    """Return a request as the subject's arm has it, and the arm.

    Parameters
    ----------
    query : AnalyzeQuery
    experiment : Experiment
    subject : str
        Stable id of the caller.

    Returns
    -------
    tuple of AnalyzeQuery and str
        The query itself where the experiment has no say: a request that does not ask for machine learning is the same
        in every arm, byte for byte.

    Examples
    --------
    >>> half = {"classic": 0.5, "ml": 0.5}
    >>> e = Experiment("3f", "blend", "salt", half, 0.0, "7d", 0.3, "2019-06-28", 0.0, "me", "try it")
    >>> asked = AnalyzeQuery("single", ("AAPL",), include_ml=True)
    >>> by_arm = {arm: q for q, arm in (apply(asked, e, f"user-{n}") for n in range(9))}
    >>> by_arm["ml"].ml_weight, by_arm["classic"].ml_refused.code
    (0.3, 'EXPERIMENT')
    """
    arm = assign(experiment, subject)
    if not query.include_ml or query.ml_horizon != experiment.horizon or query.as_of is not None:
        return query, arm
    dealt = replace(query, experiment=(experiment.id, arm))
    if arm == "holdout":
        return dealt, arm
    if arm == "ml":
        return replace(dealt, ml_weight=experiment.weight), arm
    return replace(dealt, ml_refused=query.ml_refused or _WITHHELD), arm


def start(store: ExperimentStore, plan: Plan, *, salt: str, first: str, at: float, who: str) -> Experiment:
    """Start an experiment; it is in force everywhere within a second.

    Parameters
    ----------
    store : ExperimentStore
    plan : Plan
    salt : str
        At least 32 random hexadecimal digits: the id is made of the first, subjects are dealt by all.
    first : str
        ISO day of the newest session.
    at : float
        Seconds since 1970.
    who : str

    Raises
    ------
    InvalidField
        If the plan cannot be, or another experiment runs; names the field and the fix.
    """
    made = Experiment(
        id=salt[:8],
        name=plan.name.strip(),
        salt=salt,
        shares=plan.shares,
        holdout=plan.holdout,
        horizon=plan.horizon,
        weight=plan.weight,
        first=first,
        started_at=at,
        who=who,
        why=plan.why.strip(),
        rule=plan.rule,
    )
    if not store.start(made):
        raise InvalidField(_FIELD, "another one runs, and two would disturb each other; stop it first")
    return made


def stop(
    store: ExperimentStore,
    experiment: str,
    *,
    why: str,
    last: str,
    at: float,
    who: str,
    judge: Callable[[Experiment], Mapping[str, Any] | None],
) -> Experiment:
    """Stop an experiment, and keep what it found by then: later outcomes and restated data never change that.

    Parameters
    ----------
    store : ExperimentStore
    experiment : str
        Id.
    why : str
    last : str
        ISO day of the newest session.
    at : float
        Seconds since 1970.
    who : str
    judge : callable
        Returns the report of the stopped experiment, None where it cannot be made: that is no reason to go on.

    Raises
    ------
    InvalidField
        If it does not run, or no reason is given.
    """
    found = known(store, experiment)
    ended = replace(found, last=last, stopped_at=at, stopped_by=who, stopped_why=why.strip())
    if not (found.running and store.stop(ended, judge(ended))):
        raise InvalidField(_FIELD, "was stopped already")
    return ended


def known(store: ExperimentStore, experiment: str) -> Experiment:
    """Return an experiment by its id.

    Raises
    ------
    InvalidField
        If there is none.
    """
    found = store.one(experiment)
    if found is None:
        raise InvalidField(_FIELD, "there is none of this id; `vfr ab list` shows those there are")
    return found


def together(seen: Iterable[Seen]) -> list[Seen]:
    """Return one record per experiment and subject, requests summed.

    Examples
    --------
    >>> [once] = together([Seen("3f", "a", "ml", 1.0, 1.0, 1, 0), Seen("3f", "a", "ml", 2.0, 2.0, 1, 1)])
    >>> once.first_seen, once.last_seen, once.requests, once.ml_requests
    (1.0, 2.0, 2, 1)
    """
    sums: dict[tuple[str, str], Seen] = {}
    for one in seen:
        so_far = sums.setdefault((one.experiment, one.subject), one)
        if so_far is not one:
            sums[one.experiment, one.subject] = replace(
                so_far,
                last_seen=one.last_seen,
                requests=so_far.requests + one.requests,
                ml_requests=so_far.ml_requests + one.ml_requests,
            )
    return list(sums.values())
