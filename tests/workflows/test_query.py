from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.errors import InvalidField, UnsupportedHorizon
from vfr.models.prediction import MEMBER_NAMES as MODEL_MEMBERS
from vfr.typing import MEMBER_NAMES
from vfr.workflows.query import AnalyzeQuery

ONE = {"mode": "single", "symbols": ["AAPL"]}


def test_defaults_are_those_of_the_contract():
    assert AnalyzeQuery.parse(ONE) == AnalyzeQuery(
        mode="single",
        symbols=("AAPL",),
        sector=None,
        limit=10,
        as_of=None,
        include_ml=False,
        ml_horizon="7d",
        ml_confidence_threshold=0.5,
        ml_weight=0.15,
        ml_models=("lightgbm", "xgboost", "lstm", "linear", "trees"),
        ml_method="weighted",
        ml_timeout_ms=1000,
        session_id=None,
    )


def test_every_field_is_read():
    query = AnalyzeQuery.parse(
        {
            "mode": "sector",
            "sector": " information-technology ",
            "limit": 50,
            "as_of": "2019-06-28",
            "include_ml": True,
            "ml_horizon": "1m",
            "ml_confidence_threshold": 0,
            "ml_weight": 1,
            "ml_models": ["linear", "lightgbm", "linear"],
            "ml_method": "voting",
            "ml_timeout": 30000,
            "sessionId": "abc",
            "config": {"preferredDataSources": ["polygon"], "timeout": 5000},
            "somethingElse": {"deep": [1]},
        }
    )
    assert query.sector == "information-technology"
    assert query.symbols == ()
    assert query.limit == 50
    assert query.as_of == np.datetime64("2019-06-28", "D")
    assert (query.include_ml, query.ml_horizon, query.ml_method) == (True, "30d", "voting")
    assert (query.ml_confidence_threshold, query.ml_weight, query.ml_timeout_ms) == (0.0, 1.0, 30000)
    assert query.ml_models == ("lightgbm", "linear")
    assert query.session_id == "abc"


@pytest.mark.parametrize(("asked", "horizon"), [("1w", "7d"), ("1m", "30d"), ("1d", "1d"), ("7d", "7d")])
def test_horizon_aliases(asked, horizon):
    assert AnalyzeQuery.parse({**ONE, "ml_horizon": asked}).ml_horizon == horizon


@pytest.mark.parametrize("asked", ["1h", "4h", "60m", "", "2d", 7, ["7d"]])
def test_unsupported_horizon_names_the_supported_ones(asked):
    with pytest.raises(UnsupportedHorizon, match=r"ml_horizon: .*1d, 7d, 30d"):
        AnalyzeQuery.parse({**ONE, "ml_horizon": asked})


def test_symbols_are_trimmed_upper_cased_and_merged_in_order():
    body = {"mode": "multiple", "symbols": ["msft", " aapl ", "BRK-B", "MSFT", "brk.b", "BF.B"]}
    assert AnalyzeQuery.parse(body).symbols == ("MSFT", "AAPL", "BRK.B", "BF.B")


def test_single_mode_takes_the_first_symbol_unless_the_config_names_one():
    assert AnalyzeQuery.parse({"mode": "single", "symbols": ["MSFT", "AAPL"]}).symbols == ("MSFT",)
    assert AnalyzeQuery.parse({**ONE, "config": {"symbol": "jpm"}}).symbols == ("JPM",)
    assert AnalyzeQuery.parse({"mode": "single", "config": {"symbol": "jpm"}}).symbols == ("JPM",)
    assert AnalyzeQuery.parse({"mode": "multiple", "symbols": ["XOM"], "config": {"symbol": "jpm"}}).symbols == ("XOM",)


def test_a_hundred_symbols_pass_and_one_more_does_not():
    tickers = [f"A{n}" for n in range(101)]
    assert len(AnalyzeQuery.parse({"mode": "multiple", "symbols": tickers[:100]}).symbols) == 100
    with pytest.raises(InvalidField, match=r"symbols: .*101.*at most 100"):
        AnalyzeQuery.parse({"mode": "multiple", "symbols": tickers})


BAD = [
    ({}, "mode"),
    ({"mode": "all", "symbols": ["A"]}, "mode"),
    ({"mode": 1, "symbols": ["A"]}, "mode"),
    ({"mode": "single"}, "symbols"),
    ({"mode": "multiple"}, "symbols"),
    ({"mode": "multiple", "symbols": []}, "symbols"),
    ({"mode": "multiple", "symbols": "AAPL"}, "symbols"),
    ({"mode": "multiple", "symbols": {"0": "AAPL"}}, "symbols"),
    ({"mode": "multiple", "symbols": ["AAPL", 7]}, "symbols"),
    ({"mode": "multiple", "symbols": [None]}, "symbols"),
    ({"mode": "multiple", "symbols": [["AAPL"]]}, "symbols"),
    ({"mode": "multiple", "symbols": ["../../etc"]}, "symbols"),
    ({"mode": "multiple", "symbols": ["AA\x00PL"]}, "symbols"),
    ({"mode": "multiple", "symbols": ["AAPL\n"]}, "symbols"),
    ({"mode": "multiple", "symbols": [""]}, "symbols"),
    ({"mode": "multiple", "symbols": ["A" * 1_000_000]}, "symbols"),
    ({"mode": "multiple", "symbols": ["AAPL'; DROP TABLE prices"]}, "symbols"),
    ({"mode": "sector"}, "sector"),
    ({"mode": "sector", "sector": ""}, "sector"),
    ({"mode": "sector", "sector": 45}, "sector"),
    ({"mode": "sector", "sector": "x" * 300}, "sector"),
    ({"mode": "sector", "sector": "Ener\x07gy"}, "sector"),
    ({**ONE, "limit": 0}, "limit"),
    ({**ONE, "limit": 51}, "limit"),
    ({**ONE, "limit": "10"}, "limit"),
    ({**ONE, "limit": 2.5}, "limit"),
    ({**ONE, "limit": True}, "limit"),
    ({**ONE, "limit": 10**400}, "limit"),
    ({**ONE, "limit": float("inf")}, "limit"),
    ({**ONE, "as_of": "28.06.2019"}, "as_of"),
    ({**ONE, "as_of": "2019-02-30"}, "as_of"),
    ({**ONE, "as_of": "2019-06-28T00:00:00Z"}, "as_of"),
    ({**ONE, "as_of": 20190628}, "as_of"),
    ({**ONE, "include_ml": "true"}, "include_ml"),
    ({**ONE, "include_ml": 1}, "include_ml"),
    ({**ONE, "ml_confidence_threshold": 1.01}, "ml_confidence_threshold"),
    ({**ONE, "ml_confidence_threshold": "0.5"}, "ml_confidence_threshold"),
    ({**ONE, "ml_weight": -0.1}, "ml_weight"),
    ({**ONE, "ml_weight": True}, "ml_weight"),
    ({**ONE, "ml_weight": float("nan")}, "ml_weight"),
    ({**ONE, "ml_models": []}, "ml_models"),
    ({**ONE, "ml_models": "linear"}, "ml_models"),
    ({**ONE, "ml_models": ["linear", "oracle"]}, "ml_models"),
    ({**ONE, "ml_models": [{}]}, "ml_models"),
    ({**ONE, "ml_method": "median"}, "ml_method"),
    ({**ONE, "ml_timeout": 9}, "ml_timeout"),
    ({**ONE, "ml_timeout": 30001}, "ml_timeout"),
    ({**ONE, "ml_timeout": "1000"}, "ml_timeout"),
    ({**ONE, "sessionId": 5}, "sessionId"),
    ({**ONE, "sessionId": "a\nb"}, "sessionId"),
    ({**ONE, "config": "AAPL"}, "config"),
    ({**ONE, "config": {"symbol": 5}}, "config.symbol"),
    ({**ONE, "config": {"timeout": -1}}, "config.timeout"),
    ({**ONE, "config": {"preferredDataSources": "polygon"}}, "config.preferredDataSources"),
    ([], "body"),
    ("AAPL", "body"),
    (None, "body"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=[f"{n}-{field}" for n, (_, field) in enumerate(BAD)])
def test_bad_input_names_the_field_and_stays_short(body, field):
    with pytest.raises(InvalidField) as caught:
        AnalyzeQuery.parse(body)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


def test_null_means_absent():
    nulls = dict.fromkeys(("sector", "limit", "as_of", "include_ml", "ml_weight", "ml_models", "config", "sessionId"))
    assert AnalyzeQuery.parse({**ONE, **nulls}) == AnalyzeQuery.parse(ONE)


def test_models_and_requests_speak_of_the_same_members():
    assert MODEL_MEMBERS is MEMBER_NAMES


scalars = st.sampled_from(
    [None, True, 0, 1, -1, 11, 51, 10**400, 0.5, 1e-300, float("nan"), float("inf"), "", "7d", "A"]
)
values = scalars | st.text(max_size=6) | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=3), scalars)
FIELDS = [*AnalyzeQuery.__dataclass_fields__, "config", "sessionId", "ml_timeout"]


@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=6), st.booleans())
def test_no_body_breaks_the_parser(body, valid_base):
    try:
        query = AnalyzeQuery.parse({**ONE, **body} if valid_base else body)
    except InvalidField as error:
        query = None
        field = error.field
    assert field if query is None else 1 <= query.limit <= 50 and 0 <= query.ml_weight <= 1
