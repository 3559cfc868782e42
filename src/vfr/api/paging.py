"""Pages of lists: how many rows, after which one, and where the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeAlias, TypeVar

from fastapi import Query

__all__ = ["CURSOR", "Limit", "SequenceCursor", "paged"]

_T = TypeVar("_T")

CURSOR: Final = "nextCursor of the page before"

Limit: TypeAlias = Annotated[int, Query(ge=1, le=200)]
SequenceCursor: TypeAlias = Annotated[str | None, Query(pattern="^[0-9]{1,9}$", description=CURSOR)]
"""Of a log, whose rows are numbered."""


def paged(found: Sequence[_T], limit: int, mark: Callable[[_T], str]) -> tuple[Sequence[_T], str | None]:
    """Return a page and the cursor of the next one, None after the last.

    Parameters
    ----------
    found : sequence
        One row more than the page holds, if there are so many.
    limit : int
        Rows of a page.
    mark : callable
        Gives the cursor of the rows that follow a row.

    Examples
    --------
    >>> paged([5, 6, 7], 2, str), paged([7], 2, str)
    (([5, 6], '6'), ([7], None))
    """
    return found[:limit], mark(found[limit - 1]) if len(found) > limit else None
