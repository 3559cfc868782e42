"""The sentiment factor: what is written about a symbol, and how much.

Texts count for the session at whose close they were known: what is written after the close belongs to the next one.
Each is read with a finance lexicon and loses half its weight every three days; after seven days it no longer counts.
A text repeated word for word about the same symbol is one opinion, dated by its last copy: advertisements and jokes
are copied by the hundred. It counts as attention every time.

What is written about shares is kinder than not: on the tweets of 2014-15 that this was tried on, seven in ten texts
with an opinion are positive and the median score is 56. The score says what is written, not how unusual that is.
What analysts say is measured in `vfr.factors.analysts`, where a data set holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Texts
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.lexicon import polarity
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.typing import DateArray, FloatArray, IntArray, TimeArray

__all__ = ["SUB_FACTORS", "TextsRead", "measure", "read"]

_DAY: Final = np.timedelta64(86_400, "s")
_HALF_LIFE_DAYS: Final = 3.0
_WINDOW: Final = 7 * _DAY
_MIN_TEXTS: Final = 3
_PRIOR: Final = 2.0
"""Weight of opinion-less texts every symbol starts with: one enthusiastic text is not a consensus."""
_BASELINE: Final = 63 * _DAY
_WINDOWS_IN_BASELINE: Final = 9

_TONE: Final = SubFactor(
    "sentiment.texts.tone",
    "sentiment",
    0.4,
    "net share of opinionated texts, -1 to 1",
    "Per text (positive - negative words) / (positive + negative words); over the different "
    "texts of the last 7 days the sum weighted by a half-life of 3 days, divided by the weight of those that hold an "
    "opinion plus 2; score = 50 + 50 * value.",
    "Loughran and McDonald (2011), Journal of Finance 66(1); Antweiler and Frank (2004), Journal of Finance 59(3)",
)
_ATTENTION: Final = SubFactor(
    "sentiment.texts.attention",
    "sentiment",
    0.1,
    "log ratio to the usual number of texts",
    "ln((1 + texts of the last 7 days) / (1 + mean of the 9 weeks before)); score = 100 * Phi(value / 2): attention "
    "is followed by buying, mildly.",
    "Barber and Odean (2008), Review of Financial Studies 21(2); Da, Engelberg and Gao (2011), Journal of Finance "
    "66(5)",
)
SUB_FACTORS: Final[tuple[SubFactor, ...]] = (_TONE, _ATTENTION)


def measure(snapshot: Snapshot, rows: IntArray, along: TextsRead | None = None) -> dict[str, Measured]:
    """Measure every sentiment sub-factor on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        With dated texts; `closes_at` decides to which session a text belongs.
    rows : int64 array, shape (R,)
        Rows of the panel.
    along : TextsRead, optional
        `read` of this snapshot's texts, or of more that begin with them; only those of the windows by default.

    Returns
    -------
    dict of str to Measured
        By sub-factor name. NO_INPUT without texts, NOT_COVERED for a symbol nothing was ever written about, STALE
        when its last text is more than seven days old, UNUSABLE for tone below three different texts in the window,
        NO_HISTORY for attention in the first ten weeks of the texts.
    """
    texts, n_symbols = snapshot.texts, len(snapshot.symbols)
    if texts is None:
        return {sub.name: transforms.empty(rows.size, n_symbols, Reason.NO_INPUT) for sub in SUB_FACTORS}
    window = _Window(texts, snapshot.closes_at[rows], n_symbols)
    newest = window.newest()
    silent, as_of = window.silent(newest), window.day(newest)
    return {
        _TONE.name: _tone(window, silent, as_of, along),
        _ATTENTION.name: _attention(window, silent, as_of),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Texts of N symbols seen from R session closes."""

    texts: Texts
    closes: TimeArray
    n_symbols: int

    def ends(self, before: np.timedelta64) -> IntArray:
        """Return for each close how many texts were written by then, less a span of time."""
        return np.searchsorted(self.texts.created_at, self.closes - before, side="right").astype(np.int64)

    def counts(self, start: IntArray, stop: IntArray) -> FloatArray:
        """Return the texts per symbol in [start, stop) of each close, [R x N]."""
        column = self.texts.column
        spans = zip(start, stop, strict=True)
        found = [np.bincount(column[a:b], minlength=self.n_symbols) for a, b in spans]
        return np.array(found, dtype=np.float64).reshape(self.closes.size, self.n_symbols)

    def newest(self) -> IntArray:
        """Return the row of the last text about each symbol known at each close, -1 where there is none, [R x N]."""
        return transforms.newest(self.texts.created_at, self.texts.column, self.closes, self.n_symbols)

    def day(self, newest: IntArray) -> DateArray:
        """Return the UTC date of each last text, NaT where there is none, [R x N]."""
        day = np.full(newest.shape, np.datetime64("NaT", "D"))
        day[newest >= 0] = self.texts.created_at[newest[newest >= 0]].astype("datetime64[D]")
        return day

    def silent(self, newest: IntArray) -> NDArray[np.int8]:
        """Return NOT_COVERED where nothing was ever written, STALE where not lately, else PRESENT, [R x N]."""
        reason = np.full(newest.shape, np.int8(Reason.PRESENT), dtype=np.int8)
        reason[newest < self.ends(_WINDOW)[:, None]] = np.int8(Reason.STALE)
        reason[newest < 0] = np.int8(Reason.NOT_COVERED)
        return reason


def _tone(window: _Window, silent: NDArray[np.int8], as_of: DateArray, along: TextsRead | None) -> Measured:
    start, stop = window.ends(_WINDOW), window.ends(0 * _DAY)
    found = along or _read_within(window.texts, start, stop)
    value, few = np.full(silent.shape, np.nan), np.zeros(silent.shape, dtype=np.bool_)
    for row, (a, b) in enumerate(zip(start, stop, strict=True)):
        texts = a + _last_copies(found.copy_of[a:b])
        column = window.texts.column[texts]
        age = (window.closes[row] - window.texts.created_at[texts]) / _DAY
        weight = 0.5 ** (age / _HALF_LIFE_DAYS)
        net = np.bincount(column, weight * found.tone[texts], minlength=window.n_symbols)
        spoken = np.bincount(column, weight * found.opinion[texts], minlength=window.n_symbols)
        value[row] = net / (spoken + _PRIOR)
        few[row] = np.bincount(column, minlength=window.n_symbols) < _MIN_TEXTS
    reason = silent.copy()
    reason[few & (reason == Reason.PRESENT)] = np.int8(Reason.UNUSABLE)
    return _scored(value, 50.0 + 50.0 * value, reason, as_of)


def _last_copies(copy_of: IntArray) -> IntArray:
    """Return the positions of the last text of each kind, in order."""
    _, from_the_end = np.unique(copy_of[::-1], return_index=True)
    return np.sort(copy_of.size - 1 - from_the_end)


@dataclass(frozen=True, slots=True, eq=False)
class TextsRead:
    """M texts as read: tone (-1 to 1), whether there is an opinion (0 or 1), and the first text of the same words."""

    tone: FloatArray
    opinion: FloatArray
    copy_of: IntArray


def read(texts: Texts) -> TextsRead:
    """Read every text."""
    return _read(texts, np.arange(texts.column.size))


def _read_within(texts: Texts, start: IntArray, stop: IntArray) -> TextsRead:
    """Read the texts of every window [start, stop); the others stay without tone or opinion."""
    needed = np.zeros(texts.column.size + 1, dtype=np.int64)
    np.add.at(needed, start, 1)
    np.add.at(needed, stop, -1)
    return _read(texts, np.flatnonzero(needed.cumsum()[:-1] > 0))


def _read(texts: Texts, rows: IntArray) -> TextsRead:
    size = texts.column.size
    found = TextsRead(np.zeros(size), np.zeros(size), np.arange(size))
    seen: dict[tuple[int, str], int] = {}
    for i in rows.tolist():
        first = seen.setdefault((int(texts.column[i]), texts.text[i]), i)
        found.copy_of[i] = first
        if first != i:
            found.tone[i], found.opinion[i] = found.tone[first], found.opinion[first]
            continue
        good, bad = polarity(texts.text[i])
        if good or bad:
            found.tone[i], found.opinion[i] = (good - bad) / (good + bad), 1.0
    return found


def _attention(window: _Window, silent: NDArray[np.int8], as_of: DateArray) -> Measured:
    begin, start, stop = window.ends(_WINDOW + _BASELINE), window.ends(_WINDOW), window.ends(0 * _DAY)
    usual = window.counts(begin, start) / _WINDOWS_IN_BASELINE
    value = np.log((1.0 + window.counts(start, stop)) / (1.0 + usual))
    reason = silent.copy()
    young = (begin == 0)[:, None]
    reason[young & (reason == Reason.PRESENT)] = np.int8(Reason.NO_HISTORY)
    return _scored(value, transforms.normal_score(0.5 * value), reason, as_of)


def _scored(value: FloatArray, score: FloatArray, reason: NDArray[np.int8], as_of: DateArray) -> Measured:
    """Keep value, score and date where the reason is PRESENT."""
    present = reason == Reason.PRESENT
    nat = np.datetime64("NaT", "D")
    kept = np.where(present, value, np.nan), np.where(present, score, np.nan)
    return transforms.measured(*kept, reason, np.where(present, as_of, nat))
