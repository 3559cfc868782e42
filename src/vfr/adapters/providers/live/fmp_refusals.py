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
_CLOSED: Final = "legacy endpoint"
_PLAN: Final = ("exclusive endpoint", "special endpoint", "restricted endpoint", "premium", "subscription", "upgrade")

_NOT_PAID: Final = 402
"""What the present addresses answer beyond the plan, with plain text."""


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
    # This one too advises an upgrade, which would not help.
    if _CLOSED in told:
        return ProviderDenied(
            "fmp: version 3 of its API is closed to this key; correct the address in VFR_PROVIDER_URLS: "
            "the present one ends in /stable and needs no entry there"
        )
    if any(words in told for words in _KEY):
        return ProviderDenied("fmp refuses the key; correct it in the settings")
    if any(words in told for words in _PLAN):
        return _beyond_the_plan()
    return None


def _beyond_the_plan() -> ProviderDenied:
    return ProviderDenied("fmp: the plan of the key does not include what was asked")


def judge(reply: Reply) -> ProviderError | None:
    """Return the error that a reply stands for, whatever its status; None leaves it to the status."""
    found = _read(reply)
    return _beyond_the_plan() if found is None and reply.status == _NOT_PAID else found


def _read(reply: Reply) -> ProviderError | None:
    if len(reply.body) > _LONGEST or b"Error Message" not in reply.body:
        return None
    try:
        return refusal_in(json.loads(reply.body))
    except ValueError:
        return None
