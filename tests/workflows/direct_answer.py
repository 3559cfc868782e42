"""The answer to a request computed directly, with nothing prepared: the oracle of `vfr.workflows.analyze`.

This is how answers were made before boards were prepared, kept as it was.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES, Reason
from vfr.scoring.blend import Blend, blend
from vfr.scoring.composite import score
from vfr.scoring.confidence import confidence
from vfr.scoring.explain import explain
from vfr.scoring.recommend import recommend
from vfr.scoring.selection import rank, sector_members
from vfr.scoring.table import DEFAULT
from vfr.typing import NEUTRAL_BAND
from vfr.workflows.data_age import age_warnings, ages, described

FIELDS = ("technicalScore", "fundamentalScore", "macroeconomicScore", "sentimentScore", "alternativeScore")
SERVICES = {
    "technicalAnalysis": ("technicalAnalysisEnabled", "technical."),
    "fundamentalData": ("fundamentalDataEnabled", "fundamental."),
    "analystData": ("analystDataEnabled", "sentiment.analyst"),
    "sentimentAnalysis": ("sentimentAnalysisEnabled", "sentiment.texts"),
    "macroeconomicAnalysis": ("macroeconomicAnalysisEnabled", "macro."),
    "esgAnalysis": ("esgAnalysisEnabled", "alternative.esg"),
    "shortInterestAnalysis": ("shortInterestAnalysisEnabled", "alternative.short"),
    "extendedMarketData": ("extendedMarketDataEnabled", "alternative.extended"),
    "alternativeData": (None, "alternative."),
}


def direct(query, board, forecast=None, table=DEFAULT, *, request_id, now):
    """Return the ``data`` object of the contract; `forecast` is what a forecaster answered, if it was asked."""
    today = board.as_of if query.as_of is None else max(board.as_of, query.as_of)
    symbols, errors = board.scores.symbols, []
    if query.sector is not None:
        columns = sector_members(board.securities.sector, query.sector)
    else:
        known = [symbol for symbol in query.symbols if symbol in symbols]
        columns = np.array([symbols.index(symbol) for symbol in known], dtype=np.int64)
        errors = [error(s, "UNKNOWN_SYMBOL", "not in the installed data") for s in query.symbols if s not in symbols]
    scores = score(board, table, columns)
    usable = np.isfinite(scores.composite) & np.isfinite(board.price[columns])
    if query.mode == "sector":
        usable &= (board.as_of - board.last_bar[columns]) <= np.timedelta64(10, "D")
    else:
        why = f"no price and no input is known on {board.as_of}"
        errors += [error(symbols[column], "NO_DATA", why) for column in columns[~usable].tolist()]
    columns, scores = columns[usable], scores.take(np.flatnonzero(usable))
    classic = np.round(scores.composite, 8)
    blended = Blend(classic, np.zeros(classic.size))
    if hasattr(forecast, "p_up"):
        at = np.array([forecast.symbols.index(symbols[column]) for column in columns], dtype=np.int64)
        mixed = blend(
            classic, forecast.score[at], forecast.confidence[at], query.ml_weight, query.ml_confidence_threshold
        )
        blended = Blend(np.round(mixed.composite, 8), mixed.weight)
    order = rank(blended.composite, [symbols[column] for column in columns])
    order = order[: query.limit] if query.mode == "sector" else order
    trust = confidence(scores, board.scores.as_of[:, 0, :][:, columns], today, board.scores.names, table)
    before, after = recommend(classic, table), recommend(blended.composite, table)
    stocks = []
    for i in order.tolist():
        body = stock(board, scores, int(columns[i]), i, today)
        body |= {"compositeScore": float(blended.composite[i]), "recommendation": after[i], "confidence": int(trust[i])}
        if forecast is not None:
            body |= {"classicScore": float(classic[i]), "classicRecommendation": before[i]}
            body |= prediction(forecast, symbols[columns[i]], float(blended.weight[i]))
        stocks.append(body)
    return {
        "stocks": stocks,
        "errors": errors,
        "metadata": about(query, board, scores, columns, order, request_id, now),
    }


def error(symbol, code, why):
    return {"symbol": symbol, "code": code, "message": f"{symbol}: {why}"}


def stock(board, scores, column, i, today):
    price, change, cap = board.price[column], board.change[column], board.scores.market_cap[0, column]
    told = explain(board, column, scores, i, today)
    return {
        "symbol": board.scores.symbols[column],
        "name": board.securities.name[column] or board.scores.symbols[column],
        "price": rounded(price, 6),
        "priceChange": rounded(change, 6),
        "priceChangePercent": rounded(100.0 * change / (price - change), 6),
        "marketCap": rounded(cap, 2),
        "sector": board.securities.sector[column] or None,
        "asOf": str(board.last_bar[column]),
        "stale": bool(board.last_bar[column] < board.as_of),
        "compositeScore": None,
        "recommendation": None,
        "confidence": None,
        "coverage": round(float(scores.coverage[i]), 8),
        **{field: rounded(scores.factors[f, i], 8) for f, field in enumerate(FIELDS)},
        "factors": [line(board, scores, k, column, i) for k in range(len(board.scores.names))],
        "reasoning": {
            "primaryFactors": list(told.primary_factors),
            "warnings": list(told.warnings),
            "opportunities": list(told.opportunities),
        },
    }


def line(board, scores, k, column, i):
    held, entry = board.scores, SUB_FACTORS[board.scores.names[k]]
    points, day = rounded(held.score[k, 0, column], 8), held.as_of[k, 0, column]
    value = float(held.value[k, 0, column])
    assert entry.factor in FACTOR_NAMES
    body = {
        "name": entry.name,
        "factor": entry.factor,
        "value": value if np.isfinite(value) else None,
        "unit": entry.unit,
        "score": points,
        "weight": rounded(scores.weights[k, i], 8),
        "contribution": rounded(scores.contributions[k, i], 8),
        "source": entry.source,
        "asOf": None if np.isnat(day) else str(day),
    }
    return body if points is not None else body | {"reason": Reason(held.reason[k, 0, column]).name}


def rounded(value, digits):
    shown = float(np.round(np.float64(value), digits))
    return shown if np.isfinite(shown) else None


def six(value):
    return round(float(value), 6) if np.isfinite(value) else None


def prediction(forecast, symbol, weight):
    if not hasattr(forecast, "p_up"):
        return {"mlUnavailable": {"code": forecast.code, "message": forecast.message}}
    at = forecast.symbols.index(symbol)
    if not np.isfinite(forecast.score[at]):
        why = "this symbol does not trade at that session, or every input of it is unknown"
        return {"mlUnavailable": {"code": "NO_FEATURES", "message": why}}
    up, expected, versions = float(forecast.p_up[at]), six(forecast.expected_excess[at]), forecast.versions
    single = next((m.member for m in forecast.members if m.status == "ok"), "") if len(versions) == 1 else None
    neutral = abs(up - 0.5) < NEUTRAL_BAND
    return {
        "mlPrediction": {
            "modelId": versions[0] if single else f"ensemble({'+'.join(versions)})",
            "modelType": single or "ensemble",
            "horizon": forecast.horizon,
            "direction": "NEUTRAL" if neutral else "UP" if up > 0.5 else "DOWN",
            "prediction": expected,
            "probability": {"up": six(up), "down": six(1.0 - up)},
            "baseRate": six(forecast.base_rate),
            "expectedReturn": expected,
            "expectedReturnIs": "excess over the universe median",
            "interval": {"low": six(forecast.low[at]), "high": six(forecast.high[at]), "level": forecast.level},
            "confidence": six(forecast.confidence[at]),
            "weightApplied": six(weight),
            "mlScore": six(forecast.score[at]),
            "smallUniverse": forecast.small_universe,
            "methodApplied": forecast.method_applied,
            "methodNote": forecast.note,
            "members": [member(one, at) for one in forecast.members],
            "agreement": six(forecast.agreement[at]),
            "featureImportance": [
                {"feature": name, "importance": round(share, 6), "scope": "model"}
                for name, share in forecast.importance
            ],
            "latencyMs": round(forecast.latency_ms, 3),
            "fromCache": forecast.from_cache,
            "timestamp": forecast.computed_at,
        }
    }


def member(one, at):
    body = {
        "model": one.member,
        "version": one.version,
        "probability": six(one.p_up[at]),
        "weight": six(one.weight[at]),
        "latencyMs": round(one.latency_ms, 3),
        "status": one.status,
    }
    return body if one.reason is None else body | {"reason": one.reason}


def about(query, board, scores, columns, places, request_id, now):
    services, flags = {}, {}
    for key, (flag, prefix) in SERVICES.items():
        rows = [k for k, name in enumerate(board.scores.names) if name.startswith(prefix)]
        used = scores.weights[rows][:, places].sum(axis=0)
        weight = round(float(used.mean()), 6) if used.size else 0.0
        reasons = Counter(board.scores.reason[rows][:, 0, columns[places]].ravel().tolist())
        services[key] = {"enabled": weight > 0, "status": status(reasons, known=bool(rows)), "weight": weight}
        if flag is not None:
            flags[flag] = weight > 0
    evening = datetime.combine(board.as_of.astype(object), time(23, 59, 59), ZoneInfo("America/New_York"))
    found = ages(board.inputs, now if query.as_of is None else evening.astimezone(UTC))
    return {
        "mode": query.mode,
        "count": int(places.size),
        "timestamp": int(now.timestamp() * 1000),
        "sources": sorted({one.source for one in board.inputs.values() if one.available}),
        "requestId": request_id,
        "dataVersion": board.data_version,
        "dataName": board.data_name,
        "asOf": str(board.as_of),
        "dataAge": described(found),
        "warnings": age_warnings(found),
        "analysisInputServices": services,
        **flags,
        "priceAdjustment": {"split": "raw", "dividend": "dividend-adjusted"}[board.adjustment],
    }


def status(reasons, *, known):
    if not known:
        return "not_provided"
    if not reasons:
        return "unused"
    missing = [(count, -code) for code, count in reasons.items() if code != Reason.PRESENT]
    if not missing:
        return "active"
    return "partial" if reasons[Reason.PRESENT] else Reason(-max(missing)[1]).name.lower()
