"""Flat trees: walked as a plain recursion walks them, and refused unless whole."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.models.forest import Forest, Nodes
from vfr.models.tree_walk import keys


def grown(rng: np.random.Generator, leaves: int) -> dict[str, list]:
    """Return a tree whose nodes name their children, split at random places until it has so many leaves."""
    tree = {"left": [-1], "right": [-1], "column": [0], "missing": [False], "number": [0.0]}
    for _ in range(leaves - 1):
        k = int(rng.choice([k for k, child in enumerate(tree["left"]) if child < 0]))
        tree["left"][k], tree["right"][k] = len(tree["left"]), len(tree["left"]) + 1
        for key, empty in (("left", -1), ("right", -1), ("column", 0), ("missing", False), ("number", 0.0)):
            tree[key] += [empty, empty]
    for k, child in enumerate(tree["left"]):
        tree["number"][k] = float(rng.normal()) if rng.random() < 0.9 else 0.0
        if child >= 0:
            tree["column"][k], tree["missing"][k] = int(rng.integers(3)), bool(rng.random() < 0.5)
    return tree


def nodes_of(trees: list[dict[str, list]]) -> Nodes:
    def every(key: str, kind: type) -> np.ndarray:
        return np.concatenate([np.array(tree[key], dtype=kind) for tree in trees])

    sizes = np.array([len(tree["left"]) for tree in trees])
    left, right, column = (every(key, np.int64) for key in ("left", "right", "column"))
    return Nodes.of_children(sizes, left, right, column, every("missing", bool), every("number", float))


def leaf(tree: dict[str, list], row: np.ndarray) -> float:
    k = 0
    while tree["left"][k] >= 0:
        x = float(row[tree["column"][k]])
        left = tree["missing"][k] if np.isnan(x) else x <= tree["number"][k]
        k = tree["left" if left else "right"][k]
    return tree["number"][k]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_the_walk_is_the_plain_recursion_whatever_the_number_of_trees(n, monkeypatch):
    rng = np.random.default_rng(n)
    trees = [grown(rng, int(rng.integers(1, 20))) for _ in range(n)]
    forest, X = Forest.of(nodes_of(trees), 3), rng.normal(size=(201, 3)).astype(np.float32)
    for odd in (np.nan, np.nan, np.inf, -np.inf, 0.0, -0.0):
        X[rng.random(X.shape) < 0.1] = odd
    want = [sum((leaf(tree, row) for tree in trees), start=0.5) for row in X]
    np.testing.assert_array_equal(forest.total(X, 0.5), want)
    np.testing.assert_array_equal(forest.total(X[:1], 0.5), want[:1])
    assert forest.total(X[:0]).shape == (0,)
    monkeypatch.setattr("vfr.models.forest._AT_ONCE", 64)
    np.testing.assert_array_equal(forest.total(X, 0.5), want)


def test_keys_are_in_the_order_of_the_values_and_the_unknown_is_outside():
    rising = np.float32([-np.inf, -3e38, -1.0, -1e-45, 0.0, 1e-45, 1.0, 3e38, np.inf])
    found = keys(rising[:, None])
    assert np.all(np.diff(found[:, 0].astype(np.int64)) > 0)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    np.testing.assert_array_equal(keys(np.float32([[-0.0]])), keys(np.float32([[0.0]])))
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    assert keys(np.float32([[np.nan]])).tolist() == [[most, least]]
    assert least < found.min()
    assert found.max() < most


def test_a_float64_threshold_parts_float32_rows_as_it_did():
    """The nearest float32 of a threshold may lie above it, and would let through what should not pass."""
    third = 1 / 3
    assert float(np.float32(third)) > third
    tree = {"left": [1, -1, -1], "right": [2, -1, -1], "column": [0] * 3, "missing": [False] * 3}
    forest = Forest.of(nodes_of([{**tree, "number": [third, 1.0, 2.0]}]), 1)
    below = np.nextafter(np.float32(third), np.float32(0))
    assert forest.total(np.array([[below], [third], [np.inf], [-np.inf]], dtype=np.float32)).tolist() == [1, 2, 2, 1]


def test_single_precision_sums_are_rounded_at_every_step():
    leaves = [{"left": [-1], "right": [-1], "column": [0], "missing": [False], "number": [x]} for x in (1e8, 1.0, -1e8)]
    X = np.zeros((1, 1), dtype=np.float32)
    assert Forest.of(nodes_of(leaves), 1).total(X)[0] == 1.0
    assert Forest.of(nodes_of(leaves), 1, single=True).total(X)[0] == 0.0


def test_no_rows_have_no_sums_and_rows_of_another_width_are_refused():
    forest = Forest.of(nodes_of([grown(np.random.default_rng(0), 5)]), 3)
    assert forest.total(np.empty((0, 3), dtype=np.float32)).shape == (0,)
    for shape in ((4, 2), (4, 4), (3,)):
        with pytest.raises(ValueError, match="3 columns"):
            forest.total(np.zeros(shape, dtype=np.float32))


BAD_CHILDREN = {
    "itself": ([0, -1, -1], [2, -1, -1]),
    "a circle": ([1, 3, -1, 1, -1], [2, 4, -1, 2, -1]),
    "the root again": ([1, 0, -1, -1, -1], [2, 3, -1, -1, -1]),
    "two parents": ([1, -1, 1], [2, -1, 1]),
    "outside": ([1, -1, -1], [3, -1, -1]),
    "one child": ([1, -1, -1], [-1, -1, -1]),
    "out of reach": ([1, -1, -1, 4, -1, -1], [2, -1, -1, 5, -1, -1]),
    "a circle out of reach": ([-1, 2, 1], [-1, -1, -1]),
}


@pytest.mark.parametrize("children", BAD_CHILDREN.values(), ids=BAD_CHILDREN)
def test_children_that_make_no_tree_are_refused(children):
    n = len(children[0])
    tree = {"left": children[0], "right": children[1], "column": [0] * n, "missing": [False] * n, "number": [0.0] * n}
    with pytest.raises(ValueError, match=r"child|parent|reached"):
        nodes_of([tree])


def chain(depth: int) -> dict[str, list]:
    n = 2 * depth + 1
    left = [k + 1 if k % 2 == 0 and k < n - 1 else -1 for k in range(n)]
    right = [k + 2 if k % 2 == 0 and k < n - 1 else -1 for k in range(n)]
    return {"left": left, "right": right, "column": [0] * n, "missing": [False] * n, "number": [0.0] * n}


def test_a_tree_may_have_64_levels_and_no_more():
    nodes = nodes_of([chain(64)])
    assert Forest.of(nodes, 1).depth.max() == 64
    with pytest.raises(ValueError, match="deep"):
        nodes_of([chain(65)])
    deeper = np.array([0, -1] * 65 + [-1])
    level = Nodes(np.array([deeper.size]), deeper, np.zeros(deeper.size, bool), deeper * 0.0)
    with pytest.raises(ValueError, match="deep"):
        Forest.of(level, 1)


BAD_NODES = {
    "no tree": {"sizes": []},
    "an empty tree": {"sizes": [3, 0]},
    "more nodes than there are": {"sizes": [5]},
    "sizes that only add up by wrapping around": {"sizes": [2**62, 2**62, 2**62, 2**62 + 3]},
    "two splits and a leaf": {"column": [0, 0, -1]},
    "leaves only": {"column": [-1, -1, -1]},
    "a leaf first": {"column": [-1, 0, -1]},
    "a column too many": {"column": [2, -1, -1]},
    "a column below a leaf's": {"column": [-2, -1, -1]},
    "a threshold that is not a number": {"number": [np.nan, 1.0, 2.0]},
    "a leaf that is not finite": {"number": [0.0, np.inf, 2.0]},
    "too few numbers": {"number": [0.0, 1.0]},
}


@pytest.mark.parametrize("change", BAD_NODES.values(), ids=BAD_NODES)
def test_nodes_that_make_no_forest_are_refused(change):
    good = {"sizes": [3], "column": [0, -1, -1], "missing_left": [True] * 3, "number": [0.0, 1.0, 2.0]}
    kinds = {"sizes": np.int64, "column": np.int64, "missing_left": bool, "number": float}
    Forest.of(Nodes(**{key: np.array(value, dtype=kinds[key]) for key, value in good.items()}), 2)
    bad = {key: np.array(value, dtype=kinds[key]) for key, value in (good | change).items()}
    with pytest.raises(ValueError):  # noqa: PT011 - each case has words of its own
        Forest.of(Nodes(**bad), 2)
