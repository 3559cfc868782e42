"""The page that users read says what the tests expect."""

from __future__ import annotations

from tests.conformance.matrix import FAULTS, OFFERS, OUTCOMES, Never, cell
from tests.conformance.page import PAGE, render


def test_the_page_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == render(), "write it again: python -m tests.conformance.page"


def test_every_word_of_the_table_is_explained_and_used():
    words = {cell(fault, one, kind) for fault in FAULTS for one, kinds in OFFERS.items() for kind in kinds}
    assert {word for word in words if not isinstance(word, Never)} == set(OUTCOMES)
