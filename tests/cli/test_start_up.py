"""What the quick commands import: the cost of starting is what is loaded, which a test can hold, unlike seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = {
    "arch",
    "exchange_calendars",
    "fastapi",
    "granian",
    "lightgbm",
    "numba",
    "pandas",
    "polars",
    "scipy",
    "skfolio",
    "sklearn",
    "starlette",
    "torch",
}

_PROGRAM = """
import sys
from vfr.cli.app import run
code = run({argv!r})
print(code, *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


@pytest.fixture
def loaded(process) -> Callable[..., set[str]]:
    """Run a command in a process of its own and return the top-level modules it ended with."""

    def run(argv: tuple[str, ...], home: Path) -> set[str]:
        code, *names = process("-c", _PROGRAM.format(argv=argv), home=home).communicate()[1].split()
        assert code == "0"
        return set(names)

    return run


def test_help_needs_no_numbers_and_no_settings(loaded, tmp_path: Path) -> None:
    names = loaded(("--help",), tmp_path)
    assert not names & (HEAVY | {"numpy", "orjson", "pydantic", "rich"})


@pytest.mark.parametrize("argv", [("analyze", "AAPL"), ("analyze", "AAPL", "XOM", "--json"), ("data", "status")])
def test_the_latest_answer_needs_nothing_heavy(loaded, bundled_home: Path, argv: tuple[str, ...]) -> None:
    names = loaded(argv, bundled_home)
    assert "numpy" in names
    assert not names & HEAVY


def test_machines_need_no_tables(loaded, bundled_home: Path) -> None:
    assert "rich" not in loaded(("analyze", "AAPL", "--json"), bundled_home)


def test_importing_the_package_costs_nothing(process) -> None:
    program = "import sys, vfr; print(*(name in sys.modules for name in ('numpy', 'typer', 'vfr.python_api')))"
    assert process("-c", program).communicate()[0].split() == ["False", "False", "False"]
