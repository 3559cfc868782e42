"""Model versions in a directory: written in one rename, verified on load, never unpickled.

::

    HOME/models/promotions.jsonl      append-only, hash-chained: saved, shadow, champion, retired; who, why, gates
    HOME/models/<model_id>/card.json  identity, evidence, sha256 of every file beside it
    HOME/models/<model_id>/...        model text, JSON or graph; calibration; parity sample; record out of fold
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

from vfr.adapters.chain import GENESIS
from vfr.adapters.store import models_files as disk
from vfr.adapters.store.models_cards import FILE_NAME, decode_card, encode_card
from vfr.adapters.store.models_log import Chain, append_chained, read_chain
from vfr.adapters.store.publishing import single_writer
from vfr.clock import utc_now
from vfr.errors import ArtifactCorrupt, ModelError, NoModel
from vfr.models.prediction import ModelCard, Predictor
from vfr.models.statuses import Place, Registered, Registry, Status, replay, steps

__all__ = ["LOG", "DirectoryModels"]

LOG: Final = "promotions.jsonl"

_Stored: TypeAlias = tuple[str, Status, str, tuple[int, int] | None]
"""Id, status and hash of a card as the log has them, and when its file was written."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}")


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
        self._log = self._root / LOG
        self._read: tuple[object, Chain, Registry] = (None, Chain((), GENESIS, ()), Registry())
        self._cards: tuple[object, list[ModelCard], dict[str, str]] = (None, [], {})
        self._decoded: dict[_Stored, ModelCard] = {}
        self._checked: dict[str, tuple[object, str | None]] = {}

    def save(self, card: ModelCard, files: Mapping[str, bytes]) -> ModelCard:
        """Store a version and return its card with the sha256 table; a version already stored is returned as it is.

        A stored version whose files are damaged is replaced and keeps its status; so is the card of one that its gates
        refused, or never judged, when they pass it now: what it says of them is what it was promoted by.

        Raises
        ------
        ModelError
            If the id or a file name is not a plain name, or a file is larger than what would be read again.
        """
        if not _ID.fullmatch(card.model_id) or not all(FILE_NAME.fullmatch(name) for name in files):
            raise ModelError("a model id and its files must be plain lower-case names")
        large = [name for name, blob in files.items() if len(blob) > disk.FILE_BYTES]
        if large:
            raise ModelError(f"{card.model_id}: {large[0]} is larger than {disk.FILE_BYTES >> 20} MiB")
        card = replace(card, files={name: sha256(blob).hexdigest() for name, blob in sorted(files.items())})
        with single_writer(self._root):
            stored = self._stored(card)
            if stored is not None:
                return stored
            for leftover in self._root.glob(".staging-*"):
                shutil.rmtree(leftover)
            body = encode_card(card)
            self._place(card.model_id, {**files, disk.CARD: body})
            member, horizon, data_name = card.place
            row = self._row("saved", card.model_id, card.status, "store", "trained")
            place = {"member": member, "horizon": horizon, "data_name": data_name}
            self._append([row | place | {"card_sha256": sha256(body).hexdigest()}])
            return replace(card, status=self._registry().versions[card.model_id].status)

    def cards(self) -> Sequence[ModelCard]:
        """Return every readable card, newest first."""
        return list(self._listed()[0])

    def card(self, model_id: str) -> ModelCard:
        """Return the card of a version after checking it.

        Raises
        ------
        ArtifactCorrupt
            If it fails its check.
        NoModel
            If there is no such version.
        """
        registry = self._registry()
        if model_id not in registry.versions:
            listed = "`vfr models list --all` and GET /api/ml/models list them"
            raise NoModel(f"{model_id}: no such model version; {listed}")
        return self._card(model_id, registry.versions[model_id])

    def unreadable(self) -> Mapping[str, str]:
        """Return the ids of versions whose card fails its checks, with the reason."""
        return dict(self._listed()[1])

    def succession(self) -> Mapping[Place, tuple[str, ...]]:
        """Return, for each place with a champion, its id and then those it would be rolled back to, latest first."""
        return self._registry().succession()

    def stamp(self) -> str:
        """Return size and time of the log, which every change appends to; one file is asked."""
        return str(_stat(self._log))

    def damage(self, model_ids: Iterable[str]) -> Mapping[str, str]:
        """Return which of some versions have damaged files, with the reason.

        Files are read again only when their size, time or inode changed.
        """
        registry, found = self._registry(), {}
        for model_id in model_ids:
            if model_id not in registry.versions:
                continue
            key = (disk.signature(self._root / model_id), registry.versions[model_id].card_sha256)
            if self._checked.get(model_id, (None, None))[0] != key:
                self._checked[model_id] = (key, self._fault(model_id, registry))
            reason = self._checked[model_id][1]
            if reason is not None:
                found[model_id] = reason
        return found

    def problems(self) -> Mapping[str, str]:
        """Return the ids of versions that would not load, with the reason; files that changed are read.

        What is wrong with the log itself stands under its file name.
        """
        try:
            registry = self._registry()
        except ArtifactCorrupt as error:
            return {LOG: error.message}
        found = dict(self.damage(registry.versions))
        changed = self.log_problems()
        if changed:
            found[LOG] = changed[0]
        if self._root.is_dir():
            for entry in sorted(self._root.iterdir()):
                if entry.is_dir() and entry.name not in registry.versions and not entry.name.startswith("."):
                    found[entry.name] = f"{entry.name}: not in the log of versions"
        return found

    def log_problems(self) -> list[str]:
        """Return a sentence about rows of the log that were changed, dropped or moved; none if the chain holds."""
        self._registry()
        problems = self._read[1].problems
        return [f"{LOG}: {'; '.join(problems)}"] if problems else []

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

        card = self.card(model_id)
        if card.feature_spec != spec_hash():
            raise ArtifactCorrupt(f"{model_id}: made for feature specification {card.feature_spec}; train again")
        return open_member(card, self._files(card))

    def read(self, model_id: str) -> Mapping[str, bytes]:
        """Return the files of a version after checking its card and every one of them."""
        return self._files(self.card(model_id))

    def size(self, model_id: str) -> int:
        """Return how many bytes the files of a version have, without reading them; 0 where there is none."""
        if model_id not in self._registry().versions:
            return 0
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(self._root / model_id))

    def set_status(self, model_id: str, status: Status, *, who: str, why: str, instead_of: str | None = None) -> None:
        """Change a version's status step by step; a new champion retires the one it replaces in the same write.

        Raises
        ------
        NoModel
            If there is no such version.
        ArtifactCorrupt
            If its card fails its check.
        ModelError
            If there is no way from its status to that one, or `instead_of` is named and not champion of its place.
        """
        with single_writer(self._root):
            registry = self._registry()
            card = self.card(model_id)
            if instead_of not in (None, registry.champion_of(card.place)):
                raise ModelError(f"{instead_of}: is not champion any more; look again at `vfr models list`")
            try:
                way = steps(card.status, status)
            except ModelError as error:
                raise ModelError(f"{model_id}: {error.message}") from None
            rows, before = [], card.status
            for step in way:
                row = self._row("status", model_id, step, who, why)
                rows.append(row | {"from": before, "gates": dict(card.gates)})
                before = step
            replaced = registry.champion_of(card.place)
            if before == "champion" and replaced not in (None, model_id):
                reason = f"rolled back to {model_id}" if card.status == "retired" else f"replaced by {model_id}"
                rows.append(
                    self._row("status", str(replaced), "retired", who, reason) | {"from": "champion", "by": model_id}
                )
            if rows:
                self._append(rows)

    def log(self) -> Sequence[Mapping[str, Any]]:
        """Return every row of the log that can be believed, oldest first."""
        self._registry()
        return self._read[1].entries

    def _row(self, event: str, model_id: str, status: Status, who: str, why: str) -> dict[str, Any]:
        at = utc_now().isoformat(timespec="seconds")
        return {"at": at, "event": event, "model_id": model_id, "status": status, "who": who, "why": why}

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows to the chain; the caller holds the lock."""
        self._registry()
        append_chained(self._log, self._read[1].head, rows)

    def _registry(self) -> Registry:
        """Return what the log says; it is read again when it changed."""
        key = _stat(self._log)
        if key is None:
            self._read = (None, Chain((), GENESIS, ()), Registry())
        elif self._read[0] != key:
            chain = read_chain(disk.read_plain(self._log, disk.LOG_BYTES))
            plain = [row for row in chain.entries if _ID.fullmatch(str(row.get("model_id")))]
            self._read = (key, chain, replay(plain, self._place_in_card))
        return self._read[2]

    def _place_in_card(self, model_id: str, digest: str) -> Place | None:
        """Return the place of a version that an older log saved."""
        try:
            return self._card(model_id, Registered("staged", digest, None)).place
        except ArtifactCorrupt:
            return None

    def _listed(self) -> tuple[list[ModelCard], dict[str, str]]:
        registry = self._registry()
        root = str(self._root)  # Hundreds of cards are looked at for each question: paths take longer than looking.
        key = tuple(
            (i, v.status, v.card_sha256, _stat(f"{root}/{i}/{disk.CARD}")) for i, v in registry.versions.items()
        )
        made = self._cards
        if made[0] != key:
            # A change of champion changes two of them; reading hundreds again would take a tenth of a second.
            held, decoded, broken = self._decoded, {}, {}
            for one in key:
                card = held.get(one) or self._card_or_fault(one[0], registry)
                if isinstance(card, ModelCard):
                    decoded[one] = card
                else:
                    broken[one[0]] = card
            self._decoded, found = decoded, list(decoded.values())
            found.sort(key=lambda c: (c.created_at, c.labels_end, c.model_id), reverse=True)
            made = self._cards = (key, found, broken)
        return made[1], made[2]

    def _card_or_fault(self, model_id: str, registry: Registry) -> ModelCard | str:
        try:
            return self._card(model_id, registry.versions[model_id])
        except ArtifactCorrupt as error:
            return error.message

    def _card(self, model_id: str, version: Registered) -> ModelCard:
        try:
            body = disk.read_plain(self._root / model_id / disk.CARD, disk.CARD_BYTES)
            return decode_card(model_id, body, version)
        except ArtifactCorrupt as error:
            raise ArtifactCorrupt(f"{model_id}: {error.message}") from error

    def _files(self, card: ModelCard) -> dict[str, bytes]:
        try:
            return disk.verified_files(self._root / card.model_id, card.files)
        except ArtifactCorrupt as error:
            raise ArtifactCorrupt(f"{card.model_id}: {error.message}") from error

    def _fault(self, model_id: str, registry: Registry) -> str | None:
        try:
            self._files(self._card(model_id, registry.versions[model_id]))
        except ArtifactCorrupt as error:
            return error.message
        return None

    def _stored(self, card: ModelCard) -> ModelCard | None:
        """Return the version if it is stored whole already: the same rows, seed and code give the same files."""
        registry = self._registry()
        if card.model_id not in registry.versions or self._fault(card.model_id, registry) is not None:
            return None
        stored = self._card(card.model_id, registry.versions[card.model_id])
        passes_now = bool(card.gates.get("passed")) and not stored.gates.get("passed")
        return stored if dict(stored.files) == dict(card.files) and not passes_now else None

    def _place(self, model_id: str, files: Mapping[str, bytes]) -> None:
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=self._root))
        for name, blob in files.items():
            with (staging / name).open("wb") as handle:
                handle.write(blob)
                handle.flush()
                os.fsync(handle.fileno())
        target = self._root / model_id
        if target.is_symlink():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        staging.chmod(0o755)
        staging.rename(target)


def _stat(path: Path | str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - of text, which is not taken apart
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
