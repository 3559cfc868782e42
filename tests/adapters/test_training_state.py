"""The training state: reported by one leader, read by everybody, and true after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vfr.adapters.store.training_state import TrainingState

LEADER = """
import sys, time
from pathlib import Path
from vfr.adapters.store.training_state import TrainingState
with TrainingState(Path(sys.argv[1])).lead() as report:
    report("fold 3", 0.4)
    print("leading", flush=True)
    time.sleep(60)
"""


def test_nothing_ever_ran(tmp_path: Path) -> None:
    assert TrainingState(tmp_path).read().to_dict() == {
        "state": "idle", "stage": "", "progress": 0, "startedAt": None, "updatedAt": None, "message": "",
    }  # fmt: skip


def test_a_run_from_start_to_end(tmp_path: Path) -> None:
    state = TrainingState(tmp_path)
    with state.lead() as report:
        assert report is not None
        report("7d: fold 2 of 8", 0.25)
        seen = TrainingState(tmp_path).read()
        assert (seen.phase, seen.stage, seen.fraction) == ("running", "7d: fold 2 of 8", 0.25)
    assert state.read().phase == "finished"


def test_a_failure_is_told(tmp_path: Path) -> None:
    state = TrainingState(tmp_path)
    with pytest.raises(ValueError, match="disk"), state.lead():
        raise ValueError("disk")
    assert (state.read().phase, state.read().message) == ("failed", "ValueError")


def test_one_leader_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.store.training_state._TRIES", 1)
    with TrainingState(tmp_path).lead() as first, TrainingState(tmp_path).lead() as second:
        assert first is not None
        assert second is None
    assert TrainingState(tmp_path).read().phase == "finished"


def test_a_killed_leader_reads_as_interrupted_and_can_be_followed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LEADER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as leader:  # noqa: S603
        assert leader.stdout is not None
        assert leader.stdout.readline() == "leading\n"
        assert TrainingState(tmp_path).read().phase == "running"
        leader.send_signal(signal.SIGKILL)
    seen = TrainingState(tmp_path).read()
    assert (seen.phase, seen.stage) == ("interrupted", "fold 3")
    with TrainingState(tmp_path).lead() as report:
        assert report is not None


def test_a_damaged_report_is_no_report(tmp_path: Path) -> None:
    state = TrainingState(tmp_path)
    with state.lead():
        pass
    (tmp_path / "training" / "state.json").write_bytes(b"\x00{")
    assert state.read().phase == "idle"
