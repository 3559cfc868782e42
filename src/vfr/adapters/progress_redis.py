"""Progress of running requests in Redis, for server processes on several machines.

::

    vfr:progress:<sha256 of the session id>          a stream, one entry per event
    vfr:progress:<sha256 of the session id>:owner    who opened it first, hashed

Both expire by themselves. The id of an event is Redis' own, which only grows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from vfr.clock import elapsed_ms
from vfr.workflows.breaker import Breaker
from vfr.workflows.progress_channel import EXPIRES_S, MOST_EVENTS, Told

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisProgress"]

PREFIX: Final = "vfr:progress:"
REST_S: Final = 5.0
"""How long Redis is left alone after a failure: requests must not wait for it one after the other."""

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class RedisProgress:
    """Events by session id; implements `vfr.workflows.progress_channel.ProgressChannel`.

    Parameters
    ----------
    connect : callable
        Gives the client, with time limits of its own; called at the first use.
    now : callable
        Seconds of a clock that never goes back.

    Notes
    -----
    Whatever goes wrong with Redis is an `OSError`, for a while without asking it: progress is a courtesy.
    """

    def __init__(self, connect: Callable[[], Redis], now: Callable[[], float] = lambda: elapsed_ms() / 1e3) -> None:
        self._connect = connect
        self._now = now
        self._breaker = Breaker(limit=1, rest=REST_S)
        self._made: Redis | None = None

    def claim(self, session_id: str, owner: str) -> bool:
        """Bind a session to whoever opens it first, and say whether that is `owner`."""
        key, mine = f"{_key(session_id)}:owner", sha256(owner.encode()).hexdigest().encode()
        with self._redis() as redis:
            if redis.set(key, mine, nx=True, ex=EXPIRES_S):
                return True
            owned = redis.get(key) == mine
            if owned:  # Nobody else's for as long as its owner comes back.
                redis.expire(key, EXPIRES_S)
            return bool(owned)

    def begin(self, session_id: str) -> None:
        """Forget the events that an earlier request of the same id left."""
        with self._redis() as redis:
            # Emptied, not deleted: its ids go on growing, so that who read the old events misses no new one.
            redis.xtrim(_key(session_id), maxlen=0, approximate=False)

    def append(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Add an event; beyond a thousand the oldest is dropped."""
        with self._redis() as redis, redis.pipeline() as pipe:
            pipe.xadd(_key(session_id), {b"event": json.dumps(dict(event))}, maxlen=MOST_EVENTS, approximate=False)
            pipe.expire(_key(session_id), EXPIRES_S)
            pipe.execute()

    def read(self, session_id: str, after: str | None = None) -> list[Told]:
        """Return the events after one, or all where that id is not of this kind; what is no event is skipped."""
        start = f"({after}" if after is not None and _ID.fullmatch(after) else "-"
        with self._redis() as redis:
            found = redis.xrange(_key(session_id), min=start)
        read = ((entry.decode(), _event(fields.get(b"event", b""))) for entry, fields in found)
        return [Told(entry, event) for entry, event in read if event is not None]

    @contextmanager
    def _redis(self) -> Iterator[Any]:
        from redis.exceptions import RedisError

        if self._breaker.refuses_until(self._now()) is not None:
            raise OSError("Redis cannot be used: it failed a moment ago and is left alone")
        try:
            if self._made is None:
                self._made = self._connect()
            yield self._made
        except (RedisError, OSError) as error:
            self._breaker.failed(self._now())
            raise OSError(f"Redis cannot be used: {type(error).__name__}") from error
        self._breaker.answered()


def _event(raw: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(raw)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "stage" in event else None


def _key(session_id: str) -> str:
    return PREFIX + sha256(session_id.encode()).hexdigest()
