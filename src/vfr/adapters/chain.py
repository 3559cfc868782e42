"""Chaining by hashes: each row of a log follows from the one before, so that a change of the past is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

__all__ = ["GENESIS", "link"]

GENESIS: Final = "0" * 64
"""What the first row of a log follows from."""


def link(previous: str, entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry that follows from a hash.

    Examples
    --------
    >>> link(GENESIS, {"a": 1}) == link(GENESIS, {"a": 2})
    False
    """
    body = json.dumps(entry, sort_keys=True, allow_nan=False, separators=(",", ":"))
    # What a foreign row gives as its hash may be no text; the row after it must follow from it all the same.
    return sha256(f"{previous}\n{body}".encode(errors="backslashreplace")).hexdigest()
