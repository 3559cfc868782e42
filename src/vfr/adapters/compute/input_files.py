"""Inputs of training jobs as plain arrays in a folder: written once, mapped by every worker, never sent to one.

::

    ROOT/DIGEST/meta.json                 design, specification, horizons; written last
    ROOT/DIGEST/ranks.npy ...             arrays of `Inputs`
    ROOT/DIGEST/7d.rank.npy ...           arrays of `Targets`
    ROOT/DIGEST/done/KEY.npz              results of finished jobs (local folders only)

The folder is named by the hash of the inputs, so a run that is started again finds what it wrote before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from string import hexdigits
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np

from vfr.features.matrix import Labels
from vfr.models.design import Design
from vfr.typing import Horizon
from vfr.workflows.train_data import Inputs, Targets

__all__ = ["drop_inputs", "folder_of", "has_inputs", "is_run", "open_inputs", "url_of", "write_inputs"]

_INPUTS: Final = ("sessions", "ranks", "state", "coverage", "volatility", "known")
_LABELS: Final = ("returns", "direction", "excess")
_DIGITS: Final = 20

Array = np.ndarray[Any, np.dtype[Any]]


def url_of(root: str, inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> str:
    """Return where the inputs of a run belong below a folder or fsspec URL."""
    digest = sha256(_meta(inputs, labelled))
    for name, array in _arrays(inputs, labelled):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return f"{root.rstrip('/')}/{digest.hexdigest()[:_DIGITS]}"


def write_inputs(url: str, inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> None:
    """Write the inputs of a run to their own URL, if they are not there yet."""
    import fsspec

    files, folder = fsspec.core.url_to_fs(url)
    if files.exists(f"{folder}/meta.json"):
        return
    files.makedirs(folder, exist_ok=True)
    for name, array in _arrays(inputs, labelled):
        with files.open(f"{folder}/{name}.npy", "wb") as out:
            np.save(out, array, allow_pickle=False)
    # Written last and in one step: a folder with it is whole.
    files.pipe_file(f"{folder}/.meta.json", _meta(inputs, labelled))
    files.mv(f"{folder}/.meta.json", f"{folder}/meta.json")


def folder_of(url: str) -> Path | None:
    """Return the local folder that a URL names, None where it is elsewhere."""
    import fsspec

    files, folder = fsspec.core.url_to_fs(url)
    return Path(folder) if files.protocol == "file" or "file" in files.protocol else None


def is_run(folder: Path) -> bool:
    """Tell whether a folder is named as those of runs are; others may stand beside them."""
    return folder.is_dir() and len(folder.name) == _DIGITS and not set(folder.name) - set(hexdigits.lower())


def has_inputs(folder: Path) -> bool:
    """Tell whether a run's folder holds inputs, whole or not."""
    return any(folder.glob("*.npy"))


def drop_inputs(folder: Path) -> None:
    """Remove the inputs from a run's folder; first what says that they are whole."""
    (folder / "meta.json").unlink(missing_ok=True)
    for array in folder.glob("*.npy"):
        array.unlink(missing_ok=True)


@lru_cache(maxsize=2)
def open_inputs(url: str) -> tuple[Inputs, dict[Horizon, Targets]]:
    """Map the inputs of a run; from a URL elsewhere they are fetched once a process.

    Workers on one machine share what they map: the operating system holds each page once.
    """
    folder = folder_of(url) or _fetched(url)
    meta = json.loads((folder / "meta.json").read_bytes())

    def array(name: str) -> Array:
        mapped: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return mapped

    inputs = Inputs(
        **{name: array(name) for name in _INPUTS},
        design=Design.from_dict(meta["design"]),
        spec=meta["spec"],
        scale_features=tuple(meta["scale_features"]),
        sample=np.empty((0, 0, len(meta["design"]["names"])), dtype=np.float32),
    )
    return inputs, {h: _targets(h, about, array) for h, about in meta["horizons"].items()}


def _targets(horizon: Horizon, about: Mapping[str, Any], array: Any) -> Targets:
    grids = {name: array(f"{horizon}.{name}") for name in _LABELS}
    labels = Labels(horizon=horizon, basis=about["basis"], span=about["span"], **grids)
    return Targets(labels, array(f"{horizon}.rank"), array(f"{horizon}.counts"))


def _arrays(inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> Iterator[tuple[str, Array]]:
    for name in _INPUTS:
        yield name, getattr(inputs, name)
    for horizon, targets in labelled.items():
        for name in _LABELS:
            yield f"{horizon}.{name}", getattr(targets.labels, name)
        yield f"{horizon}.rank", targets.rank
        yield f"{horizon}.counts", targets.counts


def _meta(inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> bytes:
    body = {
        "design": inputs.design.to_dict(),
        "spec": inputs.spec,
        "scale_features": list(inputs.scale_features),
        "horizons": {h: {"basis": t.labels.basis, "span": t.labels.span} for h, t in labelled.items()},
    }
    return json.dumps(body, sort_keys=True).encode()


def _fetched(url: str) -> Path:
    import fsspec

    files, folder = fsspec.core.url_to_fs(url)
    local = mkdtemp(prefix="vfr-inputs-")
    files.get(f"{folder}/", f"{local}/", recursive=True)
    return Path(local)
