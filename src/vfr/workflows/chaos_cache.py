"""A shared cache that fails on purpose: gone, or slower than anybody waits."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Final

from vfr.workflows.chaos import Chaos

__all__ = ["SLOW_S", "disturbing"]

SLOW_S: Final = 0.1
"""How long each command takes longer while the cache is slow: several times what a caller waits."""


def disturbing(chaos: Chaos, sleep: Callable[[float], None] = sleep) -> Callable[[], None]:
    """Return what to call before every command of a shared cache.

    Examples
    --------
    >>> from vfr.workflows.chaos import ChaosState
    >>> class Down:
    ...     def read(self):
    ...         return ChaosState(cache="down")
    >>> disturbing(Down())()
    Traceback (most recent call last):
    ConnectionError: the cache is away for a rehearsal
    """

    def before() -> None:
        fault = chaos.read().cache
        if fault == "down":
            raise ConnectionError("the cache is away for a rehearsal")
        if fault == "slow":
            sleep(SLOW_S)

    return before
