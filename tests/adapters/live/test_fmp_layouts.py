"""Financial Modeling Prep: which addresses are asked, and fields that have two names."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from tests.adapters.live.fmp_documents import KEY, SYMBOL
from tests.adapters.live.scripted_client import Scripted

from vfr.adapters.providers.live.fmp import FmpProvider
from vfr.adapters.providers.live.fmp_layouts import STABLE, V3, Layout, layout_at, told
from vfr.adapters.providers.live.registry import PROVIDERS
from vfr.data.provider import Order
from vfr.errors import BadAnswer

NOW = datetime(2024, 7, 3, 22, tzinfo=UTC)


def test_the_present_addresses_are_asked_if_nothing_else_is_said() -> None:
    assert layout_at(PROVIDERS["fmp"].url) is STABLE


def test_both_layouts_hold_every_document() -> None:
    assert set(STABLE.paths) == set(V3.paths)


@pytest.mark.parametrize(
    ("url", "layout"),
    [
        ("https://financialmodelingprep.com/stable", STABLE),
        ("https://financialmodelingprep.com/stable/", STABLE),
        ("https://financialmodelingprep.com/api", V3),
        ("https://gateway.example/fmp/api/", V3),
        ("https://gateway.example/fmp", STABLE),
        ("https://gateway.example/myapi", STABLE),
    ],
)
def test_the_end_of_the_address_tells_the_layout(url: str, layout: Layout) -> None:
    assert layout_at(url) is layout


@pytest.mark.parametrize("url", ["https://gateway.example/fmp/stable/", "https://gateway.example/fmp/stable"])
def test_a_slash_at_the_end_of_the_address_is_not_doubled(url: str) -> None:
    client = Scripted(lambda _path, _params: [])
    made = FmpProvider(client, key=KEY, url=url)
    made.fetch(Order(made.offers[1], SYMBOL, date(2022, 1, 1), NOW))
    assert client.paths == ["fmp/stable/grades-historical"]


@pytest.mark.parametrize(
    ("name", "earlier"),
    [("filingDate", "fillingDate"), ("epsDiluted", "epsdiluted"), ("analystRatingsBuy", "analystRatingsbuy")],
)
def test_a_field_is_read_by_either_name_and_refused_if_the_two_differ(name: str, earlier: str) -> None:
    assert [told(row, name, "x") for row in ({name: 3}, {earlier: 3}, {name: 3, earlier: 3}, {})] == [3, 3, 3, None]
    for other in (4, None):
        with pytest.raises(BadAnswer, match=f"x: {name} and {earlier} differ"):
            told({name: 3, earlier: other}, name, "x")


def test_a_figure_that_is_none_is_not_mistaken_for_two_that_differ() -> None:
    row = {"revenue": float("nan")}
    assert told(row, "revenue", "x") is row["revenue"]
