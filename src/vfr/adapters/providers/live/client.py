"""What a live provider needs of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Client"]


class Client(Protocol):
    """Asks one vendor politely; what goes wrong on the way arrives as a `ProviderError`."""

    def json(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return the document at an address; ``NaN`` and ``Infinity`` in it arrive as floats."""
        ...

    def text(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        """Return the text at an address."""
        ...
