"""The switch as earlier versions of VFR kept it, in ``HOME/ml/switch.json``; read once, to be taken over."""

from __future__ import annotations

import json
from pathlib import Path

from vfr.workflows.toggles import EVERYTHING, Toggle

__all__ = ["former_switch"]


def former_switch(path: Path) -> Toggle | None:
    """Return the switch that a file keeps; None where there is none.

    One that cannot be read counts as off: an operator who switched machine learning off must not find it on again.
    """
    try:
        raw = json.loads(path.read_bytes())
        reason, who, at = str(raw["reason"])[:500], str(raw["who"])[:200], str(raw["at"])[:32]
        return Toggle(EVERYTHING, bool(raw["enabled"]), reason, who, at)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Toggle(EVERYTHING, False, "the switch of an earlier version could not be read", "upgrade", "")
