"""The table of sectors against plain loops, and what is unknown stays unknown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.snapshot import Snapshot
from vfr.factors.board import Board
from vfr.factors.compute import compute_board
from vfr.scoring.composite import score
from vfr.workflows.sectors import sector_rankings


@pytest.fixture(scope="module")
def market() -> tuple[Snapshot, Board]:
    snapshot = synthetic.snapshot(np.random.default_rng(5))
    return snapshot, compute_board(snapshot)


def test_every_figure_equals_a_plain_loop(market: tuple[Snapshot, Board]) -> None:
    snapshot, board = market
    panel, found = snapshot.panel, sector_rankings(snapshot.panel, board)
    composite, last = score(board).composite, panel.sessions.size - 1
    year = str(panel.sessions[-1])[:4]
    before = max(t for t in range(last + 1) if str(panel.sessions[t])[:4] < year)
    alive = [n for n in range(len(panel.symbols)) if math.isfinite(panel.adj_close[last, n])]
    assert found["asOf"] == str(board.as_of)
    assert sum(row["members"] for row in found["rankings"]) == len([n for n in alive if board.securities.sector[n]])

    def mean(names: list[int], start: int, end: int = last) -> float:
        returns = [panel.adj_close[end, n] / panel.adj_close[start, n] - 1 for n in names]
        return float(np.mean([r for r in returns if math.isfinite(r)]))

    market_return = mean([n for n in alive if board.securities.sector[n]], last - 63)
    for row in found["rankings"]:
        names = [n for n in alive if board.securities.sector[n] == row["sector"]]
        starts = {"oneDay": last - 1, "fiveDay": last - 5, "oneMonth": last - 21, "threeMonth": last - 63}
        for span, start in {**starts, "yearToDate": before}.items():
            assert row["returns"][span] == pytest.approx(mean(names, start), abs=1e-6)
        daily = [mean(names, t - 1, t) for t in range(last - 62, last + 1)]
        assert row["volatility"] == pytest.approx(np.std(daily, ddof=1) * math.sqrt(252), abs=1e-6)
        assert row["relativeStrength"] == pytest.approx(row["returns"]["threeMonth"] - market_return, abs=2e-6)
        assert row["topSymbols"] == [
            panel.symbols[n] for n in sorted(names, key=lambda n: (-composite[n], panel.symbols[n]))[:5]
        ]
    strengths = [row["relativeStrength"] for row in found["rankings"]]
    assert strengths == sorted(strengths, reverse=True)
    assert [row["rank"] for row in found["rankings"]] == list(range(1, len(strengths) + 1))


def test_a_short_history_leaves_long_spans_unknown(market: tuple[Snapshot, Board]) -> None:
    snapshot, board = market
    rows = slice(-20, None)
    fields = {
        name: getattr(snapshot.panel, name)[rows] for name in ("open", "high", "low", "close", "adj_close", "volume")
    }
    short = replace(snapshot.panel, sessions=snapshot.panel.sessions[rows], **fields)
    for row in sector_rankings(short, board)["rankings"]:
        assert row["returns"]["fiveDay"] is not None
        assert row["returns"]["oneMonth"] is row["returns"]["threeMonth"] is None
        assert row["relativeStrength"] is row["volatility"] is None


def test_names_without_a_sector_or_a_price_count_nowhere(market: tuple[Snapshot, Board]) -> None:
    snapshot, board = market
    sectors = list(board.securities.sector)
    sectors[0] = ""
    gone = snapshot.panel.adj_close.copy()
    gone[-1, 1] = np.nan
    panel = replace(snapshot.panel, adj_close=gone)
    bare = replace(board, securities=replace(board.securities, sector=tuple(sectors)))
    rows = sector_rankings(panel, bare)["rankings"]
    listed = {symbol for row in rows for symbol in row["topSymbols"]}
    assert listed.isdisjoint({panel.symbols[0], panel.symbols[1]})
    expected = np.isfinite(gone[-1]) & (np.array(sectors) != "")
    assert sum(row["members"] for row in rows) == expected.sum()
