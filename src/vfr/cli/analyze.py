"""`vfr analyze`: score stocks, with or without machine learning."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vfr.cli.options import AsJson, application, words
from vfr.cli.output import console, emit, error_out, progress
from vfr.errors import InvalidField

if TYPE_CHECKING:
    from vfr.bootstrap import Application
    from vfr.workflows.answer import Answer, SymbolError

__all__ = ["command"]

_FAILED: Final = 1
_UNKNOWN: Final = 2
_NEAR: Final = 3
"""Most tickers suggested for an unknown one."""


def command(
    *,
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL", help="Tickers: AAPL, brk-b.", show_default=False)
    ] = None,
    sector: Annotated[str | None, typer.Option(help="A GICS sector instead of tickers, in quotes.")] = None,
    limit: Annotated[int, typer.Option(help="Stocks of the sector to show, 1 to 50.")] = 10,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As of the evening of a day: 2019-06-28.")] = None,
    ml: Annotated[bool, typer.Option("--ml", help="Blend in the machine-learning score.")] = False,
    horizon: Annotated[str, typer.Option(help="Horizon of the prediction: 1d, 7d or 30d.")] = "7d",
    weight: Annotated[float, typer.Option(help="Weight of machine learning before confidence, 0 to 1.")] = 0.15,
    threshold: Annotated[float, typer.Option(help="Confidence below which the weight is 0, 0 to 1.")] = 0.5,
    members: Annotated[
        str | None, typer.Option(metavar="A,B", help="Ensemble members, separated by commas; all by default.")
    ] = None,
    method: Annotated[str, typer.Option(help="Ensemble method: weighted, voting or stacking.")] = "weighted",
    timeout: Annotated[int, typer.Option(metavar="MS", help="Time for machine learning, 10 to 30000 ms.")] = 10_000,
    explain: Annotated[bool, typer.Option("--explain", help="Show every sub-factor and its contribution.")] = False,
    as_json: AsJson = False,
) -> int:
    """Score stocks: five factors, a recommendation and what speaks for and against it.

    Without --ml the answer is the classic score alone.
    """
    answer, near = _answer(
        _request(
            symbols or [],
            sector,
            limit=limit,
            as_of=as_of,
            include_ml=ml,
            ml_horizon=horizon,
            ml_weight=weight,
            ml_confidence_threshold=threshold,
            ml_models=None if members is None else words(members),
            ml_method=method,
            ml_timeout=timeout,
        ),
        quiet=as_json,
    )
    failed = not answer.stocks
    if as_json:
        emit(_body(answer, near), success=not failed)
    else:
        _show(answer, near, explain=explain)
    if not failed:
        return 0
    return _UNKNOWN if all(error.code == "UNKNOWN_SYMBOL" for error in answer.errors) else _FAILED


def _request(symbols: Sequence[str], sector: str | None, **options: object) -> dict[str, object]:
    """Return the request body of the contract that the options stand for."""
    if symbols and sector is not None:
        raise InvalidField("sector", "goes without tickers: give either one")
    if not symbols and sector is None:
        raise InvalidField("symbols", "name at least one ticker (vfr analyze AAPL), or use --sector")
    if sector is not None:
        return {"mode": "sector", "sector": sector, **options}
    return {"mode": "single" if len(symbols) == 1 else "multiple", "symbols": list(symbols), **options}


def _answer(body: dict[str, object], *, quiet: bool) -> tuple[Answer, dict[str, list[str]]]:
    from uuid import uuid4

    from vfr.workflows.query import AnalyzeQuery

    query = AnalyzeQuery.parse(body)
    app = application()
    with progress("Preparing", quiet=quiet) as report:
        app.prepare(report)
    if query.include_ml:
        from vfr.cli.analyze_forecasts import Advising

        app = replace(app, forecaster=Advising(app))
    answer = app.analyze(query, str(uuid4()))
    return answer, {error.symbol: _near(app, error) for error in answer.errors}


def _near(app: Application, error: SymbolError) -> list[str]:
    """Return known tickers whose company is called like an unknown one, or that are spelled like it."""
    from difflib import get_close_matches

    if error.code != "UNKNOWN_SYMBOL":
        return []
    named = [str(found["symbol"]) for found in app.search(error.symbol, _NEAR)["results"]]
    spelled = get_close_matches(error.symbol, app.datasets.board().scores.symbols, n=_NEAR, cutoff=0.7)
    return list(dict.fromkeys((*named, *spelled)))[:_NEAR]


def _body(answer: Answer, near: dict[str, list[str]]) -> dict[str, Any]:
    """Return the body that HTTP would answer; errors also name tickers spelled alike."""
    data = answer.to_dict()
    for error in data["errors"]:
        error["near"] = near[error["symbol"]]
    if answer.stocks:
        return {"data": data}
    return {"error": "; ".join(e.message for e in answer.errors), "code": answer.errors[0].code, "data": data}


def _show(answer: Answer, near: dict[str, list[str]], *, explain: bool) -> None:
    if answer.stocks:
        from vfr.cli.analyze_tables import overview
        from vfr.cli.explanation import explanation

        screen = console()
        for part in overview(answer, screen.width):
            screen.print(part)
        for stock in answer.stocks if explain else ():
            for part in explanation(stock, screen.width):
                screen.print(part)
        sys.stdout.flush()
    for error in answer.errors:
        hint = f" Did you mean {' or '.join(near[error.symbol])}?" if near[error.symbol] else ""
        error_out(f"{error.message.rstrip('.')}.{hint}", error.code, as_json=False)
