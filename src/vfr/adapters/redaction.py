"""What never enters a log: fields that sound like a secret, secrets by their look, and those this process knows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

__all__ = ["HIDDEN", "Scrubber", "hide_secrets"]

HIDDEN: Final = "[hidden]"

_KEYS: Final = ("secret", "token", "password", "passwd", "authorization", "cookie", "api_key", "apikey", "credential")
_DEPTH: Final = 8
_SHORTEST: Final = 6
"""Known secrets that are shorter are words that stand in many lines; they are hidden where a pattern finds them."""

_NAMED: Final = r"(?:token|secret|password|passwd|api_?key|registrationkey|credential)s? (?:\\?[\"'])? \s* [=:] \s*"
"""What stands before a secret in a query, or in text that spells an object."""

_QUOTED: Final = re.compile(
    rf"""(?P<lead> {_NAMED}) (?P<quote> \\?["']) (?! \[hidden\]) [^\n]{{1,1024}}? (?<! \\) (?P=quote)""",
    re.VERBOSE | re.IGNORECASE,
)
"""Between quotes all of it is the secret: passwords may be several words."""

_LOOKS: Final = re.compile(
    rf"""(?P<lead>
          \b(?:Bearer|Basic)\s+ (?=[A-Za-z0-9+/._=-]{{6}})              # a header with credentials
        | (?-i:\bvfrr?_)                                               # tokens for machines, refresh tokens
        | \beyJ                                                       # signed tokens
        | :// (?=[^\s/?\#@"']*@)                                      # user and password of an address
        | {_NAMED} (?:\\?["'])? (?=[^\s"'&,;)\]}}\[\\])
        )
        (?: (?<=://) [^\s/?\#@"']*@ | [^\s"'&,;)\]}}\\]+ )""",
    re.VERBOSE | re.IGNORECASE,
)


class Scrubber:
    """Takes secrets out of text: whatever looks like one, and the values this process was given.

    Parameters
    ----------
    known : collection of str
        Secrets of the settings; of an address, its password counts.

    Examples
    --------
    >>> Scrubber(["open-sesame"])("GET /x?api_key=abc failed, open-sesame, postgresql://jane:pw@db/vfr")
    'GET /x?api_key=[hidden] failed, [hidden], postgresql://[hidden]@db/vfr'
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        words = {spelled for text in known for spelled in _spellings(text) if len(spelled) >= _SHORTEST}
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if words else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return self.without_known(_LOOKS.sub(_hidden, _QUOTED.sub(_hidden_between, text)))

    def without_known(self, text: str) -> str:
        """Return the text without the secrets this process was given, which costs a tenth of looking for others."""
        return text if self._known is None else self._known.sub(HIDDEN, text)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that sounds like a secret, at any depth."""
    for key, value in event.items():
        event[key] = _without(str(key), value, _DEPTH)
    return event


def _without(key: str, value: object, depth: int) -> object:
    if any(word in key.lower() for word in _KEYS):
        return HIDDEN
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: _without(str(name), inner, depth - 1) for name, inner in value.items()}
    return [_without("", inner, depth - 1) for inner in value]


def _hidden_between(found: re.Match[str]) -> str:
    return f"{found['lead']}{found['quote']}{HIDDEN}{found['quote']}"


def _hidden(found: re.Match[str]) -> str:
    return found["lead"] + HIDDEN + ("@" if found["lead"] == "://" else "")


def _spellings(secret: str) -> set[str]:
    """Return how a secret may be written: as it is, quoted for an address, and the password in an address."""
    try:
        password = urlsplit(secret).password if "://" in secret else None
    except ValueError:
        password = None
    words = {secret} if password is None else {secret, password, unquote(password)}
    return words | {quote(word, safe="") for word in words}
