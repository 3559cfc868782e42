"""The finance lexicon: words, phrases, negations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.factors.lexicon import NEGATIVE, POSITIVE, polarity, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0)),
        ("Annual meeting on Monday", (0, 0)),
        ("AT_USER $ aapl beats estimates , upgraded to buy URL", (3, 0)),
        ("guidance cut , shares plunge on fraud probe", (0, 4)),
        ("profit does not grow", (1, 1)),
        ("isn \u2019 t weak", (1, 0)),
        ("no loss , no gain", (1, 1)),
        ("not one of the three growing units", (1, 0)),
        ("still long $ aapl", (1, 0)),
        ("a long term investor, short on time", (0, 0)),
        ("short squeeze in $ tsla", (1, 0)),
        ("best buy opens a store", (0, 0)),
        ("lacks growth", (0, 1)),
    ],
)
def test_polarity_by_hand(text, expected):
    assert polarity(text) == expected


def test_words_joins_contractions_and_drops_the_rest():
    assert words("I'M 3% up, can \u2019 t stop; growth's fine") == ["im", "up", "cant", "stop", "growth", "s", "fine"]


def test_the_lists_are_disjoint_lower_case_and_of_some_size():
    assert not POSITIVE & NEGATIVE
    assert all(word.isalpha() and word.islower() for word in POSITIVE | NEGATIVE)
    assert 200 < len(POSITIVE) < len(NEGATIVE) < 500


@given(st.lists(st.sampled_from(sorted(POSITIVE - {"best"}) + sorted(NEGATIVE))))
def test_every_listed_word_counts_once(chosen):
    good = sum(word in POSITIVE for word in chosen)
    assert polarity(" ".join(chosen)) == (good, len(chosen) - good)


@given(st.text())
def test_any_text_has_a_polarity_within_its_words(text):
    good, bad = polarity(text)
    assert 0 <= good + bad <= len(words(text))
