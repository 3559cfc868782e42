"""Figures of an evidence report, each drawn from one of its tables; where that is absent, what is not drawn and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr.dashboard.chart import Axis, Mark, Plot, Row, Rows, Series
from vfr.dashboard.evidence_reading import Record, first_model, named, number, of_first_universe, records, tables
from vfr.workflows.evidence_report import EvidenceReport, Table

__all__ = ["Absent", "Figure", "figures"]

Colours: TypeAlias = Callable[[str], int]
"""The colour of a name."""

_Z: Final = 1.96
_TOP: Final = 20
_BAND: Final = (0.80, 0.97)


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its title, what to know to read it, and the title of the table it was drawn from."""

    title: str
    text: str
    drawing: Plot | Rows
    source: str = ""

    @property
    def series(self) -> tuple[Series, ...]:
        """What a legend must tell apart."""
        found = self.drawing.series if isinstance(self.drawing, Plot) else ()
        return found if len(found) > 1 else ()


@dataclass(frozen=True, slots=True)
class Absent:
    """A figure that cannot be drawn, and why."""

    title: str
    why: str


def figures(report: EvidenceReport, importance: Mapping[str, float] | None = None) -> tuple[Figure | Absent, ...]:
    """Draw every figure that a report has the table for.

    Parameters
    ----------
    report : EvidenceReport
    importance : mapping of str to float, optional
        Importance by feature, in any unit; shown as shares of the sum.

    Returns
    -------
    tuple of Figure or Absent
        In the order they are shown.

    Examples
    --------
    >>> [found.title for found in figures(EvidenceReport({}, ())) if isinstance(found, Figure)]
    []
    """
    colours = _colours(report)
    found: list[Figure | Absent] = []
    for title, draw, source in _FIGURES:
        drawn = draw(report, colours)
        found.append(drawn if drawn is not None else Absent(title, f"the report has no table “{source}”"))
    found.append(_importance(importance) if importance else Absent("Feature importance", "none was given"))
    return tuple(found)


def _colours(report: EvidenceReport) -> Colours:
    """Return the colour of a name: the same in every figure, in the order of the first table of models."""
    known: dict[str, int] = {}
    for table in tables(report, "Rank IC", "rank IC"):
        known.update({named(row): n for n, row in enumerate(of_first_universe(table))})
    return lambda name: known.setdefault(name, len(known))


def _rank_ic(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Rank IC", "rank IC", "t"):
        rows = of_first_universe(table)
        drawn = []
        for row in rows:
            ic, t = number(row["rank IC"]), number(row["t"])
            half = _half(ic, t)
            drawn.append(Row(named(row), ic, _told(row, named(row)), ic - half, ic + half, colours(named(row))))
        where = ", ".join(str(rows[0][k]) for k in ("universe", "returns") if k in rows[0])
        text = f"Mean of the sessions with its 95 % interval (1.96 standard errors by the table's t); {where}."
        return Figure("Rank IC", text, Rows(Axis("rank IC", include=(0.0,)), tuple(drawn), lines=(0.0,)), table.title)
    return None


def _half(estimate: float, t: float) -> float:
    """Return half of a 95 % interval from an estimate and its t; NaN where there is none."""
    return abs(_Z * estimate / t) if t else float("nan")


def _by_year(report: EvidenceReport) -> tuple[str, dict[str, list[tuple[str, float, float]]], Table] | None:
    """Return the basis, and year, rank IC and t by model, from every table of years."""
    out: dict[str, list[tuple[str, float, float]]] = {}
    basis, source = "", None
    for table in tables(report, "Rank IC by year", "year"):
        heads = [c for c in table.columns if c.startswith("IC ")]
        if not heads:
            continue
        basis, source = heads[0].removeprefix("IC "), source or table
        for row in records(table):
            name = named(row) or first_model(table)
            figures_of_year = (str(row["year"]), number(row[heads[0]]), number(row.get(f"t {basis}")))
            out.setdefault(name, []).append(figures_of_year)
    return (basis, out, source) if source is not None else None


def _ic_by_year(report: EvidenceReport, colours: Colours) -> Figure | None:
    found = _by_year(report)
    if found is None:
        return None
    basis, models, table = found
    years = _in_order(year for of_model in models.values() for year, _, _ in of_model)
    series = []
    for n, (name, of_model) in enumerate(models.items()):
        shift = 0.0 if len(models) == 1 else 0.7 * (n / (len(models) - 1) - 0.5)
        marks = []
        for year, ic, t in of_model:
            half = _half(ic, t)
            text = f"{name}, {year}: {ic:.4f}, t {t:.2f}"
            marks.append(Mark(years.index(year) + shift, ic, text, ic - half, ic + half))
        series.append(Series(name, tuple(marks), colours(name), line=False, faint=n > 0 and len(models) > 2))
    drawing = Plot(Axis("year", names=tuple(years)), Axis("rank IC"), tuple(series), lines=((0.0, ""),))
    return Figure("Rank IC by year", f"With 95 % intervals; {basis}.", drawing, table.title)


def _cumulative(report: EvidenceReport, colours: Colours) -> Figure | None:
    found = _by_year(report)
    if found is None:
        return None
    basis, models, table = found
    years = _in_order(year for of_model in models.values() for year, _, _ in of_model)
    series = []
    for name, of_model in models.items():
        total = np.cumsum([ic for _, ic, _ in of_model])
        marks = [
            Mark(years.index(year), value, f"{name}, to {year}: {value:.4f}")
            for (year, _, _), value in zip(of_model, total.tolist(), strict=True)
        ]
        series.append(Series(name, tuple(marks), colours(name)))
    drawing = Plot(Axis("year", names=tuple(years)), Axis("sum of the yearly means"), tuple(series), lines=((0.0, ""),))
    text = f"Yearly mean rank IC added up: a line that rises steadily is skill that lasts; {basis}."
    return Figure("Cumulative rank IC", text, drawing, table.title)


def _decay(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Decay of rank IC", "model", "lag", "rank IC", "t"):
        rows = records(table)
        lags = _in_order(str(r["lag"]) for r in rows)
        series = []
        for name in _in_order(named(r) for r in rows):
            marks = tuple(
                Mark(lags.index(str(r["lag"])), number(r["rank IC"]), _told(r, f"{name}, {r['lag']} later"))
                for r in rows
                if named(r) == name
            )
            series.append(Series(name, marks, colours(name)))
        across = Axis("sessions later than it could be", names=tuple(lags))
        drawing = Plot(across, Axis("rank IC"), tuple(series), lines=((0.0, ""),))
        text = (
            "Rank IC with returns that begin later: what is gone after one session cannot be earned by a slow reader."
        )
        return Figure("Decay of rank IC", text, drawing, table.title)
    return None


def _told(row: Record, name: str) -> str:
    return f"{name}: {number(row['rank IC']):.4f}, t {number(row['t']):.2f}"


def _reliability_of(report: EvidenceReport, forecast: str, observed: str, title: str) -> Figure | None:
    for table in tables(report, "Reliability", forecast, observed):
        rows = records(table)
        counts = [number(r.get("rows")) for r in rows]
        marks = tuple(
            Mark(number(r[forecast]), number(r[observed]), _bin(r[forecast], r[observed], n))
            for r, n in zip(rows, counts, strict=True)
        )
        series = (Series(first_model(table) or forecast, marks),)
        drawing = Plot(Axis(forecast, percent=True), Axis(observed, percent=True), series, diagonal=True)
        size = f", {min(counts):,.0f} to {max(counts):,.0f} rows each" if np.isfinite(counts).all() else ""
        text = f"{len(rows)} bins{size}. On the dashed line a probability means what it says."
        return Figure(f"{title} ({first_model(table)})" if first_model(table) else title, text, drawing, table.title)
    return None


def _bin(forecast: object, observed: object, rows: float) -> str:
    counted = f"; {rows:,.0f} rows" if np.isfinite(rows) else ""
    return f"forecast {forecast:.4f}, observed {observed:.4f}{counted}"


def _reliability_up(report: EvidenceReport, _: Colours) -> Figure | None:
    return _reliability_of(report, "P(up)", "went up", "Reliability of P(up)")


def _reliability_confidence(report: EvidenceReport, _: Colours) -> Figure | None:
    return _reliability_of(report, "confidence", "sign right", "Reliability of confidence")


def _coverage(report: EvidenceReport, _: Colours) -> Figure | None:
    heads = ("nominal", "coverage", "accuracy", "base-rate rule", "low", "high")
    for table in tables(report, "Direction accuracy against coverage", *heads):
        own, rule = [], []
        for row in records(table):
            share, base = number(row["coverage"]), number(row["base-rate rule"])
            low, high = base + number(row["low"]), base + number(row["high"])
            accuracy = number(row["accuracy"])
            text = f"{row['nominal']} nominal, {share:.1%} covered: {accuracy:.4f}, rule {base:.4f}"
            own.append(Mark(share, accuracy, text, low, high))
            rule.append(Mark(share, base, f"{share:.1%} covered: base-rate rule {base:.4f}"))
        series = (Series("base-rate rule", tuple(rule), None), Series(first_model(table) or "model", tuple(own), 0))
        drawing = Plot(
            Axis("share of calls, the most certain first", percent=True, include=(0.0, 1.0)),
            Axis("right direction", percent=True),
            series,
            lines=((0.6, "goal 60 %"),),
        )
        text = (
            "Bars: interval of the lift over the rule on the same rows. Skill is a bar wholly above the rule; where "
            "only one line is seen, the model calls what the rule calls."
        )
        return Figure("Direction accuracy against coverage", text, drawing, table.title)
    return None


def _intervals(report: EvidenceReport, _: Colours) -> Figure | None:
    for table in tables(report, "Interval of the excess return", "group", "coverage"):
        rows = tuple(
            Row(
                str(r["group"]),
                number(r["coverage"]),
                f"{r['group']}: {number(r['coverage']):.1%}",
                good=_BAND[0] <= number(r["coverage"]) <= _BAND[1],
            )
            for r in _of_first_model(table)
        )
        drawing = Rows(Axis("share of outcomes inside", percent=True), rows, band=_BAND)
        text = "By year and by fifth of trailing volatility; the band is 80 to 97 %, and a cross lies outside it."
        return Figure("Coverage of the interval", text, drawing, table.title)
    return None


def _portfolio(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Portfolio by year", "year", "portfolio", "return"):
        rows = records(table)
        years = _in_order(str(r["year"]) for r in rows)
        series = []
        for name in _in_order(str(r["portfolio"]) for r in rows):
            value, marks = 1.0, [Mark(0.0, 1.0, f"{name}: 1 at the start")]
            for row in (r for r in rows if r["portfolio"] == name):
                value *= 1.0 + number(row["return"])
                at = years.index(str(row["year"])) + 1.0
                marks.append(Mark(at, value, f"{name}, end of {row['year']}: {value:.3f}"))
            series.append(Series(name, tuple(marks), None if name == "equal weight" else colours(name)))
        drawing = Plot(Axis("end of year", names=("start", *years)), Axis("value of 1 invested"), tuple(series))
        text = "Compound return of the top fifth of each model after 10 bps, beside what needs no model."
        return Figure("Portfolios", text, drawing, table.title)
    return None


def _quantiles(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Quantile returns", "model", "group", "mean excess", "t"):
        rows = [r for r in records(table) if str(r["group"]).isdigit()]
        groups = _in_order(str(r["group"]) for r in rows)
        series = []
        for n, name in enumerate(_in_order(named(r) for r in rows)):
            marks = []
            for row in (r for r in rows if named(r) == name):
                mean, t = number(row["mean excess"]), number(row["t"])
                half = float("nan") if n else _half(mean, t)
                text = f"{name}, group {row['group']}: {mean:.3%}, t {t:.2f}"
                marks.append(Mark(groups.index(str(row["group"])), mean, text, mean - half, mean + half))
            series.append(Series(name, tuple(marks), colours(name)))
        across, up = Axis("group, lowest score first", names=tuple(groups)), Axis("mean excess return", percent=True)
        drawing = Plot(across, up, tuple(series), lines=((0.0, ""),))
        text = "With the 95 % interval of the first. Skill rises from left to right."
        return Figure("Quantile returns", text, drawing, table.title)
    return None


def _seeds(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Seeds", "model", "mean", "min", "max"):
        rows = tuple(
            Row(
                named(r),
                number(r["mean"]),
                f"{named(r)}: mean {number(r['mean']):.4f}, {number(r['min']):.4f} to {number(r['max']):.4f}",
                number(r["min"]),
                number(r["max"]),
                colours(named(r)),
            )
            for r in of_first_universe(table)
        )
        text = "Mean and range of the rank IC over seeds: what chance in training alone can change."
        return Figure("Spread over seeds", text, Rows(Axis("rank IC", include=(0.0,)), rows, lines=(0.0,)), table.title)
    return None


def _weights(report: EvidenceReport, colours: Colours) -> Figure | None:
    for table in tables(report, "Learned weights by year", "year", "model", "weight"):
        rows = records(table)
        years = _in_order(str(r["year"]) for r in rows)
        names = _in_order(named(r) for r in rows)
        series = []
        for name in names:
            marks = tuple(
                Mark(
                    years.index(str(r["year"])), number(r["weight"]), f"{name}, {r['year']}: {number(r['weight']):.3f}"
                )
                for r in rows
                if named(r) == name
            )
            series.append(Series(name, marks, colours(name)))
        across, up = Axis("year", names=tuple(years)), Axis("weight", include=(0.0,))
        text = "Mean weight of each member in the ensemble, learned from outcomes that had matured; the line is equal."
        drawing = Plot(across, up, tuple(series), lines=((1.0 / len(names), ""),))
        return Figure("Learned weights", text, drawing, table.title)
    return None


def _importance(importance: Mapping[str, float]) -> Figure:
    total = sum(importance.values()) or 1.0
    ranked = sorted(importance.items(), key=lambda pair: (-pair[1], pair[0]))[:_TOP]
    rows = tuple(Row(name, value / total, f"{name}: {value / total:.2%}") for name, value in ranked)
    text = f"The {len(rows)} largest of {len(importance)}, as shares of the sum: what a model uses, not what helps."
    return Figure("Feature importance", text, Rows(Axis("share", percent=True, include=(0.0,)), rows, bars=True))


def _in_order(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _of_first_model(table: Table) -> list[Record]:
    rows = records(table)
    return [row for row in rows if named(row) == named(rows[0])]


_FIGURES: Final[Sequence[tuple[str, Callable[[EvidenceReport, Colours], Figure | None], str]]] = (
    ("Rank IC", _rank_ic, "Rank IC"),
    ("Rank IC by year", _ic_by_year, "Rank IC by year"),
    ("Cumulative rank IC", _cumulative, "Rank IC by year"),
    ("Decay of rank IC", _decay, "Decay of rank IC"),
    ("Quantile returns", _quantiles, "Quantile returns"),
    ("Direction accuracy against coverage", _coverage, "Direction accuracy against coverage"),
    ("Reliability of P(up)", _reliability_up, "Reliability"),
    ("Reliability of confidence", _reliability_confidence, "Reliability"),
    ("Coverage of the interval", _intervals, "Interval of the excess return"),
    ("Portfolios", _portfolio, "Portfolio by year"),
    ("Learned weights", _weights, "Learned weights by year"),
    ("Spread over seeds", _seeds, "Seeds"),
)
"""Title, drawing, and the table it needs."""
