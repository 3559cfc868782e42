"""Settings: the only reader of the environment and of configuration files.

A setting is looked up, first found first: a value passed in code, the environment variable ``VFR_<NAME>``, the same
name in a file ``.env`` of the working folder, the lower-case name in ``vfr.toml``, the default. ``vfr.toml`` is read
from the data home, or from where ``VFR_CONFIG`` says. Every setting is bounded; a wrong one is a `SettingsError` that
names the variable and never repeats a secret.
"""

from vfr.settings.model import LOOPBACK_NAMES, ScoreOverrides, Settings
from vfr.settings.process import (
    child_environment,
    hand_down,
    load,
    metrics_folder,
    refuse_open_door,
    share_metrics,
    unknown_variables,
)

__all__ = [
    "LOOPBACK_NAMES",
    "ScoreOverrides",
    "Settings",
    "child_environment",
    "hand_down",
    "load",
    "metrics_folder",
    "refuse_open_door",
    "share_metrics",
    "unknown_variables",
]
