"""A search leaves a row in the ledger however it ends: a trial that was looked at and thrown away was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vfr.workflows.ledger import Ledger

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["counted"]


@contextmanager
def counted(ledger: Ledger | None, storage: BaseStorage, entry: Mapping[str, Any]) -> Iterator[None]:
    """Append a row when the context ends, by an error or a stop too.

    Its ``trials`` are those made since the last row of the same ``search``, so that what a killed run tried is counted
    by the run that goes on from it, once. Where that storage was thrown away, all of the new one are.
    """
    if ledger is None:
        yield
        return
    known = min(sum(row["trials"] for row in ledger.entries() if row.get("search") == entry["search"]), _made(storage))
    ended = "finished"
    try:
        yield
    except BaseException as error:
        ended = getattr(error, "message", "") or type(error).__name__
        raise
    finally:
        ledger.append({"kind": "tune", **entry, "trials": _made(storage) - known, "ended": ended})


def _made(storage: BaseStorage) -> int:
    from optuna.study import get_all_study_summaries

    return sum(study.n_trials for study in get_all_study_summaries(storage, include_best_trial=False))
