"""Figures with their limits, and what they were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

__all__ = ["Row", "machine"]

_NAMED: Final = (
    "numpy",
    "numba",
    "pandas",
    "lightgbm",
    "xgboost-cpu",
    "scikit-learn",
    "onnxruntime",
    "granian",
)
_RATES: Final = ("times faster", "req/s", "rows/s")
"""Units of which more is better."""


@dataclass(frozen=True)
class Row:
    """One figure, its unit, and the published limit it must stay under (or, for a ratio or a rate, reach)."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    repeats: int = 1

    @property
    def ok(self) -> bool | None:
        """Whether the limit is kept; None without one.

        Examples
        --------
        >>> Row("answers", 4_000.0, "req/s", 3_000.0).ok, Row("p99", 4.0, "ms", 5.0).ok
        (True, True)
        """
        if self.limit is None:
            return None
        return self.value >= self.limit if self.unit in _RATES else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON types, rounded to four digits."""
        rounded = float(f"{self.value:.4g}")
        body = {"name": self.name, "value": rounded, "unit": self.unit, "repeats": self.repeats}
        return body if self.limit is None else {**body, "limit": self.limit, "ok": self.ok}


def machine() -> dict[str, Any]:
    """Describe the machine, how busy it is, and the versions that matter."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        **{name: found for name in _NAMED if (found := _version(name)) is not None},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
