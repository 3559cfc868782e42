"""LightGBM's model text, read into flat arrays without LightGBM, whose own reader hangs or dies on some damaged texts.

::

    tree                                  version, number of columns, objective; sizes of the trees in bytes
    Tree=0 ...                            each a block of lines, KEY=values
    end of trees

Splits of a tree are numbered from 0, and a child below 0 is the leaf of its complement: -1 the first, -2 the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import numpy as np

from vfr.models.forest import Nodes
from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = ["read"]

_OBJECTIVES: Final = ("binary sigmoid:1", "regression")

_ZERO: Final = float(np.float32(1e-35))
"""LightGBM takes a value that is no farther than this from 0 for 0."""

_DEFAULT_LEFT: Final = 2
_NAN: Final = 8
"""Bit of a split whose training rows held unknown values: they go the default way. Without it, unknown counts as 0."""


def read(text: str) -> tuple[Nodes, int, FloatArray]:
    """Return the trees of a model text, its number of columns, and the gain of all splits on each column.

    Raises
    ------
    ValueError, KeyError, OverflowError
        If the text holds anything but trees of numeric splits that add up to one score.
    """
    head, _, rest = text.partition("\n\n")
    first, *lines = head.split("\n")
    header = _fields(lines)
    plain = (
        first == "tree"
        and header["version"] == "v4"
        and header["num_class"] == header["num_tree_per_iteration"] == "1"
        and header["objective"] in _OBJECTIVES
        and "average_output" not in header
    )
    if not plain:
        raise ValueError("not trees that add up to one score")
    trees = _blocks(rest, [int(size) for size in header["tree_sizes"].split()])
    columns = int(header["max_feature_idx"]) + 1
    leaves = np.array([int(tree["num_leaves"]) for tree in trees], dtype=np.int64)
    splits = leaves - 1
    column, gain = _whole(trees, "split_feature", splits), _real(trees, "split_gain", splits)
    if bool(np.any((column < 0) | (column >= columns))):
        raise ValueError("a split reads a column that is not there")
    with np.errstate(over="ignore"):  # LightGBM holds gains in float32, and counts those above 0.
        gain = gain.astype(np.float32).astype(np.float64)
    shares = np.bincount(column, np.where(gain > 0, gain, 0.0), minlength=columns).astype(np.float64)
    if not np.isfinite(shares).all():
        raise ValueError("a gain is not finite")
    return _nodes(trees, leaves, column), columns, shares


def _fields(lines: Sequence[str]) -> dict[str, str]:
    pairs = [line.partition("=")[::2] for line in lines]
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands there twice")
    return fields


def _blocks(text: str, sizes: Sequence[int]) -> list[dict[str, str]]:
    """Return the fields of each tree; the sizes must be those of the blocks."""
    trees, at = [], 0
    for number, size in enumerate(sizes):
        block = text[at : at + size]
        first, *lines = block.rstrip("\n").split("\n")
        if size <= 0 or len(block) != size or first != f"Tree={number}":
            raise ValueError("a tree is not where it should be")
        trees.append(_fields(lines))
        at += size
    if not text[at:].startswith("end of trees\n"):
        raise ValueError("the trees do not end where they should")
    if any(tree["num_cat"] != "0" or tree["is_linear"] != "0" for tree in trees):
        raise ValueError("categories, or leaves that are not numbers")
    return trees


def _words(trees: Sequence[Mapping[str, str]], key: str, counts: IntArray) -> list[str]:
    words = [tree[key].split() for tree in trees]
    if [len(one) for one in words] != counts.tolist():
        raise ValueError(f"{key} does not have one value for each")
    return list(chain.from_iterable(words))


def _whole(trees: Sequence[Mapping[str, str]], key: str, counts: IntArray) -> IntArray:
    return np.array([int(word) for word in _words(trees, key, counts)], dtype=np.int64)


def _real(trees: Sequence[Mapping[str, str]], key: str, counts: IntArray) -> FloatArray:
    return np.array([float(word) for word in _words(trees, key, counts)], dtype=np.float64)


def _nodes(trees: Sequence[Mapping[str, str]], leaves: IntArray, column: IntArray) -> Nodes:
    """Return the nodes, numbered in each tree: splits as they are, then leaves."""
    splits, sizes = leaves - 1, 2 * leaves - 1
    first = np.cumsum(sizes) - sizes
    split_at, leaf_at = _places(first, splits), _places(first + splits, leaves)
    left, right, columns = (np.full(int(sizes.sum()), -1, dtype=np.int64) for _ in range(3))
    number = np.empty(left.size)
    missing_left = np.ones(left.size, dtype=np.bool_)
    threshold = _real(trees, "threshold", splits)
    for children, key in ((left, "left_child"), (right, "right_child")):
        found = _whole(trees, key, splits)
        of_tree = np.repeat(splits, splits)
        if bool(np.any((found >= of_tree) | (~found > of_tree))):
            raise ValueError("a child is not a node of its tree")
        children[split_at] = np.where(found < 0, of_tree + ~found, found)
    columns[split_at] = column
    number[split_at] = _exact(threshold)
    number[leaf_at] = _real(trees, "leaf_value", leaves)
    missing_left[split_at] = _unknown_left(_whole(trees, "decision_type", splits), threshold)
    return Nodes.of_children(sizes, left, right, columns, missing_left, number)


def _places(first: IntArray, counts: IntArray) -> IntArray:
    """Return `counts` consecutive numbers from each `first`."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(int(counts.sum()))


def _unknown_left(kind: IntArray, threshold: FloatArray) -> BoolArray:
    if bool(np.any(kind & ~(_DEFAULT_LEFT | _NAN))):
        raise ValueError("a split of another kind")
    return np.where(kind & _NAN, (kind & _DEFAULT_LEFT) > 0, threshold >= 0.0)


def _exact(threshold: FloatArray) -> FloatArray:
    """Return thresholds that send a value where LightGBM sends the 0 for which it takes a value near 0."""
    near = np.abs(threshold) <= _ZERO
    return np.where(near, np.where(threshold >= 0.0, _ZERO, np.nextafter(-_ZERO, -np.inf)), threshold)
