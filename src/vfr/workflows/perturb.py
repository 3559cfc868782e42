"""Snapshots that must not change an answer: another future, another scale of prices. For the look-ahead test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.people import Insiders, Ratings
from vfr.data.records import Benchmark, Fundamentals, Macro, MacroSeries, Membership, Texts
from vfr.data.snapshot import Snapshot
from vfr.typing import FloatArray

__all__ = ["other_anchor", "other_future", "other_scale"]

_POWERS = (-2, -1, 1, 2)


def other_future(snapshot: Snapshot, row: int, rng: np.random.Generator) -> Snapshot:
    """Change everything that was not known at the close of a row, at random; what was known stays as it is.

    Splits stay: split-adjusted prices know them all (see `vfr.data.snapshot`).
    """
    day, close = np.datetime64(snapshot.sessions[row], "D"), snapshot.closes_at[row]
    return replace(
        snapshot,
        panel=_panel(snapshot.panel, row + 1, rng),
        fundamentals=snapshot.fundamentals and _statements(snapshot.fundamentals, day, rng),
        macro=snapshot.macro and Macro({k: _series(s, day, rng) for k, s in snapshot.macro.series.items()}),
        texts=snapshot.texts and _texts(snapshot.texts, close, rng),
        membership=snapshot.membership and _membership(snapshot.membership, row + 1, rng),
        benchmark=snapshot.benchmark and _benchmark(snapshot.benchmark, row + 1, rng),
        insiders=snapshot.insiders and _insiders(snapshot.insiders, day, rng),
        ratings=snapshot.ratings and _ratings(snapshot.ratings, day, rng),
    )


def other_scale(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    """Multiply each symbol's whole price history by a power of two of its own, as one more split would.

    Volumes and shares are divided by it, earnings and prices per share multiplied. Powers of two are exact in binary,
    so that every ratio stays the same, bit for bit.
    """
    factor = _factors(snapshot, rng)
    panel, i, r = snapshot.panel, snapshot.insiders, snapshot.ratings
    prices = {name: getattr(panel, name) * factor for name in PRICE_FIELDS}
    scaled = replace(
        snapshot,
        panel=replace(panel, **prices, volume=panel.volume / factor),
        insiders=i and replace(i, shares=i.shares / factor[i.column], price=i.price * factor[i.column]),
        ratings=r and replace(r, target_mean=r.target_mean * factor[r.column]),
    )
    if snapshot.fundamentals is None:
        return scaled
    f = snapshot.fundamentals
    values = dict(f.values)
    if "shares" in values:
        values["shares"] = values["shares"] / factor[f.column]
    if "eps" in values:
        values["eps"] = values["eps"] * factor[f.column]
    return replace(scaled, fundamentals=Fundamentals(f.column, f.period_end, f.known_at, values))


def other_anchor(snapshot: Snapshot, rng: np.random.Generator) -> Snapshot:
    """Multiply each symbol's total-return closes alone by a power of two, as dividends yet to come would."""
    adj_close = snapshot.panel.adj_close * _factors(snapshot, rng)
    return replace(snapshot, panel=replace(snapshot.panel, adj_close=adj_close))


def _factors(snapshot: Snapshot, rng: np.random.Generator) -> FloatArray:
    return np.exp2(rng.choice(_POWERS, len(snapshot.symbols)).astype(np.float64))


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return factors around 1, a tenth of them unknown."""
    return np.where(rng.random(shape) < 0.1, np.nan, np.exp(rng.normal(0.0, 0.3, shape)))


def _panel(panel: Panel, begin: int, rng: np.random.Generator) -> Panel:
    shape = panel.shape[0] - begin, panel.shape[1]
    price = _noise(rng, shape)
    changed = {}
    for name in (*PRICE_FIELDS, "volume"):
        array = getattr(panel, name).copy()
        array[begin:] *= _noise(rng, shape) if name == "volume" else price
        changed[name] = array
    return replace(panel, **changed)


def _statements(f: Fundamentals, day: np.datetime64, rng: np.random.Generator) -> Fundamentals:
    factor = np.where(f.known_at > day, _noise(rng, f.known_at.shape), 1.0)
    return Fundamentals(f.column, f.period_end, f.known_at, {k: v * factor for k, v in f.values.items()})


def _series(s: MacroSeries, day: np.datetime64, rng: np.random.Generator) -> MacroSeries:
    factor = np.where(s.known_at > day, _noise(rng, s.known_at.shape), 1.0)
    return MacroSeries(s.date, s.known_at, s.value * factor, s.revised)


def _texts(texts: Texts, close: np.datetime64, rng: np.random.Generator) -> Texts:
    begin = int(np.searchsorted(texts.created_at, close, side="right"))
    order = begin + rng.permutation(texts.column.size - begin)
    column = np.concatenate([texts.column[:begin], texts.column[order]])
    later = rng.permutation(order)
    return Texts(column, texts.created_at, texts.text[:begin] + tuple(texts.text[i] for i in later))


def _membership(m: Membership, begin: int, rng: np.random.Generator) -> Membership:
    member = m.member.copy()
    member[begin:] ^= rng.random(member[begin:].shape) < 0.5
    return replace(m, member=member)


def _benchmark(b: Benchmark, begin: int, rng: np.random.Generator) -> Benchmark:
    factor = np.ones(b.close.size)
    factor[begin:] = np.exp(rng.normal(0.0, 0.3, b.close.size - begin))
    return replace(b, close=b.close * factor, adj_close=b.adj_close * factor)


def _insiders(i: Insiders, day: np.datetime64, rng: np.random.Generator) -> Insiders:
    begin = int(np.searchsorted(i.known_at, day, side="right"))
    order = begin + rng.permutation(i.column.size - begin)
    column, code, shares, owner = (
        np.concatenate([a[:begin], a[rng.permutation(order)]]) for a in (i.column, i.code, i.shares, i.owner)
    )
    return replace(i, column=column, code=code, shares=shares, owner=owner)


def _ratings(r: Ratings, day: np.datetime64, rng: np.random.Generator) -> Ratings:
    later = r.known_at > day
    counts = np.where(later[:, None], rng.integers(0, 12, r.counts.shape), r.counts)
    return replace(r, counts=counts, target_mean=r.target_mean * np.where(later, _noise(rng, later.shape), 1.0))
