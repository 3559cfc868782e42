"""Logging: one JSON object per line for machines, lines for people, never a secret."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog

from vfr.adapters.telemetry import AccessLog, configure_logging


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


def test_a_log_that_nobody_reads_any_more_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    deaf = os.fdopen(writer, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", deaf)
    configure_logging("warning", "json")
    structlog.get_logger().warning("cannot serve", code="NO_DATA")
    monkeypatch.undo()
    with suppress(OSError):
        deaf.close()  # What its buffer holds goes nowhere.


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "console")
    structlog.get_logger().info("unseen")
    structlog.get_logger().warning("cannot serve", code="NO_DATA", token="x")
    text = capsys.readouterr().err
    assert "cannot serve" in text
    assert "NO_DATA" in text
    assert "unseen" not in text
    assert "[hidden]" in text


def requests_of(form: str, capsys: pytest.CaptureFixture[str], level: str = "info") -> list[str]:
    configure_logging(level, form)
    log = AccessLog(level, form)
    log.told("r1", "POST", "/api/stocks/analyze", 200, 0.4)
    log.told("r2", "GET", "/a b\n=c", 404, 12.0)
    log.told("r3", "GET", "/api/health", 200, 0.1, quiet=True)
    log.close()
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_of_the_access_log_is_that_of_any_other_event(capsys: pytest.CaptureFixture[str], form: str) -> None:
    lines = requests_of(form, capsys)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("request", method="POST", path="/api/stocks/analyze", status=200, ms=0.4)
    (other,) = capsys.readouterr().err.splitlines()
    if form == "json":
        mine, theirs = json.loads(lines[0]), json.loads(other)
        assert mine | {"timestamp": ""} == theirs | {"timestamp": ""}
        assert len(mine["timestamp"]) == len(theirs["timestamp"])
    else:
        stamp = len("2026-01-01T00:00:00.000000Z")
        assert lines[0][stamp:] == other[stamp:]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_path_begins_no_line_and_quiet_requests_are_logged_at_debug(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    lines = requests_of(form, capsys)
    assert len(lines) == 2
    assert "/a%20b%0A%3Dc" in lines[1]
    assert len(requests_of(form, capsys, "debug")) == 3
    assert requests_of(form, capsys, "warning") == []


def test_lines_wait_for_their_thread_and_are_written_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    log = AccessLog("info", "json")
    for n in range(500):
        log.told(f"r{n}", "GET", "/", 200, 0.1)
    log.close()
    assert [json.loads(line)["request_id"] for line in capsys.readouterr().err.splitlines()] == [
        f"r{n}" for n in range(500)
    ]


def test_a_process_that_set_up_no_logging_stays_silent(capsys: pytest.CaptureFixture[str]) -> None:
    log = AccessLog("info", "json")
    log.told("r1", "GET", "/", 200, 0.1)
    log.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_is_short_however_long_a_request_is(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """And a secret that stands where a path is cut is not shown by halves."""
    configure_logging("info", form)
    log = AccessLog("info", form, ["four-words-easily-kept"])
    befores = ["a" * count for count in (0, 500, 1_010, 60_000)] + ["token=" + "a" * 996 + "&"]
    for before in befores:
        log.told("r1", "A" * 60_000, f"/{before}four-words-easily-kept{'b' * 60_000}", 404, 0.1)
    log.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(befores)
    assert max(map(len, lines)) < 1_000
    assert not any("four" in line for line in lines)
