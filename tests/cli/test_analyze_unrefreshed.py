"""`vfr analyze --ml` without a scoreboard: whoever waited in vain is told of `vfr refresh`, where that would help."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.workflows.five import home_of_five

from vfr.bootstrap import Application
from vfr.cli.analyze_forecasts import Advising
from vfr.typing import MEMBER_NAMES
from vfr.workflows.forecaster import DEFAULT_METHOD, MlUnavailable

LATE = "not ready within 50 ms; ask again"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home_of_five(tmp_path / "home").close()
    return tmp_path / "home"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members never answer in time: only a scoreboard does."""

    def late(*_about: Any) -> MlUnavailable:
        return MlUnavailable("TIMEOUT", LATE)

    monkeypatch.setattr("vfr.workflows.cached_forecaster.CachedForecaster.at", late)


def said(cli: Any, *more: str) -> dict[str, Any]:
    return cli("analyze", "SYNAA", "--ml", "--timeout", "50", "--json", *more).json["data"]


@pytest.mark.usefixtures("slow")
def test_before_any_refresh_the_answer_names_it_and_after_it_is_immediate(cli: Any, home: Path) -> None:
    before = said(cli)
    found = before["stocks"][0]["mlUnavailable"]
    assert found["code"] == "TIMEOUT"
    assert "no current scoreboard is published" in found["message"]
    assert "longer than 50 ms; run `vfr refresh`" in found["message"]
    assert before["metadata"]["mlEnhancement"]["reason"] == f"TIMEOUT: {found['message']}"
    assert "vfr refresh" in " ".join(cli("analyze", "SYNAA", "--ml", "--timeout", "50").out.split())
    assert cli("refresh").code == 0
    assert said(cli)["stocks"][0]["mlPrediction"]["fromCache"] is True


@pytest.mark.usefixtures("slow")
def test_where_a_refresh_would_not_help_it_is_not_named(cli: Any, home: Path) -> None:
    day = np.datetime64(said(cli)["metadata"]["asOf"]) - 7
    past = said(cli, "--as-of", str(day))["stocks"][0]["mlUnavailable"]
    assert past == {"code": "TIMEOUT", "message": LATE}


def test_a_scoreboard_whose_members_were_late_is_quoted() -> None:
    """There is one, so it is not for want of a refresh."""
    late = MlUnavailable("TIMEOUT", LATE)
    of_the_board = SimpleNamespace(at=lambda *_: late, ready=lambda *_: late)
    advising = Advising(cast("Application", SimpleNamespace(forecaster=of_the_board)))
    assert advising.at(None, "7d", MEMBER_NAMES, DEFAULT_METHOD, 50) is late
