"""Logging: structured events to standard error, for people or for machines; secrets never pass."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TextIO, cast
from urllib.parse import quote

import orjson
import structlog

from vfr.adapters.redaction import Scrubber, hide_secrets
from vfr.clock import utc_now
from vfr.errors import VfrError
from vfr.workflows.outbox import Outbox

__all__ = ["AccessLog", "configure_logging", "log_failed_member", "log_failed_past_days"]

_LINES: Final = 20_000
_BATCH: Final = 2_000
_EVERY_S: Final = 0.1
_PATHS: Final = 4_096
_SHOWN: Final = 512
"""Characters of a path that a line shows: strangers choose it, and a longer one costs time, memory and disk."""

_LOOKED_AT: Final = 2 * _SHOWN
"""Characters of a path that are looked at; where it was cut the last half is not shown: there may be half a secret."""

_METHOD: Final = 32
_OURS: Final = re.compile(r"[0-9a-f]{32}")
"""An id that the server drew."""


def configure_logging(level: str, form: str, secrets: Collection[str] = ()) -> None:
    """Set up logging for this process.

    Parameters
    ----------
    level : {"debug", "info", "warning", "error"}
        The least severe event that is written.
    form : {"console", "json"}
        Lines for people, coloured on a terminal, or one JSON object per line.
    secrets : collection of str
        What must appear in no line, wherever it comes from.
    """
    scrub = Scrubber(secrets)
    numeric = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    if form == "json":
        rendering: list[structlog.typing.Processor] = [
            # Without local variables: they hold what users sent and what settings hide.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        # Last, since a trace is text only then.
        processors=[*shared, *rendering, lambda _logger, _method, line: scrub(str(line))],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unheeded(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Unheeded:
    """A stream that whoever read it may leave: a line that cannot be written must not cost an answer."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or not."""
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, or not."""
        with suppress(OSError):
            self._stream.flush()


class _Request(NamedTuple):
    """A request that was answered."""

    at: datetime
    level: str
    request_id: str
    method: str
    path: str
    status: int
    ms: float


class AccessLog:
    """One structured line per request, formatted and written in batches by a thread of its own.

    Parameters
    ----------
    level : {"debug", "info", "warning", "error"}
        The least severe event that is written.
    form : {"console", "json"}
    secrets : collection of str
        What must appear in no line.

    Notes
    -----
    Lines that cannot be written fast enough wait, then are dropped and counted. They hold the fields that the log of
    everything else would give them. A process that set up no logging stays silent.
    """

    def __init__(self, level: str, form: str, secrets: Collection[str] = ()) -> None:
        self._least = getattr(logging, level.upper())
        self._line = _json_line if form == "json" else _console_line
        self._scrub = Scrubber(secrets)
        # Paths come again and again, and what looks like a secret is dear to look for.
        self._clean = lru_cache(_PATHS)(self._scrub)
        self._outbox: Outbox[_Request] = Outbox(
            "access-log", self._write, capacity=_LINES, batch=_BATCH, every=_EVERY_S, told=_log_lost
        )

    def told(self, request_id: str, method: str, path: str, status: int, ms: float, *, quiet: bool = False) -> None:
        """Log a request, at debug if it is a quiet one."""
        level = "debug" if quiet else "info"
        if self._least <= (logging.DEBUG if quiet else logging.INFO) and structlog.is_configured():
            self._outbox.put(_Request(utc_now(), level, request_id, method[:_METHOD], path[:_LOOKED_AT], status, ms))

    def close(self) -> None:
        """Write what waits."""
        self._outbox.close()

    def _write(self, requests: Sequence[_Request]) -> None:
        lines = "".join(self._line(self._cleaned(one)) for one in requests)
        sys.stderr.write(self._scrub.without_known(lines))
        sys.stderr.flush()

    def _cleaned(self, one: _Request) -> _Request:
        """Return a request without what looks like a secret, which its path may hold, and an id that a caller chose."""
        request_id = one.request_id if _OURS.fullmatch(one.request_id) else self._scrub(one.request_id)
        path = self._clean(one.path)
        # Hiding others makes it shorter, and would bring what was cut forward.
        sure = len(path) if len(one.path) < _LOOKED_AT else max(len(path) - _SHOWN, 0)
        return one._replace(path=path[: min(_SHOWN, sure)], request_id=request_id)


def _json_line(one: _Request) -> str:
    return orjson.dumps(_event(one), option=orjson.OPT_APPEND_NEWLINE).decode()


def _console_line(one: _Request) -> str:
    """Return the line that structlog writes where there is no terminal, or have it write one with colours."""
    event = _event(one)
    if sys.stderr.isatty():
        return f"{structlog.dev.ConsoleRenderer()(None, '', event)}\n"
    return (
        f"{event['timestamp']} [{one.level:<9}] {'request':<30} method={event['method']} ms={one.ms} "
        f"path={event['path']} request_id={one.request_id} status={one.status}\n"
    )


def _event(one: _Request) -> dict[str, Any]:
    # Quoted: a line feed in a path must not begin a line of the log.
    return {
        "request_id": one.request_id,
        "method": quote(one.method),
        "path": quote(one.path),
        "status": one.status,
        "ms": one.ms,
        "event": "request",
        "level": one.level,
        "timestamp": one.at.isoformat().replace("+00:00", "Z"),
    }


def _log_lost(dropped: int, error: BaseException | None) -> None:
    structlog.get_logger().warning("access_log_failed", dropped=dropped, error=None if error is None else str(error))


def log_failed_member(version: str, error: BaseException) -> None:
    """Log why an ensemble member, or the forecast as a whole, gave nothing; the answer names the kind of error only.

    A process that set up no logging, such as a command, stays silent: its output belongs to the answer.
    """
    if not structlog.is_configured():
        return
    foreseen = isinstance(error, VfrError)  # Its sentence says everything; the trace of others is what finds them.
    structlog.get_logger().warning("ml_failed", version=version, error=str(error), exc_info=None if foreseen else error)


def log_failed_past_days(error: str) -> None:
    """Log why what past days carry along could not be computed: each costs half a second until it can."""
    if structlog.is_configured():
        structlog.get_logger().warning("past_days_failed", error=error)
