"""What every limiter must do: in memory, in a file of this machine, and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pytest
from tests.redis_server import RedisServer, redis_server

from vfr.accounts.limits import Budget, Limiter
from vfr.adapters.limits.local import LocalLimiter
from vfr.adapters.limits.redis import RedisLimiter

MINUTE = Budget("requests", 60, 60)
PATIENT_S = 10.0
"""These tests are about numbers, not about speed."""

Check: TypeAlias = Callable[[Limiter, str], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


@pytest.fixture(params=["memory", "file", "redis"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Check], None]:
    """Run a check with a limiter of each kind, and a payer nobody else is."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Limiter]:
        local = LocalLimiter(tmp_path / "run" / "limits.bin" if request.param == "file" else None)
        url = request.getfixturevalue("server").url if request.param == "redis" else None
        limiter = local if url is None else RedisLimiter(url, local, deadline_s=PATIENT_S)
        yield limiter
        await limiter.close()

    def checked(check: Check) -> None:
        async def main() -> None:
            async with opened() as limiter:
                await check(limiter, f"user:{uuid4()}")
                assert limiter.stats()["fallbacks"] == 0

        asyncio.run(main())

    return checked


@pytest.mark.parametrize("amount", [1, 59, 60, 600, 6_000])
def test_a_burst_gets_exactly_the_budget(run: Callable[[Check], None], amount: int) -> None:
    budget = Budget("requests", amount, 60)

    async def check(limiter: Limiter, who: str) -> None:
        verdicts = await asyncio.gather(*(limiter.charge(who, budget, 1) for _ in range(2 * amount)))
        assert sum(verdict.allowed for verdict in verdicts) == amount
        last = await limiter.charge(who, budget, 1)
        assert (last.allowed, last.limit, last.remaining) == (False, amount, 0)
        assert 1 <= last.retry_after_s <= 61

    run(check)


def test_one_after_the_other_gets_exactly_the_budget(run: Callable[[Check], None]) -> None:
    budget = Budget("requests", 2_000, 60)

    async def check(limiter: Limiter, who: str) -> None:
        allowed = [(await limiter.charge(who, budget, 1)).allowed for _ in range(2_100)]
        assert allowed == [True] * 2_000 + [False] * 100

    run(check)


def test_an_amount_that_leases_do_not_divide_loses_less_than_a_percent(run: Callable[[Check], None]) -> None:
    budget = Budget("requests", 1_399, 60)

    async def check(limiter: Limiter, who: str) -> None:
        verdicts = await asyncio.gather(*(limiter.charge(who, budget, 1) for _ in range(2_000)))
        assert 0.99 * 1_399 <= sum(verdict.allowed for verdict in verdicts) <= 1_399

    run(check)


def test_payers_and_budgets_are_apart(run: Callable[[Check], None]) -> None:
    async def check(limiter: Limiter, who: str) -> None:
        for _ in range(60):
            assert (await limiter.charge(who, MINUTE, 1)).allowed
        assert not (await limiter.charge(who, MINUTE, 1)).allowed
        assert (await limiter.charge(f"{who}x", MINUTE, 1)).remaining == 59
        assert (await limiter.charge(who, Budget("ml-units", 60, 86_400), 1)).remaining == 59

    run(check)


def test_a_charge_of_many_is_taken_whole_or_not_at_all(run: Callable[[Check], None]) -> None:
    budget = Budget("ml-units", 200, 86_400)

    async def check(limiter: Limiter, who: str) -> None:
        assert (await limiter.charge(who, budget, 150)).remaining == 50
        refused = await limiter.charge(who, budget, 51)
        assert (refused.allowed, refused.remaining) == (False, 50)
        assert (await limiter.charge(who, budget, 50)).allowed
        assert not (await limiter.charge(who, budget, 1)).allowed

    run(check)


def test_charges_in_turn_end_with_the_first_that_is_refused(run: Callable[[Check], None]) -> None:
    units = Budget("ml-units", 200, 86_400)

    async def check(limiter: Limiter, who: str) -> None:
        both = await limiter.charge_in_turn(who, ((MINUTE, 59), (units, 150)))
        assert [(one.allowed, one.remaining) for one in both] == [(True, 1), (True, 50)]
        short = await limiter.charge_in_turn(who, ((MINUTE, 1), (units, 51)))
        assert [(one.allowed, one.remaining) for one in short] == [(True, 0), (False, 50)]
        over = await limiter.charge_in_turn(who, ((MINUTE, 1), (units, 1)))
        assert [one.allowed for one in over] == [False]
        assert (await limiter.charge(who, units, 50)).allowed

    run(check)


def test_more_than_the_budget_is_never_granted(run: Callable[[Check], None]) -> None:
    async def check(limiter: Limiter, who: str) -> None:
        assert not (await limiter.charge(who, MINUTE, 61)).allowed
        assert not (await limiter.charge(who, Budget("ml-units", 0, 60), 1)).allowed
        assert (await limiter.charge(who, MINUTE, 60)).allowed

    run(check)


def test_looking_costs_nothing(run: Callable[[Check], None]) -> None:
    async def check(limiter: Limiter, who: str) -> None:
        unused = await limiter.charge(who, MINUTE, 0)
        assert (unused.allowed, unused.remaining, unused.reset_s) == (True, 60, 0)
        await limiter.charge(who, MINUTE, 10)
        for _ in range(3):
            seen = await limiter.charge(who, MINUTE, 0)
        assert (seen.allowed, seen.remaining) == (True, 50)
        assert 1 <= seen.reset_s <= 61

    run(check)


def test_the_budget_comes_back(run: Callable[[Check], None]) -> None:
    budget = Budget("requests", 5, 1)

    async def check(limiter: Limiter, who: str) -> None:
        assert [(await limiter.charge(who, budget, 1)).allowed for _ in range(6)] == [True] * 5 + [False]
        await asyncio.sleep(1.1)
        assert [(await limiter.charge(who, budget, 1)).allowed for _ in range(6)] == [True] * 5 + [False]

    run(check)


def test_it_is_counted_what_was_granted_and_refused(run: Callable[[Check], None]) -> None:
    async def check(limiter: Limiter, who: str) -> None:
        for _ in range(70):
            await limiter.charge(who, MINUTE, 1)
        assert (limiter.stats()["granted"], limiter.stats()["refused"]) == (60, 10)

    run(check)
