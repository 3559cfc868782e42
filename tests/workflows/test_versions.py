from __future__ import annotations

import numpy as np
import pytest

from vfr.models.prediction import ModelCard
from vfr.workflows.versions import Wanted, choose, none_reason

LEARNERS = ("lightgbm", "linear")


def card(member="linear", status="champion", labels_end="2018-06-29", **changes):
    facts = {
        "model_id": f"{member}-{status}-{labels_end}",
        "member": member,
        "horizon": "7d",
        "status": status,
        "created_at": "2020-01-01T00:00:00+00:00",
        "data_name": "mine",
        "data_version": "v1",
        "feature_spec": "spec",
        "feature_names": ("a", "b"),
        "labels_end": labels_end,
        "train_start": "2010-01-04",
        "n_rows": 20000,
        "n_dates": 1000,
        "seed": 1,
        "params": {},
        "metrics": {},
        "importance": {},
        "gates": {},
        "libraries": {},
        "files": {},
    }
    return ModelCard(**(facts | changes))


def wanted(session="2019-12-31", *, past=False, **changes):
    facts = {"horizon": "7d", "data_name": "mine", "feature_spec": "spec"}
    return Wanted(**(facts | changes), session=np.datetime64(session, "D"), past=past)


def one(cards, want, member="linear"):
    (choice,) = choose(cards, [member], LEARNERS, want)
    return choice


def test_the_latest_session_takes_the_champion_only():
    cards = [card(status="historical", labels_end="2019-11-29"), card(status="staged"), card(status="champion")]
    assert one(cards, wanted()).card.status == "champion"
    assert one(cards[:2], wanted()).status == "no_model"


def test_the_past_takes_the_version_that_learned_last_before_that_day():
    cards = [
        card(status="champion", labels_end="2018-06-29"),
        card(status="historical", labels_end="2015-06-30"),
        card(status="historical", labels_end="2014-06-30"),
        card(status="retired", labels_end="2015-06-30", model_id="retired"),
        card(status="staged", labels_end="2015-06-30", model_id="staged"),
    ]
    assert one(cards, wanted("2015-07-01", past=True)).card.labels_end == "2015-06-30"
    assert one(cards, wanted("2015-07-01", past=True)).card.status == "historical"
    assert one(cards, wanted("2015-06-30", past=True)).card.labels_end == "2014-06-30"
    assert one(cards, wanted("2018-12-31", past=True)).card.status == "champion"
    assert one(cards, wanted("2014-06-27", past=True)).status == "no_model_as_of"


def test_a_champion_that_learned_from_later_sessions_may_not_answer():
    assert one([card(labels_end="2020-01-31")], wanted("2019-12-31")).status == "no_model_as_of"


@pytest.mark.parametrize("change", [{"horizon": "1d"}, {"data_name": "other"}, {"member": "lightgbm"}])
def test_versions_for_something_else_are_not_taken(change):
    assert one([card(**change)], wanted()).card is None


def test_another_feature_specification_is_a_reason_of_its_own():
    choice = one([card(feature_spec="older")], wanted())
    assert (choice.card, choice.status) == (None, "mismatch")
    assert "train again" in choice.reason


def test_a_member_without_a_learner_is_answered_with_a_reason():
    assert one([], wanted(), "lstm").status == "no_learner"


LINE = ("linear", "7d", "mine")


def line(cards, *, want=None, ids="cba", **more):
    (choice,) = choose(cards, ["linear"], LEARNERS, want or wanted(), succession={LINE: tuple(ids)}, **more)
    return choice


def test_behind_a_champion_stand_the_champions_before_it():
    """By the log of promotions: the oldest was made last, the newest first."""
    cards = [card(status="retired", model_id=i, created_at=f"20{n}") for n, i in enumerate("xab", start=20)]
    cards += [card(model_id="c", created_at="2019")]
    choice = line(cards)
    assert choice.card.model_id == "c"
    assert [spare.model_id for spare in choice.spares] == ["b", "a"]
    assert choice.passed_over is None


def test_spares_fit_the_specification_and_the_date_too():
    cards = [card(model_id="c"), card(status="retired", model_id="b", feature_spec="older")]
    cards += [card(status="retired", model_id="a", labels_end="2020-06-30")]
    assert line(cards).spares == ()


def test_a_champion_that_cannot_be_read_or_does_not_fit_is_passed_over_by_name():
    before = card(status="retired", model_id="b")
    choice = line([before], unreadable={"c": "c: card.json is missing"})
    assert (choice.card.model_id, choice.passed_over) == ("b", "c: card.json is missing")
    choice = line([card(model_id="c", feature_spec="newer"), before])
    assert choice.card.model_id == "b"
    assert choice.passed_over.startswith("c: does not fit")


def test_without_a_sound_predecessor_the_damage_is_the_reason():
    choice = line([], unreadable={"c": "c: card.json is missing"})
    assert (choice.card, choice.status, choice.reason) == (None, "corrupt", "c: card.json is missing")
    assert none_reason([choice], wanted(), []).code == "ARTIFACT_CORRUPT"
    past = line([], unreadable={"c": "c: card.json is missing"}, want=wanted("2015-07-01", past=True))
    assert past.status == "no_model_as_of"


def test_behind_a_refit_of_the_past_stand_the_refits_before_it():
    cards = [card(status="historical", labels_end=f"201{year}-06-30") for year in (1, 5, 3, 2, 4)]
    choice = one(cards, wanted("2015-07-01", past=True))
    assert choice.card.labels_end == "2015-06-30"
    assert [spare.labels_end[:4] for spare in choice.spares] == ["2014", "2013", "2012"]


@pytest.mark.parametrize(
    ("cards", "members", "want", "problems", "code"),
    [
        ([], ["lstm", "trees"], wanted(), [], "UNKNOWN_MEMBER"),
        ([], ["linear", "lstm"], wanted(), [], "NO_MODEL"),
        ([card(status="staged")], ["linear"], wanted(), [], "NO_MODEL"),
        ([card(feature_spec="older")], ["linear"], wanted(), [], "NO_MODEL"),
        ([card()], ["linear"], wanted("2010-01-04", past=True), [], "NO_MODEL_AS_OF"),
        ([], ["linear"], wanted("2010-01-04", past=True), [], "NO_MODEL_AS_OF"),
        ([], ["linear"], wanted(), ["linear-7d-1"], "ARTIFACT_CORRUPT"),
        ([], ["linear"], wanted(), ["linear-30d-1"], "NO_MODEL"),
        ([], ["linear"], wanted("2010-01-04", past=True), ["linear-7d-1"], "NO_MODEL_AS_OF"),
    ],
)
def test_why_nobody_can_answer(cards, members, want, problems, code):
    found = none_reason(choose(cards, members, LEARNERS, want), want, problems)
    assert found.code == code
    assert found.message


def test_members_with_one_reason_share_a_sentence():
    refused = [card(member, status="staged") for member in ("linear", "trees")]
    found = none_reason(
        choose(refused, ("linear", "lstm", "trees"), ("linear", "lstm", "trees"), wanted()), wanted(), ()
    )
    assert found.message.endswith("(linear, trees: no version has passed the gates; lstm: was never trained)")
