"""What every function of the Python API opens first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from vfr.bootstrap import Application

__all__ = ["Day", "Progress", "as_day", "open_application"]

Day: TypeAlias = "str | date | np.datetime64"
Progress: TypeAlias = Callable[[str, float], None]


def as_day(field: str, day: Day) -> np.datetime64:
    """Return a day that was given as any of the types a caller may have.

    Raises
    ------
    InvalidField
        If it is none; names the field.
    """
    from vfr.data.sessions import parse_day

    return parse_day(field, str(day))


def open_application(home: Path | str | None, *, prepare: bool = True) -> Application:
    """Return the application of a data home, by default with the bundled data prepared."""
    from vfr import bootstrap, settings

    app = bootstrap.build(settings.load(data_home=home))
    if prepare:
        app.prepare()
    return app
