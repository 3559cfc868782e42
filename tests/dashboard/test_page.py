"""The page: complete in itself, allowed by its own content policy, and true to what it refers to."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import httpx
import pytest

from vfr import bootstrap
from vfr.asgi import create_app
from vfr.settings import Settings

FILES = {
    "/": "text/html",
    "/dashboard/page.css": "text/css",
    "/dashboard/page.js": "text/javascript",
    "/dashboard/session.js": "text/javascript",
    "/dashboard/icon.svg": "image/svg+xml",
}


def text_of(name: str) -> str:
    return resources.files("vfr.dashboard").joinpath(name).read_text(encoding="utf-8")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text_of("index.html"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_files_are_served_without_any_data(tmp_path: Path) -> None:
    app = create_app(bootstrap.build(Settings(data_home=tmp_path)))

    async def ask() -> dict[str, httpx.Response]:
        base = "http://127.0.0.1:8000"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
            return {path: await client.get(path) for path in FILES}

    for path, response in asyncio.run(ask()).items():
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == FILES[path]
        assert "script-src 'self'" in response.headers["content-security-policy"]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for tag, attributes in Tags().found:
        assert "style" not in attributes, tag
        assert tag != "style"
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            assert (attributes.get(name) or "/").startswith(("/", "#")), tag
        if tag == "script":
            assert attributes.get("src")
    script = text_of("page.js") + text_of("session.js")
    kept = ("localStorage", "sessionStorage", "document.cookie", "indexedDB")
    written = ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", "http://", "https://")
    for forbidden in kept + written:
        assert forbidden not in script
    assert not re.search(r"@import|url\(", text_of("page.css"))


def test_every_element_the_script_asks_for_exists() -> None:
    ids = {attributes["id"] for _, attributes in Tags().found if "id" in attributes}
    asked = set(re.findall(r'\$\("([a-z-]+)"\)', text_of("page.js")))
    assert asked <= ids
    assert len(asked) > 10


def test_every_field_has_a_label() -> None:
    found = Tags().found
    labelled = {attributes.get("for") for tag, attributes in found if tag == "label"}
    fields = [attributes["id"] for tag, attributes in found if tag in ("input", "select", "progress")]
    assert set(fields) <= labelled


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(scheme: str) -> None:
    """At least 4.5 to 1, as WCAG 2.2 asks of text (success criterion 1.4.3)."""
    blocks = re.findall(r":root \{(.*?)\}", text_of("page.css"), flags=re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[0 if scheme == "light" else 1]))
    pairs = [(front, back) for front in ("text", "quiet", "good", "bad", "accent") for back in ("panel", "back")]
    for front, back in [*pairs, ("on-accent", "accent")]:
        bright, dark = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (front, back)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
