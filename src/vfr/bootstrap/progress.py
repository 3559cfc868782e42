"""Where progress is told: in Redis where several machines may serve, else in the data home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vfr.adapters.store.progress_files import ProgressFiles

if TYPE_CHECKING:
    from redis import Redis

    from vfr.settings import Settings
    from vfr.workflows.progress_channel import ProgressChannel

__all__ = ["progress_channel"]

_SOCKET_S: Final = 0.5


def progress_channel(settings: Settings) -> ProgressChannel:
    """Return the channel of progress that the settings ask for; nothing is connected yet."""
    if settings.redis_url is None:
        return ProgressFiles(settings.data_home)
    from vfr.adapters.progress_redis import RedisProgress

    url = settings.redis_url.get_secret_value()

    def connect() -> Redis:
        from redis import Redis

        return Redis.from_url(url, socket_timeout=_SOCKET_S, socket_connect_timeout=_SOCKET_S)

    return RedisProgress(connect)
