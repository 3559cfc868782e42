"""The table of tiers, its overrides, and the rules that read it."""

from __future__ import annotations

import importlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from vfr.accounts.limits import members_for, ml_budget, payer, request_budget
from vfr.accounts.principal import ANONYMOUS, LOCAL, Principal
from vfr.accounts.tiers import NAMES, TIERS, overridden, row_name
from vfr.errors import SettingsError
from vfr.typing import MEMBER_NAMES

PUBLISHED = {
    "anonymous": (30, 0, 10, 0, 0, 2),
    "free": (60, 200, 25, 3, 1, 2),
    "premium": (600, 10_000, 100, 5, 4, 10),
    "enterprise": (6_000, 200_000, 100, 5, 16, 64),
    "admin": (6_000, 200_000, 100, 5, 16, 64),
}


def test_the_table_is_the_published_one() -> None:
    rows = {
        name: (
            row.requests_per_minute,
            row.ml_units_per_day,
            row.symbols_per_request,
            len(row.members),
            row.concurrent_backtests,
            row.event_streams,
        )
        for name, row in TIERS.items()
    }
    assert rows == PUBLISHED


def test_the_page_of_tiers_holds_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    rows = importlib.import_module("generated").tiers().splitlines()[2:]
    assert len(rows) == len(TIERS)
    for line, (name, row) in zip(rows, TIERS.items(), strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == f"`{name}`"
        assert [int(cell.replace(",", "")) for cell in (*cells[1:4], *cells[5:])] == [
            row.requests_per_minute,
            row.ml_units_per_day,
            row.symbols_per_request,
            row.concurrent_backtests,
            row.event_streams,
        ]
        assert cells[4] == (", ".join(row.members) or "none")


def test_a_higher_tier_holds_no_less() -> None:
    ladder = [TIERS[name] for name in ("anonymous", "free", "premium", "enterprise")]
    for lower, higher in pairwise(ladder):
        for part in NAMES.values():
            if part != "members":
                assert getattr(lower, part) <= getattr(higher, part)
        assert set(lower.members) <= set(higher.members)


def test_the_table_in_json_is_an_override_that_changes_nothing() -> None:
    printed = json.loads(json.dumps({name: row.to_dict() for name, row in TIERS.items()}))
    assert overridden(printed) == TIERS


def test_an_override_changes_what_it_names_only() -> None:
    table = overridden({"free": {"requestsPerMinute": 7, "members": ["trees", "lightgbm"]}})
    assert table["free"].requests_per_minute == 7
    assert table["free"].members == ("lightgbm", "trees")
    assert table["free"].symbols_per_request == TIERS["free"].symbols_per_request
    assert all(table[name] == TIERS[name] for name in TIERS if name != "free")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"gold": {}}, "'gold'"),
        ({"free": 3}, "free: "),
        ({"free": {"requests": 3}}, "free: .*'requests'"),
        ({"free": {"requests_per_minute": 3}}, "free: .*'requests_per_minute'"),
        ({"free": {"requestsPerMinute": 0}}, r"free\.requestsPerMinute"),
        ({"free": {"requestsPerMinute": 1.5}}, r"free\.requestsPerMinute"),
        ({"free": {"requestsPerMinute": True}}, r"free\.requestsPerMinute"),
        ({"free": {"requestsPerMinute": None}}, r"free\.requestsPerMinute"),
        ({"premium": {"mlUnitsPerDay": -1}}, r"premium\.mlUnitsPerDay"),
        ({"premium": {"mlUnitsPerDay": 10**9}}, r"premium\.mlUnitsPerDay"),
        ({"premium": {"symbolsPerRequest": 101}}, r"premium\.symbolsPerRequest"),
        ({"premium": {"members": "linear"}}, r"premium\.members"),
        ({"premium": {"members": ["gru"]}}, r"premium\.members"),
        ({"admin": {"eventStreams": "9"}}, r"admin\.eventStreams"),
        ({"premium": {"eventStreams": 65}}, r"premium\.eventStreams: must be a whole number from 0 to 64"),
    ],
)
def test_a_wrong_override_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        overridden(given)


def test_whoever_has_no_token_pays_by_address_and_users_by_themselves() -> None:
    user = Principal("address:192.0.2.7", frozenset({"classic"}), "premium")
    assert row_name(ANONYMOUS) == "anonymous"
    assert row_name(user) == "premium"
    assert payer(ANONYMOUS, "192.0.2.7") != payer(user, "192.0.2.7")
    assert payer(user, "192.0.2.7") == payer(user, "198.51.100.1")
    assert not LOCAL.limited


def test_budgets_are_those_of_the_row() -> None:
    assert (request_budget(TIERS["free"]).amount, request_budget(TIERS["free"]).window_s) == (60, 60)
    assert (ml_budget(TIERS["free"]).amount, ml_budget(TIERS["free"]).window_s) == (200, 86_400)


@pytest.mark.parametrize(
    ("asked", "answer", "denied"),
    [
        (MEMBER_NAMES, ("lightgbm", "linear", "trees"), ()),
        (("linear",), ("linear",), ()),
        (("lstm",), (), ("lstm",)),
        (("lightgbm", "xgboost", "lstm"), ("lightgbm",), ("xgboost", "lstm")),
    ],
)
def test_members_of_the_free_tier(asked: tuple[str, ...], answer: tuple[str, ...], denied: tuple[str, ...]) -> None:
    assert members_for(TIERS["free"], asked, MEMBER_NAMES) == (answer, denied)
