"""What the leader beside a server runs: the starter models, and the logging of its process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vfr.bootstrap.application import build

if TYPE_CHECKING:
    from vfr.settings import Settings

__all__ = ["configure_logging", "train_starter"]

NICE: Final = 10
"""Niceness of training beside a server: requests come first."""


def train_starter() -> None:
    """Train the horizons that have never been trained on the current data: what the leader beside a server runs."""
    import os

    from vfr import settings

    os.nice(NICE)
    read = settings.load()
    configure_logging(read)
    application = build(read)
    horizons = application.untrained()
    if horizons:
        application.learning.train(horizons=horizons, starter=True, who="starter")


def configure_logging(settings: Settings) -> None:
    """Set up the logging of this process."""
    from vfr.adapters import telemetry

    telemetry.configure_logging(settings.log_level, settings.log_format, settings.secrets)
