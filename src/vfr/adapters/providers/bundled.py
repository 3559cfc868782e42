"""The data that ships inside two dependencies, so that a fresh install can answer without a network.

skfolio carries closes of 20 large US companies and the S&P 500; arch carries VIX, core CPI and corporate bond yields.
Only the files are opened: neither package is imported.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.prices import read_panel
from vfr.adapters.providers.tables import Table, numbers, read_table
from vfr.data.checks import check_panel, panel_facts
from vfr.data.fingerprint import fingerprint
from vfr.data.panel import Panel
from vfr.data.provider import Progress
from vfr.data.quality import Finding, QualityReport, finding
from vfr.data.records import Benchmark, Macro, MacroSeries, Securities
from vfr.data.sessions import closes_utc
from vfr.data.snapshot import Snapshot
from vfr.errors import ImportRejected
from vfr.typing import DateArray, FloatArray

__all__ = ["BundledProvider"]

_COMPANIES: Final[dict[str, tuple[str, str, str]]] = {
    "AAPL": ("Apple Inc.", "Information Technology", "Technology Hardware, Storage & Peripherals"),
    "AMD": ("Advanced Micro Devices, Inc.", "Information Technology", "Semiconductors"),
    "BAC": ("Bank of America Corporation", "Financials", "Diversified Banks"),
    "BBY": ("Best Buy Co., Inc.", "Consumer Discretionary", "Computer & Electronics Retail"),
    "CVX": ("Chevron Corporation", "Energy", "Integrated Oil & Gas"),
    "GE": ("General Electric Company", "Industrials", "Industrial Conglomerates"),
    "HD": ("The Home Depot, Inc.", "Consumer Discretionary", "Home Improvement Retail"),
    "JNJ": ("Johnson & Johnson", "Health Care", "Pharmaceuticals"),
    "JPM": ("JPMorgan Chase & Co.", "Financials", "Diversified Banks"),
    "KO": ("The Coca-Cola Company", "Consumer Staples", "Soft Drinks & Non-alcoholic Beverages"),
    "LLY": ("Eli Lilly and Company", "Health Care", "Pharmaceuticals"),
    "MRK": ("Merck & Co., Inc.", "Health Care", "Pharmaceuticals"),
    "MSFT": ("Microsoft Corporation", "Information Technology", "Systems Software"),
    "PEP": ("PepsiCo, Inc.", "Consumer Staples", "Soft Drinks & Non-alcoholic Beverages"),
    "PFE": ("Pfizer Inc.", "Health Care", "Pharmaceuticals"),
    "PG": ("The Procter & Gamble Company", "Consumer Staples", "Personal Care Products"),
    "RRC": ("Range Resources Corporation", "Energy", "Oil & Gas Exploration & Production"),
    "UNH": ("UnitedHealth Group Incorporated", "Health Care", "Managed Health Care"),
    "WMT": ("Walmart Inc.", "Consumer Staples", "Consumer Staples Merchandise Retail"),
    "XOM": ("Exxon Mobil Corporation", "Energy", "Integrated Oil & Gas"),
}
"""Name, GICS sector and sub-industry at the end of 2022, when the prices end."""

_RELEASE_DELAY: Final = 45
"""Days after a month's end at which its figures are taken as public; the files give no release dates."""

_COARSE_BELOW: Final = 1.0


class BundledProvider:
    """Closes of 20 large US companies 1990-2022, the index, and a few macro series to 2018-19.

    Notes
    -----
    Closes are adjusted for dividends and rounded to three decimals; there is no open, high, low or volume, and the 20
    are companies known in 2022 to have survived. The benchmark is the price index, without dividends.
    """

    @property
    def name(self) -> str:
        """Name of the data set, ``bundled``."""
        return "bundled"

    def load(self, progress: Progress | None = None) -> tuple[Snapshot, QualityReport]:
        """Return the bundled data as a snapshot, and what its checks found.

        Raises
        ------
        ImportRejected
            If a package or its file is not there.
        """
        tell = progress or (lambda _stage, _fraction: None)
        tell("reading bundled prices", 0.0)
        panel, findings, rows = read_panel(_file("skfolio", "datasets/data/sp500_dataset.csv.gz"))
        tell("reading bundled macro series", 0.6)
        rowed = [_COMPANIES.get(symbol, ("", "", "")) for symbol in panel.symbols]
        name, sector, sub_industry = zip(*rowed, strict=True)
        snapshot = Snapshot(
            name=self.name,
            version="",
            panel=panel,
            closes_at=closes_utc(panel.sessions),
            securities=Securities(name, sector, sub_industry),
            macro=_macro(),
            benchmark=_index(panel),
        )
        snapshot = replace(snapshot, version=fingerprint(snapshot))
        tell("read", 1.0)
        findings += [*check_panel(panel), *_caveats(panel)]
        return snapshot, QualityReport.of(findings, panel_facts(panel, rows))


def _file(package: str, inside: str) -> Path:
    spec = find_spec(package)
    path = Path(spec.origin).parent / inside if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise ImportRejected(
            f"bundled data: {package} does not carry {inside.rsplit('/', 1)[-1]}; install {package} again"
        )
    return path


def _index(panel: Panel) -> Benchmark:
    table = read_table(_file("skfolio", "datasets/data/sp500_index.csv.gz"))
    days = _days(table, "%Y-%m-%d")
    level = np.full(panel.sessions.size, np.nan)
    place = np.searchsorted(panel.sessions, days)
    inside = (place < level.size) & (panel.sessions[np.minimum(place, level.size - 1)] == days)
    level[place[inside]] = numbers(table, "SP500")[inside]
    return Benchmark("SP500", level, level.copy(), price_only=True)


def _macro() -> Macro:
    vix = read_table(_file("arch", "data/vix/vix.csv.gz"))
    day = _days(vix, "%m/%d/%Y")
    series = {"VIXCLS": _series(day, day + 1, numbers(vix, "vix"), revised=False)}
    for inside, names in (
        ("data/core_cpi/core-cpi.csv.gz", ["CPILFESL"]),
        ("data/default/default.csv.gz", ["AAA", "BAA"]),
    ):
        table = read_table(_file("arch", inside))
        month = _days(table, "%m/%d/%Y")
        month_end = (month.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
        for name in names:
            figures = numbers(table, name)
            series[name] = _series(month, month_end + _RELEASE_DELAY, figures, revised=name == "CPILFESL")
    return Macro(series)


def _series(day: DateArray, known_at: DateArray, value: FloatArray, *, revised: bool) -> MacroSeries:
    known = np.isfinite(value)
    return MacroSeries(day[known], known_at[known], value[known], revised)


def _days(table: Table, pattern: str) -> DateArray:
    parsed: pl.Series = table.frame.get_column(table.need("date")).str.to_date(pattern)
    days: DateArray = parsed.to_numpy().astype("datetime64[D]")
    return days


def _caveats(panel: Panel) -> list[Finding]:
    coarse = [s for c, s in enumerate(panel.symbols) if np.nanmin(panel.close[:, c]) < _COARSE_BELOW]
    step = "closes are rounded to three decimals: below a dollar one step is 0.1 % of the price or more; kept."
    kept = "the companies were chosen in 2022 and all survived: past returns flatter any rule tried on them."
    return [
        finding("coarse_prices", "warning", coarse, step),
        finding("survivors_only", "warning", panel.symbols, kept),
    ]
