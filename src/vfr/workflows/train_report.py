"""What a training run did, for people and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from vfr.data.coverage import YearCoverage, survivorship_text
from vfr.typing import Horizon

__all__ = ["TrainReport", "Trained"]


@dataclass(frozen=True, slots=True)
class Trained:
    """One member at one horizon: its version, what became of it, and why; `seconds` its fits took on a processor."""

    model_id: str
    member: str
    horizon: Horizon
    status: str
    refused: tuple[str, ...]
    historical: int
    n_rows: int
    labels_end: str
    metrics: Mapping[str, object]
    gates: Mapping[str, object]
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a training run did; `skipped` says why a member was left out."""

    data_name: str
    data_version: str
    feature_spec: str
    seed: int
    seconds: float
    trained: tuple[Trained, ...]
    coverage: tuple[YearCoverage, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    peak_rss_mb: float | None = None

    @property
    def survivorship(self) -> str:
        """How many index members the data prices, in one line."""
        return survivorship_text(self.coverage)

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        rows = [
            {
                "modelId": t.model_id,
                "member": t.member,
                "horizon": t.horizon,
                "status": t.status,
                "refused": list(t.refused),
                "historicalVersions": t.historical,
                "trainingRows": t.n_rows,
                "labelsEnd": t.labels_end,
                "processorSeconds": round(t.seconds, 1),
                "metrics": dict(t.metrics),
                "gates": dict(t.gates),
            }
            for t in self.trained
        ]
        return {
            "dataName": self.data_name,
            "dataVersion": self.data_version,
            "featureSpec": self.feature_spec,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "peakRssMb": None if self.peak_rss_mb is None else round(self.peak_rss_mb),
            "skipped": dict(self.skipped),
            "survivorship": self.survivorship,
            "membersPriced": [asdict(year) for year in self.coverage],
            "models": rows,
        }
