"""The one way to ask a vendor: in turn, again where that helps, within bounds, and not at all while it is down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import structlog

from vfr.adapters.net.reply import Reply, Transport
from vfr.adapters.net.verdict import Refusal, error_of, read_json, read_text, refusal, retry_after
from vfr.errors import BadAnswer, ProviderError, ProviderUnavailable, Throttled
from vfr.workflows.breaker import Breaker

if TYPE_CHECKING:
    import numpy as np
    from tenacity import RetryCallState

    from vfr.adapters.database.pace import Pace

__all__ = ["Judge", "Policy", "PoliteClient"]

T = TypeVar("T")

Judge = Callable[[Reply], ProviderError | None]
"""Reads a vendor's own way of saying no, such as a refused key with status 400; None leaves it to the status."""

_LONGEST_PAUSE: Final = 86_400.0
"""Seconds: a source that asks for a longer pause is asked again after a day, so that a slip of its pen heals."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a vendor wants to be asked, and how long a caller waits.

    Parameters
    ----------
    per_second : float
        Questions per second, of all processes together.
    burst : int
        Questions that may come at once after a quiet time.
    attempts : int
        Most times that one question is asked.
    waiting : float
        Most seconds that one question waits, for its turn and between attempts together.
    first_wait, longest_wait : float
        Seconds before the second attempt where the source names none; doubled each time, up to the longest.
    faults : int
        Failed attempts in a row after which the source is left alone.
    rest : float
        Seconds it is left alone then.
    """

    per_second: float = 1.0
    burst: int = 1
    attempts: int = 4
    waiting: float = 60.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    faults: int = 5
    rest: float = 60.0


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    read: Callable[[str, Reply], T]


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T


@dataclass(slots=True)
class _Call:
    """What one question has used up."""

    left: float
    sleep_for: Callable[[float], None]
    attempts: int = 0
    garbled: int = 0

    def sleep(self, seconds: float) -> None:
        self.left -= seconds
        self.sleep_for(seconds)


class PoliteClient:
    """Asks one vendor; what goes wrong arrives as a `ProviderError`. Safe in threads.

    Parameters
    ----------
    provider : str
        Named in messages, and in the pace that all processes share.
    transport : Transport
        Carries each attempt.
    pace : Pace
        Gives each attempt its turn.
    policy : Policy
        Rate and bounds.
    sleep : callable
        Waits the seconds it is given; `clock` must have moved on by them when it returns.
    rng : numpy.random.Generator
        Spreads the waits between attempts, so that processes do not ask in step.
    clock : callable
        Returns the time, aware, such as `vfr.clock.utc_now`.
    judge : callable, optional
        See `Judge`.

    Notes
    -----
    Asked again are: throttling, failures of the source, missing replies, and once an unreadable body. A source that
    throttles is paused for every process. If it wants a longer pause than the question has left, the caller is told at
    once. No message and no log line holds an address, a parameter, a header or a body.
    """

    def __init__(
        self,
        provider: str,
        transport: Transport,
        pace: Pace,
        *,
        policy: Policy = Policy(),
        sleep: Callable[[float], None],
        rng: np.random.Generator,
        clock: Callable[[], datetime],
        judge: Judge | None = None,
    ) -> None:
        self._provider = provider
        self._transport = transport
        self._pace = pace
        self._policy = policy
        self._sleep = sleep
        self._rng = rng
        self._clock = clock
        self._judge = judge
        self._breaker = Breaker(policy.faults, policy.rest)

    def json(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return the document at an address; ``NaN`` and ``Infinity`` in it arrive as floats.

        Raises
        ------
        Throttled, ProviderDenied, UnknownAtSource, ProviderUnavailable, BadAnswer
            See `vfr.data.provider.DataProvider.fetch`.
        DataError
            If the database of the shared pace cannot be used.
        """
        return self._ask(_Question(url, params or {}, headers or {}, read_json))

    def text(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        """Return the text at an address; raises what `json` raises."""
        return self._ask(_Question(url, params or {}, headers or {}, read_text))

    def _ask(self, question: _Question[T]) -> T:
        from tenacity import Retrying

        call = _Call(self._policy.waiting, self._sleep)
        asking = Retrying(
            retry=lambda state: _worth_again(call, _outcome(state)),
            wait=lambda state: _outcome(state).wait or 0.0,
            stop=lambda state: call.attempts >= self._policy.attempts or state.upcoming_sleep > call.left,
            sleep=call.sleep,
            retry_error_callback=_outcome,
        )
        outcome: _Answer[T] | Refusal = asking(self._attempt, question, call)
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome.value

    def _attempt(self, question: _Question[T], call: _Call) -> _Answer[T] | Refusal:
        call.attempts += 1
        until = self._breaker.refuses_until(self._now())
        if until is not None:
            raise ProviderUnavailable(
                f"{self._provider} failed {self._policy.faults} times in a row and is left alone until {_shown(until)}"
            )
        self._take_turn(call)
        outcome = self._outcome(question)
        if isinstance(outcome, _Answer):
            self._breaker.answered()
            return outcome
        return self._refused(outcome, call)

    def _take_turn(self, call: _Call) -> None:
        """Wait for this attempt's turn; if others were told to pause meanwhile, the turn is lost and taken anew."""
        policy = self._policy
        while True:
            now = self._now()
            wait = self._pace.reserve(self._provider, policy.per_second, policy.burst, now, at_most=call.left)
            if wait > call.left:
                raise Throttled(
                    f"{self._provider} has had its share of questions; ask again after {_shown(now + wait)}", wait
                )
            if wait <= 0:
                return
            call.sleep(wait)
            if self._pace.state(self._provider).paused_until <= self._now():
                return

    def _outcome(self, question: _Question[T]) -> _Answer[T] | Refusal:
        try:
            reply = self._transport.get(question.url, question.params, question.headers)
        except ProviderError as failed:
            return refusal(failed)
        wait = retry_after(reply.headers, self._clock())
        error = (self._judge(reply) if self._judge else None) or error_of(self._provider, reply, wait)
        if error is not None:
            return refusal(error, wait)
        try:
            return _Answer(question.read(self._provider, reply))
        except BadAnswer as garbled:
            return Refusal(garbled, "once", fault=True)

    def _refused(self, refused: Refusal, call: _Call) -> Refusal:
        now = self._now()
        wait = self._backoff(call.attempts) if refused.wait is None else refused.wait
        again = refused.again
        if isinstance(refused.error, Throttled):
            self._pace.pause(self._provider, now + min(wait, _LONGEST_PAUSE), refused.error.message)
        if not refused.fault:
            self._breaker.answered()
        elif self._breaker.failed(now):
            again = "no"
        _log(self._provider, refused.error, call.attempts)
        return replace(refused, again=again, wait=wait)

    def _backoff(self, attempts: int) -> float:
        longest = min(self._policy.longest_wait, self._policy.first_wait * 2.0 ** (attempts - 1))
        return longest * float(self._rng.uniform(0.5, 1.0))

    def _now(self) -> float:
        return self._clock().timestamp()


def _outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None


def _worth_again(call: _Call, outcome: object) -> bool:
    if not isinstance(outcome, Refusal):
        return False
    if outcome.again == "once":
        call.garbled += 1
        return call.garbled == 1
    return outcome.again == "yes"


def _shown(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _log(provider: str, error: ProviderError, attempt: int) -> None:
    """Log an attempt without an answer; a process that set up no logging, such as a command, stays silent."""
    if structlog.is_configured():
        structlog.get_logger().warning("provider_refused", provider=provider, error=error.message, attempt=attempt)
