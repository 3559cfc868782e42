"""Answers that vendors really gave take the same way, whole and broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.conformance.faults import WIRE
from tests.conformance.line import line_to
from tests.conformance.matrix import OUTCOMES, cell
from tests.conformance.replay import Fault
from tests.conformance.vendors.recorded import RECORDED, player

from vfr.data.bitemporal.tables import empty
from vfr.workflows.sync_ask import Outcome, ask
from vfr.workflows.sync_plan import Task

BROKEN = [name for name in WIRE if name != "late"]


def _asked(name: str, shared_data: Path, database: Engine, fault: Fault | None = None) -> Outcome:
    one = RECORDED[name]
    folder = shared_data / "api_samples"
    if not (folder / one.file).is_file():
        pytest.skip(f"needs the recorded answer {one.file}")
    with line_to(one.provider, player(one, folder), database, fault, one.under) as line:
        offer = next(offer for offer in line.provider.offers if offer.kinds[0] == one.kind)
        task = Task(one.provider, offer, one.subject, one.since)
        return ask(line.provider, task, lambda kind, _source, _subject: empty(kind), one.now)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_answer_is_accepted_whole_or_refused_whole(name: str, shared_data: Path, database: Engine):
    one = RECORDED[name]
    outcome = _asked(name, shared_data, database)
    assert outcome.code == one.code, outcome.message
    assert outcome.quarantined == {}
    if one.code == "DONE":
        accepted = outcome.accepted[one.kind]
        assert accepted.height == (one.rows or accepted.height) > 0
        assert (accepted["known_at"] <= one.now).all()
        assert [finding.check for finding in outcome.findings if finding.severity != "info"] == []


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("name", ["yahoo_daily", "edgar_snow", "fred_unrate", "fmp_income"])
def test_a_broken_recorded_answer_comes_to_what_the_table_says(
    fault: str, name: str, shared_data: Path, database: Engine
):
    one = RECORDED[name]
    outcome = _asked(name, shared_data, database, Fault(WIRE[fault], one.path))
    assert outcome.code == OUTCOMES[str(cell(fault, one.provider, one.kind))].code
    assert outcome.accepted == {}
