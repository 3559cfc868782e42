"""The scoreboard made and kept current: all of it after new data, else only what changed.

After a promotion only the members that have another version are asked again, after new outcomes nobody is: only what
members have earned is read anew. A member that failed or was late is asked again after a while, later each time.
Whoever only took over a board asks everybody once in advance, so that a promotion need not wait for features either.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations
from math import inf
from typing import TYPE_CHECKING, Final

from vfr import clock
from vfr.ensemble.lanes import Limits, Task
from vfr.typing import HORIZONS, MEMBER_NAMES, Horizon
from vfr.workflows.answering import Answering, Question, attempt
from vfr.workflows.compiling import members_stage
from vfr.workflows.forecast_universe import universe_of
from vfr.workflows.forecaster import DEFAULT_METHOD, Forecast, MlUnavailable
from vfr.workflows.ml_board import Answer, BoardKey, HorizonAnswers, MlBoard, MlBoardStore
from vfr.workflows.recombine import answerable, recombined

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.ensemble.combine import Voting
    from vfr.journal.journal import Journal
    from vfr.models.prediction import ModelStore
    from vfr.workflows.datasets import DatasetStore
    from vfr.workflows.versions import Choice

__all__ = ["Refresh", "refresh"]

EACH_MS: Final = 2_000.0
"""What a version that is in memory has at most."""

WHOLE_MS: Final = 10_000.0
"""What the members of one horizon have together, reading their versions included."""

WARM_MS: Final = 120_000.0
"""The same where nobody waits, and kernels may have to be compiled after an update."""

EARNED_MS: Final = 5_000.0
OUTCOMES_MS: Final = 500.0
"""How long what members have earned, and the journal's last settlement, are waited for: its database may hang."""

LOOK_MS: Final = 1_000.0
"""How often the journal is asked for its last settlement."""

CHECK_MS: Final = 60_000.0
"""How often the files of the board that is published are read again; it takes milliseconds."""

_PASSING: Final = {"models": "", "earned": "", "outcomes": ""}
"""What of a key may change without changing what a member says of itself."""

LATE_AGAIN_MS: Final = 2_000.0
LOOK_AGAIN_MS: Final = 60_000.0
"""When a member that was late, and one that failed, is asked again; twice as long each time nothing changed."""


def refresh(
    answering: Answering,
    snapshot: Snapshot,
    key: BoardKey,
    before: MlBoard | None,
    off: Mapping[str, str],
    *,
    members: Sequence[str],
    whole_ms: float,
) -> MlBoard:
    """Make the scoreboard of a snapshot.

    Parameters
    ----------
    answering : Answering
    snapshot : Snapshot
        The current data set.
    key : BoardKey
        What it is made from.
    before : MlBoard or None
        Answers of members on it that are of the same data, versions and features are taken over.
    off : mapping of str to str
        Why members and versions may not be asked.
    members : sequence of str
        All there are.
    whole_ms : float
        What the members of one horizon have together.
    """
    universe = universe_of(snapshot, past=False)
    old = before if before is not None and replace(before.key, **_PASSING) == replace(key, **_PASSING) else None
    earned = old is not None and (old.key.earned, old.key.outcomes) == (key.earned, key.outcomes)
    horizons: dict[Horizon, HorizonAnswers] = {}
    for horizon in HORIZONS:
        question = Question(snapshot, snapshot, universe, horizon)
        known = None if old is None else old.horizons[horizon]
        horizons[horizon] = _horizon(answering, question, known, off, members, whole_ms, earned=earned)
    return MlBoard(key, universe, horizons)


def _horizon(
    answering: Answering,
    question: Question,
    known: HorizonAnswers | None,
    off: Mapping[str, str],
    members: Sequence[str],
    whole_ms: float,
    *,
    earned: bool,
) -> HorizonAnswers:
    """Ask who has to be asked; `earned` says that `known` knows what members have earned."""
    choices = answering.choices(question, members)
    kept = {} if known is None else {c.member: known.answers[c.member] for c in choices if _stands(c, known)}
    sets = _sets(choices)
    if known is not None and earned and known.sound and list(known.bases) == sets:
        bases, sound = known.bases, True
    else:
        bases, sound = answering.earned(question, sets, EARNED_MS)
    answers, rate = answering.asked(question, choices, off, lambda: Limits(each=EACH_MS, whole=whole_ms), kept)
    problems = answering.problems() if any(c.card is None for c in choices) else ()
    made = clock.epoch_ms() if known is None or len(kept) < len(choices) else known.computed_at
    return HorizonAnswers(question.horizon, answers, bases, rate, problems, made, sound)


def _stands(choice: Choice, known: HorizonAnswers) -> bool:
    """Return whether a member would say what it said."""
    answer = known.answers.get(choice.member)
    if choice.card is None or answer is None or answer.result is None or answer.result.prediction is None:
        return False
    versions = (choice.card.model_id, *(card.model_id for card in choice.spares))
    return (answer.versions, answer.passed_over) == (versions, choice.passed_over) and answer.result.warning is None


def _sets(choices: Sequence[Choice]) -> list[tuple[str, ...]]:
    """Return every set of members that have a version, but the empty one."""
    able = sorted(choice.member for choice in choices if choice.card is not None)
    return list(chain.from_iterable(combinations(able, size) for size in range(1, len(able) + 1)))


def _quiet(stage: str) -> None:
    """Tell nobody."""


class Refresh:
    """Keeps the scoreboard of the current data set current; for one thread.

    Parameters
    ----------
    datasets : DatasetStore
        One that holds its current snapshot in memory.
    models : ModelStore
    boards : MlBoardStore
    answering : Answering
    enabled : callable
        None while machine learning may answer, else why it may not; then nothing is refreshed.
    off : callable
        Gives why members and versions may not be asked, by name and model id.
    journal : callable
        Gives the journal, None where there is none yet.
    made : callable
        Told the forecast of the default question at each horizon, once for each set of versions and session.
    failed : callable
        Told the part and the error of what fails.
    voting : {"hard", "soft"}
    """

    def __init__(
        self,
        datasets: DatasetStore,
        models: ModelStore,
        boards: MlBoardStore,
        answering: Answering,
        *,
        enabled: Callable[[], MlUnavailable | None],
        off: Callable[[], Mapping[str, str]],
        journal: Callable[[], Journal | None],
        made: Callable[[Forecast], None],
        failed: Callable[[str, BaseException], None],
        voting: Voting = "hard",
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._boards = boards
        self._answering = answering
        self._enabled = enabled
        self._off = off
        self._journal = journal
        self._made = made
        self._failed = failed
        self._voting: Voting = voting
        self._held: tuple[Hashable, MlBoard | None] = (None, None)
        self._checked = -inf
        self._pause = inf
        self._again = inf
        self._settled = ""
        self._unread = False
        self._looked = -inf
        self._told: dict[Horizon, Hashable] = {}
        self._told_of: MlBoard | None = None
        self._warm_of: str | None = None

    def due(self) -> bool:
        """Return whether there is anything to do; cheap enough to be asked some times a second."""
        if self._enabled() is not None:
            return False
        key = self._key()
        if key is None:
            return False
        board = self._board(key)
        return board is None or board is not self._told_of or self._outdated(board, key)

    def step(self, tell: Callable[[str], None] = _quiet) -> MlBoard | None:
        """Do what is due and return the board that is published then; None where there is no data, or it just changed.

        Parameters
        ----------
        tell : callable
            Told the stage in words where members are asked.

        Raises
        ------
        VfrError, OSError
            If data, models or the data home cannot be read or written; the board that is published stays.
        """
        key = self._key()
        if key is None or self._enabled() is not None:
            return None
        board = self._board(key)
        if board is None or self._outdated(board, key):
            snapshot = self._datasets.snapshot()
            if self._datasets.stamp() != key.data:
                return None
            tell(members_stage())
            off = self._off()
            found = refresh(self._answering, snapshot, key, board, off, members=_members(), whole_ms=WHOLE_MS)
            if board is None or board.key.data != key.data:
                self._warm_of = key.data
            if board is not None and _state(found) == _state(board):
                self._pause = min(2.0 * self._pause, LOOK_AGAIN_MS)
                self._again = clock.elapsed_ms() + self._pause
            else:
                self._boards.publish(found)
                board = found
                self._hold(self._stamp(key), board)
        self._tell(board)
        return board

    def cold(self) -> bool:
        """Return whether members were not asked about the current data in this process; cheap enough to be asked often.

        Somebody else made the board then, and the next promotion would wait for features and for libraries.
        """
        return self._enabled() is None and self._datasets.stamp() not in (None, self._warm_of)

    def warm(self, tell: Callable[[str], None] = _quiet) -> None:
        """Ask every member once, for nothing but to have in memory what asking takes; `tell` as in `step`.

        Raises
        ------
        VfrError, OSError
            If data or models cannot be read.
        """
        key = self._key()
        if key is not None:
            self._warm_of = key.data  # Whatever comes of it: it is done once.
            tell(members_stage())
            snapshot, off = self._datasets.snapshot(), self._off()
            refresh(self._answering, snapshot, key, None, off, members=_members(), whole_ms=WARM_MS)

    def _key(self) -> BoardKey | None:
        """Return what a board would be made from now; None where there is no data set."""
        from vfr.features import spec_hash

        data = self._datasets.stamp()
        if data is None:
            return None
        outcomes = self._outcomes(_name(data))
        return BoardKey(data, spec_hash(), self._models.stamp(), self._answering.earned_stamp(), outcomes)

    def _outcomes(self, data_name: str) -> str:
        """Return the data version that the journal was last settled with, as it was known lately."""

        def read() -> str:
            journal = self._journal()
            return "" if journal is None else journal.checked(data_name) or ""

        if clock.elapsed_ms() - self._looked >= LOOK_MS:
            task = Task("outcomes", lambda: attempt("outcomes", read, None, self._complain), slow=True)
            [found] = self._answering.lanes.run([task], Limits(whole=OUTCOMES_MS, opening=OUTCOMES_MS))
            self._looked = clock.elapsed_ms()
            if isinstance(found, str):
                self._settled, self._unread = found, False
        return self._settled

    def _complain(self, what: str, error: BaseException) -> None:
        if not self._unread:  # It is looked for every second; once an outage is enough.
            self._unread = True
            self._failed(what, error)

    def _outdated(self, board: MlBoard, key: BoardKey) -> bool:
        if board.key != key or clock.elapsed_ms() >= self._again:
            return True
        off = self._off()
        return not all(answerable(found, tuple(found.answers), off) for found in board.horizons.values())

    def _board(self, key: BoardKey) -> MlBoard | None:
        stamp, now = self._stamp(key), clock.elapsed_ms()
        if self._held[0] != stamp:
            self._hold(stamp, self._boards.latest(_name(key.data)))
            self._checked = now
        elif self._held[1] is not None and now - self._checked >= CHECK_MS:
            self._checked = now
            if self._boards.latest(_name(key.data)) is None:  # Others may have to read what was damaged since.
                self._hold(stamp, None)
        return self._held[1]

    def _stamp(self, key: BoardKey) -> Hashable:
        name = _name(key.data)
        return name, self._boards.stamp(name)

    def _hold(self, stamp: Hashable, board: MlBoard | None) -> None:
        self._held = stamp, board
        self._pause = inf if board is None else _pause(board)
        self._again = clock.elapsed_ms() + self._pause

    def _tell(self, board: MlBoard) -> None:
        """Tell the forecast that most requests ask for, wherever other versions answer than the last time."""
        off = self._off()
        for horizon, answers in board.horizons.items():
            if not answerable(answers, MEMBER_NAMES, off):
                continue
            found = recombined(board.universe, answers, MEMBER_NAMES, DEFAULT_METHOD, self._voting, off)
            if isinstance(found, Forecast):
                about = (found.data_version, found.as_of, found.versions)
                if self._told.get(horizon) != about:
                    self._told[horizon] = about
                    self._made(found)
        self._told_of = board


def _members() -> tuple[str, ...]:
    from vfr.models.learners import LEARNERS

    return tuple(LEARNERS)


def _name(data: str) -> str:
    return data.partition("/")[0]


def _pause(board: MlBoard) -> float:
    """Return for how many milliseconds a board stands: forever where nothing is wrong with it."""
    said = [a.result for found in board.horizons.values() for a in found.answers.values() if a.result is not None]
    if any(result.status == "timeout" for result in said):
        return LATE_AGAIN_MS
    wrong = any(result.status in ("failed", "corrupt") or result.warning is not None for result in said)
    return LOOK_AGAIN_MS if wrong or not all(found.sound for found in board.horizons.values()) else inf


def _state(board: MlBoard) -> Hashable:
    """Return what makes one board differ from another of the same data: who answers, and who does not."""
    horizons = tuple(
        (horizon, found.sound, found.problems, tuple(_standing(answer) for answer in found.answers.values()))
        for horizon, found in board.horizons.items()
    )
    return board.key, horizons


def _standing(answer: Answer) -> Hashable:
    said = answer.result
    result = None if said is None else (said.version, said.status, said.warning)
    return answer.member, answer.versions, answer.status, answer.reason, answer.passed_over, result
