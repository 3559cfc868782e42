"""The envelope that Yahoo puts around its answers: one result, or its reason for having none."""

from __future__ import annotations

from typing import Any, Final

from vfr.adapters.providers.live.reading import listing, record, words
from vfr.errors import BadAnswer, UnknownAtSource

__all__ = ["only_result"]

_NOTHING: Final = ("Data doesn't exist for startDate", "No fundamentals data found")
"""How Yahoo's reasons begin where it knows the symbol and has nothing to say."""


def only_result(document: Any, root: str, subject: str) -> dict[str, Any] | None:
    """Return the one result under ``root``, None where Yahoo has nothing to say about a symbol that it knows.

    Parameters
    ----------
    document : object
        As parsed.
    root : str
        ``chart`` or ``quoteSummary``.
    subject : str
        For the message.

    Raises
    ------
    UnknownAtSource
        If Yahoo's reason is that it does not find the symbol.
    BadAnswer
        If it gives another reason, several results, or something else altogether.
    """
    where = f"yahoo, {subject}"
    answer = record(record(document, where).get(root), f"{where}: {root}")
    if answer.get("error") is not None:
        _refuse(record(answer["error"], f"{where}: error"), subject)
        return None
    results = listing(answer.get("result"), f"{where}: result")
    if len(results) > 1:
        raise BadAnswer(f"{where}: {len(results)} results came where one was asked for")
    return record(results[0], f"{where}: result") if results else None


def _refuse(error: dict[str, Any], subject: str) -> None:
    code = words(error.get("code"), f"yahoo, {subject}: error code") or ""
    reason = words(error.get("description"), f"yahoo, {subject}: error description") or ""
    if reason.startswith(_NOTHING):
        return
    if code == "Not Found":
        raise UnknownAtSource(f"yahoo does not know {subject}; check its spelling, or whether it still trades")
    raise BadAnswer(f"yahoo, {subject}: it refuses to answer ({ascii(code)[:40]})")
