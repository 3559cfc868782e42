"""Progress of long work on standard error: a bar on a terminal, few lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["progress_line", "say"]

_STEP: Final = 0.1
"""Progress between two lines where there is no terminal to draw a bar on."""


def say(text: str) -> None:
    """Write one line to standard error, if anybody still reads it."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@contextmanager
def progress_line(title: str) -> Iterator[Callable[[str, float], None]]:
    """Show progress while the context lasts.

    Yields
    ------
    callable
        Takes a stage in words and the fraction done, 0-1. Nothing is shown before the first call.
    """
    if sys.stderr.isatty():
        with _bar(title) as tell:
            yield tell
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[str, float], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, visible=False)

        def tell(stage: str, fraction: float) -> None:
            bar.update(task, description=f"{title}: {stage}", completed=fraction, visible=True)

        yield tell


def _lines(title: str) -> Callable[[str, float], None]:
    last = -1.0

    def tell(stage: str, fraction: float) -> None:
        nonlocal last
        if fraction >= last + _STEP or (fraction >= 1.0 and last < 1.0):
            last = fraction
            say(f"{title}: {stage} ({fraction:.0%})")

    return tell
