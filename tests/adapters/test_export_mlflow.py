"""A version goes to MLflow once and whole, or the run is marked as failed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.models.stored_versions import card, files_of

from vfr.adapters.export_mlflow import client_of, export
from vfr.adapters.store.models import DirectoryModels
from vfr.bootstrap.registry import export_mlflow
from vfr.errors import ArtifactCorrupt, InvalidField, ModelError, NoModel

ROWS = [
    {"gate": "leak.ic", "passed": True, "figure": 0.02, "bound": 0.08, "note": ""},
    {"gate": "share_up", "passed": True, "figure": None, "bound": None, "note": ""},
]
CARD = card(
    metrics={"rank_ic": 0.02, "icir": None},
    params={"direction": {"ridge": 0.02}, "survivorship": "47 of 50"},
    gates={"passed": False, "refused": ["parity"], "rows": ROWS},
    limitations=("Not advice.", "Not for names it was not shown."),
)


class Client:
    """What is asked of an MLflow client, remembered; `broken` names a call that fails."""

    def __init__(self, broken: str = "", error: Exception | None = None) -> None:
        self.tracking_uri = "https://tracking.example"
        self.experiments: dict[str, str] = {}
        self.runs: list[dict[str, Any]] = []
        self._broken, self._error = broken, error or RuntimeError("refused\nwith a trace")

    def _try(self, call: str) -> None:
        if call == self._broken:
            raise self._error

    def get_experiment_by_name(self, name: str) -> Any:
        found = self.experiments.get(name)
        return found and SimpleNamespace(experiment_id=found)

    def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
        self._try("create_experiment")
        self.artifacts = artifact_location
        return self.experiments.setdefault(name, f"e{len(self.experiments)}")

    def search_runs(self, places: list[str], filter_string: str, max_results: int) -> list[Any]:
        assert filter_string == f"tags.`vfr.model_id` = '{CARD.model_id}' and attributes.status = 'FINISHED'"
        return [
            SimpleNamespace(info=SimpleNamespace(run_id=str(n)))
            for n, run in enumerate(self.runs)
            if run["place"] in places and run["status"] == "FINISHED"
        ]

    def create_run(self, place: str, tags: dict[str, str], run_name: str) -> Any:
        self.runs.append({"place": place, "tags": tags, "name": run_name, "status": "RUNNING", "params": {}})
        self.runs[-1] |= {"metrics": {}, "files": {}, "texts": {}}
        return SimpleNamespace(info=SimpleNamespace(run_id=str(len(self.runs) - 1)))

    def log_param(self, run_id: str, name: str, value: str) -> None:
        assert name not in self.runs[int(run_id)]["params"]
        self.runs[int(run_id)]["params"][name] = value

    def log_metric(self, run_id: str, name: str, value: float) -> None:
        assert isinstance(value, float)
        self.runs[int(run_id)]["metrics"][name] = value

    def log_artifacts(self, run_id: str, folder: str, artifact_path: str) -> None:
        self._try("log_artifacts")
        found = {f"{artifact_path}/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
        self.runs[int(run_id)]["files"] = found

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self.runs[int(run_id)]["texts"][name] = text

    def set_terminated(self, run_id: str, status: str) -> None:
        self.runs[int(run_id)]["status"] = status


def test_a_version_goes_over_whole() -> None:
    client = Client()
    assert export(client, CARD, files_of(), {"card.md": "# it"}, experiment="vfr").created
    (run,) = client.runs
    assert (run["status"], run["name"]) == ("FINISHED", CARD.model_id)
    assert run["metrics"] == {"rank_ic": 0.02, "gate.leak.ic": 0.02, "training_seconds": 1.5}
    assert run["params"]["direction.ridge"] == "0.02"
    assert run["params"]["survivorship"] == "47 of 50"
    assert run["params"]["tuning.trials"] == "0"
    assert run["tags"]["vfr.refused"] == "parity"
    assert run["tags"]["vfr.data_version"] == "v1"
    assert run["tags"]["vfr.limitations"] == "Not advice.\nNot for names it was not shown."
    assert run["files"] == {f"model/{name}": blob for name, blob in files_of().items()}
    assert run["texts"] == {"card.md": "# it"}


def test_it_goes_over_once() -> None:
    client = Client()
    first = export(client, CARD, files_of(), {}, experiment="vfr")
    again = export(client, CARD, files_of(), {}, experiment="vfr")
    assert (again.run_id, again.created) == (first.run_id, False)
    assert export(client, CARD, files_of(), {}, experiment="other").created
    assert len(client.runs) == 2


def test_a_run_that_failed_is_marked_and_tried_again() -> None:
    client = Client(broken="log_artifacts")
    with pytest.raises(ModelError, match=r"^MLflow: refused$"):
        export(client, CARD, files_of(), {}, experiment="vfr")
    assert client.runs[0]["status"] == "FAILED"
    client._broken = ""
    assert export(client, CARD, files_of(), {}, experiment="vfr").run_id == "1"


def test_a_store_that_cannot_be_written_is_one_sentence() -> None:
    full = OSError(28, "No space left on device", "/secret/path")
    with pytest.raises(ModelError, match="No space left") as caught:
        export(Client("create_experiment", full), CARD, files_of(), {}, experiment="vfr")
    assert "/secret" not in caught.value.message


@pytest.mark.parametrize(
    ("uri", "location"), [("https://tracking.example", None), ("sqlite:////data/runs.db", "file:///data/mlartifacts")]
)
def test_files_of_a_local_store_lie_beside_it(uri: str, location: str | None) -> None:
    client = Client()
    client.tracking_uri = uri
    export(client, CARD, files_of(), {}, experiment="vfr")
    assert client.artifacts == location


def test_without_mlflow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(ModelError, match=r"pip install 'vfr\[mlflow\]'"):
        client_of("sqlite:///runs.db")


def test_only_a_sound_version_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, client = DirectoryModels(tmp_path), Client()
    monkeypatch.setattr("vfr.adapters.export_mlflow.client_of", lambda uri: client)
    with pytest.raises(NoModel):
        export_mlflow(store, CARD.model_id, "x", "vfr")
    store.save(CARD, files_of())
    assert export_mlflow(store, CARD.model_id, "x", "vfr").created
    assert client.runs[0]["texts"]["card.md"].startswith(f"# {CARD.model_id}")
    assert f'"model_id": "{CARD.model_id}"' in client.runs[0]["texts"]["card.json"]
    (tmp_path / "models" / CARD.model_id / "calibration.json").unlink()
    with pytest.raises(ArtifactCorrupt):
        export_mlflow(store, CARD.model_id, "x", "other")


@pytest.fixture
def real(tmp_path: Path) -> Callable[[], Any]:
    if find_spec("mlflow") is None:
        pytest.skip("needs MLflow: pip install 'vfr[mlflow]'")
    return lambda: client_of(f"sqlite:///{tmp_path}/runs.db")


@pytest.mark.filterwarnings("default")
def test_a_real_store_holds_what_was_exported(real: Callable[[], Any], tmp_path: Path) -> None:
    client = real()
    made = export(client, CARD, files_of(), {"card.md": "# it"}, experiment="vfr")
    assert export(real(), CARD, files_of(), {}, experiment="vfr") == type(made)(made.run_id, created=False)
    run = client.get_run(made.run_id)
    assert run.data.metrics["rank_ic"] == 0.02
    assert run.data.params["direction.ridge"] == "0.02"
    assert run.data.tags["vfr.model_id"] == CARD.model_id
    names = {item.path for item in client.list_artifacts(made.run_id, "model")}
    assert names == {f"model/{name}" for name in files_of()}
    assert (tmp_path / "mlartifacts").is_dir()
    with pytest.raises(InvalidField, match="mlflow"):
        client_of("nonsense://x")
