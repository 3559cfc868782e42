from __future__ import annotations

import pytest
from tests.experiments.made import experiment

from vfr.errors import InvalidField
from vfr.experiments.experiment import StopRule


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 65}),
        ("why", {"why": ""}),
        ("why", {"why": "two\nlines"}),
        ("arms", {"shares": {"classic": 0.5, "ml": 0.4}}),
        ("arms", {"shares": {"classic": 0.5, "control": 0.5}}),
        ("arms", {"shares": {"holdout": 1.0}}),
        ("arms", {"shares": {"classic": 1.5, "ml": -0.5}}),
        ("arms", {"shares": {"classic": float("nan"), "ml": 1.0}}),
        ("arms", {"shares": {}}),
        ("holdout", {"holdout": 1.0}),
        ("weight", {"weight": 0.0}),
        ("weight", {"weight": 1.1}),
        ("horizon", {"horizon": "4h"}),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(field, changed):
    with pytest.raises(InvalidField) as caught:
        experiment(**changed)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "changed", [{"error": 0.0}, {"error": 0.6}, {"tight_at": 4}, {"first": 19}, {"margin": -0.1}, {"margin": 2.0}]
)
def test_a_stop_rule_is_bounded(changed):
    with pytest.raises(InvalidField) as caught:
        StopRule(**changed)
    assert caught.value.field in changed


def test_shares_are_of_what_is_not_held_out():
    one = experiment(shares={"classic": 0.25, "ml": 0.5, "shadow": 0.25}, holdout=0.2)
    assert [one.share(arm) for arm in ("classic", "ml", "shadow", "holdout")] == [0.2, 0.4, 0.2, 0.2]


def test_the_salt_is_never_told():
    told = experiment().to_dict()
    assert "salt" not in told
    assert "5a17" not in str(told)
    assert (told["rule"]["error"], told["startedAt"]) == (0.05, "2001-09-09T01:46:40+00:00")
