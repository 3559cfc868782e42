"""The journal of an application: recorded off the path, only what is said of the latest session, whatever breaks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from sqlalchemy import text

from vfr import bootstrap
from vfr.adapters.database.engine import transaction
from vfr.bootstrap import Application
from vfr.clock import epoch_ms, utc_now
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.data.snapshot import Snapshot
from vfr.errors import DataError
from vfr.factors.compute import compute_board
from vfr.journal.records import Exposure
from vfr.scoring.recommend import recommend
from vfr.settings import Settings
from vfr.typing import MEMBER_NAMES
from vfr.workflows.forecaster import Forecast, MemberForecast
from vfr.workflows.journalled import as_record
from vfr.workflows.query import AnalyzeQuery

N = 12
LEFT = 4
WHOLE = synthetic.snapshot(np.random.default_rng(3), n_sessions=320, n_symbols=N)
LONG = 30.0


def at(row: int) -> Snapshot:
    return replace(WHOLE.upto(WHOLE.sessions[row]), version=f"v{row}")


BOARDS = {row: compute_board(at(row)) for row in (300, 303)}


def publish(app: Application, row: int) -> None:
    app.datasets.publish(at(row), QualityReport.of((), {}), BOARDS[row])


def predicted(row: int = 300, **changes: Any) -> Forecast:
    """What five members would forecast of the market as it was; a name that left it has no prediction."""
    snapshot = at(row)
    rng = np.random.default_rng(row)
    holed = np.where(np.arange(N) == LEFT, np.nan, 1.0)
    expected = rng.normal(0.0, 0.01, N) * holed
    weight = np.where(np.isfinite(expected), 0.2, 0.0)
    members = tuple(
        MemberForecast(name, f"{name}-1d-v", "ok", None, rng.uniform(0.4, 0.6, N) * holed, expected, weight, 1.0)
        for name in MEMBER_NAMES
    )
    made = Forecast(
        data_version=snapshot.version,
        as_of=snapshot.as_of,
        horizon="1d",
        symbols=snapshot.symbols,
        p_up=rng.uniform(0.4, 0.6, N) * holed,
        expected_excess=expected,
        low=expected - 0.02,
        high=expected + 0.02,
        confidence=rng.uniform(0.48, 0.55, N) * holed,
        level=0.9,
        base_rate=0.52,
        score=rng.uniform(0.0, 100.0, N) * holed,
        agreement=holed,
        members=members,
        method_applied="equal_weight",
        note=None,
        small_universe=True,
        importance=(),
        computed_at=epoch_ms(),
        latency_ms=1.0,
        from_cache=False,
    )
    return replace(made, **changes)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Application]:
    made = bootstrap.build(Settings(data_home=tmp_path / "home"))
    (tmp_path / "home").mkdir()
    publish(made, 300)
    yield made
    made.journal.close(LONG)


def query(**body: Any) -> AnalyzeQuery:
    return AnalyzeQuery.parse({"mode": "multiple", "symbols": list(WHOLE.symbols[:3]), **body})


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not done():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


def reopened(app: Application) -> Application:
    """The same home, seen by another process."""
    assert app.journal.close(LONG)
    return bootstrap.build(app.settings)


def test_scores_are_those_an_answer_shows(app: Application) -> None:
    forecast = predicted()
    record = as_record(forecast, BOARDS[300], app.table, "spec")
    assert record is not None
    answer = app.analyze(query(symbols=list(WHOLE.symbols)))
    shown = {stock.symbol: stock for stock in answer.stocks}
    place = {symbol: n for n, symbol in enumerate(record.symbols)}
    assert [stock.symbol for stock in shown.values() if stock.stale] == [WHOLE.symbols[LEFT]]
    del shown[WHOLE.symbols[LEFT]]
    assert set(shown) == set(place)
    for symbol, stock in shown.items():
        n = place[symbol]
        assert record.classic[n] == stock.composite
        assert record.classic_tier[n] == stock.recommendation
        confident = record.confidence[n] >= 0.5
        weight = 0.15 * record.confidence[n] if confident else 0.0
        mixed = (1 - weight) * record.classic[n] + (weight * record.ml_score[n] if weight else 0.0)
        assert record.blended[n] == pytest.approx(mixed, abs=1e-8)
        assert record.blended_tier[n] == recommend(np.array([record.blended[n]]))[0]
    assert record.weights.tolist() == pytest.approx([0.2] * 5)
    assert record.standard


def test_only_the_default_question_is_standard(app: Application) -> None:
    del app
    forecast = predicted()
    voted = as_record(replace(forecast, method="voting"), BOARDS[300], Settings().table, "spec")
    fewer = as_record(replace(forecast, members=forecast.members[:4]), BOARDS[300], Settings().table, "spec")
    lost = replace(forecast.members[0], status="failed")
    without = as_record(replace(forecast, members=(lost, *forecast.members[1:])), BOARDS[300], Settings().table, "spec")
    assert voted is not None
    assert fewer is not None
    assert without is not None
    assert (voted.standard, fewer.standard, without.standard) == (False, False, True)
    assert without.members == MEMBER_NAMES[1:]


def test_timely_is_before_the_next_session_opens(app: Application) -> None:
    """2017-02-24 was a Friday: the next session opened on Monday at 14:30 UTC."""
    opened = int(np.datetime64("2017-02-27T14:30", "ms").astype(np.int64))
    assert str(BOARDS[300].as_of) == "2017-02-27"
    board = replace(BOARDS[300], as_of=np.datetime64("2017-02-24"))
    forecast = predicted(as_of=board.as_of)
    for moment, timely in ((opened - 1, True), (opened, False)):
        record = as_record(replace(forecast, computed_at=moment), board, app.table, "spec")
        assert record is not None
        assert record.timely is timely


def test_a_forecast_is_journaled_once_however_often_it_is_made(app: Application) -> None:
    for _ in range(3):
        app.journal.made(predicted())
    (row,) = reopened(app).journal.state()["rows"]
    assert (row["forecasts"], row["entries"], row["first"]) == (1, N - 1, str(at(300).as_of))


def test_what_is_not_of_the_latest_session_is_not_journaled(app: Application) -> None:
    app.journal.made(predicted(as_of=WHOLE.sessions[200]))
    app.journal.made(predicted(data_version="other"))
    app.analyze(query(as_of=str(WHOLE.sessions[200])), "past")
    found = reopened(app).journal.state()
    assert (found["rows"], found["exposures"]) == ([], 0)


def test_what_users_are_shown_is_kept_with_and_without_ml(app: Application) -> None:
    app.journal.made(predicted())  # Opens the database of this process.
    app.analyze(query(), "one")
    app.analyze(query(include_ml=True), "two")
    app.analyze(query(symbols=["ZZZZ"]), "nothing to show")
    wait_for(lambda: app.journal.counters()["exposuresWritten"] == 6)
    assert reopened(app).journal.state()["exposures"] == 6


def test_requests_that_bear_one_id_are_kept_each(app: Application) -> None:
    app.journal.made(predicted())  # Opens the database of this process.
    for _ in range(2):
        app.analyze(query(), "the-same-id-each-time")
        time.sleep(0.002)
    wait_for(lambda: app.journal.counters()["exposuresWritten"] == 6)
    assert reopened(app).journal.state()["exposures"] == 6


def test_later_answers_stand_behind_earlier_ones(app: Application) -> None:
    """Keys that come in no order would have each row of a large journal change a page of its own."""
    for n in range(20):
        app.analyze(query(), f"{n * 7 % 20}")
        time.sleep(0.002)
    assert app.journal.close(LONG)
    lines = (app.settings.data_home / "exposures.jsonl").read_text().splitlines()
    keys = [json.loads(line)["request"] for line in lines]
    assert keys == sorted(keys)
    assert (len(set(keys)), {len(key) for key in keys}) == (20, {32})


def test_a_command_leaves_its_exposures_to_whoever_opens_the_journal(app: Application) -> None:
    """Opening the database would cost a command more than its answer."""
    app.analyze(query(), "one")
    assert app.journal.close(LONG)
    home = app.settings.data_home
    assert len((home / "exposures.jsonl").read_text().splitlines()) == 3
    assert not (home / "vfr.sqlite3").exists()
    with (home / "exposures.jsonl").open("a") as file:
        file.write('{"request": "torn')
    server = bootstrap.build(app.settings)
    server.journal.made(predicted())
    later = reopened(server)
    assert later.journal.state()["exposures"] == 3
    assert not list(home.glob("exposures.*"))
    assert later.journal.state()["exposures"] == 3
    later.journal.close(LONG)


def test_a_line_that_is_no_exposure_keeps_out_none_of_the_others(app: Application) -> None:
    app.analyze(query(), "one")
    assert app.journal.close(LONG)
    file = app.settings.data_home / "exposures.jsonl"
    whole = json.loads(file.read_text().splitlines()[0])
    changes = ({"score": None}, {"score": 10**400}, {"symbol": 7}, {"symbol": "A\0"}, {"request": "r" * 33})
    spoiled = [json.dumps(whole | {"request": "spoiled"} | change) for change in changes]
    with file.open("a") as lines:
        lines.write("\n".join([*spoiled, "[" * 100_000, "[1]", ""]))
    server = reopened(app)
    server.journal.made(predicted())
    assert server.journal.close(LONG)
    assert reopened(app).journal.state()["exposures"] == 3
    assert not list(app.settings.data_home.glob("exposures.*"))


def test_a_command_that_just_ends_keeps_its_exposures(app: Application) -> None:
    program = f"""
import sys
from pathlib import Path
from vfr import bootstrap
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery
query = AnalyzeQuery.parse({{"mode": "single", "symbols": ["{WHOLE.symbols[0]}"]}})
bootstrap.build(Settings(data_home=Path(sys.argv[1]))).analyze(query, "one")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program, str(app.settings.data_home)], check=True)  # noqa: S603
    assert app.journal.state() == {"enabled": True, "rows": [], "exposures": 0}
    (line,) = (app.settings.data_home / "exposures.jsonl").read_text().splitlines()
    assert json.loads(line)["symbol"] == WHOLE.symbols[0]


def test_an_import_settles_what_it_brings_the_outcome_of(app: Application) -> None:
    app.journal.made(predicted())
    wait_for(lambda: app.journal.counters()["forecastsWritten"] == 1)
    publish(app, 303)
    found = app.journal.report("1d")
    assert (found["dates"], found["dataName"]) == (1, "synthetic")
    assert app.journal.settle() == {}


def test_a_database_that_is_away_fails_neither_an_answer_nor_an_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://postgres:hunter2@127.0.0.1:1/nowhere"
    app = bootstrap.build(Settings(data_home=tmp_path, database_url=url, log_format="json"))
    bootstrap.configure_logging(app.settings)
    try:
        publish(app, 300)
        app.journal.made(predicted())
        assert app.analyze(query(), "one").stocks
        publish(app, 303)
        assert not app.journal.close(LONG)
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failed = [line for line in lines if line["event"] == "journal_failed"]
    # What was shown is tried too where a second passes before the end.
    assert {line["what"] for line in failed} - {"exposures"} == {"outcomes", "forecasts"}
    assert all("VFR_DATABASE_URL" in line["error"] and "hunter2" not in str(line) for line in failed)
    assert app.journal.counters()["waiting"] == 1
    with pytest.raises(DataError, match="VFR_DATABASE_URL"):
        app.journal.state()


def test_a_journal_that_holds_what_nobody_wrote_fails_no_import(app: Application) -> None:
    app.journal.made(predicted())
    wait_for(lambda: app.journal.counters()["forecastsWritten"] == 1)
    with transaction(app.journal._journal().engine) as connection:
        connection.execute(text("UPDATE journal_forecasts SET as_of = 'no day'"))
    publish(app, 303)
    assert app.datasets.board().as_of == BOARDS[303].as_of


def test_closing_does_not_wait_for_who_opens_a_database_that_is_away(app: Application) -> None:
    assert app.journal._lock.acquire()
    try:
        assert app.journal.close(0.01)
    finally:
        app.journal._lock.release()


def test_a_full_line_is_counted_and_the_answer_comes(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.journal._exposures, "_capacity", 4)
    monkeypatch.setattr(app.journal._exposures, "_every", LONG)
    assert all(len(app.analyze(query(), f"r{k}").stocks) == 3 for k in range(3))
    assert app.journal.counters()["dropped"] == 6


def test_switched_off_it_keeps_nothing_and_reads_what_is_there(app: Application) -> None:
    app.journal.made(predicted())
    assert app.journal.close(LONG)
    off = bootstrap.build(Settings(data_home=app.settings.data_home, journal=False))
    off.journal.made(predicted(method_applied="voting"))
    off.analyze(query(), "one")
    publish(off, 303)
    off.journal.settle_soon()
    assert off.journal.close(LONG)
    found = off.journal.state()
    assert (found["enabled"], found["exposures"], found["rows"][0]["forecasts"]) == (False, 0, 1)
    assert found["rows"][0]["outcomes"] == 0
    off.journal.close(LONG)


def test_a_journal_whose_address_has_options_is_found_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.sqlite3'}?timeout=5"
    app = bootstrap.build(Settings(data_home=tmp_path, database_url=url))
    publish(app, 300)
    app.journal.made(predicted())
    assert reopened(app).journal.state()["rows"][0]["forecasts"] == 1


def test_a_server_settles_as_it_starts(app: Application) -> None:
    app.journal.made(predicted())
    assert app.journal.close(LONG)
    publish(bootstrap.build(Settings(data_home=app.settings.data_home, journal=False)), 303)
    server = bootstrap.build(app.settings)
    server.journal.settle_soon()
    assert server.journal.close(LONG)
    assert server.journal.report("1d")["dates"] == 1
    server.journal.close(LONG)


def test_a_settlement_forgets_what_was_shown_long_ago(app: Application) -> None:
    app.journal.made(predicted())
    wait_for(lambda: app.journal.counters()["forecastsWritten"] == 1)
    now, day = utc_now().timestamp(), 86_400.0
    one = Exposure("r", "AAA", "synthetic", "2017-02-27", None, 60.0, False, None, now)
    aged = [one._replace(request=f"r{days}", shown_at=now - days * day) for days in (0, 399, 401, 4_000)]
    app.journal._journal().expose(aged)
    app.journal.settle()
    assert app.journal.state()["exposures"] == 2
    kept = bootstrap.build(Settings(data_home=app.settings.data_home, journal_exposure_days=1))
    kept.journal.settle()
    assert kept.journal.state()["exposures"] == 1
    kept.journal.close(LONG)


def test_an_empty_home_has_an_empty_journal(tmp_path: Path) -> None:
    app = bootstrap.build(Settings(data_home=tmp_path))
    app.journal.settle_soon()
    app.journal.made(predicted())
    assert app.journal.settle() == {}
    assert app.journal.state() == {"enabled": True, "rows": [], "exposures": 0}
    found = app.journal.report("7d")
    assert (found["dates"], found["note"]) == (0, "no forecast of this horizon has matured yet")
    assert app.journal.close()
    assert not list(tmp_path.iterdir())
