"""Read one value of a vendor's document, or say what is wrong with it; nothing is converted that is not meant to be."""

from __future__ import annotations

import sys
from typing import Any, Final

from vfr.errors import BadAnswer

__all__ = ["figure", "figures", "listing", "moment", "record", "words"]

_EARLIEST: Final = -2_208_988_800
_LATEST: Final = 7_258_118_400
"""1900 and 2200 in seconds since 1970; anything else is another unit or a mistake."""


def record(value: Any, where: str) -> dict[str, Any]:
    """Return a JSON object.

    Parameters
    ----------
    value : object
        As parsed.
    where : str
        Source, subject and field for the message: ``yahoo, AAPL: chart``.

    Raises
    ------
    BadAnswer
        If it is anything else, null included.
    """
    if not isinstance(value, dict):
        raise BadAnswer(f"{where} is {_shown(value)} where an object is documented")
    return value


def listing(value: Any, where: str) -> list[Any]:
    """Return a JSON array.

    Raises
    ------
    BadAnswer
        If it is anything else, null included.
    """
    if not isinstance(value, list):
        raise BadAnswer(f"{where} is {_shown(value)} where a list is documented")
    return value


def figure(value: Any, where: str) -> float | None:
    """Return a finite number; null is unknown.

    Raises
    ------
    BadAnswer
        If it is a text (``"NaN"`` too), a truth value, not finite or anything else.

    Examples
    --------
    >>> figure(3, "x"), figure(None, "x")
    (3.0, None)
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise BadAnswer(f"{where} is {_shown(value)} where a number is documented")
    return float(value)


def figures(value: Any, where: str) -> list[float | None]:
    """Return a JSON array of finite numbers and nulls.

    Raises
    ------
    BadAnswer
        If it is no array or holds anything else.
    """
    return [figure(one, where) for one in listing(value, where)]


def moment(value: Any, where: str) -> int:
    """Return a moment in whole seconds since 1970 UTC.

    Raises
    ------
    BadAnswer
        If it is no whole number of seconds, or not between 1900 and 2200.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not _EARLIEST <= value < _LATEST:
        raise BadAnswer(f"{where} is {_shown(value)} where seconds since 1970 are documented")
    return value


def words(value: Any, where: str) -> str | None:
    """Return a text without blanks at its ends; null and the empty text are unknown.

    Raises
    ------
    BadAnswer
        If it is no text.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadAnswer(f"{where} is {_shown(value)} where a text is documented")
    return value.strip() or None


def _shown(value: Any) -> str:
    """Return a value, or what it is where it would not fit a message."""
    kinds = {dict: "an object", list: "a list", type(None): "missing"}
    return kinds.get(type(value)) or ascii(value)[:24]
