"""Keys: one for each question and set of versions, of bounded length, the same in every process."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from vfr.cache.keys import TTLS, key

PARTS = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5).filter(
        lambda name: name not in ("kind", "versions")
    ),
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
    max_size=4,
)


@given(PARTS, PARTS, PARTS, PARTS)
def test_two_keys_are_the_same_only_for_the_same_question_and_versions(a: dict, b: dict, c: dict, d: dict) -> None:
    # Through repr, as True is 1 to Python but not to a question.
    same = sorted(map(repr, a.items())) == sorted(map(repr, c.items())) and sorted(map(repr, b.items())) == sorted(
        map(repr, d.items())
    )
    assert (key("boards", a, **b) == key("boards", c, **d)) == same


@given(PARTS, PARTS)
def test_the_order_of_parts_does_not_matter(versions: dict, question: dict) -> None:
    turned = dict(reversed(versions.items())), dict(reversed(question.items()))
    assert key("boards", versions, **question) == key("boards", turned[0], **turned[1])


def test_words_that_join_alike_are_different_questions() -> None:
    assert key("boards", {"a": "b,c"}) != key("boards", {"a": "b", "c": ""})
    assert key("boards", {"data": "1"}, day="2") != key("boards", {}, data="1", day="2")
    assert key("boards", {"data": "1"}) != key("predictions", {"data": "1"})


def test_keys_are_short_whatever_they_hold() -> None:
    assert len(key("predictions", {"data": "x" * 100_000}, members="\N{SNOWMAN}" * 1_000)) < 64


def test_every_process_builds_the_same_key() -> None:
    program = "from vfr.cache.keys import key; print(key('boards', {'data': 'a', 'program': 'b'}, day=None))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - a program of ours
    assert done.stdout.strip() == key("boards", {"program": "b", "data": "a"}, day=None)


def test_every_kind_has_a_time_to_live() -> None:
    assert set(TTLS) == {"predictions", "features", "boards", "quotes", "metadata"}
    assert all(60_000 <= ttl <= 30 * 24 * 3_600_000 for ttl in TTLS.values())
