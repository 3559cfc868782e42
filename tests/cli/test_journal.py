"""`vfr journal`: how much is kept, what matured, and how good it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.journal.made import forecast

from vfr import bootstrap
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board
from vfr.settings import Settings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set and twenty forecasts of it, not settled."""
    folder = tmp_path_factory.mktemp("journalled")
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=24)
    app = bootstrap.build(Settings(data_home=folder))
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    names = tuple(symbol for n, symbol in enumerate(snapshot.symbols) if n != 4)
    for row in range(270, 290):
        day = str(snapshot.sessions[row])
        app.journal._journal().record(forecast(day, names, seed=row, data_name="synthetic", horizon="7d"))
    app.journal.close(30.0)
    return folder


def test_an_empty_journal_says_so(cli) -> None:
    assert "No forecast has been journaled yet" in cli("journal", "status").out
    assert cli("journal", "status", "--json").json == {"success": True, "enabled": True, "rows": [], "exposures": 0}
    assert "nothing to settle" in cli("journal", "settle").out
    result = cli("journal", "report")
    assert (result.code, "no forecast of this horizon has matured yet" in result.out) == (0, True)


def test_forecasts_wait_then_settle_once_and_are_reported(cli, home: Path) -> None:
    before = cli("journal", "status", "--json", home=home).json["rows"]
    assert [(row["horizon"], row["sessions"], row["waiting"], row["outcomes"]) for row in before] == [("7d", 20, 20, 0)]
    assert cli("journal", "settle", "--json", home=home).json["settled"]["synthetic"]["new"] > 400
    again = cli("journal", "settle", home=home)
    assert again.out.startswith("synthetic: 0 new outcomes")
    shown = cli("journal", "status", home=home).out
    assert "synthetic" in shown
    assert "460" in shown
    body = cli("journal", "report", "--horizon", "1w", "--json", home=home).json
    assert (body["success"], body["dates"], body["horizon"]) == (True, 20, "7d")
    told = cli("journal", "report", "--horizon", "7d", home=home).out
    for word in ("accuracy of the direction", "Base rate", "rank IC", "lightgbm", "HOLD", "blended score", "20 dates"):
        assert word in told
    member = cli("journal", "report", "--model", "linear", home=home).out
    assert "of linear over 7d" in member


@pytest.mark.parametrize(
    "argv", [("report", "--horizon", "4h"), ("report", "--days", "0"), ("nothing",), ("settle", "--horizon", "7d")]
)
def test_bad_usage_is_two(cli, argv: tuple[str, ...]) -> None:
    assert cli("journal", *argv).code == 2


def test_a_database_that_is_away_is_one(cli, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("VFR_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/nowhere")
    result = cli("journal", "status", home=home)
    assert (result.code, "VFR_DATABASE_URL" in result.err) == (1, True)


def test_off_is_said(cli, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("VFR_JOURNAL", "false")
    assert "The journal is off" in cli("journal", "status", home=home).out
