from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.adapters.store import evidence_files
from vfr.adapters.store.evidence_files import (
    REPORTS,
    ReportFiles,
    code_version,
    latest_report,
    outside_scores,
    write_report,
)
from vfr.errors import InvalidField
from vfr.workflows.evidence_filing import About
from vfr.workflows.evidence_report import EvidenceReport, Table


def report(ic: float = 0.01) -> EvidenceReport:
    return EvidenceReport({"horizon": "7d"}, (Table("Rank IC", ("model", "rank IC"), (("average", ic),), "note"),))


def about(version: str = "v1", horizon: str = "7d", judged: str = "learners") -> About:
    return About("us", version, horizon, judged, "release")


@pytest.fixture
def clock(monkeypatch):
    """Let every look at the clock find it a minute later."""
    minutes = iter(range(1000))
    monkeypatch.setattr(
        evidence_files, "utc_now", lambda: datetime(2026, 1, 2, 3, tzinfo=UTC).replace(minute=next(minutes))
    )


def keep(files: ReportFiles, found: EvidenceReport, what: About) -> str:
    report_id = files.name(found, what)
    files.save(report_id, found, what)
    return report_id


def test_a_report_is_kept_under_day_horizon_and_hash_and_found_again(tmp_path, clock):
    files = ReportFiles(tmp_path / REPORTS, lambda reports: f"<p>{len(reports)}</p>")
    first = keep(files, report(), about())
    assert first.startswith("2026-01-02-7d-learners-")
    assert first == files.name(report(), about())
    assert first != files.name(report(0.02), about())
    folder = tmp_path / REPORTS / first
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    assert json.loads((folder / "report.json").read_text())["reports"] == [report().to_dict()]
    assert (folder / "report.html").read_text() == "<p>1</p>"
    later = keep(files, report(0.02), about())
    assert [filed.report_id for filed in files.listed()] == [later, first]
    assert files.listed()[0].about == about()


def test_the_latest_report_of_a_data_version_and_horizon_is_named(tmp_path, clock):
    files = ReportFiles(tmp_path / REPORTS, None)
    assert latest_report(tmp_path, "v1", "7d") is None
    keep(files, report(0.01), about())
    newest = keep(files, report(0.02), about())
    keep(files, report(0.03), about(horizon="1d"))
    keep(files, report(0.04), about("v2"))
    classic = keep(files, report(0.05), about(judged="classic"))
    assert latest_report(tmp_path, "v1", "7d") == newest
    assert latest_report(tmp_path, "v1", "7d", "classic") == classic
    assert latest_report(tmp_path, "v3", "7d") is None


def test_a_report_cut_short_is_not_there_and_is_written_whole_the_next_time(tmp_path):
    files = ReportFiles(tmp_path / REPORTS, None)
    report_id = keep(files, report(), about())
    whole = tmp_path / REPORTS / report_id / "report.json"
    whole.write_text(whole.read_text()[:20])
    assert files.listed() == []
    whole.unlink()
    assert files.listed() == []
    assert keep(files, report(), about()) == report_id
    assert [filed.report_id for filed in files.listed()] == [report_id]


def test_what_is_no_report_is_not_listed_and_keeps_nothing_from_being(tmp_path):
    files = ReportFiles(tmp_path / REPORTS, None)
    report_id = keep(files, report(), about())
    for name, body in {"deep": b"[" * 100_000, "list": b"[]", "other": b'{"made": "2030", "about": "x"}'}.items():
        (tmp_path / REPORTS / name).mkdir()
        (tmp_path / REPORTS / name / "report.json").write_bytes(body)
    (tmp_path / REPORTS / "pipe").mkdir()
    os.mkfifo(tmp_path / REPORTS / "pipe" / "report.json")
    assert [filed.report_id for filed in files.listed()] == [report_id]


def test_what_is_kept_once_is_not_written_over(tmp_path):
    files = ReportFiles(tmp_path / REPORTS, None)
    report_id = keep(files, report(), about())
    path = tmp_path / REPORTS / report_id / "report.json"
    before = path.stat().st_mtime_ns
    files.save(report_id, report(), about())
    assert path.stat().st_mtime_ns == before


def test_a_copy_replaces_what_was_there(tmp_path):
    write_report(tmp_path, [report(0.01)], None, {})
    write_report(tmp_path, [report(0.02), report(0.03)], None, {})
    found = json.loads((tmp_path / "report.json").read_text())["reports"]
    assert [one["tables"][0]["rows"][0]["rank IC"] for one in found] == [0.02, 0.03]
    assert (tmp_path / "report.md").read_text().count("### Rank IC") == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_the_version_of_the_code_is_the_same_twice():
    assert code_version() == code_version()
    assert len(code_version()) == 12


def table(**more) -> dict:
    given = {"date": [date(2020, 1, 2), date(2020, 1, 3)], "symbol": ["AAA", "BBB"], "score": [0.5, None]}
    return given | more


def written(folder: Path, columns: dict) -> Path:
    path = folder / "theirs.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def test_scores_are_read_from_parquet_and_named_for_the_file(tmp_path):
    found = outside_scores(written(tmp_path, table(horizon=["7d", "30d"])))
    assert found.name == "theirs"
    assert found.dates.tolist() == [date(2020, 1, 2), date(2020, 1, 3)]
    assert found.symbols.tolist() == ["AAA", "BBB"]
    assert found.scores[0] == 0.5
    assert np.isnan(found.scores[1])
    assert found.horizons is not None
    assert found.horizons.tolist() == ["7d", "30d"]
    assert outside_scores(written(tmp_path, table())).horizons is None
    odd = written(tmp_path, table()).rename(tmp_path / "their | new\n1.parquet")
    assert outside_scores(odd).name == "their new 1"


def test_dates_and_scores_may_come_in_other_types():
    moments = [datetime(2020, 1, day, 21, tzinfo=UTC) for day in (2, 3)]
    texts = ["2020-01-02", "2020-01-03"]
    for dates in (moments, texts):
        assert outside_scores(pl.DataFrame(table(date=dates))).dates.tolist() == table()["date"]
    assert outside_scores(pl.DataFrame(table(score=[3, 4]))).scores.tolist() == [3.0, 4.0]
    assert outside_scores(pl.DataFrame(table())).name == "outside"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"date": [date(2020, 1, 2)], "symbol": ["A"]}, "score: no such column"),
        ({"symbol": ["A"], "score": [1.0]}, "date: no such column"),
        ({"date": [date(2020, 1, 2)], "score": [1.0]}, "symbol: no such column"),
        (table(date=["soon", "later"]), "date: must hold days"),
        (table(date=[1, 2]), "date: must hold days"),
        (table(score=["high", "low"]), "score: must hold numbers"),
        (table(symbol=[1, 2]), "symbol: must hold tickers"),
        (table(symbol=["A", None]), "symbol: 1 rows are empty"),
        (table(date=[None, date(2020, 1, 2)]), "date: 1 rows are empty"),
        (table(horizon=["7d", None]), "horizon: 1 rows are empty"),
    ],
)
def test_bad_columns_are_named_with_the_fix(tmp_path, columns, said):
    with pytest.raises(InvalidField, match=f"^against: {said}"):
        outside_scores(written(tmp_path, columns))


def test_what_is_no_parquet_is_refused_by_name(tmp_path):
    path = tmp_path / "theirs.parquet"
    path.write_text("date,symbol,score")
    with pytest.raises(InvalidField, match=r"against: theirs\.parquet cannot be read as parquet"):
        outside_scores(path)
    with pytest.raises(InvalidField, match=r"absent\.parquet cannot be read"):
        outside_scores(tmp_path / "absent.parquet")
