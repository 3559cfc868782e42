"""Evidence on disk: reports that are kept, and outside scores that are read.

::

    HOME/evidence/reports/ID/report.json    the whole report; what it is about
    HOME/evidence/reports/ID/report.md
    HOME/evidence/reports/ID/report.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

import vfr
from vfr.adapters.store.models_files import read_plain
from vfr.adapters.store.replace import replace_file
from vfr.clock import utc_now
from vfr.errors import ArtifactCorrupt, InvalidField
from vfr.workflows.evidence_against import FIELD, OutsideScores
from vfr.workflows.evidence_filing import About, Filed
from vfr.workflows.evidence_report import EvidenceReport

if TYPE_CHECKING:
    import polars as pl

__all__ = ["REPORTS", "ReportFiles", "code_version", "latest_report", "outside_scores", "write_report"]

Page: TypeAlias = Callable[[Sequence[EvidenceReport]], str] | None

REPORTS: Final = Path("evidence", "reports")
"""Folder of the data home that holds a folder for each report."""

_WHOLE: Final = "report.json"

_REPORT_BYTES: Final = 64 << 20
"""Largest report that is read: a hundred times what is written."""

_KINDS: Final = {"date": "days", "symbol": "tickers", "score": "numbers", "horizon": "horizons such as 7d"}


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
        if not (folder / _WHOLE).exists():
            made = utc_now().isoformat(timespec="seconds")
            write_report(folder, [report], self._page, {"about": asdict(about), "made": made})

    def listed(self) -> list[Filed]:
        """Return every report that is whole and can be read, newest first."""
        found = []
        for path in self._folder.glob(f"*/{_WHOLE}"):
            try:
                body = json.loads(read_plain(path, _REPORT_BYTES))
                found.append(Filed(path.parent.name, str(body["made"]), About(**body["about"])))
            except (ArtifactCorrupt, ValueError, KeyError, TypeError, RecursionError):
                continue
        return sorted(found, key=lambda filed: (filed.made, filed.report_id), reverse=True)


def latest_report(home: Path, data_version: str, horizon: str, judged: str = "learners") -> str | None:
    """Return the id of the newest report that a data home keeps on a data version and horizon; None without one."""
    for filed in ReportFiles(home / REPORTS, None).listed():
        about = filed.about
        if (about.data_version, about.horizon, about.judged) == (data_version, horizon, judged):
            return filed.report_id
    return None


def code_version() -> str:
    """Return a hash of every module of the package: what made a report, wherever it was installed from."""
    root, digest = Path(vfr.__file__).parent, sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def write_report(folder: Path, reports: Sequence[EvidenceReport], page: Page, about: Mapping[str, object]) -> None:
    """Write reports as HTML, Markdown and JSON, each file in one step, JSON last."""
    if page is not None:
        replace_file(folder / "report.html", page(reports).encode())
    replace_file(folder / "report.md", "\n".join(report.to_markdown() for report in reports).encode())
    body = {**about, "reports": [report.to_dict() for report in reports]}
    replace_file(folder / _WHOLE, json.dumps(body, indent=1, allow_nan=False).encode())


def outside_scores(source: Path | pl.DataFrame) -> OutsideScores:
    """Read scores from a parquet file, or a table, with the columns date, symbol, score and perhaps horizon.

    They are named for the file, or "outside".

    Raises
    ------
    InvalidField
        If the file cannot be read, or a column is missing or of the wrong kind; names it.
    """
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return _scores(source, "outside")
    try:
        name = " ".join(source.stem.replace("|", " ").split())  # It heads columns of Markdown tables.
        return _scores(pl.read_parquet(source), name or "outside")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InvalidField(FIELD, f"{source.name} cannot be read as parquet: {type(error).__name__}") from error


def _scores(table: pl.DataFrame, name: str) -> OutsideScores:
    import polars as pl

    kinds = {"date": pl.Date(), "symbol": pl.String(), "score": pl.Float64(), "horizon": pl.String()}
    columns = {}
    for column, kind in kinds.items():
        if column in table.columns:
            columns[column] = _column(table[column], kind)
        elif column != "horizon":
            raise InvalidField(FIELD, f"{column}: no such column; the table needs date, symbol and score")
    horizons = columns["horizon"].to_numpy().astype(str) if "horizon" in columns else None
    return OutsideScores(
        name=name,
        dates=columns["date"].to_numpy().astype("datetime64[D]"),
        symbols=columns["symbol"].to_numpy().astype(str),
        scores=columns["score"].to_numpy().astype(np.float64),
        horizons=horizons,
    )


def _column(values: pl.Series, kind: pl.DataType) -> pl.Series:
    """Return a column as its kind; only a score may be unknown."""
    import polars as pl

    wrong = InvalidField(FIELD, f"{values.name}: must hold {_KINDS[values.name]}, not {values.dtype}; convert it")
    number = kind == pl.Float64()
    if number != (values.dtype.is_numeric() or (number and values.dtype == pl.Null)):
        raise wrong
    try:
        text = kind == pl.Date() and values.dtype == pl.String
        cast = values.str.to_date("%Y-%m-%d") if text else values.cast(kind)
    except pl.exceptions.PolarsError:
        raise wrong from None
    if not number and cast.null_count():
        raise InvalidField(FIELD, f"{values.name}: {cast.null_count()} rows are empty; fill them or leave them out")
    return cast
