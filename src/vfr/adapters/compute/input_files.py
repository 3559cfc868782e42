"""Inputs of training jobs as plain arrays in a folder: written once, mapped by every worker, never sent to one.

::

    ROOT/DIGEST/meta.json                 design, specification, horizons; written last
    ROOT/DIGEST/ranks.npy ...             arrays of `Inputs`
    ROOT/DIGEST/7d.rank.npy ...           arrays of `Targets`
    ROOT/DIGEST/done/KEY.npz              results of finished jobs (local folders only)

The folder is named by the hash of its content, so a run that is started again finds what it wrote before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np

from vfr.features.matrix import Labels
from vfr.models.design import Design
from vfr.typing import Horizon
from vfr.workflows.train_data import Inputs, Targets

__all__ = ["open_inputs", "write_inputs"]

_INPUTS: Final = ("sessions", "ranks", "state", "coverage", "volatility", "known")
_LABELS: Final = ("returns", "direction", "excess")

Array = np.ndarray[Any, np.dtype[Any]]


def write_inputs(root: str, inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> str:
    """Write the inputs of a run below a folder or fsspec URL, if they are not there yet; return their own URL."""
    import fsspec

    arrays = dict(_arrays(inputs, labelled))
    meta = json.dumps(_meta(inputs, labelled), sort_keys=True).encode()
    digest = sha256(meta)
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    url = f"{root.rstrip('/')}/{digest.hexdigest()[:20]}"
    files, folder = fsspec.core.url_to_fs(url)
    if not files.exists(f"{folder}/meta.json"):
        files.makedirs(folder, exist_ok=True)
        for name, array in arrays.items():
            with files.open(f"{folder}/{name}.npy", "wb") as out:
                np.save(out, array, allow_pickle=False)
        # Written last and in one step: a folder with it is whole.
        files.pipe_file(f"{folder}/.meta.json", meta)
        files.mv(f"{folder}/.meta.json", f"{folder}/meta.json")
    return url


@lru_cache(maxsize=2)
def open_inputs(url: str) -> tuple[Inputs, dict[Horizon, Targets]]:
    """Map the inputs of a run; from a URL elsewhere they are fetched once a process.

    Workers on one machine share what they map: the operating system holds each page once.
    """
    folder = _local(url)
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


def _meta(inputs: Inputs, labelled: Mapping[Horizon, Targets]) -> dict[str, Any]:
    return {
        "design": inputs.design.to_dict(),
        "spec": inputs.spec,
        "scale_features": list(inputs.scale_features),
        "horizons": {h: {"basis": t.labels.basis, "span": t.labels.span} for h, t in labelled.items()},
    }


def _local(url: str) -> Path:
    import fsspec

    files, folder = fsspec.core.url_to_fs(url)
    if files.protocol == "file" or "file" in files.protocol:
        return Path(folder)
    fetched = mkdtemp(prefix="vfr-inputs-")
    files.get(f"{folder}/", f"{fetched}/", recursive=True)
    return Path(fetched)
