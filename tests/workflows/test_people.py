"""Insiders and analysts on their way to an answer: data set, board, what the answer says of them, and the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.workflows.scripted import NOW, START, Scripted, frame

from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.archive_lock import file_lock
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.objects import open_objects
from vfr.adapters.store.staging import DirectoryStaging
from vfr.factors.compute import compute_board
from vfr.scoring.table import DEFAULT
from vfr.workflows.analyze import analyze
from vfr.workflows.as_of import describe_view
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.sync import sync
from vfr.workflows.sync_publish import publish_view, view_as_of
from vfr.workflows.sync_request import SyncRequest

if TYPE_CHECKING:
    from pathlib import Path

    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board

SYMBOLS = ("ACME", "BOLT", "CORE", "DELT", "EURO")


@pytest.fixture(scope="module")
def bare(seeded_snapshot: Snapshot) -> Snapshot:
    return replace(seeded_snapshot, insiders=None, ratings=None)


def answered(board: Board) -> dict:
    query = AnalyzeQuery.parse({"mode": "multiple", "symbols": ["SYNAA", "SYNAB"]})
    return analyze(query, board_at=lambda _day: board, forecast=None, table=DEFAULT, request_id="r").to_dict()


def test_an_answer_says_whether_analysts_took_part(seeded_snapshot: Snapshot, bare: Snapshot) -> None:
    found, without = (answered(compute_board(s))["metadata"] for s in (seeded_snapshot, bare))
    assert found["analystDataEnabled"] is True
    assert found["analysisInputServices"]["analystData"]["status"] == "active"
    assert found["analysisInputServices"]["analystData"]["weight"] > 0
    assert without["analystDataEnabled"] is False
    assert without["analysisInputServices"]["analystData"] == {
        "enabled": False,
        "status": "not_provided",
        "weight": 0.0,
    }


def test_an_answer_tells_their_age_where_they_are(seeded_snapshot: Snapshot, bare: Snapshot) -> None:
    found, without = (answered(compute_board(s))["metadata"]["dataAge"] for s in (seeded_snapshot, bare))
    assert found.keys() - without.keys() == {"insiders", "ratings"}
    assert (found["insiders"]["limit"], found["ratings"]["limit"]) == (30, 45)
    assert found["ratings"]["newest"] == str(seeded_snapshot.upto(seeded_snapshot.as_of).ratings.known_at[-1])


def test_factor_lines_name_them_only_where_they_are(seeded_snapshot: Snapshot, bare: Snapshot) -> None:
    found, without = (
        {line["name"] for line in answered(compute_board(s))["stocks"][0]["factors"]} for s in (seeded_snapshot, bare)
    )
    assert found - without == {
        "sentiment.analyst.consensus",
        "sentiment.analyst.revision",
        "alternative.insiders.net_buying",
    }


def test_a_view_shows_what_analysts_said_and_insiders_did(seeded_snapshot: Snapshot, bare: Snapshot) -> None:
    known = seeded_snapshot.upto(seeded_snapshot.sessions[400])
    view = describe_view(known, ["SYNAA", known.symbols[-1]])
    assert view["inputs"][-2:] == ["insiders", "ratings"]
    [stock, last] = view["stocks"]
    ratings, trades = known.ratings, known.insiders
    row = np.flatnonzero(ratings.column == 0)[-1]
    assert stock["ratings"]["knownAt"] == str(ratings.known_at[row]) <= view["asOf"]
    assert list(stock["ratings"]["counts"].values()) == ratings.counts[row].tolist()
    assert stock["ratings"]["targetMean"] == ratings.target_mean[row]
    own = np.flatnonzero(trades.column == 0)
    assert [t["knownAt"] for t in stock["insiderTrades"]] == [str(d) for d in trades.known_at[own][::-1][:5]]
    assert stock["insiderTrades"][0]["owner"].startswith("SYNTHETIC INSIDER")
    assert last["ratings"] is None
    assert last["insiderTrades"] == []
    [stock] = describe_view(bare, ["SYNAA"])["stocks"]
    assert (stock["ratings"], stock["insiderTrades"]) == (None, [])


def test_what_an_archive_holds_of_them_reaches_the_score(tmp_path: Path) -> None:
    root = tmp_path / "archives"
    archive = ParquetArchive(open_objects(str(root)), "live", file_lock(root))
    datasets, provider = DirectoryDatasets(tmp_path), Scripted()
    request = SyncRequest((provider,), {"symbol": SYMBOLS}, START, NOW, NOW - timedelta(hours=2))
    assert sync(request, archive, DirectoryStaging(tmp_path, "live"), datasets, lambda *_: None).complete
    before = datasets.board()
    assert not {"insiders", "ratings"} & before.inputs.keys()
    told = datetime(2024, 3, 1, 15, tzinfo=UTC)
    counts = [
        (symbol, told.date(), measure, float(k + place), "counter", told)
        for k, symbol in enumerate(SYMBOLS)
        for place, measure in enumerate(("strong_sell", "sell", "hold", "buy", "strong_buy"))
    ]
    trades = [
        (symbol, date(2024, 2, 28), "Ann", "director", code, shares, 50.0, f"{symbol}-1", 1, "forms", told)
        for symbol, code, shares in zip(SYMBOLS, "PSAAA", (9.0, -9.0, 9.0, 9.0, 9.0), strict=True)
    ]
    new = {"ratings": frame("ratings", counts), "insiders": frame("insiders", trades)}
    archive.publish(new, sources=("one", "counter", "forms"), now=NOW)
    published = publish_view(archive, datasets, NOW)
    board = datasets.board()
    assert board.data_version == published.version != before.data_version
    assert (board.inputs["insiders"].source, board.inputs["ratings"].source) == ("forms", "counter")
    assert (board.inputs["insiders"].newest, board.inputs["ratings"].newest) == ("2024-03-01", "2024-03-01")
    value = dict(zip(board.scores.names, board.scores.value[:, 0], strict=True))
    assert value["alternative.insiders.net_buying"].tolist() == [1.0, -1.0, 0.0, 0.0, 0.0]
    assert value["sentiment.analyst.consensus"][0] == pytest.approx((5 * 4 + 4 * 3 + 3 * 2 + 2) / 10)
    assert view_as_of(archive, told - timedelta(days=1)).ratings is None
    stored = datasets.snapshot(symbols=["BOLT"])
    assert stored.insiders.owners == ("Ann",)
    assert stored.insiders.shares.tolist() == [-9.0]
