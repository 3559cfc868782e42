"""Charts as SVG text: no script, no style of their own; a style sheet colours them, light or dark.

Everything is drawn at the size it is read at, so that letters keep their size on a narrow screen. A mark tells its
figures to a pointer that rests on it; whoever cannot point reads the table a chart was drawn from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

import numpy as np

__all__ = ["COLOURS", "Axis", "Mark", "Plot", "Row", "Rows", "Series", "key"]

COLOURS: Final = 8
"""Colours and shapes of the style sheet, ``c0`` to ``c7``; more series than that share them."""

_WIDTH: Final = 380.0
_HEIGHT: Final = 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 50.0, 18.0, 26.0, 40.0
_LETTER: Final = 6.1
"""Mean width of a letter, in units of the drawing."""
_ROW: Final = 21.0


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows: its words, whether fractions are read as per cent, and its span where the data do not set it.

    `names` are the words under 0, 1, 2, ... of an axis of categories.
    """

    words: str
    percent: bool = False
    names: tuple[str, ...] = ()
    include: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its interval, if it has one; `text` is what a pointer is told."""

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Marks of one name. `colour` is its place in the style sheet; None is quiet, for what is only compared with.

    `faint` draws intervals lightly, where many stand side by side.
    """

    name: str
    marks: tuple[Mark, ...]
    colour: int | None = 0
    line: bool = True
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Series over two axes, with horizontal lines to compare with and, if asked, the diagonal."""

    x: Axis
    y: Axis
    series: tuple[Series, ...]
    lines: tuple[tuple[float, str], ...] = ()
    diagonal: bool = False

    def svg(self, label: str) -> str:
        """Return the drawing; marks that are not finite are left out.

        Parameters
        ----------
        label : str
            Id of the element that names it.

        Examples
        --------
        >>> line = Series("a", (Mark(0, 1, "first"), Mark(1, 2, "second")))
        >>> drawn = Plot(Axis("session"), Axis("value"), (line,)).svg("name-of-it")
        >>> drawn.count("<title>")
        2
        """
        marks = [m for s in self.series for m in s.marks]
        ys = [v for m in marks for v in (m.y, m.low, m.high)] + [v for v, _ in self.lines]
        xs: list[float | None] = [m.x for m in marks]
        if self.diagonal:
            xs = ys = [*xs, *ys]
        across = _Scale.of(xs, self.x, _LEFT, _WIDTH - _RIGHT)
        up = _Scale.of(ys, self.y, _HEIGHT - _BOTTOM, _TOP, room=32.0)
        parts = [*_x_axis(across, self.x), *_y_axis(up, self.y)]
        if self.diagonal:
            low, high = max(across.low, up.low), min(across.high, up.high)
            parts.append(_stroke("reference", across.at(low), up.at(low), across.at(high), up.at(high)))
        for value, name in self.lines:
            parts.append(_stroke("reference", _LEFT, up.at(value), _WIDTH - _RIGHT, up.at(value)))
            if name:
                parts.append(_text(_WIDTH - _RIGHT, up.at(value) - 4, name, "end"))
        parts += [_series(s, across, up) for s in self.series]
        return _drawing(parts, _HEIGHT, label)


@dataclass(frozen=True, slots=True)
class Row:
    """A named figure with its interval; `good` False marks one that is out of bounds."""

    name: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    colour: int | None = 0
    good: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Named figures below each other, as points with intervals or as bars from zero."""

    x: Axis
    rows: tuple[Row, ...]
    lines: tuple[float, ...] = ()
    band: tuple[float, float] | None = None
    bars: bool = False

    def svg(self, label: str) -> str:
        """Return the drawing; `label` is the id of the element that names it."""
        left = 14.0 + _LETTER * min(24, max(len(row.name) for row in self.rows))
        bottom = 10.0 + _ROW * len(self.rows)
        known = [v for r in self.rows for v in (r.value, r.low, r.high)]
        known += [*self.lines, *(self.band or ()), *([0.0] if self.bars else [])]
        across = _Scale.of(known, self.x, left, _WIDTH - _RIGHT - 4)
        parts: list[str] = []
        if self.band is not None:
            a, b = (across.at(end) for end in self.band)
            parts.append(f'<rect class="band" x="{a:.1f}" y="4" width="{b - a:.1f}" height="{bottom - 4:.1f}"/>')
        parts += _x_axis(across, self.x, top=4.0, bottom=bottom)
        parts += [_stroke("reference", across.at(value), 4.0, across.at(value), bottom) for value in self.lines]
        for n, row in enumerate(self.rows):
            y = 10.0 + _ROW * (n + 0.5)
            name = row.name if len(row.name) <= 24 else row.name[:23] + "…"
            parts.append(_text(left - 8, y + 4, name, "end", "name"))
            if np.isfinite(row.value):
                parts.append(self._mark(row, across, y))
        return _drawing(parts, bottom + 36.0, label)

    def _mark(self, row: Row, across: _Scale, y: float) -> str:
        x = across.at(row.value)
        inner = ""
        if self.bars:
            a, b = sorted((across.at(0.0), x))
            inner = f'<rect class="bar" x="{a:.1f}" y="{y - 6:.1f}" width="{max(b - a, 0.5):.1f}" height="12"/>'
        else:
            if row.low is not None and row.high is not None and np.isfinite([row.low, row.high]).all():
                inner = _stroke("whisker", across.at(row.low), y, across.at(row.high), y)
            inner += _shape(x, y, row.colour) if row.good else _cross(x, y)
        kind = _class(row.colour) if row.good else "bad"
        return f'<g class="{kind}">{inner}<title>{escape(row.text)}</title></g>'


@dataclass(frozen=True, slots=True)
class _Scale:
    """From figures to places: `low` is at `start`, `high` at `end`, `ticks` between them."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...] = field(default=())

    @classmethod
    def of(cls, values: Iterable[float | None], axis: Axis, start: float, end: float, room: float = 62.0) -> _Scale:
        if axis.names:
            return cls(-0.5, len(axis.names) - 0.5, start, end, tuple(map(float, range(len(axis.names)))))
        known = [float(v) for v in (*values, *axis.include) if v is not None and np.isfinite(v)] or [0.0]
        low, high = min(known), max(known)
        if low == high:
            low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
        pad = 0.04 * (high - low)
        low, high = low - pad * (low not in axis.include), high + pad * (high not in axis.include)
        step = _step((high - low) / (abs(end - start) / room))
        first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
        return cls(low, high, start, end, tuple(float(n * step) for n in np.arange(first, last + 1)))

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _step(least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a width."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * m for m in (1.0, 2.0, 5.0, 10.0) if power * m >= least * (1 - 1e-9)))


def _x_axis(scale: _Scale, axis: Axis, *, top: float = _TOP, bottom: float = _HEIGHT - _BOTTOM) -> Iterable[str]:
    yield _stroke("axis", scale.start, bottom, scale.end, bottom)
    words = axis.names or _numbers(scale.ticks, axis)
    room = (scale.end - scale.start) / max(len(words), 1)
    every = max(1, int(np.ceil(_LETTER * (1 + max(map(len, words), default=1)) / room)))
    for n, (tick, word) in enumerate(zip(scale.ticks, words, strict=True)):
        x = scale.at(tick)
        if not axis.names:
            yield _stroke("grid", x, top, x, bottom)
        if n % every == 0:
            yield _text(x, bottom + 15, word, "middle")
    yield _text((scale.start + scale.end) / 2, bottom + 32, axis.words, "middle", "words")


def _y_axis(scale: _Scale, axis: Axis) -> Iterable[str]:
    yield _text(4, 12, axis.words, "start", "words")
    for tick, word in zip(scale.ticks, _numbers(scale.ticks, axis), strict=True):
        y = scale.at(tick)
        yield _stroke("grid", _LEFT, y, _WIDTH - _RIGHT, y)
        yield _text(_LEFT - 6, y + 4, word, "end")


def _numbers(ticks: Sequence[float], axis: Axis) -> tuple[str, ...]:
    """Return the words of ticks, with as many decimals as their distance needs."""
    shown = [100.0 * t if axis.percent else t for t in ticks]
    gap = abs(shown[1] - shown[0]) if len(shown) > 1 else abs(shown[0]) if shown and shown[0] else 1.0
    decimals = max(0, int(-np.floor(np.log10(gap) + 1e-9)))
    return tuple(f"{t + 0.0:.{decimals}f}" + (" %" if axis.percent else "") for t in np.round(shown, decimals))


def _series(series: Series, across: _Scale, up: _Scale) -> str:
    marks = [m for m in series.marks if np.isfinite(m.x) and np.isfinite(m.y)]
    parts: list[str] = []
    if series.line and len(marks) > 1:
        points = " ".join(f"{across.at(m.x):.1f},{up.at(m.y):.1f}" for m in marks)
        parts.append(f'<polyline class="line" points="{points}"/>')
    for m in marks:
        x, y = across.at(m.x), up.at(m.y)
        inner = ""
        if m.low is not None and m.high is not None and np.isfinite([m.low, m.high]).all():
            inner = _stroke("whisker", x, up.at(m.low), x, up.at(m.high))
        parts.append(f"<g>{inner}{_shape(x, y, series.colour)}<title>{escape(m.text)}</title></g>")
    faint = " faint" if series.faint else ""
    return f'<g class="{_class(series.colour)}{faint}">{"".join(parts)}</g>'


def _class(colour: int | None) -> str:
    return "other" if colour is None else f"c{colour % COLOURS}"


def key(series: Series) -> str:
    """Return the sign of a series as it stands in a legend."""
    line = _stroke("line", 1, 6, 23, 6) if series.line else ""
    return (
        f'<svg class="key {_class(series.colour)}" viewBox="0 0 24 12" aria-hidden="true">'
        f"{line}{_shape(12, 6, series.colour)}</svg>"
    )


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'


def _shape(x: float, y: float, colour: int | None) -> str:
    """Return the shape of a colour, so that none is told by its colour alone."""
    n = 0 if colour is None else colour % 4
    if n == 0:
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'
    moves = ("h6v6h-6z", "l3.6 3.6l-3.6 3.6l-3.6 -3.6z", "l3.6 6.2h-7.2z")[n - 1]
    corner = ((x - 3, y - 3), (x, y - 3.6), (x, y - 3.8))[n - 1]
    return f'<path class="dot" d="M{corner[0]:.1f} {corner[1]:.1f}{moves}"/>'


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _drawing(parts: Iterable[str], height: float, label: str) -> str:
    return (
        f'<svg class="chart" role="img" aria-labelledby="{escape(label)}" viewBox="0 0 {_WIDTH:.0f} {height:.0f}">'
        f"{''.join(parts)}</svg>"
    )
