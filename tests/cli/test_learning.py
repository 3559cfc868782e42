"""`vfr train`, `evidence`, `lookahead` and `serve`: what they ask for, and what they print of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from vfr import bootstrap
from vfr.adapters.store.evidence_files import REPORTS, ReportFiles
from vfr.cli import evidence, lookahead, train, tune
from vfr.dashboard.evidence_page import page
from vfr.data.coverage import YearCoverage
from vfr.settings import Settings
from vfr.workflows.evidence_filing import About
from vfr.workflows.evidence_report import EvidenceReport, Table
from vfr.workflows.lookahead import Leak, LookaheadReport
from vfr.workflows.train import Trained, TrainReport


class Application:
    """Keeps what it was asked, and answers with what it was given."""

    def __init__(self, answer: Any = None, missing: tuple[str, ...] = ()) -> None:
        self.asked: dict[str, Any] = {}
        self._answer = answer
        self._missing = missing

    def prepare(self, progress: Any = None) -> None:
        progress("preparing", 0.0)

    def untrained(self) -> tuple[str, ...]:
        return self._missing

    def _ask(self, **asked: Any) -> Any:
        asked.pop("progress")("working", 0.5)
        self.asked = asked
        return self._answer

    train = lookahead = _ask

    def evidence(self, **asked: Any) -> Any:
        return (self._ask(**asked),)

    @property
    def learning(self) -> Application:
        return self


def trained(model_id: str, status: str, refused: tuple[str, ...] = ()) -> Trained:
    figures = {"rank_ic": 0.0223, "accuracy": 0.539, "accuracy_base_rate": 0.5389, "brier_skill": None}
    return Trained(model_id, "linear", "7d", status, refused, 3, 83_060, "2022-12-28", figures, {}, 12.0)


def report(*rows: Trained) -> TrainReport:
    return TrainReport("bundled", "2f4c89427f387db6", "spec", 7, 12.3, rows, (YearCoverage(2019, 451.7, 505.0),))


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch):
    def use(*given: Any, **more: Any) -> Application:
        made = Application(*given, **more)
        for module in (train, evidence, lookahead, tune):
            monkeypatch.setattr(module, "application", lambda: made)
        return made

    return use


def test_train_asks_for_what_was_said(cli, application) -> None:
    app = application(report(trained("linear-7d-a", "champion"), trained("linear-7d-b", "staged", ("leak.ic",))))
    result = cli("train", "--horizon", "1w,30d", "--members", "linear", "--as-of", "2015-06-30", "--seed", "7")
    assert result.code == 0
    assert app.asked == {
        "horizons": ("7d", "30d"),
        "members": ("linear",),
        "as_of": np.datetime64("2015-06-30"),
        "seed": 7,
        "cluster": None,
        "jobs": None,
        "shadow": False,
        "starter": False,
        "override_rows": "",
        "who": "command line",
    }
    assert "linear-7d-a" in result.out
    assert "champion" in result.out
    assert "0.5389" in result.out
    assert "linear-7d-b: refused by leak.ic" in result.out
    assert "Survivorship: 452 of 505 members in 2019 are priced" in " ".join(result.out.split())
    assert result.err.splitlines() == ["preparing", "working"]


def test_starter_trains_what_is_missing(cli, application) -> None:
    app = application(report(), missing=("30d",))
    assert "Nothing to train" in cli("train", "--starter").out
    assert app.asked["horizons"] == ("30d",)
    body = cli("train", "--starter", "--json")
    assert body.json["models"] == []
    assert body.err == ""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("train", "--horizon", "4h"), "--horizon: "),
        (("train", "--as-of", "soon"), "--as-of: "),
        (("evidence", "--horizon", "4h"), "--horizon: "),
        (("evidence", "--start", "soon"), "--start: "),
        (("train", "--horizon", ","), "--horizon: name at least one of 1d, 7d, 30d"),
        (("evidence", "--horizon", ""), "--horizon: name at least one"),
        (("tune", "--horizon", ","), "--horizon: name at least one"),
        (("tune", "--members", ","), "--members: name at least one"),
        (("tune", "--members", "linear,oracle"), "--members: oracle cannot be tuned"),
        (("tune", "--until", "soon"), "--until: "),
        (("train", "--seed", "4294967296"), "'--seed'"),
    ],
)
def test_bad_input_is_bad_usage(cli, application, argv: tuple[str, ...], said: str) -> None:
    app = application(report())
    result = cli(*argv)
    assert result.code == 2
    assert said in result.err
    assert app.asked == {}


def test_a_member_without_learner_is_bad_usage(cli, bundled_home) -> None:
    result = cli("train", "--members", "oracle", "--json", home=bundled_home)
    assert result.code == 2
    assert "oracle" in result.json["error"]


def evidence_report() -> EvidenceReport:
    table = Table(
        "Rank IC", ("rows", "ic", "t"), (("members [all]", 0.0141, float("nan")), ("others", True, 1234)), "n [1]"
    )
    return EvidenceReport({"data": "bundled", "seed": 0, "from": None}, (table,))


def test_evidence_prints_every_table(cli, application) -> None:
    app = application(evidence_report())
    result = cli("evidence", "--horizon", "1m", "--classic", "--release", "--start", "2010-01-04")
    assert app.asked == {
        "horizons": ("30d",),
        "members": None,
        "classic": True,
        "release": True,
        "start": np.datetime64("2010-01-04"),
        "against": None,
        "seed": 0,
        "seeds": 1,
        "ablate": (),
        "replay": False,
        "out": None,
        "page": page,
        "cluster": None,
        "jobs": None,
    }
    row = next(line for line in result.out.splitlines() if "members [all]" in line)
    assert row.split() == ["members", "[all]", "0.0141", "—"]
    assert next(line for line in result.out.splitlines() if "others" in line).split() == ["others", "yes", "1,234"]
    assert "n [1]" in result.out
    body = cli("evidence", "--json").json
    assert body["tables"][0]["rows"][0] == {"rows": "members [all]", "ic": 0.0141, "t": None}


def test_reports_that_are_kept_are_listed(cli, tmp_path: Path) -> None:
    assert "No reports yet" in cli("evidence", "--list", home=tmp_path).out
    files = ReportFiles(tmp_path / REPORTS, None)
    about = About("us", "0123456789abcdef", "7d", "learners", "release")
    report_id = files.name(evidence_report(), about)
    files.save(report_id, evidence_report(), about)
    shown = cli("evidence", "--list", home=tmp_path)
    assert report_id in shown.out
    assert "us (0123456789ab)" in shown.out
    [row] = cli("evidence", "--list", "--json", home=tmp_path).json["reports"]
    assert (row["report_id"], row["about"]["data_version"]) == (report_id, "0123456789abcdef")


def test_outside_scores_that_cannot_be_used_are_bad_usage(cli, bundled_home, tmp_path: Path) -> None:
    pl.DataFrame({"day": ["2020-01-02"], "score": [1.0]}).write_parquet(tmp_path / "theirs.parquet")
    result = cli("evidence", "--against", str(tmp_path / "theirs.parquet"), home=bundled_home)
    assert result.code == 2
    assert "--against: date: no such column" in result.err


def found(leaks: tuple[Leak, ...] = (), unchecked: tuple[str, ...] = ()) -> LookaheadReport:
    return LookaheadReport(("a", "b"), leaks, unchecked)


def test_lookahead_passes_when_nothing_leaks(cli, application) -> None:
    application(found())
    assert cli("lookahead").code == 0
    assert "2 checked, 0 leaks, 0 unchecked" in cli("lookahead").out
    assert cli("lookahead", "--json").json == {"success": True, "checked": ["a", "b"], "leaks": [], "unchecked": []}


def test_lookahead_fails_on_a_leak_and_on_an_unchecked_entry(cli, application) -> None:
    application(found(unchecked=("b",)))
    result = cli("lookahead")
    assert result.code == 1
    assert "unchecked b" in result.out
    application(found(leaks=(Leak("a", "feature", "truncation", "AAPL on [2019-06-28]"),)))
    result = cli("lookahead", "--json")
    assert (result.code, result.json["success"], result.json["leaks"][0]["name"]) == (1, False, "a")
    assert "leak feature a: truncation changes AAPL on [2019-06-28]" in cli("lookahead").out


def test_serve_hands_its_options_to_the_server(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr("vfr.asgi.serve", served.append)
    assert cli("serve", "--port", "9001", "--workers", "2", "--json").code == 0
    assert (served[0].host, served[0].port, served[0].workers) == ("127.0.0.1", 9001, 2)
    assert served[0].log_format == "json"


def test_serve_refuses_a_port_that_cannot_be(cli) -> None:
    result = cli("serve", "--port", "99999")
    assert result.code == 2
    assert "VFR_PORT" in result.err


def test_an_evidence_run_is_counted_in_the_data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    monkeypatch.setattr(
        "vfr.workflows.evidence.evidence_reports", lambda *_, ledger, **__: counted.append(ledger.append({}))
    )
    app = bootstrap.build(Settings(data_home=tmp_path))
    app.prepare()
    app.learning.evidence()
    app.learning.evidence()
    rows = (tmp_path / "evidence" / "ledger.jsonl").read_text().splitlines()
    assert len(rows) == 2
    assert counted[0] != counted[1]
