"""Who counts what callers use up, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfr.adapters.limits.local import FILE_NAME, LocalLimiter

if TYPE_CHECKING:
    from vfr.accounts.limits import Limiter
    from vfr.settings import Settings

__all__ = ["open_limiter"]


def open_limiter(settings: Settings) -> Limiter:
    """Return what counts in this process: with the other processes of this machine, or through Redis with all.

    Parameters
    ----------
    settings : Settings
        Redis is used where `redis_url` names one; the counts of this machine lie in the data home.
    """
    local = LocalLimiter(settings.data_home / "run" / FILE_NAME)
    if settings.redis_url is None:
        return local
    from vfr.adapters.limits.redis import RedisLimiter

    return RedisLimiter(settings.redis_url.get_secret_value(), local)
