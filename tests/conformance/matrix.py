"""What every fault of every provider comes to: the expectations of the tests, and the page that users read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FAULTS", "OFFERS", "OUTCOMES", "Fault", "Never", "Outcome", "cases", "cell"]

OFFERS: Final[Mapping[str, tuple[str, ...]]] = {
    "yahoo": ("bars", "profile", "texts"),
    "edgar": ("fundamentals", "insiders", "profile"),
    "fred": ("macro",),
    "fmp": ("fundamentals", "ratings", "profile", "membership"),
    "tiingo": ("bars", "profile"),
}
"""Provider to its offers, each by the first kind it brings."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault comes to.

    `code` is that of the report of a sync, `shown` what is shown where `example` happens (fault, provider, kind): word
    for word, so that the page and the program agree.
    """

    word: str
    code: str
    kept: str
    shown: str
    example: tuple[str, str, str]


_NOTHING: Final = "nothing"
_REST: Final = "the rest; what is missing stays unknown"

OUTCOMES: Final[Mapping[str, Outcome]] = {
    one.word: one
    for one in (
        Outcome(
            "wait",
            "THROTTLED",
            _NOTHING,
            "yahoo asks for fewer questions; ask again in 7 s",
            ("throttled_with_time", "yahoo", "bars"),
        ),
        Outcome(
            "down",
            "PROVIDER_UNAVAILABLE",
            _NOTHING,
            "fred fails (500); try again later",
            ("server_error", "fred", "macro"),
        ),
        Outcome(
            "denied",
            "PROVIDER_DENIED",
            _NOTHING,
            "fmp refuses the key; correct it in the settings",
            ("denied_in_words", "fmp", "ratings"),
        ),
        Outcome(
            "unknown",
            "UNKNOWN_AT_SOURCE",
            _NOTHING,
            "yahoo does not know QXV; check its spelling, or whether it still trades",
            ("unknown", "yahoo", "bars"),
        ),
        Outcome(
            "refused",
            "BAD_ANSWER",
            _NOTHING,
            "yahoo answered about 'QXY' when asked about QXZ",
            ("other_subject", "yahoo", "bars"),
        ),
        Outcome(
            "silence",
            "BAD_ANSWER",
            _NOTHING,
            "tiingo QXZ: bars: the answer holds nothing, though 44 sessions were expected; nothing stored was changed.",
            ("empty", "tiingo", "bars"),
        ),
        Outcome(
            "quarantined",
            "QUARANTINED",
            "nothing; the rows lie apart",
            "tiingo QXZ: 44 rows refused (split_inconsistent)",
            ("undivided", "tiingo", "bars"),
        ),
        Outcome(
            "gap",
            "DONE",
            _REST,
            "bars: 1 session is missing; left unknown.",
            ("missing", "yahoo", "bars"),
        ),
        Outcome(
            "part",
            "DONE",
            "the rest; the impossible rows lie apart",
            "bars: rows with a figure that cannot be; refused.",
            ("spike", "tiingo", "bars"),
        ),
        Outcome("less", "DONE", _REST, "", ("missing", "fred", "macro")),
        Outcome(
            "later",
            "DONE",
            "the answer, known later than it was, never earlier",
            "",
            ("shifted", "fmp", "fundamentals"),
        ),
    )
}
"""By the word in the table."""


@dataclass(frozen=True, slots=True)
class Never:
    """A fault that an offer cannot have, or that nobody could tell, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `usual` is what it comes to, a word of `OUTCOMES`; `but` names the offers of which something else is true, by
    provider and kind. `heals` says that asking again at once helps if the vendor is well by then, `stored` that earlier
    facts are stored when it happens.
    """

    title: str
    usual: str | Never
    but: Mapping[tuple[str, str], str | Never] = field(default_factory=dict)
    heals: bool = False
    stored: bool = False


_NO_SESSIONS: Final = Never("has no sessions to compare with")
_NO_FIGURES: Final = Never("holds texts, no figures")
_NO_PRICES: Final = Never("holds no prices")
_NO_TIMES: Final = Never("holds no times of day")
_OWN_WORDS: Final = Never("says so with a status")
_ONE_RECORD: Final = Never("is one record, whole or not")

_BARS: Final[dict[tuple[str, str], str | Never]] = {(one, "bars"): "quarantined" for one in ("yahoo", "tiingo")}
_PARTS: Final[dict[tuple[str, str], str | Never]] = {(one, "bars"): "part" for one in ("yahoo", "tiingo")}
_NO_MONEY: Final = (
    ("yahoo", "texts"),
    ("edgar", "profile"),
    ("fred", "macro"),
    ("fmp", "ratings"),
    ("fmp", "membership"),
    ("tiingo", "profile"),
)
_CLOCKS: Final[dict[tuple[str, str], str | Never]] = {
    ("yahoo", "bars"): "refused",
    ("yahoo", "texts"): Never("may come at any hour"),
    ("edgar", "fundamentals"): "refused",
    ("edgar", "insiders"): "refused",
    ("tiingo", "bars"): "refused",
}

FAULTS: Final[Mapping[str, Fault]] = {
    "throttled_with_time": Fault("429, come back in 7 s", "wait", heals=True),
    "throttled": Fault("429, no time named", "wait", heals=True),
    "throttled_until": Fault("429, come back at a time of day", "wait", heals=True),
    "throttled_for_long": Fault("429, come back tomorrow", "wait"),
    "throttled_in_words": Fault(
        "limit told in words, status 200",
        _OWN_WORDS,
        {(one, kind): "wait" for one in ("fmp", "tiingo") for kind in OFFERS[one]},
        heals=True,
    ),
    "server_error": Fault("500", "down", heals=True),
    "busy": Fault("503, come back in 7 s", "down", heals=True),
    "late": Fault("no answer in time", "down", heals=True),
    "half_sent": Fault("connection cut in the middle", "down", heals=True),
    "cut": Fault(
        "half a document sent as a whole",
        "refused",
        heals=True,
    ),
    "html": Fault("a web page instead of data", "refused", heals=True),
    "denied": Fault("403", "denied"),
    "denied_in_words": Fault(
        "key refused in words", _OWN_WORDS, {(one, kind): "denied" for one in ("fred", "fmp") for kind in OFFERS[one]}
    ),
    "unknown": Fault(
        "name not known",
        "unknown",
        {
            ("yahoo", "texts"): Never("finds no headline, which says nothing about the name"),
            ("fmp", "fundamentals"): Never("sends the same empty list for a known name; the profile tells"),
            ("fmp", "ratings"): Never("sends the same empty list for a known name; the profile tells"),
        },
    ),
    "unknown_in_words": Fault(
        "name not known, status 200",
        _OWN_WORDS,
        {("tiingo", kind): "unknown" for kind in OFFERS["tiingo"]},
    ),
    "empty": Fault(
        "an answer without content",
        "silence",
        {("tiingo", "profile"): "refused", ("edgar", "profile"): Never("always holds the number asked for")},
        stored=True,
    ),
    "other_subject": Fault(
        "another company's data",
        "refused",
        {
            ("yahoo", "texts"): "silence",
            ("edgar", "insiders"): "silence",
            ("fred", "macro"): Never("does not name its series"),
            ("fmp", "membership"): Never("is one list of all members"),
            ("tiingo", "bars"): "quarantined",
        },
        stored=True,
    ),
    "missing": Fault(
        "a session, observation or filing left out",
        "less",
        {
            ("yahoo", "bars"): "gap",
            ("yahoo", "profile"): _ONE_RECORD,
            ("yahoo", "texts"): Never("promises no complete list"),
            ("edgar", "profile"): _ONE_RECORD,
            ("fmp", "profile"): _ONE_RECORD,
            ("tiingo", "bars"): "gap",
            ("tiingo", "profile"): _ONE_RECORD,
        },
    ),
    "undivided": Fault(
        "prices of some days on the wrong side of a 10:1 split",
        _NO_PRICES,
        _BARS
        | {
            ("edgar", "fundamentals"): Never("a share count tenfold off cannot be told from a split"),
            ("fmp", "fundamentals"): Never("holds no share counts"),
        },
    ),
    "divided_nowhere": Fault("a 10:1 split announced, no price divided", _NO_PRICES, _BARS),
    "invented_split": Fault("a split that never happened, bars stored before", _NO_PRICES, _BARS, stored=True),
    "absurd_split": Fault("a split of 1000:1 that never happened", _NO_PRICES, _BARS | {("tiingo", "bars"): "part"}),
    "absurd_dividend": Fault("a dividend above the price", _NO_PRICES, _PARTS),
    "spike": Fault("a high of tenfold the close", _NO_PRICES, _PARTS),
    "other_currency": Fault(
        "figures in another currency",
        "silence",
        {
            ("yahoo", "bars"): "quarantined",
            **{one: Never("says nothing in money") for one in _NO_MONEY},
            ("yahoo", "profile"): Never("is stored with the currency it names"),
            ("edgar", "insiders"): Never("names no currency: Form 4 is in USD"),
            ("fmp", "profile"): Never("is stored with the currency it names"),
            ("tiingo", "bars"): Never("names no currency: what is listed there trades in USD"),
        },
        stored=True,
    ),
    "nan_text": Fault(
        'a figure sent as the text "NaN"',
        "refused",
        {
            ("yahoo", "texts"): _NO_FIGURES,
            ("edgar", "profile"): _NO_FIGURES,
            ("fmp", "profile"): _NO_FIGURES,
            ("fmp", "membership"): _NO_FIGURES,
            ("tiingo", "profile"): _NO_FIGURES,
        },
    ),
    "nan_token": Fault(
        "a figure sent as NaN",
        "refused",
        {
            ("yahoo", "texts"): _NO_FIGURES,
            ("edgar", "insiders"): Never("is XML, where NaN is a text like any other"),
            ("edgar", "profile"): _NO_FIGURES,
            ("fmp", "profile"): _NO_FIGURES,
            ("fmp", "membership"): _NO_FIGURES,
            ("tiingo", "profile"): _NO_FIGURES,
        },
    ),
    "shifted": Fault("times 14 hours late", _NO_TIMES, _CLOCKS | {("fmp", "fundamentals"): "later"}),
    "shifted_back": Fault("times 14 hours early", _NO_TIMES, _CLOCKS | {("fmp", "fundamentals"): "later"}),
}
"""By name, in the order of the page."""


def cell(fault: str, provider: str, kind: str) -> str | Never:
    """Return what a fault of an offer comes to."""
    row = FAULTS[fault]
    return row.but.get((provider, kind), row.usual)


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield every fault that can happen: its name, the provider and the kind its offer is named by."""
    for fault in FAULTS:
        for provider, kinds in OFFERS.items():
            yield from ((fault, provider, kind) for kind in kinds if not isinstance(cell(fault, provider, kind), Never))
