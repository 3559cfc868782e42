"""Versions rise by their gates and fall by the log; every step leaves a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.models.stored_versions import card, files_of

from vfr.adapters.store.models import DirectoryModels
from vfr.errors import ArtifactCorrupt, ModelError, NoModel
from vfr.models.prediction import ModelCard
from vfr.validation.gates import GateRow, Verdict
from vfr.workflows.promotion import compare, promote, rollback, settle
from vfr.workflows.train_record import FILE, Record
from vfr.workflows.verify_models import verify

PASSED = Verdict(True, (GateRow("parity", True, 0.0, 1e-6),))
REFUSED = Verdict(False, (GateRow("leak.ic", False, 0.2, 0.08),))
DATES = np.arange("2015-01-01", "2015-10-28", dtype="datetime64[D]")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryModels:
    return DirectoryModels(tmp_path)


def saved(store: DirectoryModels, tail: str, *, record: Record | None = None, **changes: object) -> ModelCard:
    extra = {} if record is None else {FILE: record.to_bytes()}
    return store.save(card(tail, **changes), files_of() | extra)


def champion(store: DirectoryModels, tail: str, **changes: object) -> str:
    made = saved(store, tail, **changes)
    settle(store, made, PASSED, who="train")
    return made.model_id


def statuses(store: DirectoryModels) -> dict[str, str]:
    return {c.model_id.rsplit("-", 1)[-1]: c.status for c in store.cards()}


def damage(tmp_path: Path, model_id: str) -> None:
    (tmp_path / "models" / model_id / "calibration.json").write_bytes(b"")


# A training run.


def test_what_passes_goes_through_shadow_to_champion_and_each_step_is_logged(store):
    assert settle(store, saved(store, "a"), PASSED, who="train") == "champion"
    rows = [(row["from"], row["status"], row["who"], row["why"]) for row in store.log() if row["event"] == "status"]
    assert rows == [
        ("staged", "shadow", "train", "every gate passed"),
        ("shadow", "champion", "train", "every gate passed"),
    ]


def test_what_is_refused_stays_where_it_is(store):
    assert settle(store, saved(store, "a"), REFUSED, who="train") == "staged"
    assert len(store.log()) == 1


def test_a_run_may_stop_at_shadow_and_a_later_one_go_on(store):
    assert settle(store, saved(store, "a"), PASSED, who="train", stop_at="shadow") == "shadow"
    assert settle(store, saved(store, "a"), PASSED, who="train", stop_at="shadow") == "shadow"
    assert settle(store, saved(store, "a"), PASSED, who="train") == "champion"
    assert settle(store, saved(store, "a"), PASSED, who="train", stop_at="shadow") == "champion"
    assert len([row for row in store.log() if row["event"] == "status"]) == 2


def test_a_run_as_of_the_past_answers_the_past(store):
    assert settle(store, saved(store, "a"), PASSED, who="train", stop_at="historical") == "historical"
    assert settle(store, saved(store, "a"), PASSED, who="train") == "historical"


def test_what_was_rolled_back_and_is_trained_again_waits_as_shadow(store):
    champion(store, "a")
    rolled = champion(store, "b")
    rollback(store, rolled, who="me", why="drift")
    for _ in range(2):
        assert settle(store, saved(store, "b"), PASSED, who="train") == "shadow"
    assert statuses(store) == {"a": "champion", "b": "shadow"}
    promote(store, rolled, data_name="bundled", who="me", why="it was not the model")
    assert statuses(store) == {"a": "retired", "b": "champion"}


def test_that_its_files_were_mended_meanwhile_does_not_bring_it_back(store, tmp_path):
    champion(store, "a")
    rolled = champion(store, "b")
    rollback(store, rolled, who="me", why="drift")
    assert settle(store, saved(store, "b"), PASSED, who="train") == "shadow"
    damage(tmp_path, rolled)
    assert settle(store, saved(store, "b"), PASSED, who="train") == "shadow"
    assert statuses(store) == {"a": "champion", "b": "shadow"}


def test_what_was_refused_and_passes_now_says_so_in_its_card_and_in_the_log(store):
    """The same rows and seed make the same version; a reason for too few rows must not be lost on the way."""
    settle(store, saved(store, "a", gates=REFUSED.to_dict()), REFUSED, who="train")
    overridden = Verdict(True, (GateRow("training_rows", True, 500.0, 10_000.0, "a demonstration"),)).to_dict()
    made = saved(store, "a", gates=overridden)
    assert settle(store, made, PASSED, who="train") == "champion"
    [kept] = store.cards()
    assert kept.gates == store.log()[-1]["gates"] == overridden
    assert verify(store).problems == {}


def test_what_passed_and_is_refused_on_a_busy_machine_keeps_its_card(store):
    first = saved(store, "a")
    settle(store, first, PASSED, who="train")
    again = saved(store, "a", gates=REFUSED.to_dict())
    assert settle(store, again, REFUSED, who="train") == "champion"
    assert again.gates == first.gates


# Promotion by hand.


@pytest.mark.parametrize("stop_at", [None, "shadow"])
def test_a_staged_or_shadow_version_is_promoted_with_who_and_why(store, stop_at):
    made = saved(store, "a")
    if stop_at:
        settle(store, made, PASSED, who="train", stop_at=stop_at)
    change = promote(store, made.model_id, data_name="bundled", who="me", why="looks right")
    assert change.card.status == "champion"
    assert (store.log()[-1]["who"], store.log()[-1]["why"]) == ("me", "looks right")


@pytest.mark.parametrize(
    ("changes", "data_name", "reason"),
    [
        ({"gates": {"passed": False, "refused": ["leak.ic", "parity"]}}, "bundled", r"\(leak.ic, parity\)"),
        ({"gates": {}}, "bundled", "not judged"),
        ({}, "other", "was trained on bundled, in use is other; `vfr data use bundled` first"),
        ({}, None, "in use is None"),
        ({"status": "historical"}, "bundled", "is historical; only a staged or shadow"),
        ({"feature_spec": "0123456789abcdef"}, "bundled", "feature specification 0123456789abcdef"),
    ],
)  # fmt: skip
def test_what_may_not_be_promoted_is_refused_with_a_sentence(store, changes, data_name, reason):
    made = saved(store, "a", **changes)
    with pytest.raises(ModelError, match=reason):
        promote(store, made.model_id, data_name=data_name, who="me", why="please")
    assert len(store.log()) == 1


def test_a_champion_or_a_retired_version_is_not_promoted(store):
    a, b = champion(store, "a"), champion(store, "b")
    for model_id, status in ((a, "retired"), (b, "champion")):
        with pytest.raises(ModelError, match=f"is {status}; only"):
            promote(store, model_id, data_name="bundled", who="me", why="please")


def test_a_damaged_version_is_not_promoted(store, tmp_path):
    made = saved(store, "a")
    damage(tmp_path, made.model_id)
    with pytest.raises(ArtifactCorrupt, match=r"calibration\.json"):
        promote(store, made.model_id, data_name="bundled", who="me", why="please")
    with pytest.raises(NoModel, match="vfr models list"):
        promote(store, "linear-none", data_name="bundled", who="me", why="please")


# Rollback.


def test_rollback_goes_by_the_log_and_again_and_again_walks_back(store):
    """The dates of making say the opposite of the promotions."""
    ids = [champion(store, tail, created_at=f"20{30 - n}-01-01") for n, tail in enumerate("abc")]
    for before, after in ((ids[2], ids[1]), (ids[1], ids[0])):
        change = rollback(store, before, who="me", why="worse")
        assert (change.card.model_id, change.card.status) == (after, "champion")
        assert store.log()[-2]["why"] == "worse"
        assert store.log()[-1]["why"] == f"rolled back to {after}"
    with pytest.raises(ModelError, match="vfr ml disable"):
        rollback(store, ids[0], who="me", why="worse")
    assert statuses(store) == {"a": "champion", "b": "retired", "c": "retired"}


def test_a_rollback_does_not_retire_what_another_process_promoted_meanwhile(store, tmp_path, monkeypatch):
    champion(store, "a")
    bad = champion(store, "b")
    load = store.load

    def loaded_while_another_promotes(model_id: str) -> object:
        champion(DirectoryModels(tmp_path), "c")
        return load(model_id)

    monkeypatch.setattr(store, "load", loaded_while_another_promotes)
    with pytest.raises(ModelError, match="not champion any more"):
        rollback(store, bad, who="me", why="worse")
    assert statuses(store) == {"a": "retired", "b": "retired", "c": "champion"}


def test_a_rollback_keeps_to_its_place(store):
    champion(store, "a")
    champion(store, "x", data_name="other")
    other = champion(store, "m", horizon="30d")
    b = champion(store, "b")
    assert rollback(store, b, who="me", why="worse").card.model_id.endswith("-a")
    with pytest.raises(ModelError, match="no earlier champion"):
        rollback(store, other, who="me", why="worse")


def test_a_damaged_predecessor_is_passed_over_and_named(store, tmp_path):
    a, b, c = (champion(store, tail) for tail in "abc")
    damage(tmp_path, b)
    change = rollback(store, c, who="me", why="worse")
    assert change.card.model_id == a
    assert change.passed_over.keys() == {b}
    damage(tmp_path, a)
    d = champion(store, "d")
    damage(tmp_path, a)
    with pytest.raises(ModelError, match=r"no earlier champion.*calibration\.json"):
        rollback(store, d, who="me", why="worse")


def test_a_champion_whose_card_is_damaged_can_be_rolled_back(store, tmp_path):
    a, b = champion(store, "a"), champion(store, "b")
    (tmp_path / "models" / b / "card.json").write_bytes(b"{")
    assert rollback(store, b, who="me", why="damaged").card.model_id == a


def test_only_a_champion_is_rolled_back(store):
    a = champion(store, "a")
    champion(store, "b")
    with pytest.raises(ModelError, match="is retired, not champion"):
        rollback(store, a, who="me", why="worse")
    with pytest.raises(NoModel, match="no such model version"):
        rollback(store, "linear-none", who="me", why="worse")


# Champion and challenger.


def made_record(seed: int, *, gain: float = 0.0, dates: np.ndarray = DATES, outcomes: int = 0) -> Record:
    """A record whose IC and loss are better than another's by `gain`; `outcomes` seeds what both are judged on."""
    base = 0.25 + np.random.default_rng(outcomes).normal(0, 0.01, dates.size)
    noise = np.random.default_rng(seed).normal(0, 0.005, dates.size)
    return Record(dates, np.full(dates.size, 480.0), 0.02 + gain + noise, base - gain + noise, base)


def test_a_challenger_is_compared_on_the_rows_both_predicted(store):
    """The champion learned on less data: it has fewer dates, and its rows are the same on those."""
    shorter = made_record(1)
    shorter = Record(*(getattr(shorter, f)[:200] for f in ("dates", "cells", "ic", "loss", "base_loss")))
    champion(store, "a", record=shorter)
    challenger = saved(store, "b", record=made_record(2, gain=0.01))
    found = compare(store, challenger)
    assert found.reason is None
    assert found.paired.dates == 200
    assert found.paired.ic_gain.mean == pytest.approx(0.01, abs=2e-3)
    assert found.paired.ic_gain.t > 5
    assert found.paired.loss_gain.mean == pytest.approx(0.01, abs=2e-3)
    assert found.paired.challenger_ic - found.paired.champion_ic == pytest.approx(found.paired.ic_gain.mean)
    assert promote(store, challenger.model_id, data_name="bundled", who="me", why="better").comparison == found
    assert found.to_dict()["paired"]["loss_gain"]["n"] == 200


def test_equals_are_not_told_apart(store):
    champion(store, "a", record=made_record(1))
    found = compare(store, saved(store, "b", record=made_record(2))).paired
    assert abs(found.ic_gain.t) < 2.5
    assert abs(found.loss_gain.t) < 2.5


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "keeps no record out of fold"),
        (made_record(2, outcomes=7), "they share 0 dates with the same rows, 60 are needed"),
        (made_record(2, dates=DATES + 1000), "they share 0 dates"),
    ],
)
def test_why_two_versions_are_not_comparable_is_said(store, record, reason):
    champion(store, "a", record=made_record(1))
    found = compare(store, saved(store, "b", record=record))
    assert found.paired is None
    assert reason in found.reason
    assert found.to_dict()["comparable"] is False


def test_without_a_champion_or_with_a_damaged_one_there_is_nothing_to_compare_with(store, tmp_path):
    challenger = saved(store, "b", record=made_record(2))
    assert "no champion" in compare(store, challenger).reason
    damage(tmp_path, champion(store, "a", record=made_record(1)))
    assert "calibration.json" in compare(store, challenger).reason


@pytest.mark.parametrize("blob", [b"", b"x" * 100, files_of()["parity_inputs.npy"], b"\x80\x04N."])
def test_a_record_that_is_none_is_said(store, blob):
    champion(store, "a", record=made_record(1))
    odd = store.save(card("b"), files_of() | {FILE: blob})
    assert "cannot be read" in compare(store, odd).reason


def test_a_record_comes_back_as_it_was():
    one = made_record(1)
    two = Record.from_bytes(one.to_bytes())
    for name in ("dates", "cells", "ic", "loss", "base_loss"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


# Verification.


def test_verify_reads_everything(store, tmp_path):
    champion(store, "a")
    saved(store, "b", status="historical")
    found = verify(store)
    assert (found.checked, found.problems, found.notes) == (2, {}, {})


@pytest.mark.parametrize("status", ["champion", "staged", "historical"])
def test_verify_finds_damage_of_any_version(store, tmp_path, status):
    made = saved(store, "a", status="historical" if status == "historical" else "staged")
    if status == "champion":
        settle(store, made, PASSED, who="train")
    damage(tmp_path, made.model_id)
    assert verify(store).problems.keys() == {made.model_id}


def test_an_older_specification_is_a_problem_only_where_somebody_relies_on_it(store):
    old = champion(store, "a", feature_spec="0123456789abcdef")
    unused = saved(store, "b", feature_spec="0123456789abcdef").model_id
    found = verify(store)
    assert found.problems.keys() == {old}
    assert found.notes.keys() == {unused}


def test_verify_replays_samples_and_follows_the_chain(store, tmp_path):
    other = files_of() | {"parity_outputs.npy": files_of("linear", 1)["parity_outputs.npy"]}
    odd = store.save(card("a"), other).model_id
    champion(store, "b")
    log = tmp_path / "models" / "promotions.jsonl"
    log.write_text(log.read_text().replace("every gate passed", "every gate pased", 1))
    found = verify(store)
    assert found.problems.keys() == {odd, "promotions.jsonl"}
    assert "parity sample" in found.problems[odd]


def test_verify_says_that_the_log_cannot_be_read(store, tmp_path):
    champion(store, "a")
    log = tmp_path / "models" / "promotions.jsonl"
    log.rename(tmp_path / "elsewhere")
    log.symlink_to(tmp_path / "elsewhere")
    found = verify(store)
    assert found.checked == 0
    assert "is a link" in found.problems["promotions.jsonl"]
