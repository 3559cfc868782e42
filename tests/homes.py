"""Data homes that are dear to make: each is made once for all test processes of a run, then copied."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vfr import bootstrap
from vfr.settings import Settings

__all__ = ["bundled", "once", "shared"]


def shared(folders: pytest.TempPathFactory) -> Path:
    """Return the folder that all test processes of this run have in common."""
    own = folders.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return the one folder of that name that every test process of this run reads; the first that asks makes it.

    Parameters
    ----------
    folders : pytest.TempPathFactory
    name : str
    make : callable
        Fills a folder that is not there yet.
    """
    folder = shared(folders)
    home = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            making = folder / f"{name}-unfinished"
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            making.rename(home)
    return home


def bundled(folders: pytest.TempPathFactory) -> Path:
    """Return a copy, for one test process, of a data home with the bundled data and no models."""
    made = once(folders, "bundled", _prepared)
    return Path(shutil.copytree(made, folders.mktemp("home") / "home"))


def _prepared(home: Path) -> None:
    bootstrap.build(Settings(data_home=home)).prepare()
