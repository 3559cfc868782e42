"""What Financial Modeling Prep means by an error message, which it sends with status 200 as readily as with another."""

from __future__ import annotations

import json
from typing import Any, Final

from vfr.adapters.net.reply import Reply
from vfr.errors import ProviderDenied, ProviderError, Throttled

__all__ = ["judge", "refusal_in"]

_LONGEST: Final = 4096
"""Bytes: no error message is longer, and a document that is need not be read twice."""

_LIMIT: Final = ("limit reach", "too many requests", "quota")
_KEY: Final = ("invalid api key", "api key")
_PLAN: Final = ("exclusive endpoint", "special endpoint", "premium", "legacy endpoint", "subscription", "upgrade")


def refusal_in(document: Any) -> ProviderError | None:
    """Return the error that a document's ``Error Message`` stands for; None if it has none, or none of these.

    Its own words are never repeated: they may hold the key.
    """
    if not isinstance(document, dict) or "Error Message" not in document:
        return None
    told = str(document["Error Message"]).lower()
    # The limit comes first: its message also advises an upgrade of the plan.
    if any(words in told for words in _LIMIT):
        return Throttled("fmp: the limit of questions of the plan is reached; ask again later")
    if any(words in told for words in _KEY):
        return ProviderDenied("fmp refuses the key; correct it in the settings")
    if any(words in told for words in _PLAN):
        return ProviderDenied("fmp: the plan of the key does not include what was asked")
    return None


def judge(reply: Reply) -> ProviderError | None:
    """Return the error that a reply stands for, whatever its status; None leaves it to the status."""
    if len(reply.body) > _LONGEST or b"Error Message" not in reply.body:
        return None
    try:
        return refusal_in(json.loads(reply.body))
    except ValueError:
        return None
