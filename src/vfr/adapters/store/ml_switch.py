"""The stored on/off switch of machine learning, and who turned it when and why.

::

    HOME/ml/switch.json     the state; replaced in one rename
    HOME/ml/audit.jsonl     append-only: one row per change
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vfr.adapters.store.models_log import append_rows, read_rows
from vfr.adapters.store.publishing import single_writer
from vfr.adapters.store.replace import replace_file
from vfr.clock import utc_now
from vfr.errors import InvalidField

__all__ = ["MlSwitch", "SwitchState"]

MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class SwitchState:
    """Whether machine learning is on, and who said so; `reason`, `who` and `at` are empty until the first change."""

    enabled: bool
    reason: str = ""
    who: str = ""
    at: str = ""


class MlSwitch:
    """The switch of one data home.

    Parameters
    ----------
    home : Path
        Data home.

    Notes
    -----
    A state that cannot be read counts as off: the classic answer never needs machine learning, and an operator who
    switched it off must not find it on again after a damaged disk.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "ml"
        self._state = self._folder / "switch.json"
        self._audit = self._folder / "audit.jsonl"

    def read(self) -> SwitchState:
        """Return the state; on if it was never changed."""
        try:
            raw = json.loads(self._state.read_bytes())
            return SwitchState(bool(raw["enabled"]), str(raw["reason"]), str(raw["who"]), str(raw["at"]))
        except FileNotFoundError:
            return SwitchState(enabled=True)
        except (OSError, ValueError, KeyError, TypeError):
            return SwitchState(enabled=False, reason="the stored switch cannot be read; `vfr ml enable` writes it anew")

    def set(self, enabled: bool, *, reason: str, who: str) -> SwitchState:
        """Change the state and append a row to the audit log; the log is written first.

        Raises
        ------
        InvalidField
            If `reason` is empty, too long or not printable.
        """
        text = reason.strip()
        if not text or len(text) > MAX_TEXT or not text.isprintable():
            raise InvalidField("reason", f"is required: say why in 1 to {MAX_TEXT} printable characters")
        state = SwitchState(enabled, text, who, utc_now().isoformat(timespec="seconds"))
        with single_writer(self._folder):
            append_rows(self._audit, [asdict(state)])
            replace_file(self._state, json.dumps(asdict(state)).encode())
        return state

    def audit(self) -> Sequence[SwitchState]:
        """Return every change, newest first; a row cut off by a crash is left out."""
        return tuple(SwitchState(**row) for row in reversed(read_rows(self._audit)))
