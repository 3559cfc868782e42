"""A version copied to MLflow as one finished run: parameters, figures, gates, files, card.

MLflow is an extra and is imported when it is asked for. Nothing comes back: VFR serves from its own store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from vfr.errors import InvalidField, ModelError
from vfr.models.prediction import ModelCard

__all__ = ["Exported", "client_of", "export"]

ID_TAG: Final = "vfr.model_id"

_LONGEST: Final = 5_000
"""Characters of a tag or parameter; MLflow refuses values much longer than that."""

_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Exported:
    """The run that holds a version; `created` is False if it was there already."""

    run_id: str
    created: bool


def client_of(uri: str) -> Any:
    """Return an MLflow client of a tracking store.

    Raises
    ------
    ModelError
        If MLflow is not installed; names the extra.
    InvalidField
        If MLflow does not know such an address.
    """
    try:
        tracking, errors = import_module("mlflow.tracking"), import_module("mlflow.exceptions")
    except ImportError as error:
        raise ModelError("exporting needs MLflow, which is an extra: pip install 'vfr[mlflow]'") from error
    _set_up()
    try:
        return tracking.MlflowClient(tracking_uri=uri)
    except (errors.MlflowException, ValueError) as error:
        raise InvalidField("mlflow", f"MLflow cannot use this address ({_first_line(error)})") from error


def _set_up() -> None:
    """Stop MLflow's own usage reports, and let it give up after seconds where nobody answers."""
    variables = import_module("mlflow.environment_variables")
    private = getattr(variables, "MLFLOW_DISABLE_TELEMETRY", None)
    if private is not None:  # MLflow reports its use since 3.2; nothing leaves this machine but what was asked for.
        private.set(True)
        import_module("mlflow.telemetry").set_telemetry_client()
    retries = variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES
    if not retries.is_set():  # Its own seven, each twice as late as the one before, take over four minutes.
        retries.set(2)


def export(
    client: Any, card: ModelCard, files: Mapping[str, bytes], texts: Mapping[str, str], *, experiment: str
) -> Exported:
    """Copy a version into an experiment, unless a finished run of it is there already.

    Parameters
    ----------
    client : MlflowClient
    card : ModelCard
    files : mapping
        The verified artifact.
    texts : mapping
        Further files in words, by name, such as the rendered card.
    experiment : str
        Made if there is none of that name.

    Raises
    ------
    ModelError
        If the store cannot be reached or refuses; a run that was begun is then marked as failed.
    """
    try:
        found = client.get_experiment_by_name(experiment)
        place = _created(client, experiment) if found is None else found.experiment_id
        wanted = f"tags.`{ID_TAG}` = '{card.model_id}' and attributes.status = 'FINISHED'"
        there = client.search_runs([place], filter_string=wanted, max_results=1)
        if len(there):
            return Exported(there[0].info.run_id, created=False)
        run_id = client.create_run(place, tags=dict(_tags(card)), run_name=card.model_id).info.run_id
        _fill(client, run_id, card, files, texts)
    except OSError as error:
        raise ModelError(f"MLflow: its store cannot be read or written ({error.strerror})") from error
    except Exception as error:  # MLflow raises what the libraries of each of its stores do.
        raise ModelError(f"MLflow: {_first_line(error)}") from error
    return Exported(run_id, created=True)


def _created(client: Any, experiment: str) -> Any:
    """Make an experiment; the files of one in a local database lie beside it, not wherever the command was called."""
    scheme, _, path = str(client.tracking_uri).partition("sqlite:///")
    beside = None if scheme or not path else (Path(path).resolve().parent / "mlartifacts").as_uri()
    return client.create_experiment(experiment, artifact_location=beside)


def _fill(client: Any, run_id: str, card: ModelCard, files: Mapping[str, bytes], texts: Mapping[str, str]) -> None:
    try:
        for name, value in _params(card):
            client.log_param(run_id, name, value)
        for name, figure in _figures(card):
            client.log_metric(run_id, name, figure)
        with tempfile.TemporaryDirectory() as folder:
            for name, blob in files.items():
                (Path(folder) / name).write_bytes(blob)
            client.log_artifacts(run_id, folder, artifact_path="model")
        for name, text in texts.items():
            client.log_text(run_id, text, name)
    except BaseException:
        client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id, status="FINISHED")


def _tags(card: ModelCard) -> Iterator[tuple[str, str]]:
    fields = ("model_id", "member", "horizon", "status", "data_name", "data_version", "feature_spec", "labels_end")
    for name in (*fields, "train_start", "created_at", "device", "evidence"):
        if getattr(card, name) is not None:
            yield f"vfr.{name}", str(getattr(card, name))
    yield "vfr.gates_passed", str(card.gates.get("passed"))
    yield "vfr.refused", ", ".join(map(str, card.gates.get("refused") or ()))  # type: ignore[call-overload]
    yield "vfr.limitations", "\n".join(card.limitations)[:_LONGEST]
    for name, version in card.libraries.items():
        yield f"vfr.library.{name}", version


def _params(card: ModelCard) -> Iterator[tuple[str, str]]:
    yield "seed", str(card.seed)
    yield "rows", str(card.n_rows)
    yield "sessions", str(card.n_dates)
    yield "features", str(len(card.feature_names))
    yield "tuning.trials", str(card.tuning.get("trials"))
    yield "tuning.source", str(card.tuning.get("source"))
    for part, values in card.params.items():
        if isinstance(values, Mapping):
            yield from ((f"{part}.{name}", str(value)[:_LONGEST]) for name, value in values.items())
        else:
            yield part, str(values)[:_LONGEST]


def _figures(card: ModelCard) -> Iterator[tuple[str, float]]:
    rows = card.gates.get("rows")
    gates = {f"gate.{row['gate']}": row.get("figure") for row in (rows if isinstance(rows, list) else ())}
    more = {"training_seconds": card.training_seconds, "peak_rss_mb": card.peak_rss_mb}
    for name, value in {**card.metrics, **gates, **more}.items():
        if isinstance(value, int | float):
            yield name, float(value)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
