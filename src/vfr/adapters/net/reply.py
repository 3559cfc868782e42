"""What one question over the network brings back, and who may carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Reply", "Transport"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole HTTP reply.

    Parameters
    ----------
    status : int
        Status code.
    headers : mapping
        Names in lower case; of repeated ones, the last or all joined by commas.
    body : bytes
        Every byte the source promised, decompressed.
    """

    status: int
    # Neither is shown: both may repeat what the question held, such as a key.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport(Protocol):
    """Carries one question to a source and its reply back; never asks twice."""

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Return the reply, whatever its status.

        Raises
        ------
        ProviderUnavailable
            There is no reply, or not all of it: no connection, a time-out, a connection cut short.
        BadAnswer
            The reply is larger than is accepted, or points to another host.
        """
        ...
