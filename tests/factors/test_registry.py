from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from vfr.data.snapshot import Snapshot
from vfr.factors.registry import FACTORS, SUB_FACTORS, taking_part
from vfr.factors.scores import FACTOR_NAMES

GROUP_WEIGHTS = {"trend": 0.40, "momentum": 0.35, "volume": 0.15, "volatility": 0.10}


def test_every_factor_is_registered_in_order() -> None:
    assert tuple(FACTORS) == FACTOR_NAMES
    factors = [entry.factor for entry in SUB_FACTORS.values()]
    assert factors == sorted(factors, key=FACTOR_NAMES.index)
    assert set(factors) == set(FACTOR_NAMES)


@pytest.mark.parametrize("factor", FACTOR_NAMES)
def test_weights_sum_to_one(factor: str) -> None:
    weights = [entry.weight for entry in SUB_FACTORS.values() if entry.factor == factor]
    assert abs(sum(weights) - 1.0) < 1e-12
    assert min(weights) > 0.0


@pytest.mark.parametrize(("factor", "record"), [("sentiment", "ratings"), ("alternative", "insiders")])
def test_what_needs_a_record_has_half_of_its_factor_exactly(factor: str, record: str) -> None:
    weights = [entry.weight for entry in SUB_FACTORS.values() if entry.factor == factor and entry.needs is None]
    assert sum(weights) == 0.5, "a power of two, or scores without the record change in their last bit"
    assert {e.factor for e in SUB_FACTORS.values() if e.needs == record} == {factor}


def test_what_needs_a_record_takes_part_where_it_is(seeded_snapshot: Snapshot) -> None:
    assert taking_part(seeded_snapshot) == tuple(SUB_FACTORS.values())
    without = {entry.name for entry in taking_part(replace(seeded_snapshot, ratings=None))}
    assert SUB_FACTORS.keys() - without == {"sentiment.analyst.consensus", "sentiment.analyst.revision"}
    without = {entry.name for entry in taking_part(replace(seeded_snapshot, insiders=None))}
    assert SUB_FACTORS.keys() - without == {"alternative.insiders.net_buying"}
    first = seeded_snapshot.upto(seeded_snapshot.sessions[0])
    assert first.ratings is not None
    assert not first.ratings.column.size
    assert len(taking_part(first)) == len(SUB_FACTORS), "nothing known yet is not the same as no such input"


@pytest.mark.parametrize("group", GROUP_WEIGHTS)
def test_technical_groups_weigh_what_is_published(group: str) -> None:
    weights = [entry.weight for name, entry in SUB_FACTORS.items() if name.startswith(f"technical.{group}.")]
    assert sum(weights) == pytest.approx(GROUP_WEIGHTS[group], abs=1e-12)


@pytest.mark.parametrize("name", SUB_FACTORS)
def test_every_entry_is_documented(name: str) -> None:
    entry = SUB_FACTORS[name]
    assert name == entry.name
    assert re.fullmatch(rf"{entry.factor}\.[a-z]+\.[a-z0-9_]+", name)
    assert entry.unit
    assert len(entry.description) > 20
    assert re.search(r"\b(19|20)\d\d\b", entry.source), "cite the literature with its year"


def test_importing_the_registry_costs_no_heavy_library() -> None:
    heavy = ["numba", "polars", "pandas", "scipy", "sklearn", "lightgbm", "exchange_calendars", "fastapi"]
    code = (
        "import sys, vfr.factors.registry, vfr.factors.board\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 -- runs this interpreter on the constant above
    assert found.stdout.strip() == "[]"
