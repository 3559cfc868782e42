"""The log of requests, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfr.adapters.telemetry import AccessLog
    from vfr.settings import Settings

__all__ = ["access_log"]


def access_log(settings: Settings) -> AccessLog:
    """Return the log of requests, in the form and from the level that the settings name."""
    from vfr.adapters.telemetry import AccessLog

    return AccessLog(settings.log_level, settings.log_format, settings.secrets)
