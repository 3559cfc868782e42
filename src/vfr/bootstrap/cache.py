"""The cache, wired: memory, Redis behind it where one is named, and what is read through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from vfr import __version__

if TYPE_CHECKING:
    from vfr.adapters.store.chaos_file import ChaosFile
    from vfr.adapters.store.models import DirectoryModels
    from vfr.bootstrap.toggles import ToggleDesk
    from vfr.cache.keys import Part
    from vfr.cache.protocol import Cache
    from vfr.cache.read_through import ReadThrough
    from vfr.factors.board import Board
    from vfr.settings import Settings
    from vfr.workflows.combining import Combining
    from vfr.workflows.forecaster import Forecaster
    from vfr.workflows.held import HeldDatasets

__all__ = ["CacheDesk"]


class CacheDesk:
    """One cache for all of a process; it is made at the first use.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
    chaos : ChaosFile or None
        What is broken on purpose.
    """

    def __init__(self, settings: Settings, datasets: HeldDatasets, chaos: ChaosFile | None = None) -> None:
        self._settings = settings
        self._datasets = datasets
        self._chaos = chaos
        self._lock = Lock()
        self._made: Cache | None = None
        self._readers: dict[str, ReadThrough[Any]] = {}

    def forecasts(
        self, inner: Forecaster, models: DirectoryModels, earned: Combining, toggles: ToggleDesk
    ) -> Forecaster:
        """Return a forecaster that keeps what another one says of past days."""
        from vfr.adapters.store.codecs import decode_forecast, encode_forecast
        from vfr.cache.read_through import ReadThrough
        from vfr.features import spec_hash
        from vfr.workflows.availability import disabled
        from vfr.workflows.cached_forecaster import CachedForecaster

        def versions() -> dict[str, Part]:
            return {
                "program": __version__,
                "data": self._datasets.stamp(),
                "features": spec_hash(),
                "models": models.stamp(),
                "earned": earned.stamp(),
                "off": json.dumps(sorted(toggles.read().off.items())),
                "voting": self._settings.ml_voting,
            }

        return CachedForecaster(
            inner,
            self._reading(
                "forecasts",
                lambda: ReadThrough(
                    self._cache(), "predictions", encode=encode_forecast, decode=decode_forecast, rng=_rng()
                ),
            ),
            versions,
            lambda: self._datasets.board().as_of,
            lambda: disabled(not self._settings.ml_enabled, toggles.read()) is None,
        )

    def boards(self, compute: Callable[[np.datetime64], Board]) -> Callable[[np.datetime64], Board]:
        """Return what computes boards of past days, or finds them where they are kept."""

        def cached(day: np.datetime64) -> Board:
            from vfr.adapters.store.codecs import decode_board, encode_board
            from vfr.cache.read_through import ReadThrough
            from vfr.workflows.cached_forecaster import CachedBoards

            # Without holding any decoded: `vfr.workflows.held.Boards` does.
            read = self._reading(
                "boards",
                lambda: ReadThrough(
                    self._cache(), "boards", encode=encode_board, decode=decode_board, rng=_rng(), held=0
                ),
            )
            return CachedBoards(compute, read, self._board_versions)(day)

        return cached

    def stats(self) -> dict[str, Any]:
        """Return what the tiers did, and how what is read through them was answered; empty before the first use."""
        with self._lock:
            tiers = () if self._made is None else self._made.stats()
            reads = {name: asdict(read.stats()) for name, read in self._readers.items()}
        return {"tiers": [asdict(tier) for tier in tiers], "reads": reads}

    def _board_versions(self) -> dict[str, Part]:
        latest = self._datasets.board()
        return {"program": __version__, "name": latest.data_name, "data": latest.data_version}

    def _reading(self, name: str, make: Callable[[], ReadThrough[Any]]) -> ReadThrough[Any]:
        with self._lock:
            if name not in self._readers:
                self._readers[name] = make()
            return self._readers[name]

    def _cache(self) -> Cache:
        """Return the cache; the caller holds the lock."""
        if self._made is None:
            from vfr.cache.memory import MemoryCache

            near, url = MemoryCache(self._settings.cache_bytes), self._settings.redis_url
            self._made = near if url is None else self._before(url.get_secret_value(), near)
        return self._made

    def _before(self, url: str, near: Cache) -> Cache:
        """Return memory in front of Redis."""
        from vfr.adapters.cache.redis import RedisCache
        from vfr.adapters.cache.tiers import TwoTier
        from vfr.workflows.chaos_cache import disturbing

        disturbed = None if self._chaos is None else disturbing(self._chaos)
        return TwoTier(near, RedisCache(url, changed=_changed, before=disturbed))


def _rng() -> np.random.Generator:
    return np.random.default_rng()


def _changed(available: bool) -> None:
    """Log that Redis is left alone, or asked again; a process that set up no logging, such as a command, is silent."""
    import structlog

    if structlog.is_configured():
        log = structlog.get_logger("vfr.cache")
        (log.info if available else log.warning)("redis_asked_again" if available else "redis_left_alone")
