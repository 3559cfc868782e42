"""Memory that was freed, and that the allocator holds on to."""

from __future__ import annotations

import ctypes

__all__ = ["give_back"]


def give_back() -> None:
    """Give freed memory back to the system, where the allocator can: after large work it holds hundreds of megabytes.

    Examples
    --------
    >>> give_back()
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
