from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from vfr import features
from vfr.errors import ArtifactCorrupt
from vfr.features.matrix import FeatureMatrix
from vfr.models.prediction import ModelCard, Prediction
from vfr.workflows.forecast import KEPT, QUEUE, Forecasts
from vfr.workflows.forecaster import Forecast, MlUnavailable

LONG = 20_000


def card(member="linear", status="champion", labels_end="2018-01-31", **changes):
    facts = {
        "model_id": f"{member}-{status}-{labels_end}",
        "member": member,
        "horizon": "7d",
        "status": status,
        "created_at": "2020-01-01T00:00:00+00:00",
        "data_name": "synthetic",
        "data_version": "synthetic",
        "feature_spec": "spec",
        "feature_names": ("second", "first"),
        "labels_end": labels_end,
        "train_start": "2010-01-04",
        "n_rows": 20000,
        "n_dates": 1000,
        "seed": 1,
        "params": {},
        "metrics": {},
        "importance": {"first": 3.0, "second": 1.0},
        "gates": {},
        "libraries": {},
        "files": {},
    }
    return ModelCard(**(facts | changes))


@dataclass
class Member:
    """A predictor of the row's first feature, scaled."""

    card: ModelCard
    scale: float = 1.0

    def predict(self, X):
        value = X[-1, :, self.card.feature_names.index("first")].astype(np.float64) * self.scale
        return Prediction(0.5 + value, value, value - 0.1, value + 0.1, np.full(value.size, 0.52), 0.9)


@dataclass
class Store:
    """Versions in memory; `broken` maps a model id to the error that loading it raises."""

    stored: list = field(default_factory=list)
    broken: dict = field(default_factory=dict)
    scales: dict = field(default_factory=dict)
    loads: list = field(default_factory=list)
    gate: threading.Event | None = None
    lines: dict = field(default_factory=dict)
    without_card: dict = field(default_factory=dict)

    def cards(self):
        return list(self.stored)

    def succession(self):
        return self.lines

    def unreadable(self):
        return self.without_card

    def stamp(self):
        return str([(c.model_id, c.status) for c in self.stored])

    def problems(self):
        return {model_id: str(error) for model_id, error in self.broken.items()}

    def size(self, model_id):
        return 1

    def load(self, model_id):
        if self.gate is not None:
            assert self.gate.wait(LONG / 1e3)
        self.loads.append(model_id)
        if model_id in self.broken:
            raise self.broken[model_id]
        found = next(c for c in self.stored if c.model_id == model_id)
        return Member(found, self.scales.get(found.member, 1.0))


@dataclass
class Datasets:
    held: object
    version: str = "a/1"

    def stamp(self):
        return self.version

    def snapshot(self, name=None):
        return self.held


@pytest.fixture
def computed(monkeypatch):
    """Two features: a ramp over the symbols, unknown for the last one, and zeros; counts how often they are made."""
    calls = []

    def compute(snapshot, rows=None, *, along=None):
        calls.append((snapshot.as_of, rows))
        n = len(snapshot.symbols)
        ramp = np.linspace(-0.2, 0.2, n, dtype=np.float32)
        ramp[-1] = np.nan
        sessions = snapshot.sessions[rows]
        values = np.repeat(np.stack([ramp, np.zeros(n, dtype=np.float32)])[:, None, :], sessions.size, axis=1)
        return FeatureMatrix(("first", "second"), "spec", sessions, snapshot.symbols, values)

    monkeypatch.setattr(features, "compute", compute, raising=False)
    monkeypatch.setattr(features, "spec_hash", lambda: "spec", raising=False)
    return calls


@pytest.fixture
def make(seeded_snapshot, computed):
    made = []

    def build(store, *, state=None, failed=None):
        made.append(Forecasts(Datasets(seeded_snapshot), store, lambda: state, failed))
        return made[-1]

    yield build
    for forecasts in made:
        forecasts.close()


def at(forecasts, as_of=None, horizon="7d", members=("linear",), method="weighted", timeout_ms=LONG):
    day = None if as_of is None else np.datetime64(as_of, "D")
    return forecasts.at(day, horizon, members, method, timeout_ms)


def test_the_whole_universe_is_forecast_from_its_last_session(make, seeded_snapshot):
    found = at(make(Store([card()])))
    assert isinstance(found, Forecast)
    assert found.symbols == seeded_snapshot.symbols
    assert (found.as_of, found.data_version, found.horizon) == (seeded_snapshot.as_of, "synthetic", "7d")
    # The features rise along the universe; the last symbol has none, and one left the market long ago.
    gone = seeded_snapshot.symbols.index("SYNAE")
    rest = np.delete(np.arange(59), gone)
    np.testing.assert_allclose(found.score[rest], 100 * (np.arange(58) + 0.5) / 58)
    assert np.isnan(found.score[gone])
    np.testing.assert_allclose(found.p_up[0], 0.3, atol=1e-6)
    assert np.isnan(found.score[-1])
    assert np.isnan(found.p_up[-1])
    assert not found.small_universe
    assert 0.3 < found.base_rate < 0.7
    assert found.versions == ("linear-champion-2018-01-31",)
    assert found.importance == (("first", 0.75), ("second", 0.25))


def test_every_member_asked_for_is_answered_for(make):
    store = Store([card(), card("lightgbm")], scales={"lightgbm": 0.5})
    found = at(make(store), members=("lightgbm", "prophet", "lstm", "linear"))
    assert [m.member for m in found.members] == ["lightgbm", "prophet", "lstm", "linear"]
    assert [m.status for m in found.members] == ["ok", "no_learner", "no_model", "ok"]
    predicted = np.isfinite(found.p_up)
    assert predicted.sum() == 58
    np.testing.assert_allclose(sum(m.weight for m in found.members), predicted)
    assert all(m.reason for m in found.members if m.status != "ok")
    np.testing.assert_allclose(found.p_up[0], (0.3 + 0.4) / 2, atol=1e-6)
    assert found.agreement[0] == 1.0


def test_a_corrupt_member_is_left_out_with_its_reason(make):
    told = []
    error = ArtifactCorrupt("lightgbm: sha256 differs")
    store = Store([card(), card("lightgbm", model_id="lightgbm-1")], broken={"lightgbm-1": error})
    found = at(make(store, failed=lambda what, why: told.append((what, why))), members=("lightgbm", "linear"))
    assert [(m.member, m.status) for m in found.members] == [("lightgbm", "corrupt"), ("linear", "ok")]
    assert found.versions == ("linear-champion-2018-01-31",)
    assert told == [("lightgbm-1", error)]


PLACE = ("linear", "7d", "synthetic")


def succeeded(**more):
    """Champion c, and before it b and a, which retired."""
    stored = [card(status="champion" if tail == "c" else "retired", model_id=tail) for tail in "cba"]
    return Store(stored, lines={PLACE: ("c", "b", "a")}, **more)


def test_the_champion_before_a_damaged_one_answers_with_a_warning(make):
    told = []
    store = succeeded(broken={"c": ArtifactCorrupt("c: model.txt is truncated")})
    forecasts = make(store, failed=lambda what, why: told.append((what, str(why))))
    found = at(forecasts)
    assert found.versions == ("b",)
    assert found.warnings == ("c: model.txt is truncated; b answers in its place",)
    assert np.isfinite(found.p_up).sum() == 58
    assert told == [("c", "c: model.txt is truncated")]
    assert store.loads == ["c", "b"]


def test_damage_is_passed_over_until_a_sound_version_answers(make):
    broken = {"c": ArtifactCorrupt("c: x is missing"), "b": ZeroDivisionError()}
    found = at(make(succeeded(broken=broken)))
    assert found.versions == ("a",)
    assert found.warnings == ("c: x is missing; b: it raised ZeroDivisionError; a answers in its place",)
    every = at(make(succeeded(broken=broken | {"a": ArtifactCorrupt("a: x")})))
    assert every.code == "ARTIFACT_CORRUPT"
    assert "c: x is missing" in every.message


def test_a_champion_without_a_readable_card_is_answered_for(make):
    store = succeeded(without_card={"c": "c: card.json differs"})
    store.stored = store.stored[1:]
    found = at(make(store))
    assert found.versions == ("b",)
    assert found.warnings == ("c: card.json differs; b answers in its place",)


def test_a_damaged_refit_of_the_past_is_answered_for_by_the_one_before(make):
    refits = [card(status="historical", labels_end=f"2017-0{month}-31", model_id=f"m{month}") for month in (5, 3, 1)]
    found = at(make(Store(refits, broken={"m5": ArtifactCorrupt("m5: x is missing")})), "2017-06-03")
    assert found.versions == ("m3",)
    assert found.warnings == ("m5: x is missing; m3 answers in its place",)


def test_a_forecast_with_a_stand_in_is_looked_at_again_after_a_while(make, computed, monkeypatch):
    store = succeeded(broken={"c": ArtifactCorrupt("c: x is missing")})
    forecasts = make(store)
    at(forecasts)
    assert at(forecasts).from_cache
    store.broken.clear()
    assert at(forecasts).versions == ("b",)
    monkeypatch.setattr("vfr.clock.elapsed_ms", lambda since=None: 1e12 - (since or 0.0))
    found = at(forecasts)
    assert (found.versions, found.warnings) == (("c",), ())


def test_all_members_corrupt_is_said_and_tried_again(make):
    store = Store([card()], broken={"linear-champion-2018-01-31": ArtifactCorrupt("sha256 differs")})
    forecasts = make(store)
    assert at(forecasts).code == "ARTIFACT_CORRUPT"
    store.broken.clear()
    assert isinstance(at(forecasts), Forecast)


def test_a_member_that_raises_anything_is_an_ml_error(make):
    store = Store([card()], broken={"linear-champion-2018-01-31": ZeroDivisionError("secret")})
    found = at(make(store))
    assert found.code == "ML_ERROR"
    assert "secret" not in found.message


def test_an_unreadable_store_is_an_ml_error(make):
    class Unreadable(Store):
        def stamp(self):
            raise PermissionError("/secret/path")

    told = []
    found = at(make(Unreadable(), failed=lambda what, why: told.append(what)))
    assert found == MlUnavailable("ML_ERROR", "the model store cannot be read")
    assert told == ["store"]


def test_features_that_fail_are_an_ml_error(make, monkeypatch):
    def broken(snapshot, rows=None, *, along=None):
        raise FloatingPointError

    forecasts = make(Store([card()]))
    monkeypatch.setattr(features, "compute", broken)
    assert at(forecasts).code == "ML_ERROR"


def test_data_that_cannot_be_read_is_an_ml_error(make):
    told = []
    forecasts = make(Store([card()]), failed=lambda what, why: told.append(what))
    assert at(forecasts, "1990-01-02").code == "ML_ERROR"
    assert told == ["forecast"]


@pytest.mark.parametrize(
    ("cards", "members", "as_of", "code"),
    [
        ([], ("linear",), None, "NO_MODEL"),
        ([card(status="staged")], ("linear",), None, "NO_MODEL"),
        ([card(horizon="1d")], ("linear",), None, "NO_MODEL"),
        ([card(feature_spec="older")], ("linear",), None, "NO_MODEL"),
        ([card(data_name="other")], ("linear",), None, "NO_MODEL"),
        ([card()], ("prophet",), None, "UNKNOWN_MEMBER"),
        ([card()], ("linear",), "2017-06-01", "NO_MODEL_AS_OF"),
    ],
)
def test_why_there_is_none(make, cards, members, as_of, code):
    assert at(make(Store(cards)), as_of, members=members).code == code


def test_the_past_is_forecast_by_a_version_and_features_of_that_time(make, computed):
    store = Store([card(), card(status="historical", labels_end="2017-03-31")])
    found = at(make(store), "2017-06-03")
    assert found.as_of == np.datetime64("2017-06-02")
    assert found.versions == ("linear-historical-2017-03-31",)
    assert [session for session, _ in computed] == [np.datetime64("2017-06-02")]


def test_a_forecast_is_computed_once_per_versions(make, computed, seeded_snapshot):
    store = Store([card()])
    forecasts = make(store)
    first, second = at(forecasts), at(forecasts)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.computed_at == first.computed_at
    assert len(computed) == 1
    store.stored = [card(labels_end="2018-02-28")]
    third = at(forecasts)
    assert third.versions == ("linear-champion-2018-02-28",)
    assert not third.from_cache
    forecasts._datasets.version = "a/2"
    forecasts._datasets.held = replace(seeded_snapshot, version="two")
    assert len(computed) == 1  # Features are of the session, whoever is asked about it.
    assert at(forecasts).data_version == "two"
    assert len(computed) == 2


def test_what_is_kept_is_bounded(make):
    forecasts = make(Store([card(labels_end="2016-02-01")]))
    for day in range(1, KEPT + 5):
        assert isinstance(at(forecasts, f"2017-06-{day:02}"), Forecast)
    assert len(forecasts._kept) == KEPT


def test_a_late_forecast_is_a_timeout_and_kept_for_the_next_request(make, computed):
    store = Store([card()], gate=threading.Event())
    forecasts = make(store)
    assert at(forecasts, timeout_ms=10).code == "TIMEOUT"
    store.gate.set()
    assert isinstance(at(forecasts), Forecast)
    assert at(forecasts).from_cache
    assert len(computed) == 1


def test_an_answer_to_data_that_changed_meanwhile_is_not_kept(seeded_snapshot, computed):
    store, datasets = Store([card()], gate=threading.Event()), Datasets(seeded_snapshot)
    forecasts = Forecasts(datasets, store, lambda: None)
    assert at(forecasts, timeout_ms=10).code == "TIMEOUT"
    datasets.version = "b/1"
    store.gate.set()
    assert isinstance(at(forecasts), Forecast)
    datasets.version = "a/1"
    assert not at(forecasts).from_cache
    forecasts.close()


def test_the_same_forecast_asked_for_at_once_is_computed_once(make, computed):
    store = Store([card()], gate=threading.Event())
    forecasts = make(store)
    found = []
    threads = [threading.Thread(target=lambda: found.append(at(forecasts))) for _ in range(6)]
    for thread in threads:
        thread.start()
    store.gate.set()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(isinstance(f, Forecast) for f in found)
    assert len(computed) == 1


def test_a_full_queue_refuses_at_once(make):
    store = Store([card(labels_end="2016-02-01")], gate=threading.Event())
    forecasts = make(store)
    days = [f"2017-06-{day:02}" for day in range(1, QUEUE + 2)]
    codes = [at(forecasts, day, timeout_ms=10).message for day in days]
    assert "too many" in codes[-1]
    assert not any("too many" in message for message in codes[:-1])
    store.gate.set()
    assert isinstance(at(forecasts, days[0]), Forecast)


def test_switched_off_is_off_whatever_is_stored(make, computed):
    off = MlUnavailable("DISABLED", "switched off: maintenance")
    assert at(make(Store([card()]), state=off)) == off
    assert computed == []


def test_training_is_the_reason_only_while_no_version_fits(make):
    training = MlUnavailable("TRAINING", "the starter models are being trained")
    assert at(make(Store([]), state=training)) == training
    assert at(make(Store([]), state=training), "2017-06-01") == training
    assert isinstance(at(make(Store([card()]), state=training)), Forecast)
    assert at(make(Store([]), state=training), members=("prophet",)).code == "UNKNOWN_MEMBER"


def test_few_names_are_flagged(seeded_snapshot, make):
    few = np.arange(10)
    small = replace(
        seeded_snapshot,
        panel=seeded_snapshot.panel.take(few),
        fundamentals=None,
        texts=None,
        membership=None,
        actions=None,
    )
    forecasts = make(Store([card()]))
    forecasts._datasets.held = small
    found = at(forecasts)
    assert found.small_universe
    assert len(found.symbols) == 10
