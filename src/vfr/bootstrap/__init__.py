"""Composition root: settings to adapters to workflows, once. The only importer of adapters.

``application`` wires what every door needs; ``live`` what brings data in. Building costs milliseconds; whatever is
heavy is imported by the call that needs it.
"""

from vfr.bootstrap.access import access_log
from vfr.bootstrap.application import Application, build
from vfr.bootstrap.engine import end_with_parent, engine_of, leading, listening
from vfr.bootstrap.metrics import (
    Metrics,
    Reading,
    count_predictions,
    engine_readings,
    open_metrics,
    readings,
    shared_metrics,
)
from vfr.bootstrap.starter import configure_logging, train_starter

__all__ = [
    "Application",
    "Metrics",
    "Reading",
    "access_log",
    "build",
    "configure_logging",
    "count_predictions",
    "end_with_parent",
    "engine_of",
    "engine_readings",
    "leading",
    "listening",
    "open_metrics",
    "readings",
    "shared_metrics",
    "train_starter",
]
