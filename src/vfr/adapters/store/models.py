"""Model versions in a directory: written in one rename, verified on load, never unpickled.

::

    HOME/models/promotions.jsonl      append-only: stored, promoted, retired; who, why, gates, sha256 of the card
    HOME/models/<model_id>/card.json  identity, evidence, sha256 of every file beside it
    HOME/models/<model_id>/...        model text or JSON, calibration, parity sample
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from vfr.adapters.store.models_log import append_rows, read_rows
from vfr.adapters.store.publishing import single_writer
from vfr.clock import utc_now
from vfr.errors import ArtifactCorrupt, ModelError, NoModel
from vfr.models.prediction import ModelCard, Predictor, Status

__all__ = ["DirectoryModels"]

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}")
_FILE = re.compile(r"[a-z0-9][a-z0-9_.]{0,63}")


class DirectoryModels:
    """A directory of model versions; implements `vfr.models.prediction.ModelStore`.

    Parameters
    ----------
    home : Path
        Data home; versions live in its ``models`` folder.

    Notes
    -----
    The log is the truth. A version that is not in it (a kill between rename and log row) does not exist; saving it
    again replaces the leftovers. The status lives in the log, not in the hashed card.
    """

    def __init__(self, home: Path) -> None:
        self._root = home / "models"
        self._log = self._root / "promotions.jsonl"
        self._cache: tuple[object, list[ModelCard]] = (None, [])

    def save(self, card: ModelCard, files: Mapping[str, bytes]) -> ModelCard:
        """Store a version and return its card with the sha256 table; a version already stored is returned as it is.

        Raises
        ------
        ModelError
            If the id or a file name is not a plain name.
        """
        if not _ID.fullmatch(card.model_id) or not all(_FILE.fullmatch(name) for name in files):
            raise ModelError("a model id and its files must be plain lower-case names")
        card = replace(card, files={name: sha256(blob).hexdigest() for name, blob in sorted(files.items())})
        with single_writer(self._root):
            stored = self._stored(card)
            if stored is not None:
                return stored
            for leftover in self._root.glob(".staging-*"):
                shutil.rmtree(leftover)
            body = _encode(card)
            self._place(card.model_id, {**files, "card.json": body})
            row = self._row("saved", card.model_id, card.status, "store", "trained")
            append_rows(self._log, [row | {"card_sha256": sha256(body).hexdigest()}])
        return card

    def cards(self) -> Sequence[ModelCard]:
        """Return every readable card, newest first."""
        registry = self._registry()
        key = tuple((model_id, status, _stat(self._card_path(model_id))) for model_id, (_, status) in registry.items())
        if self._cache[0] != key:
            found = []
            for model_id in registry:
                try:
                    found.append(self._card(model_id, registry))
                except ArtifactCorrupt:
                    continue
            self._cache = (key, sorted(found, key=lambda c: (c.created_at, c.labels_end, c.model_id), reverse=True))
        return list(self._cache[1])

    def stamp(self) -> str:
        """Return size and time of the log, which every change appends to; one file is asked."""
        return str(_stat(self._log))

    def problems(self) -> Mapping[str, str]:
        """Return the ids of versions that would not load, with the reason; every file is read."""
        registry, found = self._registry(), {}
        for model_id in registry:
            try:
                self._files(self._card(model_id, registry))
            except ArtifactCorrupt as error:
                found[model_id] = error.message
        if self._root.is_dir():
            for folder in self._root.iterdir():
                if folder.is_dir() and folder.name not in registry and not folder.name.startswith("."):
                    found[folder.name] = f"{folder.name}: not in the log of versions"
        return found

    def load(self, model_id: str) -> Predictor:
        """Load a version after checking its card, every file, its feature specification and its parity sample.

        Raises
        ------
        ArtifactCorrupt
            If any check fails; the message names the version and the check.
        NoModel
            If there is no such version.
        """
        from vfr.features import spec_hash
        from vfr.models.member import open_member

        registry = self._registry()
        if model_id not in registry:
            raise NoModel(f"{model_id}: no such model version")
        card = self._card(model_id, registry)
        if card.feature_spec != spec_hash():
            raise ArtifactCorrupt(f"{model_id}: made for feature specification {card.feature_spec}; train again")
        return open_member(card, self._files(card))

    def set_status(self, model_id: str, status: Status, *, who: str, why: str) -> None:
        """Change a version's status; a new champion retires the one it replaces in the same write.

        Raises
        ------
        NoModel
            If there is no such version.
        ArtifactCorrupt
            If its card fails its check.
        ModelError
            If a walk-forward refit is to be promoted.
        """
        with single_writer(self._root):
            registry = self._registry()
            if model_id not in registry:
                raise NoModel(f"{model_id}: no such model version")
            card = self._card(model_id, registry)
            if card.status == "historical" and status in ("shadow", "champion"):
                raise ModelError(f"{model_id}: a walk-forward refit answers requests about the past only")
            rows = [self._row("status", model_id, status, who, why) | {"gates": dict(card.gates)}]
            if status == "champion":
                rows += [
                    self._row("status", old.model_id, "retired", who, f"replaced by {model_id}")
                    for old in self.cards()
                    if _place_of(old) == _place_of(card) and old.status == "champion" and old.model_id != model_id
                ]
            append_rows(self._log, rows)

    def log(self) -> Sequence[Mapping[str, Any]]:
        """Return every row of the log, oldest first."""
        return read_rows(self._log)

    def _row(self, event: str, model_id: str, status: Status, who: str, why: str) -> dict[str, Any]:
        at = utc_now().isoformat(timespec="seconds")
        return {"at": at, "event": event, "model_id": model_id, "status": status, "who": who, "why": why}

    def _registry(self) -> dict[str, tuple[str, Status]]:
        """Return (sha256 of the card, status) by model id, from the log."""
        found: dict[str, tuple[str, Status]] = {}
        for row in read_rows(self._log):
            model_id, status = str(row.get("model_id", "")), row.get("status", "staged")
            if row.get("event") == "saved" and _ID.fullmatch(model_id):
                found[model_id] = (str(row.get("card_sha256")), status)
            elif model_id in found:
                found[model_id] = (found[model_id][0], status)
        return found

    def _card_path(self, model_id: str) -> Path:
        return self._root / model_id / "card.json"

    def _card(self, model_id: str, registry: Mapping[str, tuple[str, Status]]) -> ModelCard:
        digest, status = registry[model_id]
        try:
            body = self._card_path(model_id).read_bytes()
        except OSError:
            raise ArtifactCorrupt(f"{model_id}: card.json is missing") from None
        if sha256(body).hexdigest() != digest:
            raise ArtifactCorrupt(f"{model_id}: card.json differs from the sha256 in the log")
        return replace(_decode(model_id, body), status=status)

    def _files(self, card: ModelCard) -> dict[str, bytes]:
        files = {}
        for name, digest in card.files.items():
            try:
                blob = (self._root / card.model_id / name).read_bytes()
            except OSError:
                raise ArtifactCorrupt(f"{card.model_id}: {name} is missing") from None
            if sha256(blob).hexdigest() != digest:
                raise ArtifactCorrupt(f"{card.model_id}: {name} is truncated or changed (sha256 differs)")
            files[name] = blob
        return files

    def _stored(self, card: ModelCard) -> ModelCard | None:
        """Return the version if it is stored whole already: the same rows, seed and code give the same files."""
        registry = self._registry()
        if card.model_id not in registry:
            return None
        try:
            stored = self._card(card.model_id, registry)
            self._files(stored)
        except ArtifactCorrupt:
            return None
        return stored if dict(stored.files) == dict(card.files) else None

    def _place(self, model_id: str, files: Mapping[str, bytes]) -> None:
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=self._root))
        for name, blob in files.items():
            with (staging / name).open("wb") as handle:
                handle.write(blob)
                handle.flush()
                os.fsync(handle.fileno())
        target = self._root / model_id
        if target.exists():
            shutil.rmtree(target)
        staging.chmod(0o755)
        staging.rename(target)


def _place_of(card: ModelCard) -> tuple[str, str, str]:
    return card.member, card.horizon, card.data_name


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _encode(card: ModelCard) -> bytes:
    body = asdict(card)
    del body["status"]
    return json.dumps(body, sort_keys=True, indent=1, allow_nan=False).encode()


def _decode(model_id: str, body: bytes) -> ModelCard:
    try:
        raw = json.loads(body)
        known = {f.name for f in fields(ModelCard)} - {"status"}
        raw["feature_names"] = tuple(raw["feature_names"])
        card = ModelCard(status="staged", **{name: raw[name] for name in known})
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(f"{model_id}: card.json cannot be read") from error
    if card.model_id != model_id:
        raise ArtifactCorrupt(f"{model_id}: card.json belongs to {card.model_id}")
    return card
