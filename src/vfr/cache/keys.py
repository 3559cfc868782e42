"""How keys are built, and how long each kind of value is kept.

A key holds the versions of everything its value was made from: the program, the data, the feature specification, the
models. A new version therefore asks under another key, a cached value is never stale, and nobody has to invalidate
anything in any process. A time to live only bounds how long what nobody asks for any more takes room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

__all__ = ["TTLS", "Kind", "Part", "key"]

Kind: TypeAlias = Literal["predictions", "features", "boards", "quotes", "metadata"]
Part: TypeAlias = str | int | float | bool | None

_HOUR: Final = 3_600_000
TTLS: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        "predictions": 24 * _HOUR,
        "features": 24 * _HOUR,
        "boards": 7 * 24 * _HOUR,
        "quotes": _HOUR,
        "metadata": 6 * _HOUR,
    }
)
"""Milliseconds that a value of each kind is kept."""


def key(kind: Kind, versions: Mapping[str, Part], **question: Part) -> str:
    """Return the key of a value.

    Parameters
    ----------
    kind : Kind
    versions : mapping of str to str
        Everything the value was made from, by name: program, data, features, models.
    **question
        What was asked of it.

    Examples
    --------
    >>> made_of = {"program": "1.0", "data": "sp500/5c0ffee"}
    >>> key("boards", made_of, day="2019-06-28")
    'boards:787832082676978a3dfef743af10602e'
    >>> key("boards", made_of, day="2019-06-27") == key("boards", made_of, day="2019-06-28")
    False
    """
    # JSON is unambiguous where joined words are not; the hash bounds the length, whatever a part holds.
    text = json.dumps([versions, question], sort_keys=True, separators=(",", ":"))
    return f"{kind}:{blake2b(text.encode(), digest_size=16).hexdigest()}"
