"""How many examples a property is tried on: a quarter in every run of the suite, all in `make verify`."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples", "register", "thorough"]

THOROUGH = 100
"""Examples of a property that names no number."""


def register() -> None:
    """Make both profiles known and the quick one the default; `--hypothesis-profile thorough` takes the other."""
    # No test judges by the clock: on a busy machine an example takes any time.
    settings.register_profile("thorough", deadline=None, max_examples=THOROUGH)
    settings.register_profile("quick", deadline=None, max_examples=THOROUGH // 4)
    settings.load_profile("quick")


def thorough() -> bool:
    """Return whether everything is tried that there is to try."""
    return settings.default.max_examples >= THOROUGH


def examples(most: int) -> settings:
    """Return the settings of a property that the thorough profile tries on so many examples."""
    return settings(max_examples=most * settings.default.max_examples // THOROUGH)
