"""The error tree: every leaf has its own code, and the drawing in the docstring is the tree."""

from __future__ import annotations

import pickle
import re

import pytest

from vfr import errors
from vfr.errors import InvalidField, VfrError


def tree(root: type[VfrError]) -> list[type[VfrError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


def test_drawn_tree_is_the_tree() -> None:
    drawn = re.findall(r"── ([A-Z]\w+)", errors.__doc__ or "")
    assert drawn == [c.__name__ for c in tree(VfrError)[1:]]


def test_exports_are_exact() -> None:
    assert sorted(errors.__all__) == sorted(c.__name__ for c in tree(VfrError))


def test_codes_are_unique() -> None:
    codes = [c.code for c in tree(VfrError)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", tree(VfrError), ids=lambda c: c.__name__)
def test_codes_are_shouted(error: type[VfrError]) -> None:
    assert re.fullmatch(r"[A-Z_]+", error.code)


def test_invalid_field_names_the_field() -> None:
    error = InvalidField("limit", "must be 1 to 50; 51 given")
    assert error.field == "limit"
    assert error.message == "limit: must be 1 to 50; 51 given"


def test_errors_travel_between_processes_whole() -> None:
    there = pickle.loads(pickle.dumps(InvalidField("limit", "must be 1 to 50")))  # noqa: S301 - made one line above
    assert (type(there), there.field, there.message) == (InvalidField, "limit", "limit: must be 1 to 50")
    slow = pickle.loads(pickle.dumps(errors.Throttled("a pause", 3.0)))  # noqa: S301
    assert (slow.message, slow.retry_after) == ("a pause", 3.0)
