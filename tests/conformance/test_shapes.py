"""No document, however twisted, ends a provider or slips through half read: each place of each is replaced in turn."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine
from tests.conformance.line import Line, connected
from tests.conformance.matrix import OFFERS
from tests.conformance.replay import Answer, Asked, Play
from tests.conformance.vendors.table import VENDORS
from tests.examples import thorough

from vfr.adapters.net.reply import Reply

EACH = [(provider, kind) for provider, kinds in OFFERS.items() for kind in kinds]

ODD = (None, "odd", {}, -1, 1e300)


def _odd(turn: int) -> tuple[Any, ...]:
    """Return what is put into a place: two values, neighbours other ones; all of them in `make verify`."""
    return ODD if thorough() else (ODD[turn % len(ODD)], ODD[(turn + 2) % len(ODD)])


FINAL = {"DONE", "BAD_ANSWER", "QUARANTINED"}
"""What a document can come to; it never says that the vendor throttles or does not know the name."""


class Direct:
    """Carries a question to the played vendor without a network between: thousands of answers are read here."""

    play: ClassVar[Play]

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def get(self, url: str, params: dict[str, str], headers: dict[str, str]) -> Reply:
        answer = type(self).play(Asked(urlsplit(url).path, params, headers)) or Answer(b"{}", status=404)
        return Reply(answer.status, answer.headers, answer.body)


@contextmanager
def _direct(provider: str, database: Engine, patch: pytest.MonkeyPatch) -> Iterator[Line]:
    patch.setattr("vfr.adapters.net.http.HttpTransport", Direct)
    patch.setattr("vfr.adapters.providers.live.yahoo_transport.YahooTransport", Direct)
    patch.setattr(Direct, "play", staticmethod(VENDORS[provider].play), raising=False)
    with connected(provider, database) as line:
        yield line


Place = tuple[str | int, ...]


def _places(node: Any, place: Place = (), shape: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place]]:
    """Yield every place of a document with its shape: lists and numbered fields are alike all along."""
    yield shape, place
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _places(value, (*place, name), (*shape, "#" if name.isdigit() else name))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _places(value, (*place, i), (*shape, "*"))


def _with(document: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(document)
    node = changed
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return changed


def _main_document(line: Line, provider: str, kind: str, patch: pytest.MonkeyPatch) -> tuple[str, Any]:
    """Return where the facts of an offer come from, and the healthy document there."""
    vendor = VENDORS[provider]
    where = vendor.elsewhere.get((kind, "shifted"), vendor.main[kind]) if kind == "insiders" else vendor.main[kind]
    seen: list[Any] = []

    def play(asked: Asked) -> Answer | None:
        answer = vendor.play(asked)
        if where in asked.path and answer is not None:
            seen.append(json.loads(answer.body))
        return answer

    patch.setattr(Direct, "play", staticmethod(play))
    line.ask(kind)
    return where, seen[0]


@pytest.mark.hypothesis  # so that `make verify` takes it: it, too, tries more there
@pytest.mark.parametrize(("provider", "kind"), EACH)
def test_a_twisted_document_is_refused_or_read_strictly(
    provider: str, kind: str, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    vendor = VENDORS[provider]
    with _direct(provider, database, monkeypatch) as line:
        where, document = _main_document(line, provider, kind, monkeypatch)
        places = dict(reversed(list(_places(document))))
        for turn, place in enumerate(places.values()):
            for odd in _odd(turn):
                body = json.dumps(_with(document, place, odd)).encode()

                def play(asked: Asked, body: bytes = body) -> Answer | None:
                    answer = vendor.play(asked)
                    return replace(answer, body=body) if answer and where in asked.path else answer

                monkeypatch.setattr(Direct, "play", staticmethod(play))
                outcome = line.ask(kind)
                told = f"{place} = {odd!r}: {outcome.code} {outcome.message}"
                assert outcome.code in FINAL, told
                assert "form that cannot be read" not in outcome.message, told
                for frame in outcome.accepted.values():
                    floats = [frame[name] for name, dtype in frame.schema.items() if dtype.is_float()]
                    assert all(column.is_finite().fill_null(value=True).all() for column in floats), told
