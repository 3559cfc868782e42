"""What FRED means by a bad request: it words a wrong key, an unknown series and a time without vintages alike."""

from __future__ import annotations

import json
from typing import Final

from vfr.adapters.net.reply import Reply
from vfr.errors import BadAnswer, ProviderDenied, ProviderError, UnknownAtSource

__all__ = ["NO_VINTAGE", "judge"]

NO_VINTAGE: Final = "fred holds no vintage of the series in that time"
"""Message of the answer that FRED also gives for an unknown series, if the question was about a time."""

_BAD_REQUEST: Final = 400


def judge(reply: Reply) -> ProviderError | None:
    """Return the error that a refusal stands for; None if it is none, or worded otherwise.

    Parameters
    ----------
    reply : Reply
        Its own words are never repeated: they may hold what was asked.
    """
    if reply.status != _BAD_REQUEST:
        return None
    try:
        told = str(json.loads(reply.body)["error_message"]).lower()
    except (ValueError, LookupError, TypeError):
        return None
    if "api_key" in told:
        return ProviderDenied("fred refuses the key; correct it, or ask FRED for one (it is free)")
    if "exist in alfred" in told or "no vintage dates exist" in told:
        return BadAnswer(NO_VINTAGE)
    if "series does not exist" in told:
        return UnknownAtSource("fred does not know the series")
    return None
