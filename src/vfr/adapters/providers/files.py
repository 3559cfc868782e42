"""Data from a folder of parquet or CSV files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from vfr.adapters.providers.dated import read_macro, read_texts
from vfr.adapters.providers.neighbours import Neighbours
from vfr.adapters.providers.prices import read_panel
from vfr.adapters.providers.statements import read_fundamentals
from vfr.adapters.providers.tables import SUFFIXES, find_table
from vfr.data.checks import check_panel, panel_facts
from vfr.data.coverage import survivorship, survivorship_text
from vfr.data.fingerprint import fingerprint
from vfr.data.panel import Panel
from vfr.data.provider import Progress
from vfr.data.quality import Finding, QualityReport, finding
from vfr.data.sessions import closes_utc
from vfr.data.snapshot import Snapshot
from vfr.data.universe import Listings
from vfr.errors import ImportRejected

__all__ = ["FilesProvider"]

_NAME: Final = re.compile(r"[^a-z0-9]+")


class FilesProvider:
    """A folder with ``prices.parquet`` (or CSV) and, beside it, whatever else is known.

    Parameters
    ----------
    folder : Path
        Holds ``prices`` and perhaps ``benchmark, fundamentals, macro, sp500_membership`` (or ``membership``),
        ``securities, corporate_actions, tweets`` (or ``texts``), each as ``.parquet``, ``.csv`` or ``.csv.gz``.
    prices : Path or None
        Another price file, absolute, relative to the working directory or to the folder.
    name : str or None
        Name of the data set; by default the folder's, and the price file's where one is given.

    Notes
    -----
    Prices are long (``symbol, date, close`` and perhaps ``open, high, low, adj_close, volume``) or wide (a date column,
    then closes by symbol). Without ``adj_close`` they are taken as adjusted for dividends already.
    """

    def __init__(self, folder: Path, prices: Path | None = None, name: str | None = None) -> None:
        self._folder = folder
        self._prices = prices
        stem = folder.resolve().name if prices is None else prices.name.split(".")[0]
        self._name = name or _NAME.sub("-", stem.lower()).strip("-") or "data"

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self._name

    def load(self, progress: Progress | None = None) -> tuple[Snapshot, QualityReport]:
        """Return the folder as a snapshot, and what its checks found.

        Raises
        ------
        ImportRejected
            If a file cannot be used; nothing is changed, and the message names file, column, row and the fix.
        """
        import polars as pl

        try:
            return self._load(progress or _silent)
        except pl.exceptions.PolarsError as error:
            cause = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            raise ImportRejected(f"a table of the folder cannot be used: {cause}") from error

    def _load(self, tell: Progress) -> tuple[Snapshot, QualityReport]:
        tell("reading prices", 0.0)
        panel, findings, rows = read_panel(self._price_file())
        tell("checking prices", 0.4)
        findings += check_panel(panel)
        findings += _shape_findings(panel)
        snapshot = self._with_neighbours(panel, findings, tell)
        tell("hashing", 0.9)
        snapshot = replace(snapshot, version=fingerprint(snapshot))
        tell("read", 1.0)
        facts = panel_facts(panel, rows)
        if years := survivorship(snapshot):
            facts["membersPriced"] = survivorship_text(years)
        return snapshot, QualityReport.of(findings, facts)

    def _price_file(self) -> Path:
        if not self._folder.is_dir():
            raise ImportRejected("the folder to import does not exist or is not a folder")
        if self._prices is None:
            found = find_table(self._folder, "prices")
            if found is None:
                raise ImportRejected(f"prices: the folder holds none of {', '.join('prices' + s for s in SUFFIXES)}")
            return found
        inside = self._folder / self._prices
        return self._prices if self._prices.is_file() or not inside.is_file() else inside

    def _with_neighbours(self, panel: Panel, findings: list[Finding], tell: Progress) -> Snapshot:
        beside = Neighbours(self._folder, Listings.of(panel), findings)
        tell("reading statements", 0.5)
        fundamentals = read_fundamentals(beside)
        tell("reading macro series", 0.6)
        macro = read_macro(beside)
        tell("reading texts", 0.65)
        texts = read_texts(beside)
        tell("matching index members", 0.8)
        return Snapshot(
            name=self._name,
            version="",
            panel=panel,
            closes_at=closes_utc(panel.sessions),
            securities=beside.securities(),
            actions=beside.actions(),
            fundamentals=fundamentals,
            macro=macro,
            texts=texts,
            membership=beside.membership(),
            benchmark=beside.benchmark(),
        )


def _silent(stage: str, fraction: float) -> None:
    """Tell nobody."""
    del stage, fraction


def _shape_findings(panel: Panel) -> list[Finding]:
    found = []
    t, n = panel.shape
    if n < 2:
        message = "one symbol only: ranks against a universe, and so most factors, stay unknown."
        found.append(finding("one_symbol", "warning", panel.symbols, message))
    if t < 260:
        message = f"{t} sessions only: measures over a year stay unknown."
        found.append(finding("short_history", "warning", (str(panel.sessions[0]),), message))
    if panel.adjustment == "dividend":
        message = "no adj_close: closes are taken as adjusted for dividends already, which are never credited again."
        found.append(finding("assumed_adjustment", "warning", (), message, 1))
    return found
