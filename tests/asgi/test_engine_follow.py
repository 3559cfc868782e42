"""What the engine does between two changes, and what it says of itself meanwhile."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from vfr.asgi import engine
from vfr.errors import DatasetCorrupt
from vfr.workflows.compiling import COMPILING


class Scripted:
    """A board that is due at first, then a cold process; everything that was done is written down with its stage."""

    def __init__(self, said: dict[str, Any], stop: Event, *, stage: str = "features", broken: bool = False) -> None:
        self.said = said
        self.stop = stop
        self.stage = stage
        self.broken = broken
        self.done: list[tuple[str, str | None]] = []

    def due(self) -> bool:
        return not self.done

    def step(self, tell: Any) -> str:
        tell(self.stage)
        self.done.append(("step", self.said["stage"]))
        return "board"

    def cold(self) -> bool:
        return True

    def warm(self, tell: Any) -> None:
        tell(self.stage)
        self.done.append(("warm", self.said["stage"]))
        self.stop.set()
        if self.broken:
            raise DatasetCorrupt("a file cannot be read")


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(engine, "_LOOK_S", 0.001)
    monkeypatch.setattr(engine, "_QUIET_S", 0.05)

    def run(**more: Any) -> tuple[dict[str, Any], dict[str, int], list[tuple[str, str | None]]]:
        stop, said = Event(), {"refreshed": None, "problem": None, "stage": None}
        counts = {"succeeded": 0, "failed": 0}
        scripted = Scripted(said, stop, **more)
        engine._follow(scripted, said, counts, stop)  # type: ignore[arg-type]
        return said, counts, scripted.done

    return run


def test_after_a_while_without_change_it_is_made_ready_for_the_next(followed: Any, capsys: Any) -> None:
    said, counts, done = followed()
    assert done == [("step", "features"), ("warm", "features")]
    assert (said["stage"], said["problem"], said["refreshed"] is not None) == (None, None, True)
    assert counts == {"succeeded": 1, "failed": 0}
    assert capsys.readouterr().err == ""


def test_kernels_that_are_compiled_are_said_in_the_terminal_and_in_health(followed: Any, capsys: Any) -> None:
    """As at the first start: after an update of the code it takes as long."""
    stage = f"features ({COMPILING})"
    _, _, done = followed(stage=stage)
    assert done[0] == ("step", stage)
    assert capsys.readouterr().err.splitlines() == [f"Machine learning: {stage}"] * 2


def test_what_cannot_be_made_ready_is_a_problem_that_is_said(followed: Any) -> None:
    said, counts, _ = followed(broken=True)
    assert (said["problem"], counts["failed"]) == ("a file cannot be read", 1)
