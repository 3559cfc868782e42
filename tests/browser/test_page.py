"""The page in a real browser, served by the real server: what a person sees."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: install chromium")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on an empty data home, machine learning off."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home: Path = tmp_path_factory.mktemp("home")
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
def page(address: str) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        yield page
        browser.close()


def test_answers_are_shown_best_first_with_reasons_for_what_is_missing(page: Page) -> None:
    page.fill("#symbols", "aapl, JPM xom")
    page.click("button[type=submit]")
    page.wait_for_selector("#results:not([hidden]) tbody tr")
    rows = page.locator("#table tbody tr").all_inner_texts()
    assert len(rows) == 3
    assert {row.split()[0] for row in rows} == {"AAPL", "JPM", "XOM"}
    assert "NO_INPUT" in page.inner_text("#results") or "no such input" in page.inner_text("#results")


def test_old_data_is_said_to_be_old(page: Page) -> None:
    page.fill("#symbols", "AAPL")
    page.click("button[type=submit]")
    page.wait_for_selector("#old:not([hidden])")
    assert "prices end on 2022-12-28" in page.inner_text("#old")
    page.wait_for_selector("#system *")
    assert "sessions old" in page.inner_text("#system")


def test_unknown_symbol_is_named_and_the_others_are_answered(page: Page) -> None:
    page.fill("#symbols", "AAPL, ZZZZ")
    page.click("button[type=submit]")
    page.wait_for_selector("#errors li")
    assert "ZZZZ" in page.inner_text("#errors")
    assert page.locator("#table tbody tr").count() == 1


def test_machine_learning_switched_off_is_said(page: Page) -> None:
    page.fill("#symbols", "AAPL")
    page.check("#ml")
    page.click("button[type=submit]")
    page.wait_for_selector("#ml-column:not([hidden])")
    assert "switched off" in page.inner_text("#table tbody tr")


def test_nothing_on_the_page_breaks_its_own_security_policy(address: str, page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#system *")
    assert problems == []
