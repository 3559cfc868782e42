"""A cache read through: whoever finds nothing makes the value once for all who ask, and anew shortly before it expires.

Values are made anew early with a probability that grows towards their expiry, sooner for those that take long to make
(XFetch: Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015). Whoever
asks in the meantime is answered with the value that still counts.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from math import log
from threading import Event, Lock
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypeVar

from vfr import clock
from vfr.cache.keys import TTLS, Kind
from vfr.cache.protocol import Cache, Entry

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PATIENCE", "Found", "Origin", "ReadStats", "ReadThrough"]

T = TypeVar("T")
Origin: TypeAlias = Literal["kept", "made", "shared"]

HELD: Final = 16
LEASE_MS: Final = 10_000
"""How long another process is trusted to be making a value; it may have died."""

PATIENCE: Final = 0.5
"""Share of a caller's time that another process is waited for; the rest is for making the value here."""

LOOK_MS: Final = 10.0
"""Pause between two looks for what another process makes."""

REFRESHES: Final = 8
"""Values made anew ahead of their expiry, waiting or running at once."""

_SURELY: Final = 40.0
"""Costs before expiry within which an early refresh can be drawn at all: beyond it the chance is below 1e-17."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value, and whether it was kept, was made for this caller, or for another who asked at the same time."""

    value: T
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReadStats:
    """Questions by how they were answered.

    Parameters
    ----------
    kept, made, shared : int
        By `Found.origin`; `made` counts the computations.
    refreshed : int
        Computations ahead of expiry, for nobody in particular.
    failed, timeouts : int
        Computations that raised, and callers whose time was up while another made the value.
    """

    kept: int = 0
    made: int = 0
    shared: int = 0
    refreshed: int = 0
    failed: int = 0
    timeouts: int = 0


@dataclass(frozen=True, slots=True)
class _Wish(Generic[T]):
    key: str
    make: Callable[[], T]
    keep: Callable[[T], bool]


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    value: T
    expires_ms: int
    cost_ms: float


class ReadThrough(Generic[T]):
    """Values of one kind, from a cache or made and kept. Safe in threads.

    Parameters
    ----------
    cache : Cache
    kind : Kind
        Says how long values are kept; see `vfr.cache.keys.TTLS`.
    encode, decode : callable
        A value as bytes and back; `decode` raises `ValueError` for bytes that are none, which are then forgotten.
    rng : numpy.random.Generator
        Draws the moment of an early refresh.
    held : int
        Values kept decoded, so that the same object answers again.
    now : callable
        Gives the time in epoch milliseconds.
    """

    def __init__(
        self,
        cache: Cache,
        kind: Kind,
        *,
        encode: Callable[[T], bytes],
        decode: Callable[[bytes], T],
        rng: np.random.Generator,
        held: int = HELD,
        now: Callable[[], int] = clock.epoch_ms,
    ) -> None:
        self._cache = cache
        self._ttl_ms = TTLS[kind]
        self._encode = encode
        self._decode = decode
        self._rng = rng
        self._room = held
        self._now = now
        self._held: OrderedDict[str, _Held[T]] = OrderedDict()
        self._making: dict[str, Future[T]] = {}
        self._refreshing = 0
        self._closed = False
        self._counts: Counter[str] = Counter()
        self._lock = Lock()
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-cache-refresh")

    def get(
        self, key: str, make: Callable[[], T], timeout_ms: float, keep: Callable[[T], bool] = lambda _: True
    ) -> Found[T]:
        """Return the value of a key.

        Parameters
        ----------
        key : str
            See `vfr.cache.keys.key`.
        make : callable
            Makes the value if it is not kept. It bounds its own time; what it raises reaches everybody who waits for
            it, and nothing is kept.
        timeout_ms : float
            How long another caller's computation is waited for.
        keep : callable, optional
            Whether a value that was made may be kept; all may by default.

        Raises
        ------
        TimeoutError
            If another caller was still making the value at the deadline.
        """
        wish = _Wish(key, make, keep)
        found = self._look(key)
        if found is not None:
            self._count("kept")
            if self._soon(found):
                self._refresh(wish, found.value)
            return Found(found.value, "kept")
        future, mine = self._flight(key)
        if mine:
            return self._lead(wish, timeout_ms, future)
        if not wait_for([future], timeout=timeout_ms / 1e3).done:
            self._count("timeouts")
            raise TimeoutError("another request was still making the value")
        self._count("shared")
        return Found(future.result(), "shared")

    def stats(self) -> ReadStats:
        """Return how questions were answered since this process began."""
        with self._lock:
            return ReadStats(**self._counts)

    def close(self) -> None:
        """Wait for the refresh that is running and begin no other."""
        with self._lock:
            self._closed = True
        self._background.shutdown(wait=True, cancel_futures=True)

    def _look(self, key: str) -> _Held[T] | None:
        """Return a value that counts, from the nearest place that has it."""
        with self._lock:
            held = self._held.get(key)
            if held is not None and held.expires_ms > self._now():
                self._held.move_to_end(key)
                return held
        entry = self._cache.get(key)
        if entry is None:
            return None
        try:
            value = self._decode(entry.value)
        except ValueError:  # of an earlier format, or damaged
            self._cache.delete(key)
            return None
        return self._hold(key, _Held(value, entry.expires_ms, entry.cost_ms))

    def _hold(self, key: str, held: _Held[T]) -> _Held[T]:
        with self._lock:
            self._held[key] = held
            self._held.move_to_end(key)
            while len(self._held) > self._room:
                self._held.popitem(last=False)
        return held

    def _flight(self, key: str) -> tuple[Future[T], bool]:
        """Return the computation of a key under way, or a new one that the caller must carry out."""
        with self._lock:
            future = self._making.get(key)
            if future is not None:
                return future, False
            future = self._making[key] = Future()
            return future, True

    def _lead(self, wish: _Wish[T], timeout_ms: float, future: Future[T]) -> Found[T]:
        """Make a value for everybody who waits for it."""
        try:
            found = self._made_elsewhere(wish.key, PATIENCE * timeout_ms) or self._make(wish, "made")
            future.set_result(found.value)
        except BaseException as error:
            self._count("failed")
            future.set_exception(error)
            raise
        finally:
            # Only now, so that whoever comes later finds the value kept.
            with self._lock:
                self._making.pop(wish.key, None)
        return found

    def _made_elsewhere(self, key: str, patience_ms: float) -> Found[T] | None:
        """Claim the making of a value, or return it if it has come or comes from elsewhere meanwhile."""
        start, pause = clock.elapsed_ms(), Event()
        while True:
            # In this order: another process keeps what it made before it gives up its claim.
            claimed = self._cache.claim(key, LEASE_MS)
            found = self._look(key)
            if found is not None:
                if claimed:
                    self._cache.release(key)
                self._count("kept")
                return Found(found.value, "kept")
            if claimed or clock.elapsed_ms(start) >= min(patience_ms, LEASE_MS):
                return None
            pause.wait(LOOK_MS / 1e3)

    def _make(self, wish: _Wish[T], how: str) -> Found[T]:
        """Make a value and keep it if it may be."""
        try:
            start = clock.elapsed_ms()
            value = wish.make()
            cost = clock.elapsed_ms(start)
            self._count(how)
            if wish.keep(value):
                self._keep(wish.key, value, cost)
            return Found(value, "made")
        finally:
            self._cache.release(wish.key)

    def _keep(self, key: str, value: T, cost: float) -> None:
        expires = self._now() + self._ttl_ms
        self._hold(key, _Held(value, expires, cost))
        try:
            raw = self._encode(value)
        except ValueError:  # the value is good, only its bytes cannot be had
            self._count("failed")
            return
        self._cache.put(key, Entry(raw, expires, cost))

    def _soon(self, held: _Held[T]) -> bool:
        """Draw whether a value is made anew now, ahead of its expiry."""
        left = held.expires_ms - self._now()
        if left > _SURELY * held.cost_ms:
            return False
        with self._lock:  # a generator is not safe in threads
            drawn = self._rng.random()
        return left <= -held.cost_ms * log(1.0 - drawn)

    def _refresh(self, wish: _Wish[T], value: T) -> None:
        """Make a value anew in the background, unless somebody is at it or there is much to do already."""
        with self._lock:
            if self._closed or wish.key in self._making or self._refreshing >= REFRESHES:
                return
            future = self._making[wish.key] = Future()
            self._refreshing += 1
            self._background.submit(self._made_anew, wish, value, future)

    def _made_anew(self, wish: _Wish[T], value: T, future: Future[T]) -> None:
        try:
            claimed = self._cache.claim(wish.key, LEASE_MS)
            future.set_result(self._make(wish, "refreshed").value if claimed else value)
        except Exception as error:  # noqa: BLE001 - whatever making it raises, the value at hand still counts
            self._count("failed")
            future.set_exception(error)
        finally:
            with self._lock:
                self._making.pop(wish.key, None)
                self._refreshing -= 1

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1
