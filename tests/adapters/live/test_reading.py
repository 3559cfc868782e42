"""One value of a document: what passes, and what is refused."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.providers.live.reading import figure, figures, listing, moment, record, words
from vfr.errors import BadAnswer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_a_figure_is_a_finite_number_or_unknown_and_nothing_else(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if value is None or number:
        assert figure(value, "x") == value
    else:
        with pytest.raises(BadAnswer, match="x is "):
            figure(value, "x")


@pytest.mark.parametrize("text", ['"NaN"', "NaN", "Infinity", '"12.5"', "true", "[1]", "{}", "1" + "0" * 400])
def test_what_looks_like_a_number_and_is_none(text: str) -> None:
    with pytest.raises(BadAnswer, match="where a number is documented"):
        figures([1.0, json.loads(text)], "yahoo, QXZ: close")


@pytest.mark.parametrize("value", [1.5, "1700000000", True, None, 1_700_000_000_000, -3_000_000_000])
def test_a_moment_is_whole_seconds_of_this_age(value: Any) -> None:
    with pytest.raises(BadAnswer, match="seconds since 1970"):
        moment(value, "x")


def test_containers_and_texts() -> None:
    assert record({"a": 1}, "x") == {"a": 1}
    assert listing([1], "x") == [1]
    assert (words("  A ", "x"), words(" ", "x"), words(None, "x")) == ("A", None, None)
    for read, value in ((record, None), (record, []), (listing, {}), (listing, None), (words, 3)):
        with pytest.raises(BadAnswer, match="documented"):
            read(value, "x")


def test_a_message_shows_a_value_cut_and_printable() -> None:
    with pytest.raises(BadAnswer) as caught:
        figure("\x1b[31m" + "x" * 500, "x")
    assert len(str(caught.value)) < 80
    assert str(caught.value).isprintable()
