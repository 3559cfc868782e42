"""Forecasts are asked for before a request needs them, and again after every change."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from vfr.asgi.warming import keep_warm, warm


class Asked:
    """An application that counts what it is asked."""

    def __init__(self, enabled: bool, horizons: tuple[str, ...]) -> None:
        self.asked: list[str] = []
        self.heard = Event()
        self.version = "a"
        self.datasets = SimpleNamespace(stamp=lambda: "data")
        self.models = SimpleNamespace(stamp=lambda: self.version)
        self.toggles = SimpleNamespace(read=lambda: SimpleNamespace(enabled=enabled))
        self.forecaster = SimpleNamespace(at=self._at)
        self._state = {"enabled": enabled, "champions": [{"horizon": h} for h in horizons]}

    def ml_state(self) -> dict[str, Any]:
        return self._state

    def _at(self, as_of: None, horizon: str, members: tuple[str, ...], method: str, timeout_ms: int) -> None:
        assert as_of is None
        assert "lightgbm" in members
        self.asked.append(horizon)
        self.heard.set()


@pytest.mark.parametrize(
    ("enabled", "horizons", "asked"),
    [(True, ("7d", "1d"), ["1d", "7d"]), (True, (), []), (False, ("7d",), [])],
)
def test_every_horizon_with_a_champion_is_asked_for(enabled: bool, horizons: Any, asked: Any) -> None:
    application: Any = Asked(enabled, horizons)
    warm(application)
    assert application.asked == asked


def test_a_new_version_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.asgi.warming._LOOK_S", 0.01)
    application: Any = Asked(True, ("7d",))
    ended = keep_warm(application)
    try:
        assert application.heard.wait(10)
        application.heard.clear()
        assert not application.heard.wait(0.1)
        application.version = "b"
        assert application.heard.wait(10)
    finally:
        ended.set()
    assert application.asked == ["7d", "7d"]
