"""What progress says while kernels are compiled."""

from __future__ import annotations

from typing import Any

import pytest

from vfr import kernels as compilation
from vfr.workflows import compiling


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
    monkeypatch.setattr(compilation, "compiled", lambda kernel: asked.append(kernel) or len(asked) < kernels)
    assert stage().endswith(f" ({compiling.COMPILING})")
    assert len(asked) == kernels
    assert all(hasattr(kernel, "py_func") for kernel in asked)
    monkeypatch.setattr(compilation, "compiled", lambda _kernel: True)
    assert stage() == name
