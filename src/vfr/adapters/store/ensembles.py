"""What was fitted for the ensembles of one data home: one file per data set and horizon.

::

    HOME/ensembles/NAME-HORIZON.vfe     a line of JSON (name, size and sha256 of each part), then the parts

One file, so that a reader sees all of the old one or all of the new one, whatever is killed when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from vfr.adapters.store.models_files import FILE_BYTES, read_plain, signature
from vfr.adapters.store.replace import replace_file
from vfr.ensemble.fitted import Fitted
from vfr.errors import ArtifactCorrupt
from vfr.typing import Horizon

__all__ = ["EnsembleFiles"]

_HEAD_BYTES: Final = 1 << 16


class EnsembleFiles:
    """Ensembles of one data home; implements `vfr.workflows.train_ensemble.EnsembleStore`.

    Parameters
    ----------
    home : Path
        Data home.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "ensembles"

    def save(self, fitted: Fitted) -> None:
        """Replace what was fitted before for the same data set and horizon."""
        replace_file(self._file(fitted.data_name, fitted.horizon), _packed(fitted.to_files()))

    def load(self, data_name: str, horizon: Horizon) -> Fitted | None:
        """Return what was fitted last, None if nothing was.

        Raises
        ------
        ArtifactCorrupt
            If the file is not whole, or holds anything that is not an ensemble of that data set and horizon.
        """
        path = self._file(data_name, horizon)
        if not path.exists() and not path.is_symlink():
            return None
        fitted = Fitted.from_files(_parts(path.name, read_plain(path, FILE_BYTES)))
        if (fitted.data_name, fitted.horizon) != (data_name, horizon):
            raise ArtifactCorrupt(f"{path.name} is of {fitted.data_name} at {fitted.horizon}; train again")
        return fitted

    def stamp(self) -> str:
        """Return a key that changes whenever an ensemble does; cheap enough for every request."""
        return sha256(repr(signature(self._folder)).encode()).hexdigest()[:16]

    def _file(self, data_name: str, horizon: Horizon) -> Path:
        return self._folder / f"{data_name}-{horizon}.vfe"


def _packed(files: Mapping[str, bytes]) -> bytes:
    head = [[name, len(blob), sha256(blob).hexdigest()] for name, blob in files.items()]
    return b"\n".join([json.dumps(head).encode(), b"".join(files.values())])


def _parts(name: str, content: bytes) -> dict[str, bytes]:
    """Return the parts of a file, each held to its size and sha256."""
    head, _, body = content.partition(b"\n")
    table = _table(head)
    if table is None or sum(size for _, size, _ in table) != len(body):
        raise ArtifactCorrupt(f"{name} is truncated or no ensemble; train again")
    parts, at = {}, 0
    for part, size, digest in table:
        parts[part] = body[at : at + size]
        at += size
        if sha256(parts[part]).hexdigest() != digest:
            raise ArtifactCorrupt(f"{name}: {part} is changed (sha256 differs); train again")
    return parts


def _table(head: bytes) -> list[tuple[str, int, str]] | None:
    """Return name, size and sha256 of each part; None where the line says anything else."""
    if len(head) > _HEAD_BYTES:
        return None
    try:
        table = [(str(part), int(size), str(digest)) for part, size, digest in json.loads(head)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return None if any(size < 0 for _, size, _ in table) else table
