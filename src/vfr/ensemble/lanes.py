"""Threads on which members are asked, so that one that hangs holds up nobody.

A thread cannot be stopped from outside. A call that misses its deadline is therefore left behind on its lane: whoever
asked goes on without it, and nobody asks that member again before it has returned, so that no more than one thread per
member can ever be stuck. When it returns, its lane serves again, or ends.

Native code that kept Python's global lock while it hung would stop the whole process, and only another process could
help there. The members' libraries release it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from queue import SimpleQueue
from threading import Condition, Thread, current_thread
from typing import Any, Final, Generic, TypeAlias, TypeVar

from vfr.clock import elapsed_ms

__all__ = ["Lanes", "Left", "Limits", "Task"]

T = TypeVar("T")

_IDLE: Final = 8
"""Threads kept for the next round."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long members may take, in milliseconds.

    Parameters
    ----------
    each : float
        One member, from the moment it is asked, unless its task is `slow`.
    whole : float
        The round.
    overtake : float
        After this long on one member its lane no longer counts, and the next member is asked on another.
    opening : float
        How long a call of an earlier round may have taken to be still waited for, where its task is `slow`.
    """

    each: float = inf
    whole: float = inf
    overtake: float = 50.0
    opening: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """A question to one member.

    Parameters
    ----------
    member : str
    call : callable
    slow : bool
        The member may take long for a good reason, such as a version that is yet to be read: it has as long as the
        round, and if an earlier round left it behind, this one waits for it instead of passing it over.
    """

    member: str
    call: Callable[[], T]
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A member without an answer.

    Parameters
    ----------
    after_ms : float
        How long it has been at it; 0 if it was not asked at all.
    earlier : bool
        It was not asked because it is still at the question of an earlier round.
    ended : bool
        Its thread ended without an answer.
    """

    after_ms: float = 0.0
    earlier: bool = False
    ended: bool = False


@dataclass(slots=True, eq=False)
class _Call:
    since: float
    late: bool = False


@dataclass(slots=True, eq=False)
class _Round(Generic[T]):
    tasks: Sequence[Task[T]]
    until: float
    waiting: list[int]
    calls: dict[int, _Call] = field(default_factory=dict)
    found: dict[int, T | Left] = field(default_factory=dict)
    coming: int = 0
    """Lanes sent here that have not taken a task yet."""


_Inbox: TypeAlias = "SimpleQueue[_Round[Any] | None]"


class Lanes:
    """Threads that ask members; rounds may run side by side, and wait for each other's members.

    Parameters
    ----------
    name : str
        Name of the threads.

    Examples
    --------
    >>> lanes = Lanes()
    >>> lanes.run([Task("linear", lambda: 1), Task("trees", lambda: 2)])
    [1, 2]
    >>> lanes.close()
    """

    def __init__(self, name: str = "vfr-lane") -> None:
        self._name = name
        self._change = Condition()
        self._busy: dict[str, _Call] = {}
        self._idle: list[_Inbox] = []
        self._threads: dict[Thread, _Inbox] = {}
        self._leaving: list[Thread] = []
        self._rounds = 0
        self._closed = False

    def run(self, tasks: Sequence[Task[T]], limits: Limits | None = None, width: int = 1) -> list[T | Left]:
        """Ask members and return what they answer, in the order of the tasks.

        Parameters
        ----------
        tasks : sequence of Task
            Of different members. A call that raises ends its thread: it answers `Left`.
        limits : Limits, optional
            None: as long as it takes.
        width : int
            Lanes used at once; on one, members are asked in sequence.

        Raises
        ------
        RuntimeError
            After `close`.
        """
        allowed = limits or Limits()
        turn: _Round[T] = _Round(tasks, elapsed_ms() + allowed.whole, list(range(len(tasks))))
        with self._change:
            if self._closed:
                raise RuntimeError("the lanes are closed")
            self._rounds += 1
            try:
                while True:
                    self._leave_behind(turn, allowed)
                    if len(turn.found) == len(tasks):
                        return [turn.found[i] for i in range(len(tasks))]
                    self._send(turn, allowed, width)
                    self._change.wait(self._next_look(turn, allowed))
            finally:
                self._rounds -= 1

    @property
    def stuck(self) -> dict[str, float]:
        """Milliseconds that each member that was left behind has been at it."""
        with self._change:
            return {member: elapsed_ms(call.since) for member, call in self._busy.items() if call.late}

    def close(self) -> None:
        """Finish the rounds that run, and end every thread but those that are stuck, which end when they return."""
        with self._change:
            self._closed = True
            while self._rounds:  # A round may still send an idle lane to a member.
                self._change.wait(0.05)
            threads = list(self._threads)
            for inbox in self._threads.values():
                inbox.put(None)
            while len(self._threads) > sum(call.late for call in self._busy.values()):
                self._change.wait(0.05)
            stuck = set(self._threads)
            leaving = list(self._leaving)
        for thread in (*threads, *leaving):
            if thread not in stuck:
                thread.join()

    def _leave_behind(self, turn: _Round[T], limits: Limits) -> None:
        """Give up calls that are late, and members that an earlier round gave up."""
        now = elapsed_ms()
        over = now >= turn.until
        for i, call in list(turn.calls.items()):
            if over or now >= self._due(turn.tasks[i], call, limits):
                call.late = True
                del turn.calls[i]
                turn.found[i] = Left(now - call.since)
                self._change.notify_all()
        for i in list(turn.waiting):
            earlier = self._busy.get(turn.tasks[i].member)
            late = earlier is not None and earlier.late and now >= self._waited_for(turn.tasks[i], earlier, limits)
            if over or late:
                turn.waiting.remove(i)
                turn.found[i] = Left() if earlier is None else Left(now - earlier.since, earlier=True)

    def _due(self, task: Task[T], call: _Call, limits: Limits) -> float:
        return inf if task.slow else call.since + limits.each

    def _waited_for(self, task: Task[T], earlier: _Call, limits: Limits) -> float:
        """Return until when a call that an earlier round left behind is waited for."""
        return earlier.since + (limits.opening if task.slow else 0.0)

    def _free(self, turn: _Round[T]) -> list[int]:
        return [i for i in turn.waiting if turn.tasks[i].member not in self._busy]

    def _send(self, turn: _Round[T], limits: Limits, width: int) -> None:
        """Send as many lanes to a round as it may use and has members for."""
        now = elapsed_ms()
        going = turn.coming + sum(now - call.since < limits.overtake for call in turn.calls.values())
        for _ in range(min(width - going, len(self._free(turn)) - turn.coming)):
            if self._idle:
                inbox = self._idle.pop()
            else:
                inbox = SimpleQueue()
                thread = Thread(target=self._live, args=(inbox,), name=self._name, daemon=True)
                thread.start()
                self._threads[thread] = inbox
            turn.coming += 1
            inbox.put(turn)

    def _next_look(self, turn: _Round[T], limits: Limits) -> float | None:
        """Return the seconds until something is due though no lane reports; None if nothing is."""
        now = elapsed_ms()
        due = [turn.until]
        if turn.coming:  # Whoever takes a task says nothing: look again when it may be late at the earliest.
            due.append(now + min(limits.each, limits.overtake))
        for i, call in turn.calls.items():
            due.append(self._due(turn.tasks[i], call, limits))
            if turn.waiting and now - call.since < limits.overtake:
                due.append(call.since + limits.overtake)
        for i in turn.waiting:
            earlier = self._busy.get(turn.tasks[i].member)
            if earlier is not None and earlier.late:
                due.append(self._waited_for(turn.tasks[i], earlier, limits))
        first = min(due)
        return max(first - now, 0.0) / 1e3 if isfinite(first) else None

    def _live(self, inbox: _Inbox) -> None:
        """Serve rounds until told to end: the life of a thread."""
        try:
            while (turn := inbox.get()) is not None:
                self._serve(turn)
                del turn  # An idle thread must not hold on to the rows of its last round.
                with self._change:
                    if self._closed or len(self._idle) >= _IDLE:
                        break
                    self._idle.append(inbox)
        finally:
            with self._change:
                thread = current_thread()
                del self._threads[thread]
                # It lives on for a moment, in which whoever closes the lanes must still be able to wait for it.
                self._leaving = [other for other in self._leaving if other.is_alive()] + [thread]
                self._change.notify_all()

    def _serve(self, turn: _Round[Any]) -> None:
        """Ask one member of a round after another; stop after one that was left behind meanwhile."""
        arriving = True
        while (taken := self._take(turn, arriving)) is not None:
            arriving = False
            i, call = taken
            answer: object = Left(ended=True)
            try:
                answer = turn.tasks[i].call()
            finally:
                self._report(turn, i, call, answer)
            if call.late:
                return

    def _take(self, turn: _Round[Any], arriving: bool) -> tuple[int, _Call] | None:
        with self._change:
            turn.coming -= arriving
            free = self._free(turn)
            if not free:
                return None
            i = free[0]
            turn.waiting.remove(i)
            call = turn.calls[i] = self._busy[turn.tasks[i].member] = _Call(elapsed_ms())
            return i, call

    def _report(self, turn: _Round[Any], i: int, call: _Call, answer: object) -> None:
        with self._change:
            del self._busy[turn.tasks[i].member]
            if not call.late:
                del turn.calls[i]
                turn.found[i] = answer
            if call.late or len(turn.found) == len(turn.tasks) or self._rounds > 1:
                self._change.notify_all()
