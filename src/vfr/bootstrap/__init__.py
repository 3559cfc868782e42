"""Composition root: settings to adapters to workflows, once. The only importer of adapters.

``application`` wires what every door needs; ``live`` what brings data in. Building costs milliseconds; whatever is
heavy is imported by the call that needs it.
"""

from vfr.bootstrap.application import Application, build, configure_logging, train_starter

__all__ = ["Application", "build", "configure_logging", "train_starter"]
