"""Every other kind of fact, a row at a time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from tests.data.batch_builders import NOW, actions, bars, found, judge, midnight, reasons, rows

from vfr.data.batch_checks_rows import LONGEST_TEXT, RULES
from vfr.data.bitemporal.tables import TABLES, Kind, empty

NAN, INF = float("nan"), float("inf")
DAY = timedelta(days=1)

ACCEPTED: list[tuple[Kind, dict[str, Any]]] = [
    *((kind, {}) for kind in RULES),
    ("actions", {"value": 1 / 200}),
    ("actions", {"value": 200.0, "date": NOW.date() + 400 * DAY}),
    ("actions", {"value": None}),
    ("actions", {"action": "dividend", "value": 0.0}),
    ("fundamentals", {"item": "shares", "period": "POINT", "value": 1e6}),
    ("fundamentals", {"value": -5e8, "filed_at": None}),
    ("fundamentals", {"known_at": midnight(date(2024, 4, 1)) + timedelta(hours=4), "filed_at": date(2024, 3, 31)}),
    ("macro", {"value": None}),
    ("macro", {"value": -0.4, "known_at": NOW + timedelta(hours=23)}),
    ("membership", {"end_date": date(2020, 1, 3)}),
    ("texts", {"created_at": NOW + timedelta(hours=23)}),
    ("insiders", {"price": None, "shares": -5.0}),
    ("ratings", {"measure": "target_mean", "value": 210.5}),
    ("ratings", {"value": 0.0}),
]

REFUSED: list[tuple[Kind, dict[str, Any], str]] = [
    ("actions", {"value": 0.0}, "bad_action"),
    ("actions", {"value": 201.0}, "bad_action"),
    ("actions", {"value": 1 / 201}, "bad_action"),
    ("actions", {"value": NAN}, "bad_figure"),
    ("actions", {"action": "merger"}, "bad_action"),
    ("actions", {"action": "merger", "value": None}, "bad_action"),
    ("actions", {"action": "dividend", "value": -0.1}, "bad_action"),
    ("actions", {"action": "dividend", "value": INF}, "bad_figure"),
    ("actions", {"date": NOW.date() + 401 * DAY}, "from_the_future"),
    ("fundamentals", {"value": NAN}, "bad_figure"),
    ("fundamentals", {"value": None}, "bad_figure"),
    ("fundamentals", {"item": "shares", "value": 0.0}, "bad_figure"),
    ("fundamentals", {"period": "TTM"}, "bad_period"),
    ("fundamentals", {"item": "vibes"}, "bad_period"),
    ("fundamentals", {"period_end": date(2024, 7, 9)}, "from_the_future"),
    ("fundamentals", {"known_at": NOW + 2 * DAY}, "from_the_future"),
    # 03:00 UTC on the day after is still the day before in New York.
    ("fundamentals", {"known_at": midnight(date(2024, 3, 31)) + timedelta(hours=3)}, "known_too_early"),
    ("fundamentals", {"filed_at": date(2024, 3, 30)}, "known_too_early"),
    ("macro", {"value": INF}, "bad_figure"),
    ("macro", {"date": date(2024, 7, 6)}, "known_too_early"),
    ("macro", {"known_at": NOW + 2 * DAY}, "from_the_future"),
    ("membership", {"end_date": date(2020, 1, 2)}, "bad_interval"),
    ("membership", {"symbol": " "}, "blank_text"),
    ("membership", {"start_date": date(2030, 1, 2)}, "from_the_future"),
    ("texts", {"text": " \n"}, "blank_text"),
    ("texts", {"text": None}, "blank_text"),
    ("texts", {"created_at": NOW + 2 * DAY}, "from_the_future"),
    ("insiders", {"shares": NAN}, "bad_figure"),
    ("insiders", {"shares": None}, "bad_figure"),
    ("insiders", {"price": -1.0}, "bad_figure"),
    ("insiders", {"date": date(2024, 7, 6)}, "known_too_early"),
    ("insiders", {"known_at": NOW + 2 * DAY}, "from_the_future"),
    ("ratings", {"measure": "vibes"}, "bad_measure"),
    ("ratings", {"value": -1.0}, "bad_figure"),
    ("ratings", {"measure": "target_mean", "value": 0.0}, "bad_figure"),
    ("ratings", {"date": NOW.date() + 2 * DAY}, "from_the_future"),
    ("profile", {"text": ""}, "blank_text"),
    ("profile", {"field": " "}, "blank_text"),
]


def test_every_kind_has_rules_and_a_case_of_each() -> None:
    assert set(RULES) | {"bars"} == set(TABLES)
    assert {kind for kind, _, _ in REFUSED} == set(RULES)


@pytest.mark.parametrize(("kind", "changes"), ACCEPTED)
def test_accepted(kind: Kind, changes: dict[str, Any]) -> None:
    frame = rows(kind, changes)
    checked = judge(kind, frame)
    assert checked.accepted.equals(frame)
    assert checked.findings == ()


@pytest.mark.parametrize(("kind", "changes", "reason"), REFUSED)
def test_refused(kind: Kind, changes: dict[str, Any], reason: str) -> None:
    checked = judge(kind, rows(kind, changes))
    assert reasons(checked) == {reason: 1}
    assert checked.accepted.is_empty()
    (said,) = checked.findings
    assert (said.check, said.count) == (reason, 1)
    assert said.message.startswith(f"{kind}: ")


@pytest.mark.parametrize("kind", RULES)
def test_rows_about_something_else_are_refused(kind: Kind) -> None:
    about = {"macro": "series", "membership": "index"}.get(kind, "symbol")
    assert reasons(judge(kind, rows(kind, {about: "OTHER"}))) == {"other_subject": 1}


def test_a_dividend_not_below_the_price_is_refused_where_the_price_is_known() -> None:
    day = bars()["date"][40]
    price = bars()["close"][30:40].max()
    assert isinstance(price, float)
    told = actions((day, "dividend", price + 1), (date(2023, 1, 3), "dividend", 1e9))
    assert judge("actions", told).quarantined.is_empty()
    checked = judge("actions", told, bars=bars())
    assert checked.quarantined["date"].to_list() == [day]
    assert reasons(checked) == {"bad_action": 1}


def test_two_values_at_one_moment_contradict_each_other_and_at_two_moments_are_versions() -> None:
    restated = rows("fundamentals", {}, {"value": 1.1e9, "known_at": NOW - DAY, "accession": "0000000000-24-000003"})
    assert judge("fundamentals", restated).accepted.height == 2
    clash = rows("fundamentals", {}, {"value": 1.1e9, "accession": "0000000000-24-000003"})
    assert reasons(judge("fundamentals", clash)) == {"contradiction": 2}
    same = rows("fundamentals", {}, {"accession": "0000000000-24-000003"})
    assert found(judge("fundamentals", same)) == {"duplicate_rows": 1}


def test_where_values_are_not_dated_two_of_them_contradict_each_other_at_any_moment() -> None:
    clash = rows("ratings", {}, {"value": 12.0, "known_at": NOW})
    assert reasons(judge("ratings", clash)) == {"contradiction": 2}
    again = judge("ratings", rows("ratings", {"known_at": NOW}, {}))
    assert again.accepted.equals(rows("ratings", {}))


def test_long_texts_are_cut_and_counted() -> None:
    checked = judge(
        "texts", rows("texts", {"text": "é" * (LONGEST_TEXT + 1)}, {"url": "2", "text": "x" * LONGEST_TEXT})
    )
    assert checked.accepted["text"].str.len_chars().to_list() == [LONGEST_TEXT, LONGEST_TEXT]
    assert found(checked) == {"long_texts": 1}


@pytest.mark.parametrize("kind", RULES)
def test_silence_about_what_is_stored_is_an_error(kind: Kind) -> None:
    stored = rows(kind, {})
    checked = judge(kind, empty(kind), known=stored, since=date(2024, 3, 1))
    assert [(f.check, f.severity, f.count) for f in checked.findings] == [("empty_answer", "error", 1)]
    assert judge(kind, empty(kind), since=date(2024, 3, 1)).findings == ()


@pytest.mark.parametrize("kind", ["texts", "insiders", "actions", "macro", "ratings"])
def test_silence_about_a_span_of_which_nothing_is_stored_is_no_error(kind: Kind) -> None:
    assert judge(kind, empty(kind), known=rows(kind, {}), since=date(2024, 7, 7)).findings == ()


def test_silence_about_what_was_withdrawn_or_is_announced_is_no_error() -> None:
    since = date(2024, 3, 1)
    withdrawn = rows("actions", {"value": None, "known_at": NOW}, {"known_at": NOW - DAY})
    assert judge("actions", empty("actions"), known=withdrawn, since=since).findings == ()
    announced = rows("actions", {"date": NOW.date() + 30 * DAY})
    assert judge("actions", empty("actions"), known=announced, since=since).findings == ()


def test_accepted_rows_come_in_the_order_of_the_table() -> None:
    moments = [datetime(2024, 7, d, tzinfo=NOW.tzinfo) for d in (5, 3, 4)]
    frame = rows("texts", *({"created_at": m, "url": str(m.day)} for m in moments))
    assert judge("texts", frame).accepted["url"].to_list() == ["3", "4", "5"]
    assert judge("texts", frame.reverse()).accepted.equals(judge("texts", frame).accepted)
