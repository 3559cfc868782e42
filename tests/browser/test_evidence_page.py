"""The page of evidence in a real browser, opened as the file it is: wide, narrow, light, dark, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.dashboard.evidence_reports import by_year, coverage, held, ranks, real_tables, report, study

from vfr.dashboard.evidence_page import page
from vfr.workflows.evidence_report import Table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LONG = Table(
    "Wide",
    tuple(f"column number {n}" for n in range(30)),
    tuple((f"row {r}", *[0.5] * 29) for r in range(60)),
    "A note.",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    names = ("average", "lightgbm", "xgboost", "linear", "trees", "lstm")
    years = tuple((str(2008 + y), name, 0.01 + 0.001 * n, 2.0) for y in range(10) for n, name in enumerate(names))
    made = report(
        ranks(*((name, 0.01, 2.5) for name in names)),
        by_year(*years),
        coverage((1.0, 0.61, 0.61, -0.01, 0.01), (0.5, 0.58, 0.57, -0.01, 0.03)),
        held(("2010", "average", 0.1), ("2010", "equal weight", 0.05)),
        *real_tables(study(0.0))[2:],
        LONG,
        facts={"a fact": "of many words " * 20, "unbroken": "x" * 300},
    )
    path: Path = tmp_path_factory.mktemp("evidence") / "report.html"
    path.write_text(page([made], importance={"1d": {f"a_feature_of_a_long_name_{n}": 1.0 + n for n in range(30)}}))
    return path.as_uri()


def opened(browser: Browser, address: str, width: int, scheme: str = "light") -> tuple[Page, list[str], list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    problems: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, timeout=120_000)
    return page, problems, asked


def until(page: Page, condition: str) -> None:
    """Wait for a condition; playwright's own wait evaluates it inside the page, which the page's policy forbids."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


@pytest.mark.parametrize("width", [1200, 400])
def test_the_page_fits_its_width_asks_for_nothing_and_breaks_no_policy(
    browser: Browser, address: str, width: int
) -> None:
    page, problems, asked = opened(browser, address, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """[...document.querySelectorAll('.panel *')].filter(e => !e.closest('.scroll, svg')
            && e.getBoundingClientRect().right > e.closest('.panel').getBoundingClientRect().right - 8)
            .map(e => [e.className, e.textContent])"""
    )
    assert beyond == []
    assert problems == []
    assert asked == [address]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
    page.close()


@pytest.mark.parametrize("width", [1200, 400])
def test_letters_of_a_figure_keep_a_size_that_can_be_read(browser: Browser, address: str, width: int) -> None:
    page, _, _ = opened(browser, address, width)
    scales = page.evaluate(
        "[...document.querySelectorAll('svg.chart')]"
        ".map(e => e.getBoundingClientRect().width / e.viewBox.baseVal.width)"
    )
    assert len(scales) == 12
    assert min(scales) * 11 >= 9
    page.close()


def test_no_words_of_a_figure_lie_outside_it_or_on_each_other(browser: Browser, address: str) -> None:
    page, _, _ = opened(browser, address, 1200)
    clashes = page.evaluate(
        """[...document.querySelectorAll('svg.chart')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
            const out = boxes.filter(([_, b]) => b.left < frame.left - 1 || b.right > frame.right + 1
                || b.top < frame.top - 1 || b.bottom > frame.bottom + 1).map(([t]) => ['outside', t]);
            boxes.forEach(([t, a], n) => boxes.slice(n + 1).forEach(([u, b]) => {
                if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
                    out.push([t, u]);
            }));
            return out;
        })"""
    )
    assert clashes == []
    page.close()


def test_the_page_follows_the_reader_into_the_dark(browser: Browser, address: str) -> None:
    page, _, _ = opened(browser, address, 400, "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    assert page.evaluate("getComputedStyle(document.querySelector('.c0 .dot')).fill") == "rgb(134, 183, 245)"
    page.close()


def test_a_wide_table_is_scrolled_with_the_keyboard_and_keeps_its_head(browser: Browser, address: str) -> None:
    page, _, _ = opened(browser, address, 400)
    region = page.locator(".scroll").last
    region.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    until(page, "(e => e.scrollLeft > 0 && e.scrollTop > 0)(document.activeElement)")
    top = "(s => document.activeElement.querySelector(s).getBoundingClientRect().top)"
    off = page.evaluate(f"{top}('thead th') - document.activeElement.getBoundingClientRect().top")
    assert abs(off) < 3
    page.close()


def test_the_first_stop_of_the_keyboard_skips_to_the_verdict(browser: Browser, address: str) -> None:
    page, _, _ = opened(browser, address, 1200)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'verdict'")
    page.close()
