"""The macro factor: where the economy stands, and what that has meant for the sector of a symbol.

Each indicator is read as it was known that evening (release dates, never periods), standardised by a published
neutral level and scale, cut at two scales, and multiplied with the sector's sensitivity:
``score = 100 * Phi(sensitivity * z / 2)``, so that 50 is neutral and even an extreme reading stays within 15.9 to 84.1:
sectors differ in their response to the business cycle, but what that earns is modest (Jacobsen, Stangl and
Visaltanachoti 2009).

Inflation is a distance from 2 %, and which side of it matters: too high helps who sells commodities and hurts who is
paid in the far future, too low hurts the cyclical; so it has a sensitivity for each side and is neutral at 2 %.

Levels of CPI and unemployment may be later revisions of what was first published (`MacroSeries.revised`): good enough
for a regime, not for a model feature. There is no stand-in when a source ends: without fresh indicators the factor is
unknown (STALE).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr.data.records import Macro
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.macro_sectors import SENSITIVITY, Exposure
from vfr.factors.macro_series import (
    DAILY,
    MONTHLY,
    Reading,
    change_over_year,
    first_of,
    growth_over_year,
    level,
    spread,
)
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["SUB_FACTORS", "Economy", "economy", "measure"]

_MAX_Z: Final = 2.0
_TARGET: Final = 2.0
"""Inflation the Federal Reserve aims at, percent (its statement of January 2012)."""

_Reader: TypeAlias = Callable[[Macro, DateArray], Reading]


@dataclass(frozen=True, slots=True)
class _Indicator:
    """An indicator: how it is read, its standard score, and the sensitivity [S] of sectors for a z of either sign."""

    name: str
    weight: float
    unit: str
    read: _Reader
    z: Callable[[FloatArray], FloatArray]
    below: Callable[[Exposure], float]
    above: Callable[[Exposure], float]
    description: str
    source: str


def _slope(macro: Macro, days: DateArray) -> Reading:
    return spread(macro, "DGS10", "DGS2", days, DAILY)


def _vix(macro: Macro, days: DateArray) -> Reading:
    return level(macro, "VIXCLS", days, DAILY)


def _credit(macro: Macro, days: DateArray) -> Reading:
    return spread(macro, "BAA", "AAA", days, MONTHLY)


def _inflation(macro: Macro, days: DateArray) -> Reading:
    all_items, core = (growth_over_year(macro, name, days, MONTHLY) for name in ("CPIAUCSL", "CPILFESL"))
    return first_of(all_items, core)


def _unemployment(macro: Macro, days: DateArray) -> Reading:
    return change_over_year(macro, "UNRATE", days, MONTHLY)


_INDICATORS: Final[tuple[_Indicator, ...]] = (
    _Indicator(
        "rates.yield_curve",
        0.30,
        "percentage points",
        _slope,
        lambda slope: slope - 1.0,
        lambda e: e.steep_curve,
        lambda e: e.steep_curve,
        "10-year minus 2-year Treasury yield; z = slope - 1; a steep curve favours cyclical sectors.",
        "Estrella and Hardouvelis (1991), Journal of Finance 46(2); Fama and French (1989), JFE 25(1)",
    ),
    _Indicator(
        "stress.vix",
        0.15,
        "VIX points",
        _vix,
        lambda vix: -np.log(np.maximum(vix, 1.0) / 18.88) / 0.35,
        lambda e: e.calm,
        lambda e: e.calm,
        "Implied volatility of the S&P 500; z = -ln(VIX / 18.88) / 0.35; calm favours cyclical sectors.",
        "Whaley (2009), Journal of Portfolio Management 35(3), whose median VIX is the neutral level",
    ),
    _Indicator(
        "stress.credit_spread",
        0.15,
        "percentage points",
        _credit,
        lambda gap: -(gap - 1.0) / 0.45,
        lambda e: e.calm,
        lambda e: e.calm,
        "Moody's Baa minus Aaa yield; z = -(spread - 1) / 0.45; cheap credit favours cyclical sectors.",
        "Chen, Roll and Ross (1986), Journal of Business 59(3); Fama and French (1989), JFE 25(1)",
    ),
    _Indicator(
        "prices.inflation",
        0.20,
        "percent a year",
        _inflation,
        lambda inflation: (inflation - _TARGET) / 1.5,
        lambda e: -e.low_inflation,
        lambda e: e.high_inflation,
        "Consumer prices over 12 months (core where all items are unknown); z = (inflation - 2) / 1.5; neutral at 2 %, "
        "on either side by the sector's record there.",
        "Boudoukh, Richardson and Whitelaw (1994), Journal of Finance 49(5)",
    ),
    _Indicator(
        "labour.unemployment_trend",
        0.20,
        "percentage points",
        _unemployment,
        lambda change: -change,
        lambda e: e.strong_labour,
        lambda e: e.strong_labour,
        "Change over 12 months of the 3-month average unemployment rate; z = -change; falling unemployment favours "
        "cyclical sectors.",
        "Sahm (2019), Direct Stimulus Payments to Individuals, Hamilton Project; Chen, Roll and Ross (1986)",
    ),
)

SUB_FACTORS: Final[tuple[SubFactor, ...]] = tuple(
    SubFactor(f"macro.{i.name}", "macro", i.weight, i.unit, i.description, i.source) for i in _INDICATORS
)


@dataclass(frozen=True, slots=True, eq=False)
class Economy:
    """Readings of every indicator on T days, and what they mean for N symbols.

    `readings` holds the days of an indicator; `below` and `above` [N] are the sensitivities of its symbols for a z of
    either sign, NaN where the sector is unknown.
    """

    readings: tuple[Reading, ...]
    below: tuple[FloatArray, ...]
    above: tuple[FloatArray, ...]


def economy(snapshot: Snapshot, rows: IntArray) -> Economy | None:
    """Return what is known of the economy on the given sessions, and of the snapshot's symbols in it."""
    if snapshot.macro is None:
        return None
    exposures = [SENSITIVITY.get(sector.casefold()) for sector in snapshot.securities.sector]

    def sensitivities(of: Callable[[Exposure], float]) -> FloatArray:
        return np.array([np.nan if e is None else of(e) for e in exposures])

    days = snapshot.sessions[rows]
    return Economy(
        tuple([one.read(snapshot.macro, days) for one in _INDICATORS]),
        tuple([sensitivities(one.below) for one in _INDICATORS]),
        tuple([sensitivities(one.above) for one in _INDICATORS]),
    )


def measure(snapshot: Snapshot, rows: IntArray, along: Economy | None = None) -> dict[str, Measured]:
    """Measure every macro sub-factor on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        With macro series by FRED identifier: DGS10, DGS2, VIXCLS (daily), BAA, AAA, CPIAUCSL or CPILFESL, UNRATE
        (monthly).
    rows : int64 array, shape (R,)
        Rows of the panel.
    along : Economy, optional
        `economy` of every session of this snapshot, or of one that it is a past of; read at the rows by default.

    Returns
    -------
    dict of str to Measured
        By sub-factor name. NO_INPUT without the series, NO_HISTORY before its first release (or year), STALE beyond
        10 days after an observation's date (daily) or 100 days after its month (monthly), NOT_COVERED for a symbol
        whose sector is unknown.
    """
    known, at = (economy(snapshot, rows), slice(None)) if along is None else (along, rows)
    if known is None:
        nothing = transforms.empty(rows.size, len(snapshot.symbols), Reason.NO_INPUT)
        return {sub.name: nothing for sub in SUB_FACTORS}
    of_each = zip(SUB_FACTORS, _INDICATORS, known.readings, known.below, known.above, strict=True)
    return {sub.name: _measured(one.z, reading.at(at), below, above) for sub, one, reading, below, above in of_each}


def _measured(
    standard: Callable[[FloatArray], FloatArray], reading: Reading, below: FloatArray, above: FloatArray
) -> Measured:
    covered = np.isfinite(below)[None, :]
    z = np.clip(standard(reading.value), -_MAX_Z, _MAX_Z)[:, None]
    score = transforms.normal_score(0.5 * z * np.where(z < 0, below, above))
    present = (reading.reason == Reason.PRESENT)[:, None]
    shape = score.shape
    value = np.where(covered, reading.value[:, None], np.nan)
    reason = np.where(present & ~covered, np.int8(Reason.NOT_COVERED), reading.reason[:, None]).astype(np.int8)
    as_of = np.where(covered, np.broadcast_to(reading.date[:, None], shape), np.datetime64("NaT", "D"))
    return transforms.measured(value, score, reason, as_of)
