"""Invented trades of insiders and counts of analysts for `vfr.data.synthetic`."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.people import Insiders, Ratings, numbered

__all__ = ["insiders", "ratings"]

_OWNERS: Final = 6
"""Insiders of each company; the last one merely holds many shares."""

_A_MONTH: Final = 21
"""Sessions; as days they are fewer than until the next counts, so that those of a symbol stay in order."""


def insiders(rng: np.random.Generator, panel: Panel) -> Insiders:
    """Return about ten transactions a year of each symbol but the last two, reported one to three days later.

    Every seventh symbol's insiders only receive grants; half of the others' transactions are grants too.
    """
    t, n = panel.shape
    count = max(1, 10 * t // 252) * (n - 2)
    column = rng.integers(0, n - 2, count)
    date = panel.sessions[rng.integers(0, t, count)]
    known_at = date + rng.integers(1, 4, count)
    code = np.where(column % 7 == 6, "A", rng.choice(np.array(["P", "S", "A", "A"]), count))
    who = rng.integers(0, _OWNERS, count)
    shares = np.round(rng.lognormal(8.0, 1.0, count)) * np.where(code == "S", -1.0, 1.0)
    price = np.where(code == "A", 0.0, np.round(rng.uniform(15.0, 200.0, count), 2))
    order = np.argsort(known_at, kind="stable")
    owner, kept = numbered((column * _OWNERS + who)[order])
    return Insiders(
        column=column[order],
        date=date[order],
        known_at=known_at[order],
        owner=owner,
        manager=(who < _OWNERS - 1)[order],
        code=code[order],
        shares=shares[order],
        price=price[order],
        owners=tuple(f"SYNTHETIC INSIDER {key}" for key in kept.tolist()),
    )


def ratings(rng: np.random.Generator, panel: Panel) -> Ratings:
    """Return monthly counts of each symbol but the last; every fifth has two analysts, every ninth loses them halfway.

    They become known up to three weeks after they were counted, so that a look ahead at them shows on any session.
    """
    t, n = panel.shape
    month = np.repeat(np.arange(0, t, _A_MONTH), n - 1)
    column = np.tile(np.arange(n - 1), month.size // (n - 1))
    followed = (column % 9 != 8) | (month < t // 2)
    month, column = month[followed], column[followed]
    counts = rng.poisson([4.0, 7.0, 6.0, 1.0, 0.5], (column.size, 5)).astype(np.float64)
    counts[column % 5 == 4] = [1.0, 0.0, 1.0, 0.0, 0.0]
    target = np.round(rng.uniform(20.0, 220.0, column.size), 2)
    date = panel.sessions[month]
    known_at = date + rng.integers(1, _A_MONTH, column.size)
    order = np.argsort(known_at, kind="stable")
    return Ratings(column[order], date[order], known_at[order], counts[order], target[order])
