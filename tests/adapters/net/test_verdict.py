"""What statuses, headers and bodies mean."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from vfr.adapters.net.reply import Reply
from vfr.adapters.net.verdict import error_of, read_json, read_text, retry_after
from vfr.errors import BadAnswer, ProviderDenied, ProviderUnavailable, Throttled, UnknownAtSource

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (206, BadAnswer),
        (302, BadAnswer),
        (400, BadAnswer),
        (401, ProviderDenied),
        (402, ProviderDenied),
        (403, ProviderDenied),
        (404, UnknownAtSource),
        (408, ProviderUnavailable),
        (410, UnknownAtSource),
        (422, BadAnswer),
        (429, Throttled),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
        (999, ProviderUnavailable),
    ],
)
def test_status(status: int, error: type[Exception] | None) -> None:
    found = error_of("acme", Reply(status, {}, b""), None)
    assert type(found) is (error or type(None))
    assert found is None or str(found).startswith("acme ")


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Mon, 02 Mar 2026 14:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 13:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 14:01:00", 60.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1e9", None),
        ("Mon, 99 Foo 2026 14:01:00 GMT", None),
    ],
)
def test_retry_after(stated: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": stated}, NOW) == seconds


def test_numbers_that_are_none_arrive_as_floats() -> None:
    found = read_json("acme", Reply(200, {}, b'{"a": NaN, "b": -Infinity}'))
    assert math.isnan(found["a"])
    assert found["b"] == -math.inf


@pytest.mark.parametrize(
    "body", [b"", b'{"a": [1, 2', b"<html></html>", b" \n<!DOCTYPE HTML><p>", b"\xff\xfe\xfd", b"[" * 100_000]
)
def test_no_json(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="acme sent"):
        read_json("acme", Reply(200, {}, body))


def test_text_in_its_own_encoding() -> None:
    reply = Reply(200, {"content-type": 'text/csv; charset="iso-8859-1"'}, b"caf\xe9")
    assert read_text("acme", reply) == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    assert read_text("acme", Reply(200, {}, b"\xef\xbb\xbf<?xml?>")) == "<?xml?>"


@pytest.mark.parametrize(
    ("kind", "body"), [("", b"caf\xe9"), ("text/plain; charset=klingon", b"x"), ("", b"<html lang=en>")]
)
def test_no_text(kind: str, body: bytes) -> None:
    with pytest.raises(BadAnswer, match="acme sent"):
        read_text("acme", Reply(200, {"content-type": kind}, body))
