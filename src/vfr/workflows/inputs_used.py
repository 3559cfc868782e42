"""Which inputs took part in an answer, with what weight, and why the others did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from vfr.factors.scores import FactorScores, Reason
from vfr.typing import FloatArray, IntArray

__all__ = ["InputsUsed"]


@dataclass(frozen=True, slots=True)
class _Service:
    """An input as clients know it: its key, its flat flag (if any), and which sub-factors it stands for."""

    key: str
    flag: str | None
    prefix: str


_SERVICES: Final = (
    _Service("technicalAnalysis", "technicalAnalysisEnabled", "technical."),
    _Service("fundamentalData", "fundamentalDataEnabled", "fundamental."),
    _Service("analystData", "analystDataEnabled", "sentiment.analyst"),
    _Service("sentimentAnalysis", "sentimentAnalysisEnabled", "sentiment.texts"),
    _Service("macroeconomicAnalysis", "macroeconomicAnalysisEnabled", "macro."),
    _Service("esgAnalysis", "esgAnalysisEnabled", "alternative.esg"),
    _Service("shortInterestAnalysis", "shortInterestAnalysisEnabled", "alternative.short"),
    _Service("extendedMarketData", "extendedMarketDataEnabled", "alternative.extended"),
    _Service("alternativeData", None, "alternative."),
)

_Told: TypeAlias = tuple[dict[str, Any], dict[str, bool]]


class InputsUsed:
    """What each input weighs in the score of every symbol of a board, and how many of its parts are missing and why.

    Parameters
    ----------
    held : FactorScores
        With R = 1.
    weights : float64 array, shape (K, N)
        Effective weights of the sub-factors.
    """

    def __init__(self, held: FactorScores, weights: FloatArray) -> None:
        rows = [[k for k, name in enumerate(held.names) if name.startswith(one.prefix)] for one in _SERVICES]
        self._provided = [bool(found) for found in rows]
        self._weight = np.array([weights[found].sum(axis=0) for found in rows])
        missing = np.arange(len(Reason))[:, None, None] == held.reason[None, :, 0, :]
        self._reasons: IntArray = np.array([missing[:, found].sum(axis=1) for found in rows])
        self._alone: dict[int, _Told] = {}

    def told(self, columns: Sequence[int]) -> _Told:
        """Return ``analysisInputServices`` and the flat flags of an answer about these columns, in its order.

        What is returned is shared: it must not be changed.
        """
        if len(columns) != 1:
            return self._told(columns)
        (column,) = columns
        if column not in self._alone:
            self._alone[column] = self._told(columns)
        return self._alone[column]

    def _told(self, columns: Sequence[int]) -> _Told:
        used = self._weight[:, columns].mean(axis=1).tolist() if columns else [0.0] * len(_SERVICES)
        reasons = self._reasons[:, :, columns].sum(axis=2).tolist()
        services: dict[str, Any] = {}
        flags: dict[str, bool] = {}
        for n, service in enumerate(_SERVICES):
            weight = round(used[n], 6)
            status = _status(reasons[n]) if self._provided[n] else "not_provided"
            services[service.key] = {"enabled": weight > 0, "status": status, "weight": weight}
            if service.flag is not None:
                flags[service.flag] = weight > 0
        return services, flags


def _status(reasons: list[int]) -> str:
    """Phrase in one word: all there, some there, or why nothing is; `reasons` counts by `Reason`."""
    present, missing = reasons[Reason.PRESENT], reasons[Reason.PRESENT + 1 :]
    if not any(reasons):
        return "unused"
    if not any(missing):
        return "active"
    if present:
        return "partial"
    return Reason(1 + missing.index(max(missing))).name.lower()
