"""Counts that several machines share through Redis: the moving window of `limits`, taken from in small leases.

A lease is a share of a budget that this process took from Redis and spends by itself. It is one four-hundredth of the
budget, so that few requests ask Redis and what other processes cannot reach meanwhile stays below 0.25 % per process.
Without Redis this machine counts alone, from what it has granted so far.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from vfr.accounts.limits import Budget, Charge, Verdict
from vfr.adapters.limits.local import LocalLimiter
from vfr.clock import elapsed_ms, epoch_ms
from vfr.workflows.breaker import Breaker

__all__ = ["RedisLimiter"]

SHARES: Final = 400
"""Leases a budget is cut into; smaller budgets are asked for one by one."""

DEADLINE_S: Final = 0.02
REST_S: Final = 1.0
FAILURES: Final = 2
"""How long Redis may take, and how long it is left alone after so many failures in a row."""

FRESH_S: Final = 1.0
"""Age up to which what Redis last said remains is shown; charges never rest on it."""

MAX_LEASES: Final = 20_000
CONNECTIONS: Final = 16
PREFIX: Final = "vfr:limits"


@dataclass(slots=True)
class _Lease:
    """What this process holds of one budget; moments are seconds of a clock that never goes back."""

    left: int = 0
    until: float = 0.0
    waiting: int = 0
    seen: float = float("-inf")
    remaining: int = 0
    reset_at: float = 0.0
    refused: int = 0
    refused_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RedisLimiter:
    """Counts in Redis; implements `vfr.accounts.limits.Limiter`.

    Parameters
    ----------
    url : str
        As in the settings: ``redis://``, ``rediss://`` or ``unix://``.
    local : LocalLimiter
        Counts while Redis is away, and beside it what this machine got: neither grants what the other has given.
    now : callable
        Seconds of a clock that never goes back.
    deadline_s : float
        How long a question may take.

    Notes
    -----
    Machines must agree on the time, as by NTP: each stamps what it takes. All charges of a process must come from one
    event loop.
    """

    def __init__(
        self,
        url: str,
        local: LocalLimiter,
        *,
        now: Callable[[], float] = lambda: elapsed_ms() / 1e3,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._pool, self._window = _connected(url, deadline_s)
        self._local = local
        self._now = now
        self._breaker = Breaker(limit=FAILURES, rest=REST_S)
        self._leases: OrderedDict[tuple[str, Budget], _Lease] = OrderedDict()
        self._granted = self._refused = self._fallbacks = 0

    async def charge(self, who: str, budget: Budget, n: int) -> Verdict:
        """Take n of a payer's budget; see `Limiter`."""
        verdict = await self._charged(who, budget, n)
        if verdict.allowed:
            self._granted += n
        else:
            self._refused += n
        return verdict

    async def charge_in_turn(self, who: str, charges: Sequence[Charge]) -> Sequence[Verdict]:
        """Take one charge after the other until one is refused; see `Limiter`. A share at hand asks nobody."""
        verdicts: list[Verdict] = []
        for budget, n in charges:
            verdicts.append(await self.charge(who, budget, n))
            if not verdicts[-1].allowed:
                break
        return verdicts

    def stats(self) -> Mapping[str, int]:
        """Return the counters of this process; ``fallbacks`` counts charges that this machine decided alone."""
        return {"granted": self._granted, "refused": self._refused, "fallbacks": self._fallbacks}

    async def close(self) -> None:
        """Close the connections and the counts of this machine."""
        with suppress(Exception):  # Whatever state the connections are in, the process ends.
            await self._pool.disconnect()
        await self._local.close()

    async def _charged(self, who: str, budget: Budget, n: int) -> Verdict:
        lease = self._lease(who, budget)
        known = self._known(lease, budget, n)
        if known is not None:
            return known
        lease.waiting += n
        try:
            async with lease.lock:
                # Whoever held the lock may have brought enough for all who waited, or the news that there is no more.
                return self._known(lease, budget, n) or await self._asked(who, budget, n, lease)
        finally:
            lease.waiting -= n

    def _lease(self, who: str, budget: Budget) -> _Lease:
        lease = self._leases.get((who, budget))
        if lease is None:
            lease = self._leases[who, budget] = _Lease()
            if len(self._leases) > MAX_LEASES:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end((who, budget))
        return lease

    def _known(self, lease: _Lease, budget: Budget, n: int) -> Verdict | None:
        """Return the verdict if it needs no question."""
        now = self._now()
        if n and now < lease.refused_until and n >= lease.refused:
            return self._verdict(lease, budget, now, allowed=False)
        if now >= lease.until:
            lease.left = 0
        if lease.left < n or (n == 0 and now - lease.seen > FRESH_S):
            return None
        lease.left -= n
        return self._verdict(lease, budget, now, allowed=True)

    def _verdict(self, lease: _Lease, budget: Budget, now: float, *, allowed: bool) -> Verdict:
        remaining = min(max(lease.remaining, 0) + lease.left, budget.amount)
        reset = max(1, ceil(lease.reset_at - now)) if remaining < budget.amount else 0
        return Verdict(allowed, budget.amount, remaining, reset, 0 if allowed else max(reset, 1))

    async def _asked(self, who: str, budget: Budget, n: int, lease: _Lease) -> Verdict:
        if self._breaker.refuses_until(self._now()) is None:
            try:
                async with asyncio.timeout(self._deadline_s):
                    allowed = await self._taken(who, budget, n, lease)
            except (OSError, TimeoutError, ValueError, TypeError, RedisError):
                self._breaker.failed(self._now())
            else:
                self._breaker.answered()
                return self._verdict(lease, budget, self._now(), allowed=allowed)
        self._fallbacks += 1
        return self._local.take(who, budget, n)

    async def _taken(self, who: str, budget: Budget, n: int, lease: _Lease) -> bool:
        """Bring a lease that holds n, or what Redis says remains."""
        share = max(1, budget.amount // SHARES)
        item = RateLimitItemPerSecond(budget.amount // share, budget.window_s)
        needed = -(-(n - lease.left) // share)
        wanted = min(-(-(lease.waiting - lease.left) // share), item.amount)
        got = 0
        if n:
            for cost in dict.fromkeys((max(wanted, needed), needed)):
                if await self._window.hit(item, budget.name, who, cost=cost):
                    got = cost
                    break
        now = self._now()
        # What this machine granted alone, Redis does not know; both together must stay within the budget.
        if got and not self._local.take(who, budget, got * share).allowed:
            got = 0
        if got:
            lease.until = now + budget.window_s
            lease.left += got * share
            lease.remaining -= got * share
        if got == 0 or now - lease.seen > FRESH_S:
            await self._look(budget.name, who, item, share, lease)
        if n and not got:
            lease.refused, lease.refused_until = n, lease.reset_at
            return False
        lease.left -= n
        return True

    async def _look(self, name: str, who: str, item: RateLimitItem, share: int, lease: _Lease) -> None:
        stats = await self._window.get_window_stats(item, name, who)
        lease.seen = self._now()
        lease.remaining = stats.remaining * share
        lease.reset_at = lease.seen + stats.reset_time - epoch_ms() / 1e3


def _connected(url: str, deadline_s: float) -> tuple[BlockingConnectionPool, MovingWindowRateLimiter]:
    """Return connections, made when they are first needed, and the window that counts through them."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=deadline_s, retry=Retry(NoBackoff(), 0)
    )
    options: dict[str, Any] = {"connection_pool": pool, "implementation": "redispy", "key_prefix": PREFIX}
    return pool, MovingWindowRateLimiter(RedisStorage("async+redis://", **options))
