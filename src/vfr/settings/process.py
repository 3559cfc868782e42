"""The settings of this process, and what is handed to the processes it starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from vfr.errors import SettingsError
from vfr.settings.files import PREFIX
from vfr.settings.model import Settings
from vfr.settings.tables import score_table_of, tier_table_of

__all__ = [
    "child_environment",
    "hand_down",
    "load",
    "metrics_folder",
    "refuse_open_door",
    "share_metrics",
    "unknown_variables",
]

_OUTSIDE: Final = frozenset({"VFR_CONFIG", "VFR_SHARED_DATA"})
"""Variables that are read elsewhere: where the configuration file is, and where the tests find real data."""

_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where Prometheus' client keeps figures that processes share; it reads the variable itself, at its first import."""


def load(**values: object) -> Settings:
    """Read the settings of this process.

    Parameters
    ----------
    **values
        Settings that win over the environment, such as options of the command line; None means not given.

    Raises
    ------
    SettingsError
        If a value is missing, malformed or out of bounds; names every variable that is wrong.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(one["loc"], one["msg"]) for one in error.errors())) from None
    score_table_of(settings.score_table)
    tier_table_of(settings.tiers)
    return settings


def hand_down(settings: Settings) -> None:
    """Put what options may have changed into the environment, so that child processes read the same settings."""
    for name in ("data_home", "host", "port", "workers"):
        os.environ[f"{PREFIX}{name.upper()}"] = str(getattr(settings, name))


def child_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment for a child that reads these settings instead of those of this process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) and name != _METRICS}
    return kept | variables


def share_metrics(folder: Path) -> None:
    """Let child processes write their figures where they are added up; see `vfr.adapters.metrics`."""
    os.environ[_METRICS] = str(folder)


def metrics_folder() -> Path | None:
    """Return the folder that the figures of several processes are added up in, None for this process alone."""
    found = os.environ.get(_METRICS)
    return Path(found) if found else None


def refuse_open_door(settings: Settings) -> None:
    """Refuse to listen where others can reach the server while nothing tells them from the user.

    Raises
    ------
    SettingsError
        If `host` is not loopback and no secret is set.
    """
    if not settings.loopback and settings.secret is None:
        raise SettingsError(
            f"VFR_SECRET: must be set to listen on {settings.host}, which other machines can reach; "
            "or set VFR_HOST=127.0.0.1"
        )


def unknown_variables() -> tuple[str, ...]:
    """Return the ``VFR_`` variables of the environment that are no setting: most often a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _OUTSIDE
    return tuple(sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known))


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    if name not in Settings.model_fields:
        return f"{name}: there is no such setting"
    return f"{PREFIX}{name.upper()}: {message.removeprefix('Value error, ')}"
