"""Members asked about the end of a snapshot, and what asking takes: versions in memory, threads, features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Final, TypeVar

from vfr.ensemble.combine import Base
from vfr.ensemble.committee import Committee, Seat, switched_off
from vfr.ensemble.lanes import Lanes, Left, Limits, Task
from vfr.workflows.forecast_universe import Inputs
from vfr.workflows.ml_board import Answer, Universe
from vfr.workflows.model_cache import MODEL_BYTES, ModelCache
from vfr.workflows.versions import Choice, Wanted, choose

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.ensemble.asking import MemberResult
    from vfr.models.prediction import ModelStore
    from vfr.typing import Horizon, Keep
    from vfr.workflows.combining import Combining

__all__ = ["Answering", "Question", "attempt"]

T = TypeVar("T")

UNREAD: Final = "equal weights: what the members have earned cannot be read"


def attempt(what: str, call: Callable[[], T], otherwise: T, failed: Callable[[str, BaseException], None]) -> T:
    """Return what somebody else's code gives, or something else where it fails."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - weights, switches and journal may fail in any way; forecasts stand
        failed(what, error)
        return otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One session and horizon that members are asked about.

    Parameters
    ----------
    whole, snapshot : Snapshot
        Everything there is, and what was known of it on the day asked about.
    universe : Universe
    horizon : Horizon
    """

    whole: Snapshot
    snapshot: Snapshot
    universe: Universe
    horizon: Horizon


class Answering:
    """Asks members; whoever shares one shares versions in memory, and asks no member that hangs for another.

    Parameters
    ----------
    models : ModelStore
    failed : callable
        Told, on whatever thread, the model id or part and the error of each failure.
    combining : Combining, optional
        What members have earned; equal weights without it, and whenever it fails.
    heard : callable, optional
        Told what members answered whenever they are asked; must not raise.
    threads : int
        Members asked side by side in a large universe.
    model_bytes : int
        Budget of versions in memory.
    keep : callable, optional
        Where features of all past sessions are kept, which then are computed ahead.
    """

    def __init__(
        self,
        models: ModelStore,
        failed: Callable[[str, BaseException], None],
        *,
        combining: Combining | None = None,
        heard: Callable[[Sequence[MemberResult]], None] | None = None,
        threads: int = 2,
        model_bytes: int = MODEL_BYTES,
        keep: Keep | None = None,
    ) -> None:
        self.lanes = Lanes("vfr-forecast-lane")
        self._models = models
        self._failed = failed
        self._combining = combining
        self._heard = heard
        self._threads = threads
        self._cache = ModelCache(models, model_bytes)
        self._inputs = Inputs(keep, lambda error: failed("features of past days", error))

    def earned_stamp(self) -> str:
        """Return a key that changes whenever what members have earned may."""
        return "" if self._combining is None else attempt("combining", self._combining.stamp, "unknown", self._failed)

    def choices(self, question: Question, members: Sequence[str]) -> tuple[Choice, ...]:
        """Return the version of each member that may answer."""
        from vfr.features import spec_hash
        from vfr.models.learners import LEARNERS

        universe = question.universe
        wanted = Wanted(question.horizon, universe.data_name, spec_hash(), universe.as_of, universe.past)
        return choose(
            self._models.cards(),
            members,
            LEARNERS,
            wanted,
            succession=self._models.succession(),
            # Of the past whatever fits answers: looking at every card once is enough.
            unreadable={} if universe.past else self._models.unreadable(),
        )

    def problems(self) -> tuple[str, ...]:
        """Return the stored versions that fail their checks; files that changed are read."""
        return tuple(self._models.problems())

    def asked(
        self,
        question: Question,
        choices: Sequence[Choice],
        off: Mapping[str, str],
        limits: Callable[[], Limits],
        kept: Mapping[str, Answer] | None = None,
    ) -> tuple[dict[str, Answer], float]:
        """Ask members, and return what each says and the base rate.

        Parameters
        ----------
        question : Question
        choices : sequence of Choice
        off : mapping of str to str
            Why members and versions may not be asked, by name and model id.
        limits : callable
            Gives the time there is, when everything is ready to be asked.
        kept : mapping, optional
            Answers that stand as they are; these members are not asked.

        Returns
        -------
        dict of str to Answer
            By member, in the order of the choices.
        float
            Share of rises among the outcomes known by the session; NaN where no member has a say.
        """
        standing = kept or {}
        able = [c for c in choices if c.card is not None]
        rate = self._inputs.base_rate(question.whole, question.snapshot, question.horizon) if able else nan
        said = self._said(question, [c for c in able if c.member not in standing], off, limits, _lookback(able))
        return {c.member: standing.get(c.member) or _answer(c, said.get(c.member)) for c in choices}, rate

    def earned(
        self, question: Question, sets: Iterable[tuple[str, ...]], patience_ms: float
    ) -> tuple[Mapping[tuple[str, ...], Base], bool]:
        """Return what sets of members have earned together, by sorted names, and whether that could be read in time."""
        equal, combining = {names: Base.equal(names) for names in sets}, self._combining
        if combining is None or not equal:
            return equal, True
        universe = question.universe

        def read() -> Mapping[tuple[str, ...], Base]:
            found = {n: combining.at(universe.data_name, question.horizon, n, universe.as_of) for n in equal}
            return {names: replace(base) for names, base in found.items()}

        task = Task("combining", lambda: attempt("combining", read, None, self._failed), slow=True)
        [bases] = self.lanes.run([task], Limits(whole=patience_ms, opening=patience_ms))
        if bases is None or isinstance(bases, Left):
            return {names: replace(base, note=UNREAD) for names, base in equal.items()}, False
        return bases, True

    def close(self) -> None:
        """End every thread but those of members that hang, which end when they return."""
        self.lanes.close()
        self._inputs.close()

    def _said(
        self,
        question: Question,
        choices: Sequence[Choice],
        off: Mapping[str, str],
        limits: Callable[[], Limits],
        lookback: int,
    ) -> dict[str, MemberResult]:
        """Ask members that have a version about so many sessions, and return what each says."""
        seats = tuple(
            Seat((c.card, *c.spares), c.passed_over, off.get(c.member, off.get(c.card.model_id)))
            for c in choices
            if c.card is not None
        )
        if all(seat.off is not None for seat in seats):
            return {seat.member: switched_off(seat) for seat in seats}
        X, names = self._inputs.rows(question.whole, question.snapshot, lookback)
        committee = Committee(
            seats=seats,
            load=self._cache.load,
            lanes=self.lanes,
            limits=limits(),
            width=self._threads,
            unread=lambda model_id: not self._cache.holds(model_id),
            failed=self._failed,
        )
        results = committee.results(X, names)
        if self._heard is not None:
            self._heard(results)
        return {result.member: result for result in results}


def _lookback(choices: Sequence[Choice]) -> int:
    """Return how many sessions any of the members reads: one that is asked alone finds the rows of all in memory."""
    from vfr.models.learners import LEARNERS

    return max((LEARNERS[choice.member].lookback for choice in choices), default=1)


def _answer(choice: Choice, said: MemberResult | None) -> Answer:
    if choice.card is None:
        return Answer(choice.member, (), choice.status, choice.reason, None, None, {})
    cards = (choice.card, *choice.spares)
    answered = None if said is None or said.prediction is None else said.version
    importance = next((card.importance for card in cards if card.model_id == answered), {})
    versions = tuple(card.model_id for card in cards)
    return Answer(choice.member, versions, "ok", None, choice.passed_over, said, importance)
