"""What every channel of progress must do: in a folder, and in Redis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from tests.redis_server import redis_server

from vfr.adapters.progress_redis import PREFIX, REST_S, RedisProgress
from vfr.adapters.store.progress_files import ProgressFiles
from vfr.workflows.progress_channel import EXPIRES_S, ProgressChannel

URL = "redis://127.0.0.1:6379/0"


def server() -> Redis:
    return Redis.from_url(URL, socket_timeout=2, socket_connect_timeout=0.5)


@pytest.fixture(params=["files", "redis"])
def channel(request: Any, tmp_path: Path) -> ProgressChannel:
    if request.param == "files":
        return ProgressFiles(tmp_path)
    try:
        server().ping()
    except (RedisError, OSError):
        pytest.skip("no Redis at 127.0.0.1:6379")
    return RedisProgress(server)


@pytest.fixture
def session() -> str:
    return uuid4().hex


def stages(channel: ProgressChannel, session: str, after: str | None = None) -> list[str]:
    return [told.event["stage"] for told in channel.read(session, after)]


def test_events_are_read_in_order_and_from_any_of_them_on(channel: ProgressChannel, session: str) -> None:
    assert channel.read(session) == []
    channel.begin(session)
    for n in range(5):
        channel.append(session, {"stage": f"s{n}", "progress": n, "message": "\N{SNOWMAN}\n"})
    found = channel.read(session)
    assert [told.event for told in found] == [
        {"stage": f"s{n}", "progress": n, "message": "\N{SNOWMAN}\n"} for n in range(5)
    ]
    for n, told in enumerate(found):
        assert stages(channel, session, told.id) == [f"s{m}" for m in range(n + 1, 5)]
    assert len({told.id for told in found}) == 5


def test_a_session_begun_anew_forgets_and_a_reader_of_the_old_one_sees_all(
    channel: ProgressChannel, session: str
) -> None:
    channel.begin(session)
    channel.append(session, {"stage": "old"})
    [old] = channel.read(session)
    channel.begin(session)
    assert channel.read(session, old.id) == []
    channel.append(session, {"stage": "new"})
    assert stages(channel, session, old.id) == stages(channel, session) == ["new"]


def test_the_first_to_open_a_session_owns_it(channel: ProgressChannel, session: str) -> None:
    assert channel.claim(session, "ann")
    assert not channel.claim(session, "bob")
    assert channel.claim(session, "ann")
    channel.begin(session)
    assert not channel.claim(session, "bob")
    assert channel.claim(session + "2", "bob")


def test_who_opens_a_session_twice_at_once_owns_it_both_times(channel: ProgressChannel) -> None:
    for _ in range(200):
        name, start = uuid4().hex, Barrier(2)

        def claim(of: str = name, start: Barrier = start) -> bool:
            start.wait()
            return channel.claim(of, "jane")

        with ThreadPoolExecutor(2) as pool:
            assert [one.result() for one in (pool.submit(claim), pool.submit(claim))] == [True, True]


@pytest.mark.parametrize("after", ["", "x", "-", "(1-1", "1-1 ", "0x1-1", "\N{ARABIC-INDIC DIGIT TWO}-1", "9" * 90])
def test_an_id_that_means_nothing_reads_from_the_beginning(channel: ProgressChannel, session: str, after: str) -> None:
    channel.begin(session)
    channel.append(session, {"stage": "one"})
    assert stages(channel, session, after) == ["one"]


def test_sessions_do_not_see_each_other(channel: ProgressChannel, session: str) -> None:
    channel.begin(session)
    channel.append(session, {"stage": "mine"})
    assert channel.read(session + "x") == []
    assert channel.read("*") == []


def test_what_redis_keeps_expires_and_is_bounded(session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = server()
    try:
        redis.ping()
    except (RedisError, OSError):
        pytest.skip("no Redis at 127.0.0.1:6379")
    monkeypatch.setattr("vfr.adapters.progress_redis.MOST_EVENTS", 3)
    channel = RedisProgress(server)
    channel.claim(session, "ann")
    [owner] = redis.scan_iter(f"{PREFIX}{sha256(session.encode()).hexdigest()}*")
    for who, left in (("bob", 9), ("ann", EXPIRES_S)):
        redis.expire(owner, 9)
        assert channel.claim(session, who) == (who == "ann")
        assert redis.ttl(owner) == pytest.approx(left, abs=5)
    for n in range(5):
        channel.append(session, {"stage": str(n)})
    assert stages(channel, session) == ["2", "3", "4"]
    keys = [key for key in redis.scan_iter(PREFIX + "*") if 0 < redis.ttl(key) <= EXPIRES_S]
    assert len(keys) >= 2
    assert all(session.encode() not in key for key in redis.scan_iter(PREFIX + "*"))


def test_without_redis_it_is_an_os_error(session: str) -> None:
    channel = RedisProgress(lambda: Redis(port=1, socket_connect_timeout=0.2))
    for call in (
        lambda: channel.claim(session, "ann"),
        lambda: channel.begin(session),
        lambda: channel.append(session, {}),
        lambda: channel.read(session),
    ):
        with pytest.raises(OSError, match="Redis cannot be used"):
            call()


def test_what_is_no_event_is_skipped(session: str) -> None:
    with redis_server() as own:
        channel = RedisProgress(lambda: own.client)
        channel.append(session, {"stage": "one"})
        [key] = own.client.keys(PREFIX + "*")
        for rubbish in ({"other": "1"}, {"event": "{"}, {"event": "[1]"}, {"event": b"\xff"}, {"event": "{}"}):
            own.client.xadd(key, rubbish)
        channel.append(session, {"stage": "two"})
        assert stages(channel, session) == ["one", "two"]


def test_redis_that_hangs_is_waited_for_once(session: str) -> None:
    seconds = [0.0]
    with redis_server() as own:
        client = Redis(port=own.port, socket_timeout=0.05, retry=Retry(NoBackoff(), 0))
        channel = RedisProgress(lambda: client, lambda: seconds[0])
        assert channel.claim(session, "ann")
        own.pause()
        with pytest.raises(OSError, match="cannot be used"):
            channel.begin(session)
        for _ in range(3):
            with pytest.raises(OSError, match="left alone"):
                channel.append(session, {"stage": "one"})
        own.resume()
        seconds[0] = REST_S
        channel.append(session, {"stage": "two"})
        assert stages(channel, session) == ["two"]
