"""What data cost: an import from a folder in a new process, and reading a few symbols or the whole back.

The folder is the one `VFR_SHARED_DATA` names, else an invented market of the same size. polars and duckdb read the same
price file for comparison: prices of the same symbols alone, where a snapshot holds every input of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import Row, medians

FEW = 25

IMPORT = """
import resource, sys, time
from pathlib import Path
from vfr.adapters.providers.files import FilesProvider
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.workflows.import_data import import_data

start = time.perf_counter()
import_data(FilesProvider(Path(sys.argv[1]), name="measured"), DirectoryDatasets(Path(sys.argv[2])))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(quick: bool) -> list[Row]:
    shared = os.environ.get("VFR_SHARED_DATA")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shared) if shared else invented(Path(scratch), quick)
        home = Path(scratch) / "home"
        repeats = 1 if quick else 3
        runs = [imported(folder, home) for _ in range(repeats)]
        seconds, peak = (float(np.median(figures)) for figures in zip(*runs, strict=True))
        rows = reading(folder, home, quick)
    source = "shared data" if shared else "invented market"
    return [
        Row(f"import of a folder, {source}, new process", seconds, "s", 10.0, repeats),
        Row(f"import of a folder, {source}, peak resident memory", peak, "MiB", 1536.0, repeats),
        *rows,
    ]


def invented(scratch: Path, quick: bool) -> Path:
    """Write an invented market as a folder of tables on real sessions."""
    from dataclasses import replace

    from vfr.adapters.store.tables import write_tables
    from vfr.data import synthetic
    from vfr.data.sessions import sessions_between

    n_sessions, n_symbols = (300, 60) if quick else (3_775, 480)
    sessions = sessions_between(np.datetime64("2005-01-03"), np.datetime64("2020-12-31"))[:n_sessions]
    made = synthetic.snapshot(np.random.default_rng(7), n_sessions=n_sessions, n_symbols=n_symbols)
    folder = scratch / "tables"
    folder.mkdir()
    write_tables(folder, replace(made, panel=replace(made.panel, sessions=sessions), actions=None))
    return folder


def imported(folder: Path, home: Path) -> tuple[float, float]:
    """Import a folder in a process of its own; return seconds and peak resident memory in MiB."""
    command = [sys.executable, "-c", IMPORT, str(folder), str(home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    seconds, peak = map(float, re.findall(r"[\d.]+", done.stdout))
    return seconds, peak


def reading(folder: Path, home: Path, quick: bool) -> list[Row]:
    import duckdb
    import polars as pl

    from vfr.adapters.store.datasets import DirectoryDatasets

    store = DirectoryDatasets(home)
    listed = store.snapshot().symbols
    few = list(listed[:: len(listed) // FEW][:FEW])
    prices = folder / "prices.parquet"
    marks = ", ".join("?" for _ in few)
    query = f"SELECT * FROM read_parquet('{prices}') WHERE symbol IN ({marks})"  # noqa: S608
    repeats = 5 if quick else 21
    part, whole, by_polars, by_duckdb = medians(
        repeats,
        lambda: store.snapshot(symbols=few),
        store.snapshot,
        lambda: pl.scan_parquet(prices).filter(pl.col("symbol").is_in(few)).collect(),
        lambda: duckdb.execute(query, few).fetchnumpy(),
    )
    return [
        Row(f"snapshot of {FEW} symbols, every input, warm", part, "ms", 20.0, repeats),
        Row("snapshot of all symbols, every input, warm", whole, "ms", 1_000.0, repeats),
        Row(f"polars, prices of {FEW} symbols from parquet", by_polars, "ms", None, repeats),
        Row(f"duckdb, prices of {FEW} symbols from parquet", by_duckdb, "ms", None, repeats),
    ]
