"""The optional tables beside a price file: each to its record, aligned to the panel, matched through renames."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.bars import tickers
from vfr.adapters.providers.days import moments, session_days
from vfr.adapters.providers.tables import Table, find_table, numbers, read_table, texts
from vfr.data.quality import Finding, finding
from vfr.data.records import Actions, Benchmark, Macro, MacroSeries, Membership, Securities, Texts
from vfr.data.universe import Listings, Matches, membership
from vfr.errors import ImportRejected
from vfr.typing import DateArray, FloatArray

__all__ = ["Neighbours"]

_REVISED: Final = frozenset({"CPIAUCSL", "CPILFESL", "UNRATE", "INDPRO", "PAYEMS", "GDP", "GDPC1", "PCEPI", "PCEPILFE"})
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
        table = Table(table.file, table.frame.filter(pl.Series(keep)), table.first_row)
        if table.frame.is_empty():
            return None
        days, ratio = session_days(table, table.need("date")), numbers(table, table.need("value"))
        if not (ratio > 0).all():
            raise ImportRejected(f"{table.file}: column value: a split ratio must be above 0; correct or remove it")
        # A split on or before the first session changes nothing that is priced here.
        inside = days > self.listings.sessions[0]
        table = Table(table.file, table.frame.filter(pl.Series(inside)), table.first_row)
        days, ratio = days[inside], ratio[inside]
        if days.size == 0:
            return None
        column = self.match(table, table.need("symbol"), days).column
        late = days > self.listings.sessions[-1]
        self._count("splits_after_end", late & (column >= 0), "splits after the last session; prices do not know them.")
        use = (column >= 0) & ~late
        order = np.lexsort((column[use], days[use]))
        return Actions(column[use][order], days[use][order], ratio[use][order])

    def _count(self, check: str, where: np.ndarray, message: str) -> None:
        if where.any():
            self.findings.append(finding(check, "info", (), message, int(where.sum())))

    def macro(self) -> Macro | None:
        """Return the series by release date; without one a delay is assumed and reported."""
        table = self.table("macro")
        if table is None:
            return None
        name, day = texts(table, table.need("series")), session_days(table, table.need("date"))
        value = numbers(table, table.need("value"))
        stated = next((c for c in ("available_date", "release_date", "known_at") if table.find(c)), None)
        known_at = session_days(table, table.need(stated)) if stated else None
        out = {}
        for series in sorted(set(name.drop_nulls().to_list())):
            rows = (name == series).fill_null(value=False).to_numpy() & np.isfinite(value)
            known = known_at[rows] if known_at is not None else _assumed_release(day[rows])
            order = np.lexsort((value[rows], day[rows], known))
            args = day[rows][order], known[order], value[rows][order]
            out[series] = MacroSeries(*args, revised=series in _REVISED)
        if known_at is None:
            message = "macro without release dates: assumed the next day for daily, 45 days for monthly series."
            self.findings.append(finding("assumed_release", "warning", sorted(out), message))
        return Macro(out)

    def texts(self) -> Texts | None:
        """Return dated texts about the panel's symbols, by the time they were written."""
        table = self.table("texts", "tweets", "news")
        if table is None:
            return None
        text = texts(table, table.need("text"))
        written = next((c for c in ("created_at", "published_at") if table.find(c)), None)
        if written:
            created = moments(table, table.need(written))
        else:
            # Only a day is known: treat the text as written at its very end, New York time.
            days = session_days(table, table.need("date"))
            created = (days.astype("datetime64[h]") + 29).astype("datetime64[s]") - 1
        column = self.match(table, table.need("symbol"), created.astype("datetime64[D]")).column
        use = (column >= 0) & text.is_not_null().to_numpy()
        if not use.any():
            return None
        frame = pl.DataFrame({"c": column, "t": created.astype(np.int64), "x": text}).filter(pl.Series(use))
        frame = frame.unique().sort("t", "c", "x")
        repeats = int(use.sum()) - len(frame)
        if repeats:
            message = f"{table.file}: texts repeated word for word at the same second; counted once."
            self.findings.append(finding("duplicate_texts", "info", (), message, repeats))
        return Texts(frame["c"].to_numpy(), frame["t"].to_numpy().astype("datetime64[s]"), tuple(frame["x"].to_list()))

    def membership(self) -> Membership | None:
        """Return who was in the index, from intervals of tickers."""
        table = self.table("sp500_membership", "membership")
        if table is None:
            return None
        names, code = tickers(table, table.need("symbol"))
        start = session_days(table, table.need("start_date"))
        end = _open_ended(table, table.need("end_date"))
        if bad := np.flatnonzero(end < start).tolist():
            raise ImportRejected(f"{table.file}: row {table.row(bad[0])}: end_date is before start_date; correct it")
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


def _assumed_release(days: DateArray) -> DateArray:
    step = np.median(np.diff(np.unique(days)).astype(np.int64)) if days.size > 1 else 1
    return days + (1 if step < 20 else 75)


def _open_ended(table: Table, column: str) -> DateArray:
    """Return a column of days where an empty cell means "still going on", NaT."""
    blank = table.frame.get_column(column).cast(pl.String).str.strip_chars().fill_null("") == ""
    out = np.full(len(table.frame), np.datetime64("NaT"), dtype="datetime64[D]")
    known = ~blank.to_numpy()
    if known.any():
        out[known] = session_days(Table(table.file, table.frame.filter(pl.Series(known)), table.first_row), column)
    return out
