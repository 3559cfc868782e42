"""One spelling for every ticker."""

from __future__ import annotations

import re
from typing import Final

from vfr.errors import InvalidField

__all__ = ["normalise"]

_TICKER: Final = re.compile(r"[A-Z][A-Z0-9]{0,7}(?:\.[A-Z]{1,2})?", re.ASCII)
_LONGEST: Final = 24
_SHOWN: Final = 24


def normalise(text: str, field: str = "symbols") -> str:
    """Return the canonical spelling of a ticker: trimmed, upper case, class shares with a dot.

    Parameters
    ----------
    text : str
        A ticker as people and vendors write it: ``brk-b``, ``BRK_B``, ``BRK/B`` and ``BRK.B`` are the same.
    field : str
        Where it was given, for the error.

    Returns
    -------
    str
        One to eight letters and digits, first a letter, then perhaps a dot and a class of one or two letters.

    Raises
    ------
    InvalidField
        If the text is not a ticker; the message shows it printable and cut.

    Examples
    --------
    >>> normalise(" brk-b ")
    'BRK.B'
    """
    if len(text) <= _LONGEST and text.isascii():
        symbol = text.strip(" ").upper().replace("-", ".").replace("_", ".").replace("/", ".")
        if _TICKER.fullmatch(symbol):
            return symbol
    shown = ascii(text[:_SHOWN])
    raise InvalidField(field, f"{shown} is not a ticker; write letters and digits like AAPL, or BRK.B for a class")
