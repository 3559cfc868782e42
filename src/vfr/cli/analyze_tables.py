"""How an answer looks in a terminal: one row per stock, and notes for what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from vfr.cli import layout
from vfr.factors.scores import FACTOR_NAMES, FactorName
from vfr.workflows.answer import Answer, MlPrediction, Stock
from vfr.workflows.forecaster import MlUnavailable

__all__ = ["REASONS", "WIDE", "overview"]

_NAMED: Final = 110
"""Columns of screen from which companies are named."""
WIDE: Final = 136
"""Columns of screen from which the change of the day, market value and units are shown, too."""
_MOST: Final = 8
"""Most warnings below a table, and most symbols of one warning; `--explain` shows all of them."""

_BROKEN: Final = ("corrupt", "failed", "timeout", "mismatch")
"""How a member ends that should have answered; one that was never promoted is no news."""

_HEADS: Final[Mapping[FactorName, str]] = {
    "technical": "Tech",
    "fundamental": "Fund",
    "macro": "Macro",
    "sentiment": "Sent",
    "alternative": "Alt",
}

_STYLES: Final[Mapping[str, str]] = {
    "STRONG_BUY": "bold green",
    "BUY": "green",
    "MODERATE_BUY": "green",
    "HOLD": "yellow",
    "MODERATE_SELL": "red",
    "SELL": "red",
    "STRONG_SELL": "bold red",
}

_MARKS: Final = "¹²³⁴⁵⁶⁷⁸⁹"

REASONS: Final[Mapping[str, str]] = {
    "NO_INPUT": "the data set has no such input",
    "NO_HISTORY": "too few sessions for its window",
    "STALE": "the latest input is older than the maximum age of its kind",
    "NOT_COVERED": "the input exists, but not for this symbol",
    "UNUSABLE": "the input is known but cannot be used",
    "SMALL_PEER_GROUP": "too few peers to compare with",
}
"""What each reason of a missing score means, in words."""


def overview(answer: Answer, width: int) -> Iterator[RenderableType]:
    """Yield the table of scores, its notes, and the table of predictions where they were asked for.

    Parameters
    ----------
    answer : Answer
        With at least one stock.
    width : int
        Columns of the screen.
    """
    notes: dict[str, str] = {}
    table = _scores(answer, notes, width)
    yield f"[bold]As of the close of {answer.metadata['asOf']}[/]  [dim]{_data(answer)}[/]"
    yield table
    if notes:
        yield layout.notes((mark, note) for note, mark in notes.items())
    if any(stock.ml is not None for stock in answer.stocks):
        yield from _predictions(answer)
    warnings = list(_warnings(answer))
    if warnings:
        yield layout.notes(("[yellow]![/]", warning) for warning in warnings)


def _warnings(answer: Answer) -> Iterator[str]:
    """Yield each warning once, with the symbols it is about; missing factors have their note already."""
    yield from map(escape, answer.metadata["warnings"])
    yield from map(escape, answer.metadata.get("mlEnhancement", {}).get("warnings", ()))
    about: dict[str, list[str]] = {}
    for stock in answer.stocks:
        noted = tuple(f"No {factor} score" for factor, score in stock.scores.items() if score is None)
        for text in stock.reasoning.warnings:
            if not text.startswith(noted):
                about.setdefault(text, []).append(stock.symbol)
    for text, symbols in list(about.items())[:_MOST]:
        names = ", ".join(symbols[:_MOST]) + (f" and {len(symbols) - _MOST} more" if len(symbols) > _MOST else "")
        everybody = len(symbols) == len(answer.stocks)
        yield f"{escape(text)}{'' if everybody else f' [dim]({names})[/]'}"
    if len(about) > _MOST:
        yield f"[dim]{len(about) - _MOST} more warnings: --explain[/]"


def _data(answer: Answer) -> str:
    return escape(f"data set {answer.metadata['dataName']}, version {answer.metadata['dataVersion'][:12]}")


def _scores(answer: Answer, notes: dict[str, str], width: int) -> Table:
    named, wide = width >= _NAMED, width >= WIDE
    table = layout.table(gap=2 if wide else int(named))
    table.add_column("Symbol", style="bold", no_wrap=True)
    if named:
        table.add_column("Name", max_width=24, no_wrap=True, overflow="ellipsis")
    table.add_column("Price", justify="right", no_wrap=True)
    if wide:
        table.add_column("Day", justify="right", no_wrap=True)
        table.add_column("Cap", justify="right", no_wrap=True)
    table.add_column("Score", justify="right", style="bold", no_wrap=True)
    table.add_column("Recommendation" if wide else "Says", no_wrap=True)
    for head in ("Conf", "Cover", *_HEADS.values()):
        table.add_column(head, justify="right", no_wrap=True)
    for stock in answer.stocks:
        name = [escape(stock.name)] if named else []
        day_and_cap = [_percent(stock.change_percent), _cap(stock.market_cap)] if wide else []
        table.add_row(
            stock.symbol,
            *name,
            f"{stock.price:,.2f}",
            *day_and_cap,
            f"{stock.composite:.1f}",
            f"[{_STYLES.get(stock.recommendation, 'default')}]{stock.recommendation}[/]",
            str(stock.confidence),
            f"{stock.coverage:.0%}",
            *(_factor(stock, factor, notes) for factor in FACTOR_NAMES),
        )
    return table


def _factor(stock: Stock, factor: FactorName, notes: dict[str, str]) -> str:
    """Return a factor's score, or a dash with the mark of a note that says why its sub-factors are missing."""
    score = stock.scores[factor]
    if score is not None:
        return f"{score:.1f}"
    reasons = [line["reason"] for line in stock.factors if line["factor"] == factor and "reason" in line]
    if not reasons:
        return "—"
    ranked = sorted(set(reasons), key=lambda reason: (-reasons.count(reason), reason))
    note = "; ".join(f"[bold]{reason}[/]: {REASONS.get(reason, 'unknown')}" for reason in ranked)
    return f"—{notes.setdefault(note, _MARKS[len(notes) % len(_MARKS)])}"


def _percent(value: float | None) -> str:
    if value is None:
        return "—"
    return f"[{'green' if value >= 0 else 'red'}]{value:+.2f}%[/]"


def _cap(value: float | None) -> str:
    """Return a market value in billions or millions of dollars."""
    if value is None:
        return "—"
    return f"${value / 1e9:,.0f}bn" if value >= 1e10 else f"${value / 1e6:,.0f}m"


def _predictions(answer: Answer) -> Iterator[RenderableType]:
    rows = [(stock, stock.ml) for stock in answer.stocks if isinstance(stock.ml, MlPrediction)]
    if rows:
        based = any(prediction.body.get("baseRate") is not None for _, prediction in rows)
        table = layout.table(gap=1)
        table.add_column("Symbol", style="bold", no_wrap=True)
        table.add_column("Direction", no_wrap=True)
        heads = ("Excess", "Interval", "Conf", "ML score", "Weight", "Classic", "Blended")
        for head in ("P(up)", *(("Base",) if based else ()), *heads):
            table.add_column(head, justify="right", no_wrap=True)
        for stock, prediction in rows:
            table.add_row(*_prediction(stock, prediction, based=based))
        horizon = rows[0][1].body["horizon"]
        yield f"[bold]Machine learning, {horizon} ahead[/]  [dim]{escape(_versions(answer))}[/]"
        yield table
        yield from _left_out(prediction for _, prediction in rows)
    missing: dict[tuple[str, str], list[str]] = {}
    for stock in answer.stocks:
        if isinstance(stock.ml, MlUnavailable):
            missing.setdefault((stock.ml.code, stock.ml.message), []).append(stock.symbol)
    for (code, message), symbols in missing.items():
        about = "" if len(symbols) == len(answer.stocks) else f" for {', '.join(symbols)}"
        yield f"  [yellow]No prediction{about}[/], {code}: {escape(message)}"


def _left_out(predictions: Iterable[MlPrediction]) -> Iterator[str]:
    """Yield each member once that has a version and still took no part, with the reason."""
    members = (member for prediction in predictions for member in prediction.body.get("members", ()))
    broken = {member["model"]: member.get("reason", "") for member in members if member["status"] in _BROKEN}
    for name, reason in broken.items():
        yield f"  [yellow]Without {escape(name)}[/]: {escape(reason)}"


def _versions(answer: Answer) -> str:
    enhancement = answer.metadata.get("mlEnhancement", {})
    return ", ".join(str(version) for version in enhancement.get("modelVersions", ()))


def _prediction(stock: Stock, prediction: MlPrediction, *, based: bool) -> tuple[str, ...]:
    body = prediction.body
    base, interval = body.get("baseRate"), body.get("interval")
    return (
        stock.symbol,
        str(body["direction"]),
        f"{body['probability']['up']:.1%}",
        *(("—" if base is None else f"{base:.1%}",) if based else ()),
        "—" if body.get("expectedReturn") is None else f"{body['expectedReturn']:+.2%}",
        "—" if not interval else f"{interval['low']:+.1%} to {interval['high']:+.1%}",
        f"{body['confidence']:.3f}",
        f"{prediction.score:.0f}",
        f"{prediction.weight:.3f}",
        f"{stock.classic:.1f}",
        f"[bold]{stock.composite:.1f}[/]",
    )
