"""The optional tables beside a price file: each to its record, aligned to the panel, matched through renames."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.bars import tickers
from vfr.adapters.providers.days import open_ended_days, session_days
from vfr.adapters.providers.tables import Table, find_table, numbers, read_table, texts
from vfr.data.quality import Finding, finding
from vfr.data.records import Actions, Benchmark, Membership, Securities
from vfr.data.universe import Listings, Matches, membership
from vfr.errors import ImportRejected
from vfr.typing import DateArray, FloatArray

__all__ = ["Neighbours"]

_SECTORS: Final = {
    "Telecommunication Services": "Communication Services",
    "Telecommunications Services": "Communication Services",
    "Technology": "Information Technology",
    "Healthcare": "Health Care",
}


@dataclass(slots=True)
class Neighbours:
    """Reads what a folder holds beside prices, for the symbols of one panel.

    Parameters
    ----------
    folder : Path
        Where the tables lie.
    listings : Listings
        The panel's symbols and their first and last bars.
    findings : list of Finding
        Appended to, as tables are read.
    """

    folder: Path
    listings: Listings
    findings: list[Finding] = field(default_factory=list)

    def table(self, *stems: str) -> Table | None:
        """Return the first table found under one of the names, or None."""
        path = find_table(self.folder, *stems)
        return read_table(path) if path else None

    def match(self, table: Table, symbol: str, days: DateArray) -> Matches:
        """Return the columns of a table's rows, and report renames and tickers without a column."""
        names, code = tickers(table, symbol)
        matches = self.listings.match([names[c] for c in code.tolist()], days)
        kind = table.file.split(".")[0]
        if matches.renamed:
            message = f"{table.file}: tickers matched to prices through a rename."
            self.findings.append(finding(f"renamed_{kind}", "info", matches.renamed, message))
        if matches.unmatched:
            message = f"{table.file}: tickers without prices; their rows were left out."
            self.findings.append(finding(f"unmatched_{kind}", "info", matches.unmatched, message))
        return matches

    def securities(self) -> Securities:
        """Return names and sectors of every symbol; "" where the folder says nothing."""
        described: dict[int, tuple[str, str, str]] = {}
        table = self.table("securities")
        if table is not None:
            names, code = tickers(table, table.need("symbol"))
            columns = [self._words(table, c) for c in ("name", "sector", "sub_industry")]
            day = self.listings.sessions[-1]
            exact = [self.listings.columns.get(names[c], -1) for c in code.tolist()]
            guessed = [self.listings.locate(names[c], day) for c in code.tolist()]
            for place in (exact, guessed):
                for row, column in enumerate(place):
                    described.setdefault(column, (columns[0][row], columns[1][row], columns[2][row]))
        rows = [described.get(c, ("", "", "")) for c in range(len(self.listings.columns))]
        bare = [s for s, c in self.listings.columns.items() if not rows[c][1]]
        if bare:
            self.findings.append(finding("no_sector", "warning", bare, "symbols without a known sector."))
        name, sector, sub_industry = zip(*rows, strict=True)
        return Securities(name, tuple(_SECTORS.get(s, s) for s in sector), sub_industry)

    @staticmethod
    def _words(table: Table, name: str) -> list[str]:
        column = table.find(name)
        return texts(table, column).fill_null("").str.strip_chars().to_list() if column else [""] * len(table.frame)

    def actions(self) -> Actions | None:
        """Return the splits that the prices are adjusted for: recorded as applied, and not after the last session."""
        table = self.table("corporate_actions", "actions", "splits")
        if table is None:
            return None
        keep = np.ones(len(table.frame), dtype=np.bool_)
        if kind := table.find("action"):
            keep &= (texts(table, kind).str.to_lowercase() == "split").fill_null(value=False).to_numpy()
        if applied := table.find("applied"):
            refused = keep & (texts(table, applied).str.to_lowercase() == "false").fill_null(value=False).to_numpy()
            self._count("splits_not_applied", refused, "splits the source judged bogus and did not apply; left out.")
            keep &= ~refused
        table = table.take(np.flatnonzero(keep))
        if table.frame.is_empty():
            return None
        days, ratio = session_days(table, table.need("date")), numbers(table, table.need("value"))
        if not (ratio > 0).all():
            row = table.row(int(np.argmin(ratio > 0)))
            raise ImportRejected(
                f"{table.file}: column value, row {row}: a split ratio must be above 0; correct or remove it"
            )
        # A split on or before the first session changes nothing that is priced here.
        inside = days > self.listings.sessions[0]
        table = table.take(np.flatnonzero(inside))
        days, ratio = days[inside], ratio[inside]
        if days.size == 0:
            return None
        column = self.match(table, table.need("symbol"), days).column
        late = days > self.listings.sessions[-1]
        self._count("splits_after_end", late & (column >= 0), "splits after the last session; prices do not know them.")
        use = (column >= 0) & ~late
        splits = pl.DataFrame({"c": column, "d": days, "r": ratio}).filter(pl.Series(use)).unique().sort("d", "c", "r")
        twice = splits.filter(pl.struct("c", "d").is_duplicated())
        if len(twice):
            raise ImportRejected(
                f"{table.file}: {len(twice)} splits of one symbol and day contradict each other, the first on "
                f"{twice['d'][0]}; keep the right one of each"
            )
        days = splits["d"].to_numpy().astype("datetime64[D]")
        return Actions(splits["c"].to_numpy(), days, splits["r"].to_numpy())

    def _count(self, check: str, where: np.ndarray, message: str) -> None:
        if where.any():
            self.findings.append(finding(check, "info", (), message, int(where.sum())))

    def membership(self) -> Membership | None:
        """Return who was in the index, from intervals of tickers."""
        table = self.table("sp500_membership", "membership")
        if table is None:
            return None
        names, code = tickers(table, table.need("symbol"))
        start = session_days(table, table.need("start_date"))
        end = open_ended_days(table, table.need("end_date"))
        if bad := np.flatnonzero(end < start).tolist():
            raise ImportRejected(f"{table.file}: row {table.row(bad[0])}: end_date is before start_date; correct it")
        once = np.unique(np.stack([code, start.astype(np.int64), end.astype(np.int64)]), axis=1, return_index=True)[1]
        code, start, end = code[once], start[once], end[once]
        index = "S&P 500" if table.file.startswith("sp500") else "index"
        made = membership(index, [names[c] for c in code.tolist()], start, end, self.listings)
        if not made.member.any():
            message = f"{table.file}: none of its members has prices here; left out, so no symbol counts as a member."
            self.findings.append(finding("membership_elsewhere", "warning", (), message, len(made.unreconciled)))
            return None
        self._report_membership(table, made, max(start.max(), np.max(end[~np.isnat(end)], initial=start.max())))
        return made

    def _report_membership(self, table: Table, made: Membership, newest: np.datetime64) -> None:
        priced = made.member.sum() / max(1, int(made.index_size.sum()))
        message = f"{table.file}: members never matched to prices; {priced:.1%} of member-sessions are priced."
        if made.unreconciled:
            self.findings.append(finding("unreconciled_members", "warning", made.unreconciled, message))
        if made.renamed:
            message = f"{table.file}: members matched to prices through a rename."
            self.findings.append(finding("renamed_members", "info", (), message, made.renamed))
        last = self.listings.sessions[-1]
        if last - newest > np.timedelta64(366, "D"):
            message = f"{table.file}: no change after {newest}; later sessions use the last known list."
            self.findings.append(finding("membership_ends", "warning", (str(newest),), message))

    def benchmark(self) -> Benchmark | None:
        """Return the market aligned to the panel's sessions."""
        table = self.table("benchmark")
        if table is None:
            return None
        days, close = session_days(table, table.need("date")), numbers(table, table.need("close"))
        column, total = table.find("symbol"), table.find("adj_close")
        adjusted = numbers(table, total) if total else close
        symbol = "benchmark"
        rows = np.ones(days.size, dtype=np.bool_)
        if column:
            names, code = tickers(table, column)
            most = int(np.bincount(code).argmax())
            symbol, rows = names[most], code == most
        aligned = self._align(days[rows], close[rows]), self._align(days[rows], adjusted[rows])
        if not np.isfinite(aligned[0]).any():
            message = f"{table.file}: no row falls on a session of the prices; left out."
            self.findings.append(finding("benchmark_elsewhere", "warning", (), message, 1))
            return None
        gaps = [str(day) for day in self.listings.sessions[~np.isfinite(aligned[0])]]
        if gaps:
            message = f"{table.file}: sessions without a close of the benchmark; left unknown."
            self.findings.append(finding("benchmark_gaps", "warning", gaps, message))
        return Benchmark(symbol, *aligned, price_only=total is None)

    def _align(self, days: DateArray, figures: FloatArray) -> FloatArray:
        sessions = self.listings.sessions
        out = np.full(sessions.size, np.nan)
        place = np.minimum(np.searchsorted(sessions, days), sessions.size - 1)
        hit = (sessions[place] == days) & (figures > 0)
        out[place[hit]] = figures[hit]
        return out
