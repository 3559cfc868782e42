"""Binary trees as flat arrays: numbered and checked once, so that scoring need not check anything.

LightGBM, XGBoost and scikit-learn spend 0.1 to 8 ms on one row, nearly all of it outside their trees, and take seconds
and hundreds of megabytes to import. A walk of our own over the same numbers gives the same sums in microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from vfr.typing import BoolArray, FloatArray, IntArray, Matrix32

__all__ = ["Forest", "Nodes"]

_DEEPEST: Final = 64
"""Levels below the root that are accepted: a walk takes as many steps for each row, whatever the tree."""

_LEAF: Final = -1

_EVERY: Final = 2**31 - 1
"""The greatest key: every row goes left, so that a leaf leads to itself."""

_AT_ONCE: Final = 1024
"""Rows walked together: their keys stay in a cache of the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Trees written one after the other, each level by level, siblings side by side, left before right.

    That order says where children are (the i-th split of a tree has them at 1 + 2i and 2 + 2i), so no number can point
    astray or in a circle.

    Parameters
    ----------
    sizes : int64 array, shape (trees,)
        Nodes of each tree.
    column : int64 array, shape (nodes,)
        Column that a split reads; -1 for a leaf.
    missing_left : bool array, shape (nodes,)
        Whether a row goes left where the column is NaN.
    number : float64 array, shape (nodes,)
        Greatest value that goes left, for a split; what is added to the sum, for a leaf.
    """

    sizes: IntArray
    column: IntArray
    missing_left: BoolArray
    number: FloatArray

    @classmethod
    def of_children(
        cls,
        sizes: IntArray,
        left: IntArray,
        right: IntArray,
        column: IntArray,
        missing_left: BoolArray,
        number: FloatArray,
    ) -> Self:
        """Renumber trees whose nodes name their children, counted within the tree; -1 twice for a leaf.

        Raises
        ------
        ValueError
            If the arrays do not describe binary trees of at most 64 levels, each node reached once.
        """
        _agree(sizes, left, right, column, missing_left, number)
        order = _level_order(sizes, left, right)
        return cls(sizes, np.where(left < 0, _LEAF, column)[order], missing_left[order], number[order])


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees ready to be walked.

    Parameters
    ----------
    columns : int
        Columns of a row.
    column, child : uint32 arrays, shape (nodes,)
        Key of a row that a split reads (see `vfr.models.tree_walk.keys`; of those of a column, the one that lets an
        unknown value go where it must) and its left child, beside which stands the right one; a leaf leads to itself.
    key : int32 array, shape (nodes,)
        A row goes left if its key is at most this.
    value : float32 or float64 array, shape (nodes,)
        What a leaf adds; sums are taken in its precision.
    root, depth : uint32 arrays, shape (trees,)
    """

    columns: int
    column: NDArray[np.uint32]
    key: NDArray[np.int32]
    child: NDArray[np.uint32]
    value: FloatArray | Matrix32
    root: NDArray[np.uint32]
    depth: NDArray[np.uint32]

    @classmethod
    def of(cls, nodes: Nodes, columns: int, *, single: bool = False) -> Self:
        """Check trees over rows of so many columns and lay them out; leaves are summed in float64, or `single`.

        Thresholds become the greatest float32 not above them: no float32 lies between, so every float32 row goes the
        same way.

        Raises
        ------
        ValueError
            If a tree is not whole, is deeper than 64 levels, reads a column that is not there, splits at NaN, or has a
            leaf that is not finite.

        Examples
        --------
        One split: up to 0.5, or unknown, is 1, above is 2.

        >>> nodes = Nodes(np.array([3]), np.array([0, -1, -1]), np.array([True] * 3), np.array([0.5, 1.0, 2.0]))
        >>> forest = Forest.of(nodes, 1)
        >>> forest.total(np.array([[0.5], [0.75], [np.nan]], dtype=np.float32)).tolist()
        [1.0, 2.0, 1.0]
        """
        from vfr.models.tree_walk import keys

        _agree(nodes.sizes, nodes.column, nodes.missing_left, nodes.number)
        split = nodes.column != _LEAF
        if bool(np.any((nodes.column < _LEAF) | (nodes.column >= columns))):
            raise ValueError("a split reads a column that is not there")
        if bool(np.isnan(nodes.number).any()) or not bool(np.isfinite(nodes.number[~split]).all()):
            raise ValueError("a threshold or a leaf is not a number")
        root, child = _children(nodes.sizes, split)
        # Trees are walked four at a time; the last group is filled with trees of one leaf that adds nothing.
        spare = -root.size % 4
        filler = split.size + np.arange(spare)
        value = np.append(np.where(split, 0.0, nodes.number), np.zeros(spare))
        column = np.where(split, nodes.column + np.where(nodes.missing_left, columns, 0), 0)
        key = np.where(split, keys(_at_most(nodes.number)[:, None])[:, 0], _EVERY)
        return cls(
            columns=columns,
            column=np.append(column, np.zeros(spare)).astype(np.uint32),
            key=np.append(key, np.full(spare, _EVERY)).astype(np.int32),
            child=np.append(child, filler).astype(np.uint32),
            value=value.astype(np.float32) if single else value,
            root=np.append(root, filler).astype(np.uint32),
            depth=np.append(_depths(root, child, split), np.zeros(spare)).astype(np.uint32),
        )

    def total(self, X: Matrix32, start: float = 0.0) -> FloatArray:
        """Return `start` plus the leaves of every tree, added in their order, shape (M,).

        Raises
        ------
        ValueError
            If rows do not have the columns that the trees were made for.
        """
        from vfr.models.tree_walk import add_leaves, keys

        rows = np.ascontiguousarray(X, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.columns:
            raise ValueError(f"rows have shape {rows.shape}, the trees read {self.columns} columns")
        out = np.full(rows.shape[0], start, dtype=self.value.dtype)
        nodes = (self.column, self.key, self.child)
        for first in range(0, rows.shape[0], _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            add_leaves(keys(rows[part]), nodes, self.value, self.root, self.depth, out[part])
        return np.asarray(out, dtype=np.float64)


def _agree(sizes: IntArray, *arrays: NDArray[np.generic]) -> None:
    """Refuse arrays that do not hold one entry for each node."""
    if sizes.ndim != 1 or sizes.size == 0 or int(sizes.min()) < 1:
        raise ValueError("there is no tree, or an empty one")
    size = arrays[0].size
    if int(sizes.max()) > size or int(sizes.sum()) != size or any(array.shape != (size,) for array in arrays):
        raise ValueError("the arrays differ in length")


def _level_order(sizes: IntArray, left: IntArray, right: IntArray) -> IntArray:
    """Return the nodes tree by tree, level by level, siblings side by side."""
    tree = np.repeat(np.arange(sizes.size), sizes)
    first = np.cumsum(sizes) - sizes
    split = left >= 0
    pairs = np.stack([left, right], axis=1)
    if not np.array_equal(split, right >= 0) or bool(np.any(pairs[split] >= sizes[tree[split], None])):
        raise ValueError("a child is not a node of its tree")
    pairs += first[tree][:, None]
    # With one parent at most for each node, and none for a root, what a root reaches cannot lead back.
    parents = np.bincount(pairs[split].ravel(), minlength=tree.size)
    if int(parents.max()) > 1 or bool(parents[first].any()):
        raise ValueError("a node has two parents, or a root has one")
    levels = [first]
    while levels[-1].size:
        if len(levels) > _DEEPEST + 1:
            raise ValueError("a tree is too deep")
        level = levels[-1]
        levels.append(pairs[level[split[level]]].ravel())
    order = np.concatenate(levels)
    if order.size != tree.size:
        raise ValueError("a node cannot be reached")
    return np.asarray(order[np.argsort(tree[order], kind="stable")])


def _children(sizes: IntArray, split: BoolArray) -> tuple[IntArray, IntArray]:
    """Return each tree's root and each node's left child, a leaf's being itself, in level order."""
    root = np.cumsum(sizes) - sizes
    before: IntArray = np.cumsum(split) - split
    splits = np.add.reduceat(split.astype(np.int64), root)
    node = np.arange(split.size)
    # The i-th split of a tree has its children at 1 + 2i and 2 + 2i.
    place = np.repeat(root - 2 * before[root], sizes) + 1 + 2 * before
    if bool(np.any(sizes != 2 * splits + 1)) or bool(np.any(place[split] <= node[split])):
        raise ValueError("a tree is not whole")
    return root, np.where(split, place, node)


def _depths(root: IntArray, child: IntArray, split: BoolArray) -> IntArray:
    """Return how many splits lie on the longest way down each tree."""
    depth = np.zeros(root.size, dtype=np.int64)
    tree, level = np.arange(root.size), root
    while True:
        deeper = split[level]
        if not deeper.any():
            return depth
        tree, level = np.repeat(tree[deeper], 2), (child[level[deeper]][:, None] + np.arange(2)).ravel()
        depth[tree] += 1
        if int(depth.max()) > _DEEPEST:
            raise ValueError("a tree is too deep")


def _at_most(number: FloatArray) -> Matrix32:
    """Return the greatest float32 that is not above each number."""
    with np.errstate(over="ignore"):
        near = number.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > number, below, near)
