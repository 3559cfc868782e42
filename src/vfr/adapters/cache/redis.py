"""A cache that processes and machines share, in Redis. Down, slow, full or full of rubbish, it is a miss.

Every call runs on one of a few threads, and its caller waits for a deadline at most, whatever Redis, the network or a
name server does. After a few failures in a row nobody is kept waiting at all until a rest is over, when one call tries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

from vfr import clock
from vfr.adapters.cache.frames import MAX_VALUE, pack, unpack
from vfr.cache.protocol import Entry, TierStats
from vfr.workflows.breaker import Breaker

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisCache"]

T = TypeVar("T")

DEADLINE_MS: Final = 20.0
CONNECT_MS: Final = 1_000.0
"""What a new connection may take, on its thread; callers do not wait for it."""

CONNECTIONS: Final = 4
WAITING: Final = 32
"""Calls waiting or running at once; one more is refused."""

FAILURES: Final = 3
REST_S: Final = 5.0

_WHERE: Final = frozenset({"connection_class", "host", "port", "path", "db", "username", "password"})
"""What is taken from an address, beside how TLS is checked."""

_RELEASE: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class RedisCache:
    """A cache in Redis; implements `vfr.cache.protocol.Cache`. It connects at the first call.

    Parameters
    ----------
    url : str
        ``redis://``, ``rediss://`` or ``unix://``; never logged.
    namespace : str
        Begins every key, so that several installations can share a server.
    deadline_ms : float
        What a caller waits at most.
    rest_s : float
        How long a server that fails is left alone.
    changed : callable, optional
        Told when the server is left alone (False) and when it is asked again (True).
    now : callable
        Gives the time in epoch milliseconds.
    before : callable, optional
        Called before every command in its thread, to fail or dawdle for a rehearsal.
    """

    def __init__(
        self,
        url: str,
        namespace: str = "vfr:cache",
        *,
        deadline_ms: float = DEADLINE_MS,
        rest_s: float = REST_S,
        changed: Callable[[bool], None] = lambda _: None,
        now: Callable[[], int] = clock.epoch_ms,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._client = _client(url, deadline_ms / 1e3)
        self._deadline = deadline_ms / 1e3
        self._namespace = namespace
        self._changed = changed
        self._now = now
        self._before = before
        self._token = uuid4().hex
        self._breaker = Breaker(limit=FAILURES, rest=rest_s)
        self._available = True
        self._counts: Counter[str] = Counter()
        self._lock = Lock()
        self._room = BoundedSemaphore(WAITING)
        self._threads = ThreadPoolExecutor(max_workers=CONNECTIONS, thread_name_prefix="vfr-cache-redis")

    def get(self, key: str) -> Entry | None:
        """Return what is kept under a key."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Return what is kept under each of some keys."""
        if not keys:
            return {}
        names = [self._name(key) for key in keys]
        # Also for one key: a foreign value of another type is then nothing, not an error.
        answers = self._call(lambda client: client.mget(names), None)
        if answers is None:
            return {}
        found = {key: entry for key, raw in zip(keys, answers, strict=True) if (entry := self._read(key, raw))}
        self._count("hits", len(found))
        self._count("misses", len(keys) - len(found))
        return found

    def put(self, key: str, entry: Entry) -> None:
        """Keep a value until it expires."""
        left = entry.expires_ms - self._now()
        if len(entry.value) <= MAX_VALUE and left > 0:
            raw = pack(key, entry)
            if self._call(lambda client: client.set(self._name(key), raw, px=left), None):
                self._count("puts")

    def delete(self, key: str) -> None:
        """Forget a value."""
        self._call(lambda client: client.unlink(self._name(key)), None)

    def claim(self, key: str, lease_ms: int) -> bool:
        """Return whether the caller may make a value; True where Redis cannot tell."""
        # Redis answers None where another process has it, so that None cannot stand for no answer.
        return self._call(lambda client: bool(client.set(self._claim(key), self._token, nx=True, px=lease_ms)), True)

    def release(self, key: str) -> None:
        """Give up a claim of this process."""
        self._call(lambda client: client.eval(_RELEASE, 1, self._claim(key), self._token), None)

    def stats(self) -> tuple[TierStats, ...]:
        """Return what this tier has done; how much it holds is Redis's to tell."""
        with self._lock:
            counts: dict[str, Any] = dict(self._counts)
            return (TierStats("redis", **counts, available=self._available),)

    def close(self) -> None:
        """Close every connection once the calls under way are over."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def _read(self, key: str, raw: Any) -> Entry | None:
        if raw is None:
            return None
        try:
            entry = unpack(key, raw)
        except ValueError:
            self._count("garbage")
            self.delete(key)
            return None
        return entry if entry.expires_ms > self._now() else None

    def _call(self, command: Callable[[Redis], T], otherwise: T) -> T:
        """Return what Redis answers in time, or something else."""
        from redis.exceptions import ResponseError

        future = self._submitted(command)
        if future is None:
            self._count("refused")
            return otherwise
        try:
            answer = future.result(timeout=self._deadline)
        except ResponseError:  # full, read-only or still loading is an answer too
            self._well()
            self._count("failures")
            return otherwise
        except Exception:  # noqa: BLE001 - late, gone, or an address with options that the library does not know
            future.cancel()
            self._failed()
            return otherwise
        self._well()
        return answer

    def _submitted(self, command: Callable[[Redis], T]) -> Future[T] | None:
        """Return a call under way, or None if it is not made."""
        if not self._room.acquire(blocking=False):
            return None
        if self._breaker.refuses_until(clock.elapsed_ms() / 1e3) is not None:
            self._room.release()
            return None
        future = self._threads.submit(self._sent, command)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def _sent(self, command: Callable[[Redis], T]) -> T:
        if self._before is not None:
            self._before()
        return command(self._client)

    def _well(self) -> None:
        self._breaker.answered()
        self._tell(available=True)

    def _failed(self) -> None:
        self._count("failures")
        if self._breaker.failed(clock.elapsed_ms() / 1e3):
            self._tell(available=False)

    def _tell(self, *, available: bool) -> None:
        with self._lock:
            same, self._available = self._available == available, available
        if not same:
            self._changed(available)

    def _count(self, what: str, times: int = 1) -> None:
        with self._lock:
            self._counts[what] += times

    def _name(self, key: str) -> str:
        return f"{self._namespace}:{key}"

    def _claim(self, key: str) -> str:
        return f"{self._namespace}:claim:{key}"


def _client(url: str, deadline: float) -> Redis:
    """Return a client whose bounds are ours, whatever the address says beside where and who."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.connection import ConnectionPool, parse_url
    from redis.retry import Retry

    ours: dict[str, Any] = {
        "max_connections": CONNECTIONS,
        "socket_timeout": deadline,
        "socket_connect_timeout": CONNECT_MS / 1e3,
        # A call that fails is a miss. The pool itself opens anew what a server that restarted has closed.
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "decode_responses": False,
        "protocol": 2,
        "driver_info": None,
    }
    parsed: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    given = {name: value for name, value in parsed.items() if name in _WHERE or name.startswith("ssl_")}
    return Redis(connection_pool=ConnectionPool(**given | ours))
