"""Logging: structured events to standard error, for people or for machines; secrets never pass."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

__all__ = ["configure_logging", "log_failed_member"]

_SECRET: Final = ("secret", "token", "password", "authorization", "cookie", "api_key")
_HIDDEN: Final = "[hidden]"


def configure_logging(level: str, form: str) -> None:
    """Set up logging for this process.

    Parameters
    ----------
    level : {"debug", "info", "warning", "error"}
        The least severe event that is written.
    form : {"console", "json"}
        Lines for people, coloured on a terminal, or one JSON object per line.
    """
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
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_failed_member(version: str, error: BaseException) -> None:
    """Log why an ensemble member, or the forecast as a whole, gave nothing; the answer names the kind of error only.

    A process that set up no logging, such as a command, stays silent: its output belongs to the answer.
    """
    if not structlog.is_configured():
        return
    structlog.get_logger().warning("ml_failed", version=version, error=str(error), exc_info=error)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that sounds like a secret."""
    for key in event:
        if any(word in key.lower() for word in _SECRET):
            event[key] = _HIDDEN
    return event
