"""How answers look, held to files: `golden/*.txt` is what a reader sees, trailing blanks cut."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from vfr.cli import analyze_tables
from vfr.cli.explanation import explanation
from vfr.workflows.answer import Answer, FactorLine, MlPrediction, Reasoning, Stock, SymbolError
from vfr.workflows.forecaster import MlUnavailable

GOLDEN = Path(__file__).parent / "golden"


def seen(parts: Iterable[RenderableType], width: int) -> str:
    """Return what a terminal without colours shows."""
    screen = Console(file=StringIO(), width=width, color_system=None, highlight=False)
    for part in parts:
        screen.print(part)
    return "\n".join(line.rstrip() for line in screen.file.getvalue().splitlines()) + "\n"


def line(name: str, score: float | None, reason: str = "", **more: Any) -> FactorLine:
    weight = more.get("weight", 0.0)
    made: dict[str, Any] = {
        "name": name,
        "factor": name.split(".", maxsplit=1)[0],
        "value": more.get("value"),
        "unit": more.get("unit", "fraction"),
        "score": score,
        "weight": weight,
        "contribution": weight * (score or 0.0),
        "source": "Somebody (1999)",
        "asOf": None if score is None else "2019-06-28",
    }
    return made | ({"reason": reason} if reason else {})  # type: ignore[return-value]


def stock(symbol: str, name: str, composite: float, ml: Any = None, **more: Any) -> Stock:
    lines = (
        line("technical.trend.price_vs_sma_200", 71.5, weight=0.6, value=0.0812),
        line("technical.momentum.rsi_14", 44.0, weight=0.4, value=61.37, unit="RSI points"),
        line("fundamental.value.earnings_yield", None, "STALE"),
        line("fundamental.growth.revenue", None, "STALE"),
        line("macro.stress.vix", None, "NO_INPUT", unit="VIX points"),
        line("macro.rates.yield_curve", None, "STALE"),
    )
    scores = {"technical": 60.5, "fundamental": None, "macro": None, "sentiment": None, "alternative": 8.0}
    return Stock(
        symbol=symbol,
        name=name,
        price=more.get("price", 133.96),
        change=1.0,
        change_percent=more.get("percent", 0.75),
        market_cap=more.get("cap"),
        sector="Information Technology",
        as_of="2019-06-28",
        composite=composite,
        recommendation=more.get("recommendation", "HOLD"),
        confidence=35,
        coverage=0.49,
        scores=scores,  # type: ignore[arg-type]
        factors=lines,
        reasoning=Reasoning(
            ("Technical: price vs SMA 200 (trend) at 72 of 100 lifts the score by 12.9",),
            ("No fundamental score: too old", f"The alternative score is weak [{symbol}]", "The factors disagree"),
            ("Price vs SMA 200 stands at 72 of 100",),
        ),
        classic=60.5,
        classic_recommendation="MODERATE_BUY",
        ml=ml,
    )


def answer(*stocks: Stock, **metadata: Any) -> Answer:
    about = {"asOf": "2019-06-28", "warnings": [], "dataName": "us[500]", "dataVersion": "c984d40f7a41ffff", **metadata}
    return Answer(stocks, (SymbolError("ZZZ", "UNKNOWN_SYMBOL", "ZZZ: not in the installed data"),), about)


def prediction(**more: Any) -> MlPrediction:
    body = {
        "horizon": "7d",
        "direction": "UP",
        "probability": {"up": 0.5632, "down": 0.4368},
        "expectedReturn": 0.0012,
        "interval": {"low": -0.041, "high": 0.043, "level": 0.9},
        "confidence": 0.5121,
        **more,
    }
    return MlPrediction(weight=0.0768, score=81.0, body=body)


def two() -> Answer:
    return answer(
        stock("MSFT", "Microsoft Corp. [with a name that goes on]", 62.1, cap=1.03e12, recommendation="MODERATE_BUY"),
        stock("AAPL", "Apple Inc.", 55.0, percent=None, cap=4.2e9, price=1_197.92),
    )


def with_ml() -> Answer:
    return answer(
        stock("MSFT", "Microsoft Corp.", 62.1, ml=prediction(baseRate=0.561)),
        stock("AAPL", "Apple Inc.", 55.0, ml=prediction(direction="NEUTRAL", expectedReturn=None, interval=None)),
        stock("XOM", "Exxon", 50.0, ml=MlUnavailable("NO_FEATURES", "every input of this symbol is unknown")),
        mlEnhancement={"modelVersions": ["lightgbm-7d-20190101-abc", "linear-7d-20190101-def"]},
    )


def no_model() -> Answer:
    why = MlUnavailable("TRAINING", "the models are being trained")
    return answer(stock("MSFT", "Microsoft Corp.", 62.1, ml=why), stock("AAPL", "Apple Inc.", 55.0, ml=why))


@pytest.mark.parametrize(
    ("name", "made", "width"),
    [
        ("wide", two, 150),
        ("narrow", two, 80),
        ("predictions", with_ml, 120),
        ("no_model", no_model, 80),
    ],
)
def test_overview(name: str, made: Any, width: int) -> None:
    assert seen(analyze_tables.overview(made(), width), width) == (GOLDEN / f"overview_{name}.txt").read_text()


@pytest.mark.parametrize(("name", "width"), [("wide", 150), ("narrow", 80)])
def test_explanation(name: str, width: int) -> None:
    shown = seen(explanation(two().stocks[1], width), width)
    assert shown == (GOLDEN / f"explanation_{name}.txt").read_text()


def test_nothing_is_cut_off_on_a_narrow_screen() -> None:
    shown = seen(analyze_tables.overview(two(), 80), 80)
    assert "…" not in shown
    assert max(len(row) for row in shown.splitlines()) <= 80


def test_every_reason_has_words() -> None:
    from vfr.factors.scores import Reason

    assert set(analyze_tables.REASONS) == {reason.name for reason in Reason if reason is not Reason.PRESENT}


def test_a_version_that_answers_in_place_of_a_damaged_one_is_named() -> None:
    made = with_ml()
    made.metadata["mlEnhancement"]["warnings"] = ["c: model.txt is truncated; b answers in its place"]
    assert "c: model.txt is truncated; b answers in its place" in seen(analyze_tables.overview(made, 120), 120)


def test_a_member_that_is_damaged_is_named_once_and_one_that_was_never_promoted_is_not() -> None:
    members = [
        {"model": "trees", "status": "corrupt", "reason": "model.txt is truncated or changed"},
        {"model": "lstm", "status": "no_model", "reason": "was never trained"},
    ]
    found = answer(*(stock(symbol, symbol, 50.0, ml=prediction(members=members)) for symbol in ("MSFT", "AAPL")))
    text = seen(analyze_tables.overview(found, 120), 120)
    assert text.count("Without trees: model.txt is truncated or changed") == 1
    assert "lstm" not in text
