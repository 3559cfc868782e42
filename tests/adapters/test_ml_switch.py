"""The machine-learning switch: on until somebody says why not; every change is audited."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfr.adapters.store.ml_switch import MlSwitch
from vfr.errors import InvalidField


def test_on_until_changed(tmp_path: Path) -> None:
    assert MlSwitch(tmp_path).read().enabled
    assert MlSwitch(tmp_path).audit() == ()


def test_changes_are_kept_and_audited(tmp_path: Path) -> None:
    MlSwitch(tmp_path).set(False, reason="drift alert", who="ana")
    MlSwitch(tmp_path).set(True, reason="drift explained", who="ben")
    assert MlSwitch(tmp_path).read().enabled
    rows = MlSwitch(tmp_path).audit()
    assert [(r.enabled, r.reason, r.who) for r in rows] == [
        (True, "drift explained", "ben"),
        (False, "drift alert", "ana"),
    ]
    assert all(r.at.endswith("+00:00") for r in rows)


@pytest.mark.parametrize("reason", ["", "   ", "a\x00b", "x" * 501])
def test_a_reason_is_required(tmp_path: Path, reason: str) -> None:
    with pytest.raises(InvalidField, match="reason"):
        MlSwitch(tmp_path).set(False, reason=reason, who="ana")
    assert MlSwitch(tmp_path).read().enabled


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"enabled": true}'])
def test_a_damaged_state_is_off(tmp_path: Path, damage: bytes) -> None:
    MlSwitch(tmp_path).set(True, reason="r", who="w")
    (tmp_path / "ml" / "switch.json").write_bytes(damage)
    assert not MlSwitch(tmp_path).read().enabled
    MlSwitch(tmp_path).set(True, reason="mended", who="w")
    assert MlSwitch(tmp_path).read().enabled
