"""Configuration files."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Final

import platformdirs
from dotenv import dotenv_values

from vfr.errors import SettingsError

__all__ = ["PREFIX", "file_values"]

PREFIX: Final = "VFR_"
CONFIG_NAME: Final = "vfr.toml"
ENV_FILE: Final = ".env"


def file_values(names: Container[str]) -> dict[str, object]:
    """Return what ``.env`` and ``vfr.toml`` say of the settings of some names, and all else ``vfr.toml`` holds.

    Raises
    ------
    SettingsError
        If a file cannot be read.
    """
    dotenv = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in dotenv_values(ENV_FILE).items()
        if name.startswith(PREFIX) and value
    }
    config = os.environ.get("VFR_CONFIG") or dotenv.pop("config", None)
    home = os.environ.get("VFR_DATA_HOME") or dotenv.get("data_home")
    folder = Path(home).expanduser() if home else platformdirs.user_data_path("vfr", appauthor=False)
    known = {name: value for name, value in dotenv.items() if name in names}
    return {**_toml(Path(config).expanduser() if config else folder / CONFIG_NAME, bool(config)), **known}


def _toml(path: Path, required: bool) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        # A data home that is no folder is told when it is used, by its own name.
        if required:
            raise SettingsError("VFR_CONFIG: there is no such file") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{CONFIG_NAME}: cannot be read: {type(error).__name__}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{CONFIG_NAME}: is not valid TOML: {error}") from None
