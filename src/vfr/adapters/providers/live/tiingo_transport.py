"""Recognise Tiingo's "too many questions" in words, so that the client pauses as it does after a 429."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from vfr.adapters.net.reply import Reply, Transport
from vfr.adapters.providers.live.tiingo_answers import over_allocation

__all__ = ["TiingoTransport"]

_TOO_MANY: Final = 429
_WORDY: Final = frozenset({200, 403})

_REFUSAL: Final = 1000
"""Bytes; a longer body is data, where the same words may stand in a company's description."""


@dataclass(frozen=True, slots=True)
class TiingoTransport:
    """Transport for `TiingoProvider` around another one.

    Parameters
    ----------
    inner : Transport
        Carries the questions.

    Notes
    -----
    Tiingo says that a key's allocation is used up with a 429, or with a 200 or a 403 and a sentence. Left as it is, a
    403 would read as a refused key.
    """

    inner: Transport

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Return the reply of the inner transport, as a 429 where its words mean that.

        Raises
        ------
        ProviderUnavailable
            As the inner transport does.
        """
        reply = self.inner.get(url, params, headers)
        short = reply.status in _WORDY and len(reply.body) <= _REFUSAL
        refused = short and over_allocation(reply.body.decode("utf-8", "replace"))
        return replace(reply, status=_TOO_MANY) if refused else reply
