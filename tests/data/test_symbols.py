from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.data.symbols import normalise
from vfr.errors import InvalidField


@pytest.mark.parametrize(
    ("text", "symbol"),
    [("aapl", "AAPL"), (" brk-b ", "BRK.B"), ("BRK_B", "BRK.B"), ("bf/b", "BF.B"), ("BRK.B", "BRK.B"), ("x", "X")],
)
def test_one_spelling(text: str, symbol: str) -> None:
    assert normalise(text) == symbol


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "../../etc",
        "A\n",
        "A\x00",
        "^GSPC",
        "AAPL;DROP",
        "TOOLONGNAME",
        "A.B.C",
        "A.",
        ".A",
        "ÄPL",
        "A" * 10_000,
    ],
)
def test_what_is_no_ticker_is_refused_by_name_of_the_field(text: str) -> None:
    with pytest.raises(InvalidField, match=r"^symbols: ") as caught:
        normalise(text)
    assert caught.value.field == "symbols"
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        symbol = normalise(text)
    except InvalidField:
        return
    assert normalise(symbol) == symbol
    assert symbol.isascii()
    assert symbol == symbol.upper()
