"""Financial Modeling Prep by its older addresses: every fault comes to the same, and a closed door says where to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine
from tests.conformance.conftest import Opened
from tests.conformance.line import Stored, connected, line_to
from tests.conformance.matrix import FAULTS, OFFERS, OUTCOMES, cases, cell
from tests.conformance.replay import Fault
from tests.conformance.vendors import fmp
from tests.conformance.vendors.table import VENDORS

from vfr.workflows.sync_ask import Outcome

V3 = replace(VENDORS["fmp"], main=fmp.MAIN_V3)

CASES = [(fault, kind) for fault, provider, kind in cases() if provider == "fmp" and fault != "late"]
"""A late answer is the client's to notice, whatever was asked."""


def older(
    kind: str, database: Engine, fault: Fault | None = None, *, known: bool = True, stored: Stored | None = None
) -> Outcome:
    with line_to("fmp", V3.play, database, fault, fmp.UNDER_V3) as line:
        outcome = line.ask(kind, known=known, stored=stored)
        assert all("/api/v3/" in path for path in line.replay.paths())
        assert fault is None or line.replay.faulty > 0, "the fault was never met"
        return outcome


@pytest.fixture(scope="module")
def whole(paces: Opened) -> Mapping[str, Outcome]:
    database = paces()
    return {kind: older(kind, database) for kind in OFFERS["fmp"]}


@pytest.mark.parametrize("kind", OFFERS["fmp"])
def test_both_layouts_bring_the_same(kind: str, database: Engine, whole: Mapping[str, Outcome]):
    with connected("fmp", database) as line:
        present = line.ask(kind)
        assert not any("/v3" in path for path in line.replay.paths())
    assert (present.code, whole[kind].code) == ("DONE", "DONE")
    assert_frame_equal(present.accepted[kind], whole[kind].accepted[kind])


@pytest.mark.parametrize(("fault", "kind"), CASES)
def test_a_fault_of_the_older_layout_comes_to_what_the_table_says(
    fault: str, kind: str, database: Engine, whole: Mapping[str, Outcome]
):
    stored = whole[kind].accepted if FAULTS[fault].stored else None
    played = None if fault == "unknown" else V3.fault(kind, fault)
    outcome = older(kind, database, played, known=fault != "unknown", stored=stored)
    assert outcome.code == OUTCOMES[str(cell(fault, "fmp", kind))].code, outcome.message


@pytest.mark.parametrize("kind", OFFERS["fmp"])
def test_a_key_that_is_too_new_for_the_older_layout_is_told_where_to_ask(kind: str, database: Engine):
    outcome = older(kind, database, fmp.CLOSED)
    assert outcome.code == "PROVIDER_DENIED"
    assert outcome.accepted == {}
    assert "VFR_PROVIDER_URLS" in outcome.message
    assert "/stable" in outcome.message
