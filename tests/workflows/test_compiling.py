"""What progress says while kernels are compiled."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from vfr.workflows import compiling

SOURCE = """
from numba import njit

@njit(cache=True)
def twice(x):
    return 2 * x
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Any:
    source = tmp_path / "kernels_of_a_test.py"
    source.write_text(SOURCE)
    os.utime(source, (1_700_000_000, 1_700_000_000))
    spec = importlib.util.spec_from_file_location("kernels_of_a_test", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.twice


def test_a_kernel_is_cached_once_it_was_called_until_its_source_changes(kernel: Any) -> None:
    assert not compiling.cached(kernel)
    assert kernel(3) == 6
    assert compiling.cached(kernel)
    os.utime(kernel.py_func.__code__.co_filename, (2_000_000_000, 2_000_000_000))
    assert not compiling.cached(kernel)


@pytest.mark.parametrize(
    ("stage", "name", "kernels"),
    [
        (compiling.features_stage, "features", 1),
        (compiling.members_stage, "asking members", 2),
        (compiling.factors_stage, "computing factor scores", 1),
    ],
)
def test_a_stage_says_that_it_compiles_only_where_it_does(
    monkeypatch: pytest.MonkeyPatch, stage: Any, name: str, kernels: int
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(compiling, "cached", lambda kernel: asked.append(kernel) or len(asked) < kernels)
    assert stage().endswith(f" ({compiling.COMPILING})")
    assert len(asked) == kernels
    assert all(hasattr(kernel, "py_func") for kernel in asked)
    monkeypatch.setattr(compiling, "cached", lambda _kernel: True)
    assert stage() == name
