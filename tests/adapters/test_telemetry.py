"""Logging: one JSON object per line for machines, lines for people, never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from vfr.adapters.telemetry import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    log = structlog.get_logger()
    log.debug("unseen")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.info("request", status=200, authorization="Bearer x")
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["request_id"]) == ("request", "info", "r1")
    assert event["authorization"] == "[hidden]"
    assert event["timestamp"].endswith("Z")


def failing(password: str) -> float:
    return len(password) / 0


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_trace_shows_where_but_not_the_values(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure_logging("error", form)
    try:
        failing("hunter2" * 1)
    except ZeroDivisionError as error:
        structlog.get_logger().error("unforeseen error", exc_info=error)
    text = capsys.readouterr().err
    assert "ZeroDivisionError" in text
    assert "hunter2" not in text.replace('failing("hunter2" * 1)', "")
    if form == "json":
        (line,) = text.splitlines()
        assert json.loads(line)["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "console")
    structlog.get_logger().info("unseen")
    structlog.get_logger().warning("cannot serve", code="NO_DATA", token="x")
    text = capsys.readouterr().err
    assert "cannot serve" in text
    assert "NO_DATA" in text
    assert "unseen" not in text
    assert "[hidden]" in text
