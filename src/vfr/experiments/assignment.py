"""Who gets which arm: a pure function of a salt, the experiment and the subject, so nothing need be remembered."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from vfr.experiments.experiment import Arm, Experiment

__all__ = ["assign", "place", "subject_key"]

_KEY_LENGTH: Final = 32
_SPARE: Final = 64 - 53
"""Bits of a hash that a float has no room for."""


def place(salt: str, experiment: str, purpose: str, subject: str) -> float:
    """Return where a subject stands on [0, 1): uniform over subjects, unrelated between experiments and purposes.

    Examples
    --------
    >>> place("salt", "3f", "arm", "user-1") == place("salt", "3f", "arm", "user-1") != place("salt", "40", "arm", "u")
    True
    """
    return (int(_digest(salt, experiment, purpose, subject)[:16], 16) >> _SPARE) * 2.0**-53


def assign(experiment: Experiment, subject: str) -> Arm:
    """Return the arm of a subject: always the same one while the shares stay.

    Notes
    -----
    The holdout is drawn first, by a place of its own. On the other place `shadow` takes what is left of its share, `ml`
    what is right of one less its share, and `classic` what is between. A share that changes therefore moves the fewest
    subjects: as many as it gains or loses, where it changes at the cost or in favour of `classic`; twice as many at
    most. No rule that looks at one subject at a time keeps to the fewest for every change of three shares [1]_.

    References
    ----------
    .. [1] Angel and Spinka (2021), *Pairwise optimal coupling of multiple random variables*.

    Examples
    --------
    >>> half = {"classic": 0.5, "ml": 0.5}
    >>> e = Experiment("3f", "blend", "salt", half, 0.0, "7d", 0.15, "2019-06-28", 0.0, "me", "try it")
    >>> arms = [assign(e, f"user-{n}") for n in range(1000)]
    >>> 450 < arms.count("ml") < 550, arms.count("ml") + arms.count("classic")
    (True, 1000)
    """
    if place(experiment.salt, experiment.id, "holdout", subject) < experiment.holdout:
        return "holdout"
    at = place(experiment.salt, experiment.id, "arm", subject)
    if at < experiment.shares.get("shadow", 0.0):
        return "shadow"
    # An arm without a share gets nobody, whatever rounding does to the sum of the others.
    if at >= 1.0 - experiment.shares.get("ml", 0.0) or not experiment.shares.get("classic", 0.0):
        return "ml" if experiment.shares.get("ml", 0.0) else "shadow"
    return "classic"


def subject_key(experiment: Experiment, subject: str) -> str:
    """Return what is kept of a subject: a hash that differs between experiments, so that nobody can be followed."""
    return _digest(experiment.salt, experiment.id, "subject", subject)[:_KEY_LENGTH]


def _digest(*parts: str) -> str:
    return sha256("\x1f".join(parts).encode()).hexdigest()
