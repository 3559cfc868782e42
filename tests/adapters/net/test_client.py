"""The polite client over a real connection and a real pace: turns, attempts, pauses, errors, and no secret anywhere."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import structlog
from tests.adapters.net.conftest import Hours, Play, Vendor, answer

from vfr.adapters.net.client import Policy, PoliteClient
from vfr.adapters.net.http import HttpTransport
from vfr.adapters.net.reply import Reply
from vfr.clock import utc_now
from vfr.errors import (
    BadAnswer,
    ProviderDenied,
    ProviderError,
    ProviderUnavailable,
    Throttled,
    UnknownAtSource,
)

if TYPE_CHECKING:
    from vfr.adapters.database.pace import Pace

KEY = "k3y-that-nobody-may-see"
HTML = b"<!DOCTYPE html><html><body>Sorry!</body></html>"
GOOD = answer(b'{"price": 1.5}')
BUSY = answer(b'{"message": "slow down"}', 429)
DOWN = answer(b"oops", 500)


@dataclass
class Bench:
    """Makes clients that share a vendor, a pace and the time."""

    transport: HttpTransport
    pace: Pace
    hours: Hours

    def client(self, policy: Policy, **other: Any) -> PoliteClient:
        rng = np.random.default_rng(5)
        return PoliteClient(
            "acme",
            self.transport,
            self.pace,
            policy=policy,
            sleep=self.hours.sleep,
            rng=rng,
            clock=self.hours.clock,
            **other,
        )


@pytest.fixture
def bench(transport: HttpTransport, pace: Pace, hours: Hours) -> Bench:
    return Bench(transport, pace, hours)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What the program logs, once a command has set up logging."""
    with structlog.testing.capture_logs() as entries:
        yield entries
    structlog.reset_defaults()


def test_answer(vendor: Vendor, client: PoliteClient) -> None:
    vendor.plays(GOOD)
    assert client.json(vendor.url + "/a", params={"b": "c"}, headers={"X-Own": "d"}) == {"price": 1.5}
    assert vendor.asked[0][0] == "/a?b=c"
    assert vendor.asked[0][1]["x-own"] == "d"
    assert client.text(vendor.url) == '{"price": 1.5}'


def test_every_attempt_waits_for_its_turn(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(DOWN, DOWN, GOOD)
    start = bench.hours.now.timestamp()
    bench.client(Policy(per_second=0.1, first_wait=0.0)).json(vendor.url)
    assert len(vendor.asked) == 3
    assert sum(bench.hours.slept) == pytest.approx(20.0)
    assert bench.pace.state("acme").next_at == pytest.approx(start + 30.0)


@pytest.mark.parametrize("stated", ["7", "Mon, 02 Mar 2026 14:00:07 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(vendor: Vendor, client: PoliteClient, hours: Hours, stated: str, status: int) -> None:
    vendor.plays(answer(status=status, Retry_After=stated), GOOD)
    assert client.json(vendor.url) == {"price": 1.5}
    assert hours.slept == [7.0]


def test_waits_grow_and_are_spread(vendor: Vendor, client: PoliteClient, hours: Hours) -> None:
    vendor.plays(DOWN)
    with pytest.raises(ProviderUnavailable, match=r"acme fails \(500\)"):
        client.json(vendor.url)
    assert len(vendor.asked) == 4
    for wait, longest in zip(hours.slept, (1.0, 2.0, 4.0), strict=True):
        assert longest / 2 <= wait < longest


def test_throttled_to_the_end(vendor: Vendor, client: PoliteClient) -> None:
    vendor.plays(BUSY)
    with pytest.raises(Throttled, match="acme asks for fewer questions") as caught:
        client.json(vendor.url)
    assert caught.value.retry_after is None
    assert len(vendor.asked) == 4


def test_a_longer_pause_than_is_left_is_told_at_once(vendor: Vendor, client: PoliteClient, hours: Hours) -> None:
    vendor.plays(answer(status=429, Retry_After="61"))
    with pytest.raises(Throttled) as caught:
        client.json(vendor.url)
    assert caught.value.retry_after == 61.0
    assert hours.slept == []
    assert len(vendor.asked) == 1


def test_throttling_pauses_everybody(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(answer(status=429, Retry_After="600"), GOOD)
    with pytest.raises(Throttled):
        bench.client(Policy()).json(vendor.url)
    with pytest.raises(Throttled, match="ask again after 2026-03-02 14:10:00 UTC") as caught:
        bench.client(Policy()).json(vendor.url)
    assert caught.value.retry_after == pytest.approx(600.0)
    assert len(vendor.asked) == 1
    assert "fewer questions" in bench.pace.state("acme").reason
    bench.hours.now += timedelta(seconds=600)
    assert bench.client(Policy()).json(vendor.url) == {"price": 1.5}


def test_an_endless_pause_ends_after_a_day(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(answer(status=429, Retry_After="999999999"), GOOD)
    with pytest.raises(Throttled):
        bench.client(Policy()).json(vendor.url)
    bench.hours.now += timedelta(days=1)
    assert bench.client(Policy()).json(vendor.url) == {"price": 1.5}


def test_a_pause_made_while_waiting_for_a_turn_is_kept(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(GOOD)
    policy = Policy(per_second=0.1)
    start = bench.hours.now.timestamp()
    bench.client(policy).json(vendor.url)
    client = bench.client(policy)
    pass_time = bench.hours.sleep

    def sleep(seconds: float) -> None:
        if not bench.hours.slept:
            bench.pace.pause("acme", start + 40.0, "another process was told so")
        pass_time(seconds)

    client._sleep = sleep
    client.json(vendor.url)
    assert bench.hours.now.timestamp() >= start + 40.0


def test_waiting_is_bounded_whatever_the_attempts(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(DOWN)
    with pytest.raises(ProviderUnavailable):
        bench.client(Policy(per_second=1e6, attempts=1_000, faults=1_000)).json(vendor.url)
    assert 30.0 <= sum(bench.hours.slept) <= 60.0


def test_a_turn_beyond_patience_is_not_taken(vendor: Vendor, bench: Bench) -> None:
    vendor.plays(GOOD)
    policy = Policy(per_second=0.01)
    bench.client(policy).json(vendor.url)
    before = bench.pace.state("acme")
    with pytest.raises(Throttled, match="has had its share") as caught:
        bench.client(policy).json(vendor.url)
    assert caught.value.retry_after == pytest.approx(100.0)
    assert bench.pace.state("acme") == before


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, ProviderDenied), (403, ProviderDenied), (404, UnknownAtSource), (400, BadAnswer), (302, BadAnswer)],
)
def test_refusals_are_not_asked_again(
    vendor: Vendor, client: PoliteClient, status: int, error: type[ProviderError]
) -> None:
    vendor.plays(answer(status=status))
    with pytest.raises(error):
        client.json(vendor.url)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("body", [HTML, b'{"price": 1.', b""])
def test_an_unreadable_body_is_asked_for_once_more(vendor: Vendor, client: PoliteClient, body: bytes) -> None:
    vendor.plays(answer(body), GOOD)
    assert client.json(vendor.url) == {"price": 1.5}
    vendor.plays(answer(body))
    with pytest.raises(BadAnswer, match="acme sent"):
        client.json(vendor.url)
    assert len(vendor.asked) == 4


def test_an_unreadable_body_after_other_trouble_is_still_asked_for_once_more(
    vendor: Vendor, client: PoliteClient
) -> None:
    vendor.plays(DOWN, answer(HTML), GOOD)
    assert client.json(vendor.url) == {"price": 1.5}


def test_a_reply_cut_short_heals(vendor: Vendor, client: PoliteClient) -> None:
    vendor.plays(answer(b'{"a": 1}', Content_Length="100"), vendor.hang, GOOD)
    assert client.json(vendor.url) == {"price": 1.5}


@pytest.mark.parametrize("play", [DOWN, answer(HTML), answer(b"{}", Content_Length="9")])
def test_a_failing_vendor_is_left_alone(vendor: Vendor, bench: Bench, play: Play) -> None:
    client = bench.client(Policy(per_second=1e6, first_wait=0.0))
    vendor.plays(play)
    while len(vendor.asked) < 5:
        with pytest.raises(ProviderError):
            client.json(vendor.url)
    slept = len(bench.hours.slept)
    with pytest.raises(ProviderUnavailable, match="5 times in a row and is left alone until 2026-03-02 14:01:0"):
        client.json(vendor.url)
    assert len(vendor.asked) == 5
    assert len(bench.hours.slept) == slept
    bench.hours.now += timedelta(seconds=60)
    with pytest.raises(ProviderError):
        client.json(vendor.url)
    assert len(vendor.asked) == 6, "one question tries"
    bench.hours.now += timedelta(seconds=60)
    vendor.plays(GOOD)
    assert client.json(vendor.url) == client.json(vendor.url) == {"price": 1.5}


@pytest.mark.parametrize("status", [401, 404, 429])
def test_a_vendor_that_refuses_is_not_failing(vendor: Vendor, bench: Bench, status: int) -> None:
    client = bench.client(Policy(per_second=1e6, attempts=1))
    vendor.plays(answer(status=status))
    for _ in range(8):
        with pytest.raises(ProviderError):
            client.json(vendor.url)
        bench.hours.now += timedelta(seconds=5)
    assert len(vendor.asked) == 8


def test_a_vendors_own_words_come_before_the_status(vendor: Vendor, bench: Bench) -> None:
    def judge(reply: Reply) -> ProviderError | None:
        return ProviderDenied("acme refuses the key") if b"api_key" in reply.body else None

    vendor.plays(answer(b'{"error": "bad api_key"}', 400))
    with pytest.raises(ProviderDenied, match="refuses the key"):
        bench.client(Policy(), judge=judge).json(vendor.url)
    vendor.plays(answer(b'{"error": "bad date"}', 400))
    with pytest.raises(BadAnswer):
        bench.client(Policy(per_second=1e6), judge=judge).json(vendor.url)


def test_a_vendors_own_words_for_throttling_pause_too(vendor: Vendor, bench: Bench) -> None:
    def judge(reply: Reply) -> ProviderError | None:
        return Throttled("acme counts too many", 30.0) if b"limit" in reply.body else None

    vendor.plays(answer(b'{"error": "limit reached"}'), GOOD)
    assert bench.client(Policy(), judge=judge).json(vendor.url) == {"price": 1.5}
    assert sum(bench.hours.slept) >= 30.0


@pytest.mark.parametrize(
    "play",
    [
        BUSY,
        DOWN,
        answer(KEY.encode(), 403),
        answer(KEY.encode(), 404),
        answer(KEY.encode(), 418),
        answer(KEY.encode()),
        answer(f"<html>{KEY}".encode()),
        answer(b"", Content_Length="9"),
        answer(b"", 302, Location=f"http://127.0.0.2/?key={KEY}"),
        answer(b"", 429, Retry_After=KEY),
        lambda handler: handler.connection.close(),
    ],
)
def test_no_error_and_no_log_holds_a_secret(
    vendor: Vendor, client: PoliteClient, logged: list[Any], caplog: pytest.LogCaptureFixture, play: Play
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.plays(play)
    with pytest.raises(ProviderError) as caught:
        client.json(vendor.url, params={"api_key": KEY}, headers={"Authorization": f"Token {KEY}"})
    told = [*traceback.format_exception(caught.value), caught.value.message, caplog.text, *map(repr, logged)]
    assert logged
    assert KEY not in "".join(told)
    assert "127.0.0" not in caught.value.message
    assert caught.value.message.startswith("acme ")


def test_a_process_without_logging_stays_silent(
    vendor: Vendor, client: PoliteClient, capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.reset_defaults()
    vendor.plays(BUSY, GOOD)
    client.json(vendor.url)
    assert capsys.readouterr() == ("", "")


def test_threads_share_one_client(vendor: Vendor, transport: HttpTransport, pace: Pace) -> None:
    vendor.plays(GOOD)
    rng = np.random.default_rng(5)
    client = PoliteClient(
        "acme", transport, pace, policy=Policy(per_second=200.0), sleep=time.sleep, rng=rng, clock=utc_now
    )
    start = utc_now().timestamp()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client.json(vendor.url), range(40)))
    assert found == [{"price": 1.5}] * 40
    assert pace.state("acme").next_at >= start + 40 / 200
