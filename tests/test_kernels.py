"""A kernel is compiled again when anything it is made of changes, in whatever file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

INNER = """
from vfr.kernels import kernel

BY = 2

@kernel
def times(x):
    return 2 * x
"""

OUTER = """
from made import inner
from made.inner import BY, times
from vfr.kernels import compiled, kernel

@kernel
def by_name(x):
    return times(x)

@kernel
def of_module(x):
    return inner.times(x)

@kernel
def number(x):
    return BY * x

@kernel
def number_of_module(x):
    return inner.BY * x

@kernel
def farther(x):
    return by_name(x)

kernels = by_name, of_module, number, number_of_module, farther
print(*map(compiled, kernels), *(one(10) for one in kernels), *map(compiled, kernels))
"""


def said(folder: Path) -> list[str]:
    """Return what a process of its own prints."""
    command = [sys.executable, "-c", "import made.outer"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603


def test_a_kernel_follows_what_it_takes_from_other_files(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    inner, outer = tmp_path / "made" / "inner.py", tmp_path / "made" / "outer.py"
    inner.write_text(INNER)
    outer.write_text(OUTER)
    assert said(tmp_path) == 5 * ["False"] + 5 * ["20"] + 5 * ["True"]
    assert said(tmp_path) == 5 * ["True"] + 5 * ["20"] + 5 * ["True"]
    inner.write_text(INNER.replace("2", "3"))
    assert said(tmp_path) == 5 * ["False"] + 5 * ["30"] + 5 * ["True"]


STAMPS = """
import importlib, pkgutil, vfr
for room in ("indicators", "factors", "features", "models", "validation"):
    for module in pkgutil.walk_packages([f"{vfr.__path__[0]}/{room}"], f"vfr.{room}."):
        for name, held in vars(importlib.import_module(module.name)).items():
            if hasattr(held, "py_func"):
                print(held.py_func.__module__, name, held.made_of.hex())
"""


def test_what_kernels_are_made_of_is_the_same_in_every_process() -> None:
    first, second = (
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", STAMPS], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout.splitlines()
        for seed in ("1", "2")
    )
    assert len(first) > 100
    assert first == second
