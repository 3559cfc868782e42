from __future__ import annotations

import json
from pathlib import Path

import pytest

from vfr.adapters.store.ledger import FileLedger


@pytest.fixture
def ledger(tmp_path: Path) -> FileLedger:
    """Three runs."""
    made = FileLedger(tmp_path / "evidence" / "ledger.jsonl")
    for horizon in ("7d", "1d", "30d"):
        made.append({"kind": "evidence", "horizon": horizon})
    return made


def lines_of(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "evidence" / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def put(tmp_path: Path, *lines: bytes) -> None:
    (tmp_path / "evidence" / "ledger.jsonl").write_bytes(b"".join(lines))


def test_rows_chain_and_any_change_is_seen(tmp_path, ledger):
    assert ledger.problems() == ()
    assert [entry["horizon"] for entry in ledger.entries()] == ["7d", "1d", "30d"]
    one, two, three = lines_of(tmp_path)
    assert json.loads(two)["previous"] == json.loads(one)["hash"]

    put(tmp_path, one, two.replace(b"1d", b"9d"), three)
    assert ledger.problems() == ("row 2 was changed after it was written",)
    put(tmp_path, one, three)
    assert ledger.problems() == ("rows before row 2 were changed or are missing",)


@pytest.mark.parametrize(
    "last",
    [
        b"no row\n",
        b'{"horizon": "30d"}\n',
        b'{"previous": "x", "entry": "30d", "hash": "y"}\n',
        b'{"previous": "x", "entry": {"figure": NaN}, "hash": "y"}\n',
        b'{"previous": "\\ud800", "entry": {}, "hash": "\\ud800"}\n',
    ],
)
def test_a_newest_row_that_was_made_unreadable_is_seen_and_the_next_run_is_kept(tmp_path, ledger, last):
    put(tmp_path, *lines_of(tmp_path)[:2], last)
    assert ledger.problems()
    assert len(ledger.entries()) == 2
    ledger.append({"kind": "evidence", "horizon": "1d"})
    assert ledger.entries()[-1]["horizon"] == "1d"


def test_a_ledger_written_anew_without_hashes_is_not_whole(tmp_path, ledger):
    put(tmp_path, b'{"kind": "evidence"}\n')
    assert ledger.problems() == ("row 1 is not chained to the row before",)


def test_an_empty_ledger_is_whole(tmp_path):
    assert FileLedger(tmp_path / "ledger.jsonl").problems() == ()
