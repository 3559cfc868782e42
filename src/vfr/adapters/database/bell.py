"""A bell that rings in every process, over Redis; without Redis everybody looks every moment anyway."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from vfr.clock import elapsed_ms

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisBell"]

_SOCKET_S: Final = 0.2
_AGAIN_MS: Final = 5_000.0
"""After a failure Redis is left alone for so long."""


class RedisBell:
    """One channel of a Redis server; nothing is connected until it is waited for or rung.

    Parameters
    ----------
    url : str
        ``redis://``, ``rediss://`` or ``unix://``.
    channel : str
        Name of the channel; different for every thing that is followed.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._heard: Any = None
        self._failed: float | None = None
        self._server: Redis | None = None

    def wait(self, seconds: float) -> None:
        """Wait until it rings, at most so long; never raises."""
        started = elapsed_ms()
        if self._failed is not None and elapsed_ms(self._failed) < _AGAIN_MS:
            time.sleep(seconds)
            return
        try:
            if self._heard is None:
                server: Any = self._redis()
                self._heard = server.pubsub(ignore_subscribe_messages=True)
                self._heard.subscribe(self._channel)
            while self._heard.get_message(timeout=max(0.0, seconds - elapsed_ms(started) / 1e3)) is None:
                if elapsed_ms(started) >= 1e3 * seconds:
                    break
            self._failed = None
        except self._failures():
            self._failed = elapsed_ms()
            heard, self._heard = self._heard, None
            if heard is not None:
                with suppress(*self._failures()):
                    heard.close()
            time.sleep(max(0.0, seconds - elapsed_ms(started) / 1e3))

    def ring(self) -> None:
        """Ring it in every process; never raises, and waits a fifth of a second at most for Redis."""
        with suppress(*self._failures()):
            self._redis().publish(self._channel, b"")

    def _redis(self) -> Redis:
        if self._server is None:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            self._server = Redis.from_url(
                self._url, socket_connect_timeout=_SOCKET_S, socket_timeout=_SOCKET_S, retry=Retry(NoBackoff(), 0)
            )
        return self._server

    @staticmethod
    def _failures() -> tuple[type[Exception], ...]:
        from redis.exceptions import RedisError

        return RedisError, OSError
