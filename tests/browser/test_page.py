"""The page in a real browser, served by the real server: what a person sees."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.homes import bundled

from vfr import bootstrap
from vfr.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

PASSWORD = "four words, easily kept"
RECORDED = Path(__file__).parents[1] / "integration" / "recorded" / "dashboard_multiple_ml.json"


def predicted() -> dict[str, Any]:
    """An answer with machine learning, three members of which have no version."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())["answer"]["body"]
    for stock in found["data"]["stocks"]:
        members = stock["mlPrediction"]["members"]
        members += [members[0] | {"model": name, "status": "no_model_as_of"} for name in ("xgboost", "lstm", "trees")]
    return found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on an empty data home, machine learning off."""
    with served(tmp_path_factory.mktemp("home")) as base:
        yield base


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has a user."""
    home = bundled(tmp_path_factory)
    bootstrap.build(Settings(data_home=home)).accounts.add_user("ann", PASSWORD, "premium", (), "test")
    with served(home) as base:
        yield base


@contextmanager
def served(home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "VFR_DATA_HOME": str(home), "VFR_ML_ENABLED": "false", "VFR_PORT": str(port)}
    log = (home / "server.log").open("wb")
    server = subprocess.Popen([sys.executable, "-m", "vfr", "serve"], env=environment, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                if httpx.get(f"{base}/api/health/ready", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.25)
        else:
            pytest.fail((home / "server.log").read_text()[-2000:])
        yield base
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    yield page
    page.close()


def test_answers_are_shown_best_first_with_reasons_for_what_is_missing(page: Page) -> None:
    page.fill("#symbols", "aapl, JPM xom")
    page.click("#ask button")
    page.wait_for_selector("#results:not([hidden]) tbody tr")
    rows = page.locator("#table tbody tr").all_inner_texts()
    assert len(rows) == 3
    assert {row.split()[0] for row in rows} == {"AAPL", "JPM", "XOM"}
    assert "NO_INPUT" in page.inner_text("#results") or "no such input" in page.inner_text("#results")


def test_old_data_is_said_to_be_old(page: Page) -> None:
    page.fill("#symbols", "AAPL")
    page.click("#ask button")
    page.wait_for_selector("#old:not([hidden])")
    assert "prices end on 2022-12-28" in page.inner_text("#old")
    page.wait_for_selector("#system *")
    assert "sessions old" in page.inner_text("#system")


def test_unknown_symbol_is_named_and_the_others_are_answered(page: Page) -> None:
    page.fill("#symbols", "AAPL, ZZZZ")
    page.click("#ask button")
    page.wait_for_selector("#errors li")
    assert "ZZZZ" in page.inner_text("#errors")
    assert page.locator("#table tbody tr").count() == 1


def test_machine_learning_switched_off_is_said(page: Page) -> None:
    page.fill("#symbols", "AAPL")
    page.check("#ml")
    page.click("#ask button")
    page.wait_for_selector("#ml-column:not([hidden])")
    assert "switched off" in page.inner_text("#table tbody tr")


def test_a_prediction_fits_a_phone_and_breaks_no_number(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.route("**/api/stocks/analyze", lambda route: route.fulfill(json=predicted()))
    page.goto(address)
    page.fill("#symbols", "XOM")
    page.click("#ask button")
    page.wait_for_selector("#ml-column:not([hidden])")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "55.2\u00a0%" in page.inner_text("#table tbody tr:first-child")
    page.close()


def test_nothing_on_the_page_breaks_its_own_security_policy(page: Page, address: str) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#system *")
    assert problems == []


def test_a_user_signs_in_stays_signed_in_and_signs_out(page: Page, guarded: str) -> None:
    page.goto(guarded)
    page.click("#ask button")
    page.wait_for_selector("#sign-in:not([hidden])")
    page.fill("#username", "ann")
    page.fill("#password", "not her password")
    page.click("#credentials button")
    page.wait_for_selector("#refused:not(:empty)")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#who:not([hidden])")
    assert page.inner_text("#name") == "ann, premium"
    assert page.input_value("#password") == ""
    # An access token that ran out: questions that meet it at once share the one renewal a refresh token is good for.
    page.route("**/api/stocks/**", once_unauthorised())
    page.fill("#symbols", "AAPL, JPM")
    page.click("#ask button")
    page.wait_for_selector("#results:not([hidden]) tbody tr")
    assert page.is_hidden("#sign-in")
    page.unroute_all()
    page.click("#sign-out")
    page.wait_for_selector("#sign-in:not([hidden])")
    assert page.is_hidden("#results")
    page.click("#ask button")
    page.wait_for_selector("#message.bad")


def once_unauthorised() -> Callable[[Route], None]:
    """Answer the first question to each address with 401."""
    met: set[str] = set()

    def answer(route: Route) -> None:
        address = route.request.url
        if address in met:
            route.continue_()
        else:
            met.add(address)
            route.fulfill(status=401, content_type="application/json", body='{"success": false, "error": "expired"}')

    return answer
