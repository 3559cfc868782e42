"""Model versions in memory: loaded when first asked for, the least recently used let go above a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vfr.models.prediction import ModelStore, Predictor

__all__ = ["MODEL_BYTES", "ModelCache"]

MODEL_BYTES: Final = 512 << 20


class ModelCache:
    """Loaded versions of one process, of every member and horizon.

    Parameters
    ----------
    models : ModelStore
    budget : int
        Bytes held, counted as the files of a version. One version is held however large it is.

    Notes
    -----
    Letting go of a version takes nothing from whoever is predicting with it: its memory is free when they are done.
    """

    def __init__(self, models: ModelStore, budget: int = MODEL_BYTES) -> None:
        self._models = models
        self._budget = budget
        self._lock = Lock()
        self._held: OrderedDict[str, tuple[Predictor, int]] = OrderedDict()

    def load(self, model_id: str) -> Predictor:
        """Return a verified version; raises as `ModelStore.load` does.

        Two threads that ask for a version at once may both read it; one of the two is kept.
        """
        with self._lock:
            if model_id in self._held:
                self._held.move_to_end(model_id)
                return self._held[model_id][0]
        loaded = self._models.load(model_id)
        size = self._models.size(model_id)
        with self._lock:
            self._held[model_id] = loaded, size
            while len(self._held) > 1 and self._bytes() > self._budget:
                self._held.popitem(last=False)
        return loaded

    def holds(self, model_id: str) -> bool:
        """Return whether a version is in memory."""
        with self._lock:
            return model_id in self._held

    @property
    def held_bytes(self) -> int:
        """Bytes of the files of the versions in memory."""
        with self._lock:
            return self._bytes()

    def _bytes(self) -> int:
        return sum(size for _, size in self._held.values())
