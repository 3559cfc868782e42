"""Tiingo's provider: bars as traded, actions, names, and refusals in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adapters.live.canned_client import Canned
from tests.adapters.live.tiingo_documents import about, bar

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.migrate import migrate
from vfr.adapters.database.pace import Pace
from vfr.adapters.net.client import PoliteClient
from vfr.adapters.net.reply import Reply
from vfr.adapters.providers.live.tiingo import TiingoProvider
from vfr.adapters.providers.live.tiingo_transport import TiingoTransport
from vfr.data.provider import Batch, DataProvider, Offer, Order
from vfr.errors import BadAnswer, ProviderDenied, Throttled, UnknownAtSource

KEY = "s3cret-t0ken"
NOW = datetime(2024, 6, 5, 22, tzinfo=UTC)
SINCE = date(2024, 6, 3)
MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
OVER = "Error: You have run over your hourly request allocation. Then wait, or upgrade."


def offer(kind: str) -> Offer:
    return next(one for one in TiingoProvider(Canned({}), key=KEY).offers if kind in one.kinds)


def fetch(kind: str, document: Any, subject: str = "QXZ", now: datetime = NOW) -> tuple[tuple[Batch, ...], Canned]:
    address = f"tiingo/daily/{subject.replace('.', '-')}"
    client = Canned({address: document, f"{address}/prices": document})
    provider: DataProvider = TiingoProvider(client, key=KEY)
    return provider.fetch(Order(offer(kind), subject, SINCE, now)), client


def test_bars_are_taken_as_traded_and_actions_as_paid() -> None:
    rows = [bar(MONDAY, 40.0), bar(TUESDAY, 10.5, splitFactor=4.0), bar(WEDNESDAY, 10.0, divCash=0.25, open=None)]
    (bars, actions), client = fetch("bars", rows)
    assert bars.frame.select("date", "open", "close", "volume", "currency", "known_at").rows() == [
        (MONDAY, 40.0, 40.0, 1000.0, "USD", datetime(2024, 6, 3, 20, tzinfo=UTC)),
        (TUESDAY, 10.5, 10.5, 1000.0, "USD", datetime(2024, 6, 4, 20, tzinfo=UTC)),
        (WEDNESDAY, None, 10.0, 1000.0, "USD", datetime(2024, 6, 5, 20, tzinfo=UTC)),
    ]
    assert actions.frame.select("date", "action", "value", "known_at").rows() == [
        (TUESDAY, "split", 4.0, datetime(2024, 6, 4, tzinfo=UTC)),
        (WEDNESDAY, "dividend", 0.25, datetime(2024, 6, 5, tzinfo=UTC)),
    ]
    assert client.asked == [
        (
            "https://api.tiingo.com/tiingo/daily/QXZ/prices",
            {"startDate": "2024-06-03", "endDate": "2024-06-05", "format": "json"},
            {"Authorization": f"Token {KEY}"},
        )
    ]


def test_the_bar_of_a_session_in_progress_is_left_out() -> None:
    (bars, _), _ = fetch("bars", [bar(MONDAY), bar(TUESDAY)], now=datetime(2024, 6, 4, 20, 14, tzinfo=UTC))
    assert bars.frame["date"].to_list() == [MONDAY]


def test_a_class_of_shares() -> None:
    (bars, _), client = fetch("bars", [bar(MONDAY)], "QXZ.B")
    assert client.asked[0][0].endswith("/QXZ-B/prices")
    assert bars.frame["symbol"].to_list() == ["QXZ.B"]


def test_no_bars_are_an_empty_answer() -> None:
    batches, _ = fetch("bars", [])
    assert [(batch.kind, batch.frame.height) for batch in batches] == [("bars", 0), ("actions", 0)]


def test_name_and_exchange_are_known_from_the_moment_of_asking() -> None:
    (profile,), client = fetch("profile", about(ticker="qxz"))
    assert profile.frame.select("field", "text", "known_at").rows() == [
        ("name", "Quarry Cross", NOW),
        ("exchange", "NASDAQ", NOW),
    ]
    assert client.asked[0][0] == "https://api.tiingo.com/tiingo/daily/QXZ"
    (profile,), _ = fetch("profile", about(name=None, exchangeCode=None))
    assert not profile.frame.height


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"close": "NaN"}, "close is 'NaN' where a number is documented"),
        ({"close": float("nan")}, "close is nan"),
        ({"volume": "1000"}, "volume is '1000'"),
        ({"divCash": None}, "dividend or split of 2024-06-03 is unknown"),
        ({"divCash": -1.0}, "dividend or split of 2024-06-03"),
        ({"splitFactor": 0}, "dividend or split of 2024-06-03"),
        ({"splitFactor": None}, "dividend or split of 2024-06-03"),
        ({"date": "2024-06-03T14:00:00.000Z"}, "another time zone"),
        ({"date": "2024-06-03T00:00:00"}, "another time zone"),
        ({"date": "2024-06-03T00:00:00+09:00"}, "another time zone"),
        ({"date": "2024-06-02T00:00:00.000Z"}, "no weekday"),
        ({"date": "yesterday"}, "'yesterday' is no date"),
        ({"date": None}, "None is no date"),
        ({"date": "2024-06-06T00:00:00.000Z"}, "2024-06-06, which has not begun"),
    ],
)
def test_a_bar_that_is_not_what_is_documented_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        fetch("bars", [bar(MONDAY, **change)])
    assert reason in caught.value.message
    assert caught.value.message.startswith("tiingo, QXZ")


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume", "divCash", "splitFactor", "date"])
def test_a_column_that_is_missing_is_refused(column: str) -> None:
    row = bar(MONDAY)
    del row[column]
    with pytest.raises(BadAnswer, match="tiingo, QXZ"):
        fetch("bars", [row])


def test_a_day_that_comes_twice_is_refused() -> None:
    with pytest.raises(BadAnswer, match="two bars fall on one day"):
        fetch("bars", [bar(MONDAY), bar(MONDAY)])


@pytest.mark.parametrize("document", [{}, {"ticker": "QXY"}, about(name=3), [about()], [], 7])
def test_a_description_that_is_not_of_this_ticker_is_refused(document: Any) -> None:
    with pytest.raises(BadAnswer, match="tiingo"):
        fetch("profile", document)


@pytest.mark.parametrize("document", [{}, 7, None, [1]])
def test_prices_of_another_form_are_refused(document: Any) -> None:
    with pytest.raises(BadAnswer, match="tiingo, QXZ"):
        fetch("bars", document)


@pytest.mark.parametrize("kind", ["bars", "profile"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"detail": OVER}, Throttled),
        ({"detail": "Error: You have run over your 500 symbol look up for this month: allocation used."}, Throttled),
        ({"detail": "Not found."}, UnknownAtSource),
        ({"detail": "Error: Ticker 'QXZ' not found"}, UnknownAtSource),
        ({"detail": "Invalid token."}, ProviderDenied),
        ({"detail": "You do not have permission to access this."}, ProviderDenied),
        ({"detail": "Something else."}, BadAnswer),
    ],
)
def test_refusals_in_words(kind: str, answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        fetch(kind, answer)
    assert type(caught.value) is error
    assert str(caught.value).startswith("tiingo")
    assert KEY not in str(caught.value)


def test_the_key_is_shown_nowhere() -> None:
    assert KEY not in repr(TiingoProvider(Canned({}), key=KEY))


class Fixed:
    """A transport with one reply."""

    def __init__(self, status: int, body: str) -> None:
        self.reply = Reply(status, {"retry-after": "9"}, body.encode())

    def get(self, url: str, params: Any, headers: Any) -> Reply:
        return self.reply


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (200, OVER, 429),
        (403, OVER, 429),
        (403, "You do not have permission", 403),
        (429, "slow down", 429),
        (500, OVER, 500),
        (200, "[]", 200),
        (200, '[{"description": "' + "They " * 300 + OVER + '"}]', 200),
    ],
)
def test_the_transport_tells_a_used_up_allocation_from_a_refused_key(status: int, body: str, seen: int) -> None:
    reply = TiingoTransport(Fixed(status, body)).get("https://api.tiingo.com/x", {}, {})
    assert (reply.status, reply.headers, reply.body) == (seen, {"retry-after": "9"}, body.encode())


@pytest.fixture
def pace(tmp_path: Path) -> Iterator[Pace]:
    engine = open_engine(f"sqlite:///{tmp_path / 'pace.sqlite'}")
    migrate(engine)
    yield Pace(engine)
    engine.dispose()


@pytest.mark.parametrize("kind", ["bars", "profile"])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, OVER, Throttled),
        (403, OVER, Throttled),
        (429, "", Throttled),
        (404, '{"detail": "Not found."}', UnknownAtSource),
        (200, '{"detail": "Not found."}', UnknownAtSource),
        (403, '{"detail": "Invalid token."}', ProviderDenied),
        (200, "Error: something else", BadAnswer),
        (200, '[{"date": "2024-06', BadAnswer),
        (200, "", BadAnswer),
    ],
)
def test_what_a_caller_is_told_through_the_real_client(
    pace: Pace, kind: str, status: int, body: str, error: type[Exception]
) -> None:
    clock = [NOW]
    client = PoliteClient(
        "tiingo",
        TiingoTransport(Fixed(status, body)),
        pace,
        sleep=lambda seconds: clock.__setitem__(0, clock[0] + timedelta(seconds=seconds)),
        rng=np.random.default_rng(1),
        clock=lambda: clock[0],
    )
    with pytest.raises(error) as caught:
        TiingoProvider(client, key=KEY).fetch(Order(offer(kind), "QXZ", SINCE, NOW))
    assert type(caught.value) is error
    assert str(caught.value).startswith("tiingo")
    assert KEY not in str(caught.value)
