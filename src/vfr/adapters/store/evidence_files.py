"""Evidence on disk: reports that are kept, and outside scores that are read.

::

    HOME/evidence/reports/ID/report.json    the whole report; what it is about
    HOME/evidence/reports/ID/report.md
    HOME/evidence/reports/ID/report.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np

from vfr.adapters.store.replace import replace_file
from vfr.clock import utc_now
from vfr.errors import InvalidField
from vfr.workflows.evidence_against import FIELD, OutsideScores
from vfr.workflows.evidence_filing import About, Filed
from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["ReportFiles", "outside_scores", "write_report"]

Page = Callable[[Sequence[EvidenceReport]], str] | None


class ReportFiles:
    """Reports of one data home; implements `vfr.workflows.evidence_filing.ReportStore`.

    Parameters
    ----------
    folder : Path
    page : callable, optional
        Makes one HTML page of reports.
    """

    def __init__(self, folder: Path, page: Page) -> None:
        self._folder = folder
        self._page = page

    def name(self, report: EvidenceReport, about: About) -> str:
        """Return the id under which a report made now is kept."""
        body = json.dumps([report.to_dict(), asdict(about)], sort_keys=True).encode()
        return f"{utc_now().date()}-{about.horizon}-{about.judged}-{sha256(body).hexdigest()[:10]}"

    def save(self, report_id: str, report: EvidenceReport, about: About) -> None:
        """Keep a report; the file that makes it whole is written last."""
        folder = self._folder / report_id
        if not (folder / "report.json").exists():
            write_report(folder, [report], self._page, about={"about": asdict(about), "made": str(utc_now().date())})

    def listed(self) -> list[Filed]:
        """Return every whole report, newest first."""
        found = []
        for path in sorted(self._folder.glob("*/report.json"), reverse=True):
            body = json.loads(path.read_bytes())
            found.append(Filed(path.parent.name, body["made"], About(**body["about"])))
        return found


def write_report(folder: Path, reports: Sequence[EvidenceReport], page: Page, about: dict[str, object]) -> None:
    """Write reports as HTML, Markdown and JSON, each file in one step, JSON last."""
    if page is not None:
        replace_file(folder / "report.html", page(reports).encode())
    replace_file(folder / "report.md", "\n".join(report.to_markdown() for report in reports).encode())
    body = about | {"reports": [report.to_dict() for report in reports]}
    replace_file(folder / "report.json", json.dumps(body, indent=1).encode())


def outside_scores(path: Path) -> OutsideScores:
    """Read scores from a parquet file with the columns date, symbol, score and perhaps horizon.

    Raises
    ------
    InvalidField
        If the file cannot be read, or a column is missing or of the wrong kind; names it.
    """
    import polars as pl

    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InvalidField(FIELD, f"{path.name} cannot be read as parquet: {type(error).__name__}") from error
    for column in ("date", "symbol", "score"):
        if column not in table.columns:
            raise InvalidField(FIELD, f"{path.name} has no column {column}; it needs date, symbol and score")
    try:
        dates = table["date"].cast(pl.Date).to_numpy().astype("datetime64[D]")
        scores = table["score"].cast(pl.Float64).to_numpy().astype(np.float64)
    except pl.exceptions.PolarsError as error:
        raise InvalidField(FIELD, f"{path.name}: date must hold days, and score numbers") from error
    horizons = table["horizon"].cast(pl.String).to_numpy().astype(str) if "horizon" in table.columns else None
    symbols = table["symbol"].cast(pl.String).to_numpy().astype(str)
    return OutsideScores(path.stem, dates, symbols, scores, horizons)
