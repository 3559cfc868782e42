"""Whatever a caller sends, a validator returns what it promises or raises an error of the tree.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
requests of analysis and of predictions, whole bodies                  test_bodies_are_parsed_or_refused
requests of analysis, one wrong field each, which is named             test_the_field_that_is_wrong_is_named
tickers have one strict grammar                                        test_a_ticker_is_plain_or_refused
names, passwords, tiers and scopes of users                            test_users_are_checked_or_refused
overrides of tiers                                                     test_tiers_are_checked_or_refused
switches and reasons                                                   test_switches_are_checked_or_refused
experiments                                                            test_experiments_are_checked_or_refused
JSON as deep or as wide as a body may hold                             test_deep_and_wide_json_is_parsed_or_refused
=====================================================================  =============================================
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.accounts.tiers import overridden
from vfr.accounts.users import checked_name, checked_password, checked_scopes, checked_tier
from vfr.api.analyze import decode
from vfr.api.errors import Refusal
from vfr.data.symbols import normalise
from vfr.errors import InvalidField, VfrError
from vfr.experiments.experiment import Experiment, StopRule
from vfr.workflows.predict import PredictQuery
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.toggles import checked_id, checked_reason

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=12,
)
FIELDS = (
    "mode", "symbols", "sector", "limit", "as_of", "config", "include_ml", "ml_horizon", "ml_confidence_threshold",
    "ml_weight", "ml_models", "ml_method", "ml_timeout", "sessionId", "horizon", "models", "ensemble_method",
    "confidence_threshold", "include_feature_importance", "timeout",
)  # fmt: skip
GOOD: dict[str, Any] = {"mode": "multiple", "symbols": ["AAPL"], "include_ml": True, "horizon": "7d"}


def refused(call: Callable[[], object]) -> VfrError | None:
    """Call, and return the error of the tree it raised, if any; any other fails the test."""
    try:
        call()
    except VfrError as raised:
        error = raised
    else:
        return None
    assert error.message
    assert error.message.isprintable()
    return error


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8), st.booleans())
def test_bodies_are_parsed_or_refused(body: dict[str, Any], sound: bool) -> None:
    whole = {**GOOD, **body} if sound else body
    for parse in (AnalyzeQuery.parse, PredictQuery.parse):
        error = refused(lambda parse=parse: parse(whole))  # type: ignore[misc]
        assert error is None or isinstance(error, InvalidField)


@given(JSON)
def test_what_is_no_object_is_refused(body: Any) -> None:
    if not isinstance(body, dict):
        for parse in (AnalyzeQuery.parse, PredictQuery.parse):
            with pytest.raises(InvalidField):
                parse(body)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(FIELDS[:14]), JSON)
def test_the_field_that_is_wrong_is_named(field: str, value: Any) -> None:
    error = refused(lambda: AnalyzeQuery.parse({**GOOD, field: value}))
    if error is not None:
        assert isinstance(error, InvalidField)
        # Another mode asks for other fields.
        assert error.field.split(".")[0] == field or (field == "mode" and error.field == "sector")


@given(st.text(max_size=30))
def test_a_ticker_is_plain_or_refused(text: str) -> None:
    error = refused(lambda: normalise(text))
    if error is not None:
        assert error.message.isascii()
        return
    symbol = normalise(text)
    assert re.fullmatch(r"[A-Z][A-Z0-9]{0,7}(\.[A-Z]{1,2})?", symbol, re.ASCII)
    assert normalise(symbol) == symbol


TIERS = ("free", "premium", "enterprise", "admin")


@given(st.text(max_size=80), st.text(max_size=300), st.text(max_size=12), st.lists(st.text(max_size=10), max_size=8))
def test_users_are_checked_or_refused(name: str, password: str, tier: str, scopes: list[str]) -> None:
    for call in (
        lambda: checked_name(name),
        lambda: checked_password(password, name),
        lambda: checked_tier(tier),
        lambda: [checked_scopes(scopes, known) for known in TIERS],  # type: ignore[arg-type]
    ):
        refused(call)


@given(st.dictionaries(st.sampled_from(TIERS) | st.text(max_size=8), JSON, max_size=3))
def test_tiers_are_checked_or_refused(overrides: dict[str, Any]) -> None:
    refused(lambda: overridden(overrides))


TIER_FIELDS = ("requestsPerMinute", "mlUnitsPerDay", "symbolsPerRequest", "members", "concurrentBacktests", "x")


@given(st.dictionaries(st.sampled_from(TIERS), st.dictionaries(st.sampled_from(TIER_FIELDS), JSON, max_size=3)))
def test_fields_of_tiers_are_checked_or_refused(overrides: dict[str, Any]) -> None:
    refused(lambda: overridden(overrides))


@given(st.text(max_size=300), st.lists(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), max_size=4))
def test_switches_are_checked_or_refused(text: str, models: list[str]) -> None:
    if refused(lambda: checked_id(text, models)) is None:
        assert text in ("ml", *models) or text.isalpha()
    if refused(lambda: checked_reason(text)) is None:
        assert text.strip().isprintable()


NUMBERS = st.floats() | st.integers(-(10**9), 10**9)


@given(
    st.text(max_size=120), st.text(max_size=400), NUMBERS, NUMBERS, st.text(max_size=4),
    st.dictionaries(st.sampled_from(["classic", "ml", "shadow"]), NUMBERS, max_size=3),
)  # fmt: skip
def test_experiments_are_checked_or_refused(
    name: str, why: str, holdout: float, weight: float, horizon: str, shares: dict[str, float]
) -> None:
    made: dict[str, Any] = {"name": name, "why": why, "holdout": holdout, "weight": weight, "shares": shares}
    rest: dict[str, Any] = {"id": "1", "salt": "s", "first": "2020-01-02", "started_at": 0.0, "who": "me"}
    refused(lambda: Experiment(**rest, **made, horizon=horizon))  # type: ignore[arg-type]
    refused(lambda: StopRule(holdout, 20, 20, weight))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([b"[", b'{"a":', b"[[{", b'{"mode": [']), st.integers(1, 60_000), st.booleans())
def test_deep_and_wide_json_is_parsed_or_refused(part: bytes, times: int, closed: bool) -> None:
    body = part * times
    if closed:
        ends = {ord("["): b"]", ord("{"): b"}"}
        body += b"1" + b"".join(ends[one] for one in reversed(body) if one in ends)
    try:
        found = decode(body[:262_144])
    except Refusal as refusal:
        said = refusal.status_code
    else:
        said = 400
        refused(lambda: AnalyzeQuery.parse(found))
    assert said == 400
