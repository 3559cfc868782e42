from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.snapshot_files import read_snapshot, write_snapshot
from vfr.data.fingerprint import fingerprint
from vfr.data.people import GRADES
from vfr.data.quality import QualityReport, finding
from vfr.data.records import Macro, Texts
from vfr.data.snapshot import Snapshot
from vfr.errors import DataError, DatasetCorrupt, InvalidField, NoData, UnknownDataset, UnknownSymbol
from vfr.factors.board import Board

QUALITY = QualityReport.of([finding("x", "info", ["a"], "b")], {"rowsRead": 1})


def variant(market: Snapshot, name: str = "one", scale: float = 1.0) -> Snapshot:
    panel = replace(market.panel, volume=market.panel.volume * scale)
    made = replace(market, name=name, panel=panel)
    return replace(made, version=fingerprint(made))


@pytest.fixture
def store(tmp_path: Path, market: Snapshot, board: Callable[[Snapshot], Board]) -> DirectoryDatasets:
    made = DirectoryDatasets(tmp_path)
    snapshot = variant(market)
    made.publish(snapshot, QUALITY, board(snapshot))
    return made


def home(store: DirectoryDatasets) -> Path:
    return store._root


def build(store: DirectoryDatasets, name: str = "one") -> Path:
    return home(store) / name / (home(store) / name / "current").read_text().strip()


def test_a_snapshot_comes_back_whole(store: DirectoryDatasets, market: Snapshot) -> None:
    back = store.snapshot()
    assert fingerprint(back) == back.version == variant(market).version
    assert back.name == "one"
    for field in fields(market):
        assert type(getattr(back, field.name)) is type(getattr(market, field.name))


def test_a_bare_snapshot_comes_back_bare(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    nothing = dict.fromkeys(
        ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings")
    )
    bare = replace(variant(market, "bare"), **nothing)
    store.publish(bare, QUALITY, board(bare))
    back = store.snapshot()
    assert fingerprint(back) == fingerprint(bare)
    assert store.names()[0].inputs == ()


def test_a_few_symbols_are_the_part_of_the_whole(store: DirectoryDatasets, market: Snapshot) -> None:
    part = store.snapshot(symbols=["WMT", "AAPL", "KO", "AAPL"])
    assert part.symbols == ("AAPL", "KO", "WMT")
    assert (part.name, part.version) == ("one", variant(market).version)
    assert fingerprint(part) == fingerprint(variant(market).take(np.array([0, 3, 6])))
    assert fingerprint(store.snapshot("one", list(market.symbols))) == part.version
    assert part.panel.close.flags.c_contiguous
    assert not store.snapshot().panel.close.flags.owndata, "a whole panel is mapped, and shared between processes"
    assert store.snapshot(symbols=[]).panel.shape == (120, 0)
    with pytest.raises(UnknownSymbol, match="NOPE: not in the installed data"):
        store.snapshot(symbols=["AAPL", "NOPE"])


def test_a_few_symbols_of_a_bare_data_set(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    nothing = dict.fromkeys(
        ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings")
    )
    bare = replace(variant(market, "bare"), **nothing)
    store.publish(bare, QUALITY, board(bare))
    assert fingerprint(store.snapshot(symbols=["KO"])) == fingerprint(bare.take(np.array([3])))


@pytest.mark.parametrize("lines", [("naïve £5 📈", "", "x\ny"), ("", "", "")])
def test_texts_of_any_kind_come_back(tmp_path: Path, market: Snapshot, lines: tuple[str, ...]) -> None:
    day = np.array(["2016-01-05"] * 3, dtype="datetime64[s]")
    write_snapshot(tmp_path, replace(market, texts=Texts(np.array([3, 0, 3]), day, lines)))
    whole = read_snapshot(tmp_path, name="a", version="b").texts
    assert whole is not None
    assert whole.text == lines
    part = read_snapshot(tmp_path, name="a", version="b", symbols=["KO"]).texts
    assert part is not None
    assert part.text == (lines[0], lines[2])
    assert part.column.tolist() == [0, 0]


def rewritten_as_before(folder: Path, market: Snapshot) -> None:
    """Turn a folder into what the first release wrote: texts in the JSON, an array per item, bars by session only."""
    words = json.loads((folder / "records.json").read_text())
    words["texts"] = {"text": market.texts.text}
    words["macro"] = {name: {"revised": series.revised} for name, series in market.macro.series.items()}
    (folder / "records.json").write_text(json.dumps(words))
    with np.load(folder / "records.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    for item, figures in zip(words["fundamentals"]["values"], arrays.pop("fundamentals.values"), strict=True):
        arrays[f"fundamentals.values.{item}"] = figures
    for field in ("date", "known_at", "value"):
        del arrays[f"macro.{field}"]
        arrays |= {f"macro.{name}.{field}": getattr(series, field) for name, series in market.macro.series.items()}
    del arrays["texts.end"]
    np.savez(folder / "records.npz", **arrays)
    (folder / "texts.utf8").unlink()
    (folder / "by_symbol.npy").unlink()


def test_data_sets_of_the_first_layout_are_read(tmp_path: Path, market: Snapshot) -> None:
    market = replace(market, insiders=None, ratings=None)
    write_snapshot(tmp_path, market)
    rewritten_as_before(tmp_path, market)
    assert fingerprint(read_snapshot(tmp_path, name="a", version="b")) == fingerprint(market)
    part = read_snapshot(tmp_path, name="a", version="b", symbols=["KO", "AAPL"])
    assert fingerprint(part) == fingerprint(market.take(np.array([0, 3])))


def test_inputs_that_are_there_but_empty_come_back(tmp_path: Path, market: Snapshot) -> None:
    write_snapshot(tmp_path, replace(market, macro=Macro({}), fundamentals=replace(market.fundamentals, values={})))
    back = read_snapshot(tmp_path, name="a", version="b", symbols=["KO"])
    assert back.macro.series == {}
    assert back.fundamentals.values == {}


def test_a_board_comes_back_whole(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    expected, back = board(variant(market)), store.board("one")
    assert (back.data_name, back.data_version, back.as_of) == ("one", expected.data_version, expected.as_of)
    assert back.securities == expected.securities or back.securities.name == expected.securities.name
    assert back.inputs == expected.inputs
    assert back.scores.names == expected.scores.names
    np.testing.assert_array_equal(back.price, expected.price)
    np.testing.assert_array_equal(back.scores.reason, expected.scores.reason)
    assert back.scores.as_of.dtype == np.dtype("datetime64[D]")


def test_a_board_needs_numpy_and_json_only(store: DirectoryDatasets) -> None:
    code = (
        "import sys, pathlib; from vfr.adapters.store.datasets import DirectoryDatasets;"
        f"DirectoryDatasets(pathlib.Path({str(home(store).parent)!r})).board();"
        "sys.exit(any(m in sys.modules for m in ('polars', 'pandas', 'numba', 'scipy', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_the_tables_are_parquet_that_other_tools_read(store: DirectoryDatasets, market: Snapshot) -> None:
    folder = build(store)
    bars = pl.read_parquet(folder / "prices.parquet")
    assert len(bars) == np.isfinite(market.panel.close).sum()
    assert bars.filter(pl.col("symbol") == "AAPL")["close"].to_list() == market.panel.close[:, 0].tolist()
    assert {p.stem for p in folder.glob("*.parquet")} == {
        "prices",
        "securities",
        "corporate_actions",
        "fundamentals",
        "macro",
        "texts",
        "benchmark",
        "membership",
        "insiders",
        "ratings",
    }
    insiders, trades = pl.read_parquet(folder / "insiders.parquet"), market.insiders
    assert trades is not None
    assert insiders["owner"].to_list() == [trades.owners[i] for i in trades.owner.tolist()]
    assert insiders["shares"].to_list() == trades.shares.tolist()
    ratings = pl.read_parquet(folder / "ratings.parquet")
    assert ratings.select(GRADES).rows() == [tuple(row) for row in market.ratings.counts.tolist()]  # type: ignore[union-attr]
    spans = pl.read_parquet(folder / "membership.parquet").filter(pl.col("symbol") == market.symbols[4])
    assert spans["end_date"].to_list() == [market.sessions[90].item()]


def test_quality_and_names(store: DirectoryDatasets, market: Snapshot) -> None:
    assert store.quality() == QUALITY
    [info] = store.names()
    assert (info.name, info.version, info.current) == ("one", variant(market).version, True)
    assert (info.sessions, info.symbols, info.first) == (120, 8, "2016-01-04")
    inputs = ["actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings"]
    assert info.to_dict()["inputs"] == inputs
    assert store.verify() == []


def test_the_newest_import_is_current_until_another_is_used(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    two = variant(market, "two", 2.0)
    store.publish(two, QUALITY, board(two))
    assert store.current() == "two"
    store.use("one")
    assert store.current() == "one"
    assert store.snapshot().version != store.snapshot("two").version
    with pytest.raises(UnknownDataset, match="no data set named three"):
        store.use("three")
    assert store.current() == "one"
    (home(store) / "current").write_text("three")
    with pytest.raises(NoData, match="`vfr data use NAME`"):  # Nobody named it: whoever asks is not to blame.
        store.board()


def test_the_last_two_versions_stay(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    for scale in (2.0, 3.0, 4.0):
        snapshot = variant(market, scale=scale)
        store.publish(snapshot, QUALITY, board(snapshot))
    kept = sorted(p.name.split("-")[0] for p in (home(store) / "one").iterdir() if p.is_dir())
    assert kept == sorted(variant(market, scale=s).version for s in (3.0, 4.0))


def test_the_same_import_twice_is_one_version(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    before = build(store)
    assert store.publish(variant(market), QUALITY, board(variant(market))) == variant(market).version
    assert build(store) == before
    assert [p for p in (home(store) / "one").iterdir() if p.is_dir()] == [before]


def test_importing_again_mends_a_damaged_version(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board]
) -> None:
    (build(store) / "close.npy").write_bytes(b"damaged")
    with pytest.raises(DatasetCorrupt):
        store.snapshot()
    store.publish(variant(market), QUALITY, board(variant(market)))
    assert store.verify() == []
    assert fingerprint(store.snapshot()) == variant(market).version


@pytest.mark.parametrize(
    "file",
    [
        "close.npy",
        "by_symbol.npy",
        "records.npz",
        "records.json",
        "texts.utf8",
        "board.npz",
        "board.json",
        "manifest.json",
    ],
)
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_damaged_file_is_noticed_and_the_data_set_named(store: DirectoryDatasets, file: str, harm: str) -> None:
    path = build(store) / file
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-40])
    for read in (store.snapshot, store.board, store.quality):
        with pytest.raises(DatasetCorrupt, match="data set one: "):
            read()
    [info] = store.names()
    assert info.problem is not None
    assert "import the data again" in info.problem


def test_same_size_but_other_content_is_seen_by_verify(store: DirectoryDatasets) -> None:
    path = build(store) / "volume.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert store.verify() == ["volume.npy"]


def test_unreadable_content_of_the_right_size_is_corrupt(store: DirectoryDatasets) -> None:
    path = build(store) / "board.json"
    path.write_text("[" * path.stat().st_size)
    with pytest.raises(DatasetCorrupt, match="a file cannot be read"):
        store.board()


@pytest.mark.parametrize(
    "file", ["close.npy", "records.npz", "records.json", "texts.utf8", "board.npz", "quality.json"]
)
def test_garbage_of_the_right_size_is_corrupt_and_spoils_nothing_else(store: DirectoryDatasets, file: str) -> None:
    path = build(store) / file
    path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))
    spoiled = {"board.npz": store.board, "quality.json": store.quality}.get(file, store.snapshot)
    with pytest.raises(DatasetCorrupt, match="data set one: a file cannot be read"):
        spoiled()
    for read in {store.snapshot, store.board, store.quality} - {spoiled}:
        read()


def test_garbage_by_symbol_is_corrupt_where_a_part_is_read(store: DirectoryDatasets) -> None:
    path = build(store) / "by_symbol.npy"
    path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))
    with pytest.raises(DatasetCorrupt, match="data set one: a file cannot be read"):
        store.snapshot(symbols=["KO"])
    assert store.snapshot().panel.shape == (120, 8)


def test_prices_that_cannot_be_are_corrupt(store: DirectoryDatasets, market: Snapshot) -> None:
    np.save(build(store) / "close.npy", -market.panel.close, allow_pickle=False)
    with pytest.raises(DatasetCorrupt, match="data set one: a file cannot be read"):
        store.snapshot()


def test_an_empty_home_has_no_data(tmp_path: Path) -> None:
    store = DirectoryDatasets(tmp_path)
    assert store.names() == []
    assert store.current() is None
    for read in (store.snapshot, store.board, store.quality):
        with pytest.raises(NoData):
            read()


@pytest.mark.parametrize("name", ["../etc", "Upper", "", "a/b", "a" * 65, ".hidden"])
def test_names_cannot_leave_the_data_home(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board], name: str
) -> None:
    with pytest.raises(InvalidField, match=r"^name: "):
        store.publish(variant(market, name), QUALITY, board(variant(market)))
    if name:
        with pytest.raises(InvalidField):
            store.snapshot(name)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ((28, "No space left on device"), "No space left on device"),
        (("9 requested and 3 written",), "is the disk full"),
    ],
    ids=["by the system", "by NumPy"],
)
def test_a_full_disk_leaves_the_data_as_it_was(
    store: DirectoryDatasets,
    market: Snapshot,
    board: Callable[[Snapshot], Board],
    monkeypatch: pytest.MonkeyPatch,
    said: tuple[object, ...],
    shown: str,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(*said)

    monkeypatch.setattr(np, "savez", full)
    other = variant(market, scale=9.0)
    with pytest.raises(DataError, match=shown):
        store.publish(other, QUALITY, board(other))
    assert store.snapshot().version == variant(market).version
    assert not list((home(store) / "one").glob(".tmp-*"))


KILLED_AT = ("os.fsync", "json.dumps", "Path.rename", "Path.replace")

WRITER = """
import json, os, signal, sys
from dataclasses import replace
from pathlib import Path
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.data.fingerprint import fingerprint

store = DirectoryDatasets(Path(sys.argv[1]))
old = store.snapshot()
new = replace(old, panel=replace(old.panel, volume=old.panel.volume * 5))
new = replace(new, version=fingerprint(new))
board, quality = store.board(), store.quality()
if len(sys.argv) > 2:
    owner, step = sys.argv[2].split(".")
    setattr({"os": os, "json": json, "Path": Path}[owner], step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
store.publish(new, quality, board)
"""


@pytest.mark.parametrize("moment", KILLED_AT)
def test_a_killed_import_leaves_the_previous_data(
    store: DirectoryDatasets, market: Snapshot, board: Callable[[Snapshot], Board], moment: str
) -> None:
    before = store.snapshot().version
    command = [sys.executable, "-c", WRITER, str(home(store).parent), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL  # noqa: S603
    assert store.current() == "one"
    assert store.snapshot().version == before
    assert store.verify() == []
    other = variant(market, scale=5.0)
    assert store.publish(other, QUALITY, board(other)) == other.version
    assert store.snapshot().version == other.version
    assert not list((home(store) / "one").glob(".tmp-*"))


def test_two_imports_at_once_wait_for_each_other(store: DirectoryDatasets, market: Snapshot) -> None:
    command = [sys.executable, "-c", WRITER, str(home(store).parent)]
    writers = [subprocess.Popen(command) for _ in range(2)]  # noqa: S603
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert store.verify() == []
    assert store.snapshot().version in {variant(market, scale=s).version for s in (5.0, 25.0)}
    assert not list((home(store) / "one").glob(".tmp-*"))
