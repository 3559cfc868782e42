"""Bodies that come too slowly, watched by one timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vfr.api import arrival
from vfr.api.arrival import Arrivals
from vfr.api.errors import Refusal

Receive = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "BODY_S", 0.05)


def silent() -> Receive:
    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    return receive


def at_once(*messages: dict[str, Any]) -> Receive:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return left.pop(0)

    return receive


async def read(receive: Receive) -> list[dict[str, Any]]:
    found = [await receive()]
    while found[-1]["more_body"]:
        found.append(await receive())
    return found


async def status(receive: Receive) -> int:
    try:
        await read(receive)
    except Refusal as refusal:
        return refusal.status_code
    return 200


def test_only_who_is_too_slow_is_given_up_and_its_task_goes_on() -> None:
    async def main() -> list[int]:
        bodies = Arrivals()
        quick = at_once({"more_body": True}, {"more_body": False})
        return await asyncio.gather(*(status(bodies.in_time(one)) for one in (silent(), quick, silent())))

    assert asyncio.run(main()) == [408, 200, 408]


def test_those_that_begin_later_have_as_long() -> None:
    async def main() -> list[int]:
        bodies = Arrivals()
        first = asyncio.create_task(status(bodies.in_time(silent())))
        await asyncio.sleep(0.03)
        second = asyncio.create_task(status(bodies.in_time(silent())))
        assert await first == 408
        assert not second.done()
        return [await second, await status(bodies.in_time(silent()))]

    assert asyncio.run(main()) == [408, 408]


def test_who_is_cancelled_by_others_is_cancelled() -> None:
    async def main() -> None:
        asked = asyncio.create_task(status(Arrivals().in_time(silent())))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(main())


def test_who_is_cancelled_by_others_when_it_is_given_up_is_cancelled() -> None:
    async def main() -> None:
        asked = asyncio.create_task(status(Arrivals().in_time(silent())))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        # Behind the timer of the body in the same turn of the loop, which sleeps over both.
        loop.call_later(0.051, asked.cancel)
        loop.call_soon(time.sleep, 0.1)
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(main())


def test_after_its_body_a_client_may_stay_as_long_as_it_likes() -> None:
    async def main() -> None:
        receive = Arrivals().in_time(at_once({"more_body": False}, {"type": "http.disconnect"}))
        await read(receive)
        await asyncio.sleep(0.1)
        assert (await receive())["type"] == "http.disconnect"

    asyncio.run(main())


def test_another_event_loop_is_watched_as_well() -> None:
    bodies = Arrivals()

    async def main() -> int:
        return await status(bodies.in_time(silent()))

    assert [asyncio.run(main()) for _ in range(2)] == [408, 408]
