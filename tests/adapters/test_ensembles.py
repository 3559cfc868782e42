"""Ensembles on disk: whole or refused, one per data set and horizon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.adapters.store.ensembles import EnsembleFiles
from vfr.ensemble.fitted import Fitted
from vfr.ensemble.scores import Scores
from vfr.errors import ArtifactCorrupt


@pytest.fixture
def fitted() -> Fitted:
    dates = np.arange("2020-01-06", "2020-01-16", dtype="datetime64[D]")
    rng = np.random.default_rng(0)
    by_member = [rng.random((dates.size, 2)) for _ in range(4)]
    scores = Scores(("linear", "trees"), dates, np.full(dates.size, 30.0), *by_member, *rng.random((2, dates.size)))
    return Fitted("7d", "bundled", "v1", "2020-02-01T00:00:00+00:00", scores, rng.random((dates.size, 2)), ())


@pytest.fixture
def store(tmp_path) -> EnsembleFiles:
    return EnsembleFiles(tmp_path)


def test_what_is_saved_comes_back(store, fitted):
    store.save(fitted)
    found = store.load("bundled", "7d")
    assert (found.data_version, found.created_at) == (fitted.data_version, fitted.created_at)
    assert np.array_equal(found.scores.ic, fitted.scores.ic)
    assert np.array_equal(found.peers, fitted.peers)
    assert store.load("bundled", "1d") is None
    assert store.load("other", "7d") is None


def test_the_stamp_follows_every_change(store, fitted):
    stamps = [store.stamp()]
    store.save(fitted)
    stamps.append(store.stamp())
    store.save(replace(fitted, data_version="v2"))
    stamps.append(store.stamp())
    assert len(set(stamps)) == 3
    assert store.load("bundled", "7d").data_version == "v2"


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: blob[:-1],
        lambda blob: blob + b"x",
        lambda blob: b"{}\n" + blob.partition(b"\n")[2],
        lambda blob: b"no json" + blob,
        lambda _blob: b"",
        lambda blob: blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:],
        lambda blob: blob.replace(b'"ensemble.json", ', b'"ensemble.json", -'),
        lambda _blob: b'[["ensemble.json", Infinity, ""]]\n',
        lambda _blob: b"[" * 60_000 + b"\n",
    ],
)
def test_a_damaged_file_is_refused_by_name(store, fitted, tmp_path, damage):
    store.save(fitted)
    [path] = (tmp_path / "ensembles").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArtifactCorrupt, match=r"^bundled-7d\.vfe"):
        store.load("bundled", "7d")


def test_a_file_of_another_place_and_a_link_are_refused(store, fitted, tmp_path):
    store.save(fitted)
    folder = tmp_path / "ensembles"
    (folder / "bundled-7d.vfe").rename(folder / "bundled-1d.vfe")
    with pytest.raises(ArtifactCorrupt, match="is of bundled at 7d"):
        store.load("bundled", "1d")
    (folder / "bundled-7d.vfe").symlink_to(folder / "bundled-1d.vfe")
    with pytest.raises(ArtifactCorrupt, match="is a link"):
        store.load("bundled", "7d")
