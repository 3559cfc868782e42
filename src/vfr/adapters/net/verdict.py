"""What a reply means: an answer, or which error of the tree, and whether asking again can help."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from vfr.adapters.net.reply import Reply
from vfr.errors import (
    BadAnswer,
    ProviderDenied,
    ProviderError,
    ProviderUnavailable,
    Throttled,
    UnknownAtSource,
)

__all__ = ["Refusal", "error_of", "read_json", "read_text", "refusal", "retry_after"]

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_CHARSET: Final = re.compile(r"charset=\"?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_PAGE: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No answer.

    Parameters
    ----------
    error : ProviderError
        What the caller is told if nobody asks again.
    again : {"no", "once", "yes"}
        Whether asking again can help.
    fault : bool
        Whether the source itself failed, rather than refused.
    wait : float or None
        Seconds the source wants to be left alone, as it said.
    """

    error: ProviderError
    again: Literal["no", "once", "yes"]
    fault: bool
    wait: float | None = None


def refusal(error: ProviderError, wait: float | None = None) -> Refusal:
    """Weigh an error: throttling and failing pass, the rest does not change by asking again."""
    if isinstance(error, Throttled):
        return Refusal(error, "yes", fault=False, wait=wait if error.retry_after is None else error.retry_after)
    if isinstance(error, ProviderUnavailable):
        return Refusal(error, "yes", fault=True, wait=wait)
    return Refusal(error, "no", fault=False)


def error_of(provider: str, reply: Reply, wait: float | None) -> ProviderError | None:
    """Return the error that a status stands for, None for an answer.

    Messages hold the provider and the status: an address may carry a key, and a reply may repeat it.
    """
    status = reply.status
    if 200 <= status < 300 and status != 206:
        return None
    if status == 429:
        when = "later" if wait is None else f"in {wait:.0f} s"
        return Throttled(f"{provider} asks for fewer questions; ask again {when}", wait)
    if status in (401, 402, 403):
        return ProviderDenied(
            f"{provider} refuses access ({status}); check its key, its plan and the contact address in the settings"
        )
    if status in (404, 410):
        return UnknownAtSource(f"{provider} does not know what was asked ({status})")
    if status in (408, 425) or status >= 500:
        return ProviderUnavailable(f"{provider} fails ({status}); try again later")
    return BadAnswer(f"{provider} does not take the question as documented ({status})")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds a source wants to be left alone, stated as seconds or as a date; None if it does not say.

    Examples
    --------
    >>> retry_after({"retry-after": "120"}, datetime(2026, 1, 5, tzinfo=UTC))
    120.0
    >>> retry_after({"retry-after": "Mon, 05 Jan 2026 00:00:30 GMT"}, datetime(2026, 1, 5, tzinfo=UTC))
    30.0
    """
    stated = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(stated):
        return float(stated)
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def read_json(provider: str, reply: Reply) -> Any:
    """Return the document in a body; ``NaN`` and ``Infinity`` arrive as floats, for parsers to judge.

    Raises
    ------
    BadAnswer
        If the body is a web page, cut short or not JSON.
    """
    _refuse_page(provider, reply)
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{provider} sent JSON that is cut short or malformed; try again later") from None


def read_text(provider: str, reply: Reply) -> str:
    """Return a body as text, in the encoding it names or UTF-8.

    Raises
    ------
    BadAnswer
        If the body is a web page or not text.
    """
    _refuse_page(provider, reply)
    named = _CHARSET.search(reply.headers.get("content-type", ""))
    try:
        return reply.body.decode(named[1] if named else "utf-8-sig")
    except (LookupError, ValueError):
        raise BadAnswer(f"{provider} sent text in another encoding than it says; try again later") from None


def _refuse_page(provider: str, reply: Reply) -> None:
    if _PAGE.match(reply.body):
        raise BadAnswer(f"{provider} sent a web page instead of data; try again later")
