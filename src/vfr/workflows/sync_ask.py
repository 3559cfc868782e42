"""Put one question to a provider and check its answer; whatever goes wrong becomes a reasoned outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

import polars as pl

from vfr.data.batch_checks import check_batch
from vfr.data.bitemporal.tables import Kind, empty
from vfr.data.bitemporal.versions import as_of
from vfr.data.provider import Batch, DataProvider
from vfr.data.quality import Finding
from vfr.errors import BadAnswer, DataError, ImportRejected, ProviderError, VfrError
from vfr.workflows.sync_plan import ENDED, Task

__all__ = ["DONE", "Known", "Outcome", "ask"]

DONE: Final = "DONE"
QUARANTINED: Final = "QUARANTINED"

Known = Callable[[Kind, str, str], pl.DataFrame]
"""Given kind, source and subject: the rows stored."""

PARTIAL: Final = "partial_correction"
"""Why an answer is refused that corrects only part of a history: the whole of it has to be asked for."""

INTERNAL: Final = VfrError.code
"""A bug of ours met while checking an answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of a question.

    `code` is DONE, QUARANTINED (an answer of which nothing was usable), INTERNAL (a bug of ours) or that of an error;
    `at` is when it was asked.
    """

    task: Task
    at: datetime
    code: str = DONE
    message: str = ""
    accepted: Mapping[Kind, pl.DataFrame] = field(default_factory=dict)
    quarantined: Mapping[Kind, pl.DataFrame] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether the answer was refused because it corrects more than was asked about."""
        return any(PARTIAL in rows["reason"].to_list() for rows in self.quarantined.values())


def ask(provider: DataProvider, task: Task, known: Known, now: datetime) -> Outcome:
    """Return what a provider said, checked against the calendar, the actions and what is stored.

    Notes
    -----
    Nothing of an unusable answer is kept but the refused rows. A provider's failure is never a statement about the
    subject: it leaves what is stored as it is.
    """
    try:
        batches = provider.fetch(task.order(now))
    except ProviderError as error:
        return Outcome(task, now, error.code, error.message)
    except ImportRejected as error:
        return Outcome(task, now, BadAnswer.code, f"{task.provider}: {error.message}")
    except _ENDS_A_SYNC:
        raise
    except Exception as error:  # noqa: BLE001 - a parser met a shape that nobody foresaw; the others must go on
        return Outcome(task, now, BadAnswer.code, _said(task, "in a form that cannot be read", error))
    try:
        return _checked(task, batches, known, now)
    except ImportRejected as error:
        return Outcome(task, now, BadAnswer.code, f"{task.provider}: {error.message}")
    except _ENDS_A_SYNC:
        raise
    except Exception as error:  # noqa: BLE001 - one answer that breaks a check must not cost the others
        message = _said(task, "in a way that breaks a check; this is a bug in VFR, please report it", error)
        return Outcome(task, now, INTERNAL, message)


_ENDS_A_SYNC: Final = (DataError, OSError, MemoryError)
"""What is no fault of one answer: the database, the disk, the archive."""


def _said(task: Task, how: str, error: Exception) -> str:
    return f"{task.provider} answered about {task.subject} {how} ({type(error).__name__})"


def _checked(task: Task, batches: tuple[Batch, ...], known: Known, now: datetime) -> Outcome:
    order = task.order(now)
    actions = _actions(task, batches, known, now)
    accepted: dict[Kind, pl.DataFrame] = {}
    quarantined: dict[Kind, pl.DataFrame] = {}
    findings: list[Finding] = []
    bars = next((batch.frame for batch in batches if batch.kind == "bars"), None)
    before = known("actions", task.provider, task.subject)
    for batch in batches:
        held = known(batch.kind, task.provider, task.subject)
        checked = check_batch(
            batch, order, held, actions, bars=bars, actions_before=before, trust_new_basis=task.believed
        )
        accepted[batch.kind] = checked.accepted
        if checked.quarantined.height:
            quarantined[batch.kind] = checked.quarantined
        findings += checked.findings
    lead = known(task.offer.kinds[0], task.provider, task.subject)
    if "date" in lead.columns and _ended(lead, now):
        findings = [one for one in findings if one.check != "empty_answer"]
    code, message = _verdict(task, accepted, quarantined, findings)
    return Outcome(task, now, code, message, accepted if code == DONE else {}, quarantined, tuple(findings))


def _actions(task: Task, batches: tuple[Batch, ...], known: Known, now: datetime) -> pl.DataFrame:
    """Return the splits and dividends in force: those of this answer, and stored ones that it does not cover."""
    told = next((batch for batch in batches if batch.kind == "actions"), None)
    stored = as_of("actions", known("actions", task.provider, task.subject), now)
    if told is None:
        return stored
    return pl.concat([stored.filter(pl.col("date") < told.since), told.frame.select(empty("actions").columns)])


def _ended(stored: pl.DataFrame, now: datetime) -> bool:
    """Tell whether the newest stored fact is so old that no news is the likely answer: the name was delisted."""
    last = stored["date"].max()
    return isinstance(last, date) and now.date() - last > ENDED


def _verdict(
    task: Task,
    accepted: Mapping[Kind, pl.DataFrame],
    quarantined: Mapping[Kind, pl.DataFrame],
    findings: list[Finding],
) -> tuple[str, str]:
    """Say whether an answer counts: bars that are refused whole take their actions with them."""
    lead = task.offer.kinds[0]
    refused = quarantined.get(lead)
    if refused is not None and not accepted[lead].height:
        reasons = ", ".join(sorted(set(refused["reason"].to_list())))
        return QUARANTINED, f"{task.provider} {task.subject}: {refused.height} rows refused ({reasons})"
    worst = next((one for one in findings if one.severity == "error" and one.check == "empty_answer"), None)
    if worst is not None:
        return BadAnswer.code, f"{task.provider} {task.subject}: {worst.message}"
    return DONE, ""
