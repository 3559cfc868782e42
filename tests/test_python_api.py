"""The Python API: what `vfr` exports, and that it answers as the command line does."""

from __future__ import annotations

from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import vfr
from vfr import python_api
from vfr.errors import InvalidField, UnknownDataset


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home that the first call prepares."""
    return tmp_path_factory.mktemp("python")


def test_what_the_package_exports() -> None:
    names = [
        "__version__",
        "analyze",
        "evidence",
        "import_data",
        "load_snapshot",
        "lookahead",
        "monitor_performance",
        "sync",
        "train",
    ]
    assert vfr.__all__ == names
    assert dir(vfr) == names
    assert python_api.__all__ == names[1:]
    assert all(getattr(vfr, name) is getattr(python_api, name) for name in names[1:])


def test_the_version_is_the_distribution_s() -> None:
    assert vfr.__version__ == metadata.version("vfr")


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'oracle'"):
        vfr.oracle  # noqa: B018


def test_analyze_answers_typed_and_as_a_table(home: Path) -> None:
    answer = vfr.analyze(["aapl", "XOM"], home=home)
    assert {stock.symbol for stock in answer.stocks} == {"AAPL", "XOM"}
    assert answer.to_dict()["stocks"][0]["symbol"] == answer.stocks[0].symbol
    frame = answer.to_frame()
    assert frame["symbol"].to_list() == [stock.symbol for stock in answer.stocks]
    assert vfr.analyze("AAPL", home=str(home)).stocks[0].ml is None


def test_days_are_read_however_they_are_written(home: Path) -> None:
    days = ("2015-06-28", date(2015, 6, 28), np.datetime64("2015-06-28"))
    asked = [vfr.analyze("AAPL", as_of=day, home=home).metadata["asOf"] for day in days]
    assert asked == ["2015-06-26"] * 3


def test_a_sector_instead_of_symbols(home: Path) -> None:
    sector = vfr.analyze("AAPL", home=home).stocks[0].sector
    assert len(vfr.analyze(sector=sector, limit=2, home=home).stocks) == 2


def test_an_unknown_symbol_is_listed_and_a_wrong_argument_raises(home: Path) -> None:
    assert [error.code for error in vfr.analyze(["ZZZZ"], home=home).errors] == ["UNKNOWN_SYMBOL"]
    days = ({"as_of": "soon"}, {"as_of": "1950-01-03"}, {"as_of": "2200-01-03"})
    for wrong in ({"ml_horizon": "4h"}, {"ml_weight": 2.0}, {"limit": 0}, *days):
        with pytest.raises(InvalidField, match=next(iter(wrong))):
            vfr.analyze(["AAPL"], home=home, **wrong)
    with pytest.raises(InvalidField, match="symbols"):
        vfr.analyze(home=home)


def test_ml_says_why_there_is_none(home: Path) -> None:
    stock = vfr.analyze("AAPL", include_ml=True, home=home).to_dict()["stocks"][0]
    assert stock["mlUnavailable"]["code"] == "NO_MODEL"


def test_snapshots_by_name(home: Path) -> None:
    snapshot = vfr.load_snapshot(home=home)
    assert snapshot.name == "bundled"
    assert vfr.load_snapshot("bundled", home=home).version == snapshot.version
    with pytest.raises(UnknownDataset, match="nothing"):
        vfr.load_snapshot("nothing", home=home)


def test_import_data_needs_no_bundled_data(tmp_path: Path) -> None:
    snapshot_days = np.arange(np.datetime64("2018-01-01"), np.datetime64("2019-01-01"))
    days = snapshot_days[np.is_busday(snapshot_days)]
    lines = ["date,TA,TB", *(f"{day},{10 + 0.01 * n:.2f},{20 - 0.01 * n:.2f}" for n, day in enumerate(days))]
    (tmp_path / "prices.csv").write_text("\n".join(lines))
    result = vfr.import_data(str(tmp_path), name="two", home=tmp_path / "home")
    assert (result.name, result.symbols) == ("two", 2)
    assert vfr.load_snapshot(home=tmp_path / "home").version == result.version


def test_train_and_evidence_refuse_what_has_no_learner(home: Path) -> None:
    with pytest.raises(InvalidField, match="horizons"):
        vfr.train(horizons=["4h"], home=home)
    with pytest.raises(InvalidField, match="as_of"):
        vfr.train(as_of="soon", home=home)
    with pytest.raises(InvalidField, match="members"):
        vfr.train(members=["oracle"], home=home)
    with pytest.raises(InvalidField, match="horizon"):
        vfr.evidence(horizon="4h", home=home)


def test_live_data_comes_in_and_the_past_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    from tests.conformance.market import NOW
    from tests.conformance.replay import Replay
    from tests.conformance.vendors.table import KEYS, VENDORS

    from vfr.bootstrap.live import Live

    monkeypatch.setattr("vfr.bootstrap.application.Live", partial(Live, clock=lambda: NOW))
    with Replay(VENDORS["tiingo"].play) as replay:
        monkeypatch.setenv("VFR_PROVIDER_URLS", f'{{"tiingo": "{replay.url}"}}')
        monkeypatch.setenv("VFR_TIINGO_KEY", KEYS["tiingo_key"])
        report = vfr.sync("QXZ", providers=["tiingo"], since="2024-05-01", home=tmp_path)
    assert report.new["tiingo bars"] == 44
    then = vfr.load_snapshot("live", as_of="2024-06-07", home=tmp_path)
    now = vfr.load_snapshot("live", home=tmp_path)
    assert then.panel.close[-1, 0] == pytest.approx(10 * now.panel.close[then.panel.shape[0] - 1, 0])
    with pytest.raises(InvalidField, match="universe"):
        vfr.sync(home=tmp_path / "empty")
