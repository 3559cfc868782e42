"""Read one table of a folder, and its columns, or say exactly what is wrong: file, column, row and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from vfr.errors import ImportRejected
from vfr.typing import FloatArray, IntArray

__all__ = ["Table", "distinct", "find_table", "numbers", "read_table", "texts"]

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz")

_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "symbol": ("symbol", "ticker"),
    "date": ("date", "session", "timestamp", "datetime"),
    "adj_close": ("adj_close", "adjclose", "adjusted_close", "adj._close"),
}
_UNKNOWN: Final = ("", "na", "n/a", "nan", "null", "none", "-", ".", "#n/a")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as read, or some of its rows.

    `file` is its name without the folder, `first_row` the number people give the file's first row, `origin` the place
    of each row in the file (None: all rows, as they stand).
    """

    file: str
    frame: pl.DataFrame
    first_row: int
    origin: IntArray | None = None

    def find(self, name: str) -> str | None:
        """Return the column that carries a canonical name, whatever its case or spelling."""
        spelled = {c.strip().lower().replace(" ", "_").replace("-", "_"): c for c in self.frame.columns}
        return next((spelled[alias] for alias in _ALIASES.get(name, (name,)) if alias in spelled), None)

    def need(self, name: str) -> str:
        """Return the column that carries a canonical name.

        Raises
        ------
        ImportRejected
            If there is none.
        """
        column = self.find(name)
        if column is None:
            held = ", ".join(self.frame.columns[:12])
            raise ImportRejected(f"{self.file}: column {name} is missing (it has: {held}); add it and import again")
        return column

    def row(self, index: int) -> int:
        """Return the number people give a row: the line of a CSV file, counted from 1 in parquet."""
        return self.first_row + (index if self.origin is None else int(self.origin[index]))

    def take(self, rows: IntArray) -> Table:
        """Return the given rows, which keep their numbers."""
        origin = rows if self.origin is None else self.origin[rows]
        return Table(self.file, self.frame[rows], self.first_row, origin)


def find_table(folder: Path, *stems: str) -> Path | None:
    """Return the first of ``stem.parquet``, ``stem.csv``, ``stem.csv.gz`` that a folder holds."""
    candidates = (folder / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def read_table(path: Path) -> Table:
    """Return a parquet or CSV file as a table; every CSV column stays text.

    Raises
    ------
    ImportRejected
        If it is not there, empty, truncated, or not what its suffix says.
    """
    kind = "parquet" if path.suffix == ".parquet" else "CSV"
    if not path.is_file():
        raise ImportRejected(f"{path.name}: there is no such file in the folder")
    if path.stat().st_size == 0:
        raise ImportRejected(f"{path.name}: the file is empty; export it again")
    try:
        frame = pl.read_parquet(path) if kind == "parquet" else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, EOFError, ValueError) as error:
        cause = str(error).splitlines()[0][:120].replace(str(path.parent), "") if str(error) else type(error).__name__
        raise ImportRejected(
            f"{path.name}: cannot be read as {kind} ({cause}); it is truncated or damaged, export it again"
        ) from error
    if frame.is_empty():
        raise ImportRejected(f"{path.name}: the file has no rows; export it again")
    return Table(path.name, frame, 1 if kind == "parquet" else 2)


def numbers(table: Table, column: str) -> FloatArray:
    """Return a column as float64, NaN where the source has nothing (empty, NA, null, NaN).

    Raises
    ------
    ImportRejected
        If a value is not a number, or infinite.
    """
    series = table.frame.get_column(column)
    if series.dtype == pl.String:
        plain = series.str.strip_chars()
        plain = plain.set(plain.str.to_lowercase().is_in(_UNKNOWN), None)
        cast = plain.cast(pl.Float64, strict=False)
        _refuse_first(table, column, series, plain.is_not_null() & cast.is_null(), "is not a number")
    elif series.dtype.is_numeric() or series.dtype == pl.Null:
        cast = series.cast(pl.Float64)
    else:
        raise ImportRejected(f"{table.file}: column {column} holds {series.dtype}, not numbers")
    _refuse_first(table, column, series, cast.is_infinite().fill_null(value=False), "is not a finite number")
    return np.array(cast.fill_null(np.nan).to_numpy(), dtype=np.float64)


def distinct(series: pl.Series) -> tuple[pl.Series, IntArray, IntArray]:
    """Return the distinct values of a text column, the first row of each, and each row's index into them."""
    values = series.unique(maintain_order=True)
    code = series.cast(pl.Enum(values)).to_physical().to_numpy().astype(np.int64)
    return values, series.arg_unique().to_numpy().astype(np.int64), code


def texts(table: Table, column: str) -> pl.Series:
    """Return a column as text, null where the source has nothing."""
    return table.frame.get_column(column).cast(pl.String)


def _refuse_first(table: Table, column: str, series: pl.Series, bad: pl.Series, why: str) -> None:
    count = int(bad.sum())
    if count:
        first = int(bad.arg_max() or 0)
        more = f" ({count} such values)" if count > 1 else ""
        raise ImportRejected(
            f"{table.file}: column {column}, row {table.row(first)}: {str(series[first])[:40]!a} {why}{more};"
            " correct it, or leave the cell empty if it is unknown"
        )
