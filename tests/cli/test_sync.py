"""`vfr data sync` against five played vendors, by the command line a user types."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import RunCli
from tests.conformance.faults import WIRE
from tests.conformance.market import NOW
from tests.conformance.replay import Fault, Replay
from tests.conformance.vendors.table import KEYS, VENDORS

from vfr.cli import doctor, history, options, sync

SINCE = ("--since", "2024-05-01")
DESK = ("--provider", "tiingo,yahoo,edgar,fmp")


@pytest.fixture
def vendors() -> Iterator[dict[str, Replay]]:
    """The five vendors, healthy."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Replay(vendor.play)) for name, vendor in VENDORS.items()}


@pytest.fixture
def live(vendors: dict[str, Replay], cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """The command line, wired to the played vendors at the hour of their market."""
    urls = {name: replay.url for name, replay in vendors.items()}
    monkeypatch.setenv("VFR_PROVIDER_URLS", json.dumps(urls))
    for name, key in KEYS.items():
        monkeypatch.setenv(f"VFR_{name.upper()}", key)
    begun = time.perf_counter()
    real = options.application

    def then() -> object:
        app = real()
        clock = lambda: NOW + timedelta(seconds=time.perf_counter() - begun)  # noqa: E731
        return replace(app, live=replace(app.live, clock=clock))

    for module in (sync, history, doctor):
        monkeypatch.setattr(module, "application", then)
    return cli


def test_brings_in_what_four_vendors_know(live: RunCli) -> None:
    done = live("data", "sync", "--universe", "QXZ", *DESK, *SINCE, "--json").json
    assert done["success"]
    assert done["new"]["tiingo bars"] == done["new"]["yahoo bars"] == 44
    assert done["new"]["edgar fundamentals"] > 5
    assert done["current"]
    # The benchmark is not in the played market: named, and in nobody's way.
    assert {(p["subject"], p["code"]) for p in done["problems"]} == {("SPY", "UNKNOWN_AT_SOURCE")}
    answer = live("analyze", "QXZ", "--json").json
    assert answer["data"]["metadata"]["asOf"] == "2024-07-03"
    assert answer["data"]["stocks"][0]["name"] == "Quarry Cross Instruments"
    status = live("data", "status", "--json").json
    assert status["name"] == "live"
    assert status["providers"]["edgar"]["code"] == ""
    assert status["providers"]["yahoo"]["code"] == ""
    assert status["inputStatus"]["prices"]["source"] == "tiingo, yahoo"
    assert not status["inputStatus"]["prices"]["age"]["fresh"]


def test_the_past_is_shown_on_the_basis_of_its_day(live: RunCli, tmp_path: Path) -> None:
    live("data", "sync", "--universe", "QXZ", *DESK, *SINCE)
    before = live("data", "as-of", "2024-06-07", "--symbols", "qxz", "--json").json
    after = live("data", "as-of", "2024-06-10", "--symbols", "QXZ", "--json").json
    assert (before["asOf"], after["asOf"]) == ("2024-06-07", "2024-06-10")
    assert before["stocks"][0]["close"] == pytest.approx(10 * after["stocks"][0]["close"], rel=0.1)
    newest = before["stocks"][0]["statements"][0]
    assert newest["periodEnd"] == "2023-12-31"
    assert newest["items"]["revenue"] > 0
    origins = before["stocks"][0]["origins"]
    assert origins["bar"]["close"]["source"] == "tiingo"
    assert origins["statement"]["revenue"]["source"] == "edgar"
    assert origins["statement"]["revenue"]["form"] == "10-K"
    assert {one["source"] for one in origins["profile"].values()} >= {"tiingo", "yahoo"}
    shown = live("data", "as-of", "2024-06-07", "--symbols", "QXZ", "--out", str(tmp_path / "then"))
    assert "2023-12-31" in shown.out
    assert live("data", "import", str(tmp_path / "then"), "--as", "then", "--json").json["sessions"] == 27
    assert live("data", "as-of", "2024-06-07", "--symbols", "QXZ", "--json").json["stocks"][0]["origins"] is None
    taken = live("data", "sync", "--universe", "QXZ", "--provider", "tiingo", "--as", "then", *SINCE)
    assert "no data set of a sync" in taken.err
    assert "filled by" in live("data", "import", str(tmp_path / "then"), "--as", "live").err
    refused = live("data", "as-of", "2024-06-07", "--out", str(tmp_path / "then"))
    assert refused.code == 2
    assert "is there already" in refused.err
    [version] = live("data", "versions", "--json").json["versions"]
    same = live("data", "as-of", "2024-06-07", "--name", "live", "--version", version["version"], "--json").json
    assert same["dataVersion"] == before["dataVersion"]
    assert "holds no version" in live("data", "as-of", "2024-06-07", "--name", "live", "--version", "x").err


def test_the_next_sync_needs_no_options_and_asks_only_what_is_new(live: RunCli, vendors: dict[str, Replay]) -> None:
    live("data", "sync", "--universe", "QXZ", "--provider", "tiingo", *SINCE)
    asked = len(vendors["tiingo"].asked)
    again = live("data", "sync", "--json").json
    assert again["asked"] == 0  # not even about the benchmark, which nobody knows: not again today
    assert len(vendors["tiingo"].asked) == asked
    # Who was never named is never asked: a licence may forbid it.
    assert vendors["yahoo"].asked == []


@pytest.mark.parametrize("fault", ["throttled_for_long", "server_error", "html", "denied"])
def test_a_vendor_that_fails_is_named_and_the_others_answer(
    live: RunCli, vendors: dict[str, Replay], fault: str
) -> None:
    vendors["edgar"].fault = Fault(WIRE[fault])
    shown = live("data", "sync", "--universe", "QXZ", "--provider", "tiingo,edgar", *SINCE)
    assert shown.code == 0
    assert "edgar" in shown.out
    for key in KEYS.values():
        assert key not in shown.out + shown.err
    assert live("analyze", "QXZ", "--json").json["data"]["stocks"][0]["price"] > 0


def test_asks_nothing_on_a_dry_run(live: RunCli, vendors: dict[str, Replay]) -> None:
    plan = live("data", "sync", "--universe", "QXZ,QXY", *DESK, *SINCE, "--dry-run", "--json").json
    assert plan["questions"] == {"tiingo": 5, "yahoo": 7, "edgar": 6, "fmp": 7}
    assert not any(replay.asked for replay in vendors.values())


def test_a_file_is_a_universe_with_its_members(live: RunCli, tmp_path: Path) -> None:
    table = tmp_path / "members.csv"
    table.write_text("symbol,start_date,end_date\nQXZ,2010-01-04,\nGONE,2001-01-02,2009-05-01\n")
    done = live("data", "sync", "--universe", str(table), "--provider", "tiingo", *SINCE, "--json").json
    assert done["new"]["file membership"] == 2
    assert {p["subject"] for p in done["problems"]} == {"SPY"}


def test_the_index_comes_from_a_vendor_that_knows_its_members(live: RunCli) -> None:
    done = live("data", "sync", "--universe", "sp500", "--provider", "fmp", *SINCE, "--json").json
    assert done["success"]
    assert done["new"]["fmp profile"] == 5
    unknown = live("data", "sync", "--universe", "sp500", "--provider", "tiingo", "--as", "other", *SINCE)
    assert unknown.code == 2
    assert "VFR_FMP_KEY" in unknown.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--universe", ""), "say what to bring in"),
        (("--universe", "AAPL;DROP"), "is not a ticker"),
        (("--universe", "nowhere.csv"), "there is no such file"),
        (("--universe", "AAPL", "--provider", "bloomberg"), "choose from yahoo, edgar"),
        (("--universe", "AAPL", "--provider", "tiingo"), "VFR_TIINGO_KEY"),
        (("--universe", "AAPL", "--since", "yesterday"), "YYYY-MM-DD"),
        (("--universe", "AAPL", "--provider", "yahoo", "--as", "../x"), "lower-case"),
        (("--universe", "AAPL", "--provider", "yahoo", "--as", "bundled"), "choose another name"),
        (("--universe", "AAPL", "--provider", "yahoo", "--replace", "MSFT"), "not in the universe"),
    ],
)
def test_bad_input_is_named_with_its_fix(cli: RunCli, argv: tuple[str, ...], words: str) -> None:
    shown = cli("data", "sync", *argv)
    assert shown.code in {1, 2}
    assert words in shown.err


def test_a_worker_does_its_job_once(live: RunCli) -> None:
    live("data", "sync", "--universe", "QXZ", "--provider", "tiingo", *SINCE)
    assert live("worker", "--once").code == 0
    assert live("worker", "--once", "--as", "nothing").code == 1


def test_the_doctor_names_what_is_off(cli: RunCli, bundled_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [told] = [one for one in cli("doctor", "--json", home=bundled_home).json["checks"] if one["check"] == "providers"]
    assert told["outcome"] == "note"
    assert told["message"] == (
        "asked: yahoo; not asked: edgar (VFR_EDGAR_CONTACT is not set), fred (VFR_FRED_KEY is not set)"
    )
    monkeypatch.setenv("VFR_SYNC_PROVIDERS", "yahoo")
    [told] = [one for one in cli("doctor", "--json", home=bundled_home).json["checks"] if one["check"] == "providers"]
    assert told["outcome"] == "ok"


def test_an_archive_elsewhere_goes_on_with_the_same_name(
    live: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live("data", "sync", "--universe", "QXZ", "--provider", "tiingo", *SINCE)
    monkeypatch.setenv("VFR_ARCHIVE_URL", str(tmp_path / "elsewhere"))
    assert live("data", "sync", "--refetch", "--json").json["new"]["tiingo bars"] == 44


def test_a_sync_that_learns_nothing_publishes_nothing(live: RunCli, vendors: dict[str, Replay]) -> None:
    vendors["tiingo"].fault = Fault(WIRE["denied"])
    assert live("data", "sync", "--universe", "QXZ", "--provider", "tiingo", *SINCE).code == 1
    assert live("data", "versions", "--json").json["versions"] == []
    assert live("data", "status", "--json").json["providers"]["tiingo"]["code"] == "PROVIDER_DENIED"


def test_a_schedule_that_never_comes_is_a_setting(cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_SYNC_SCHEDULE", "99 22 * * mon-fri")
    shown = cli("worker")
    assert (shown.code, "VFR_SYNC_SCHEDULE" in shown.err) == (2, True)
