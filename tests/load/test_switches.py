"""The kill switch and a change of champion, two server processes under load: in force everywhere, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.asgi.running import until
from tests.load.asking import Line, codes, line_to_each, mixed, under_load
from tests.load.conftest import Tell
from tests.redis_server import RedisServer

from vfr import bootstrap
from vfr.bootstrap import Application
from vfr.cli.bench_server import Server, served
from vfr.clock import elapsed_ms
from vfr.settings import Settings

MEMBER, HORIZON = "linear", "7d"
MOST_MS = 1_000.0
CHANGE_MS = 3_000.0
"""Until every process answers from another champion; the command itself, which reads the version, is not in it."""


@pytest.fixture(scope="module", params=["database", "redis"])
def more(redis: RedisServer, request: pytest.FixtureRequest) -> Mapping[str, str]:
    shared = {"VFR_REDIS_URL": redis.url} if request.param == "redis" else {}
    return {"VFR_WORKERS": "2", "VFR_LOG_LEVEL": "error", **shared}


@pytest.fixture
def here(home: Path, more: Mapping[str, str]) -> Iterator[Application]:
    """The same installation in this process, as an operator's commands see it."""
    application = bootstrap.build(Settings(data_home=home, redis_url=more.get("VFR_REDIS_URL")))
    yield application
    application.close()


def times_until(
    lines: Mapping[int, Line], symbol: str, true: Callable[[dict[str, object]], bool], change: Callable[[], object]
) -> list[float]:
    """Milliseconds from the end of a change until every server process says so, each asked all the time."""

    def wait(line: Line) -> float:
        while not true(line.ask([symbol])[0]):
            assert elapsed_ms(start) < 60_000, "not in time"
            Event().wait(0.005)
        return elapsed_ms()

    start = elapsed_ms()
    with ThreadPoolExecutor(len(lines)) as threads:
        waiting = [threads.submit(wait, line) for line in lines.values()]
        change()
        made = elapsed_ms()
        return [max(one.result() - made, 0.0) for one in waiting]


def version_of(stock: dict[str, object]) -> object:
    """The version that answers for `MEMBER`; None while it is left out, or there is no prediction."""
    found = stock.get("mlPrediction")
    members = found["members"] if isinstance(found, dict) else []
    return next((one.get("version") for one in members if one["model"] == MEMBER and one["status"] == "ok"), None)


def in_turn(wanted: str) -> Callable[[dict[str, object]], bool]:
    return lambda stock: version_of(stock) == wanted


def not_any_more(unwanted: str) -> Callable[[dict[str, object]], bool]:
    return lambda stock: version_of(stock) != unwanted


def asked_in_advance(server: Server) -> bool:
    """Whether the engine asked its members by itself, as it does some seconds after its start."""
    members = server.ask("GET", "/api/ml/health")[1]["data"]["members"]
    return bool(members) and all(one["calls"] for one in members.values())


def told(times: list[float]) -> str:
    return " and ".join(f"{one:.0f}" for one in times) + " ms"


def test_the_switch_is_in_force_everywhere_within_a_second_and_survives_a_restart(
    folder: Path, home: Path, here: Application, more: Mapping[str, str], tell: Tell
) -> None:
    with served(home, folder, more) as server:
        symbols = server.symbols()[:40]
        with line_to_each(server) as lines, under_load(server, 6.0, mixed(server, symbols, each=16)) as load:
            Event().wait(1.0)
            turn = partial(here.toggles.turn, "ml", reason="rehearsed", who="test")
            off = times_until(lines, symbols[0], lambda stock: "mlUnavailable" in stock, lambda: turn(enabled=False))
            Event().wait(0.5)
            on = times_until(lines, symbols[0], lambda stock: "mlPrediction" in stock, lambda: turn(enabled=True))
            classic, ml = load.result()
        here.toggles.turn("ml", False, reason="kept", who="test")
    tell(f"off after {told(off)}, on after {told(on)}; {classic['answered'] + ml['answered']} requests, none failed")
    assert max(*off, *on) < MOST_MS
    assert classic["errors"] == ml["errors"] == 0
    with served(home, folder, more) as again, line_to_each(again) as lines:
        for line in lines.values():
            assert codes(line.ask(symbols[:3])) == {"DISABLED"}
    here.toggles.turn("ml", True, reason="kept", who="test")


def test_a_champion_that_is_rolled_back_answers_no_more_within_a_second(
    folder: Path, home: Path, here: Application, more: Mapping[str, str], tell: Tell
) -> None:
    name = here.datasets.current()
    before = next(c for c in here.models.cards() if (c.status, *c.place) == ("champion", MEMBER, HORIZON, name))
    other = replace(before, model_id=f"{before.model_id}-{len(here.models.cards())}", status="staged")
    here.models.save(other, here.models.read(before.model_id))
    with served(home, folder, more) as server:
        symbols = server.symbols()[:40]
        until(lambda: asked_in_advance(server), 60)
        with under_load(server, 20.0, mixed(server, symbols, each=16)) as load:

            def changed(true: Callable[[dict[str, object]], bool], change: Callable[..., object]) -> list[float]:
                with line_to_each(server) as lines:  # Connections that are idle for long are closed.
                    made = partial(change, other.model_id, who="test", why="rehearsed")
                    return times_until(lines, symbols[0], true, made)

            promoted = changed(in_turn(other.model_id), here.offices.promote)
            gone = changed(not_any_more(other.model_id), here.offices.rollback)
            back = changed(in_turn(before.model_id), lambda *_, **__: None)
            classic, ml = load.result()
    tell(
        f"promoted: answers after {told(promoted)}; rolled back: silent after {told(gone)}, the one before answers "
        f"after {told(back)} more; {classic['answered'] + ml['answered']} requests, none failed"
    )
    assert max(gone) < MOST_MS
    assert max(*promoted, *back) < CHANGE_MS
    assert classic["errors"] == ml["errors"] == 0
