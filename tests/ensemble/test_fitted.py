from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ensemble.record import FIVE, calendar, record

from vfr.ensemble.confidence import Confidence
from vfr.ensemble.fitted import Fitted, Stage
from vfr.ensemble.scores import to_array
from vfr.ensemble.stacking import Stacker
from vfr.errors import ArtifactCorrupt
from vfr.models.arrays import npy_bytes


def fitted():
    days, rng = calendar(30), np.random.default_rng(0)
    ic = rng.normal(0.01, 0.1, (30, 5))
    ic[3, 2] = np.nan
    stacker = Stacker(FIVE, -0.01, rng.random(5), rng.random(5), True, "the stacker beats equal weights: by a lot")
    confidence = Confidence(slope=0.1, loss=0.3)
    stages = (Stage(days[5], None, None), Stage(days[20], stacker, None), Stage(days[29] + 1, stacker, confidence))
    peers = np.where(np.isfinite(ic), rng.random((30, 5)), np.nan)
    return Fitted("7d", "us-480", "abc", "2026-11-29T23:00:00Z", record(ic), peers, stages)


def test_it_survives_being_files_and_equal_ones_are_equal_bytes():
    before = fitted()
    files = before.to_files()
    after = Fitted.from_files(files)
    assert sorted(files) == ["ensemble.json", "scores.npy"]
    assert after.to_files() == files == fitted().to_files()
    np.testing.assert_array_equal(to_array(after.scores), to_array(before.scores))
    np.testing.assert_array_equal(after.peers, before.peers)
    assert after.scores.members == FIVE
    assert (after.horizon, after.data_name, after.data_version) == ("7d", "us-480", "abc")
    assert after.stages[0].stacker is None
    assert after.stages[1].stacker.direction.tolist() == before.stages[1].stacker.direction.tolist()
    assert after.stages[1].stacker.verdict == "the stacker beats equal weights: by a lot"
    assert after.stages[2].confidence == before.stages[2].confidence
    assert [stage.effective for stage in after.stages] == [stage.effective for stage in before.stages]


def test_the_stage_of_a_day_is_the_last_that_may_answer_for_it():
    found, days = fitted(), calendar(30)
    assert found.at(days[4]) is None
    assert found.at(days[5]) is found.stages[0]
    assert found.at(days[19]) is found.stages[0]
    assert found.at(days[20]) is found.stages[1]
    assert found.at(days[29] + 400) is found.stages[2]


def corrupted(*path, value):
    files = fitted().to_files()
    body = json.loads(files["ensemble.json"])
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return {**files, "ensemble.json": json.dumps(body).encode()}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("version",), KeyError),
        (("horizon",), "1y"),
        (("horizon",), ["7d"]),
        (("members",), list(FIVE[:4])),
        (("members",), ["linear"] * 5),
        (("members",), "abcde"),
        (("members",), [1, 2, 3, 4, 5]),
        (("data_version",), ""),
        (("created_at",), "x" * 2001),
        (("stages",), None),
        (("stages", 0), 7),
        (("stages", 0, "effective"), "soon"),
        (("stages", 0, "effective"), "NaT"),
        (("stages", 0, "effective"), "2030-01-01"),
        (("stages", 1, "stacker", "direction", 0), -0.1),
        (("stages", 1, "stacker", "direction", 0), float("nan")),
        (("stages", 1, "stacker", "excess", 0), "0.1"),
        (("stages", 1, "stacker", "excess"), [0.1]),
        (("stages", 1, "stacker", "excess"), 0.2),
        (("stages", 1, "stacker", "intercept"), float("inf")),
        (("stages", 1, "stacker", "intercept"), 10**400),
        (("stages", 1, "stacker", "beats_equal"), "yes"),
        (("stages", 1, "stacker", "verdict"), KeyError),
        (("stages", 2, "confidence", "slope"), -0.1),
        (("stages", 2, "confidence", "loss"), None),
        (("stages", 2, "confidence", "slope"), float("nan")),
        (("stages", 2, "confidence"), [1]),
    ],
)
def test_what_no_fit_can_say_is_refused_by_name(path, value):
    with pytest.raises(ArtifactCorrupt, match="cannot be read"):
        Fitted.from_files(corrupted(*path, value=value))


@pytest.mark.parametrize("name", ["ensemble.json", "scores.npy"])
def test_a_missing_an_overlong_and_a_foreign_file_are_refused(name):
    files = fitted().to_files()
    with pytest.raises(ArtifactCorrupt, match=f"{name} is missing"):
        Fitted.from_files({k: v for k, v in files.items() if k != name})
    with pytest.raises(ArtifactCorrupt, match="too large"):
        Fitted.from_files({**files, name: b"0" * (33 << 20)})
    for foreign in (b"", b"{}", pickle.dumps([1]), b"[" * 100_000, b"PK\x03\x04", files[name][:-9]):
        with pytest.raises(ArtifactCorrupt):
            Fitted.from_files({**files, name: foreign})


def test_a_record_with_other_dates_or_infinite_figures_is_refused():
    files, array = fitted().to_files(), np.array(np.concatenate([to_array(fitted().scores), fitted().peers], axis=1))
    for row, column, value in ((3, 0, 1.0), (3, 0, np.nan), (3, 5, np.inf)):
        wrong = array.copy()
        wrong[row, column] = value
        with pytest.raises(ArtifactCorrupt):
            Fitted.from_files({**files, "scores.npy": npy_bytes(wrong)})
    with pytest.raises(ArtifactCorrupt):
        Fitted.from_files({**files, "scores.npy": npy_bytes(array[:, :-1])})
    with pytest.raises(ArtifactCorrupt):
        Fitted.from_files({**files, "scores.npy": npy_bytes(array[0])})


@given(st.integers(0, 5000), st.integers(0, 255), st.sampled_from(["ensemble.json", "scores.npy"]))
def test_a_changed_byte_is_read_as_something_else_or_refused(place, byte, name):
    files = fitted().to_files()
    blob = bytearray(files[name])
    blob[place % len(blob)] = byte
    try:
        found = Fitted.from_files({**files, name: bytes(blob)})
    except ArtifactCorrupt:
        return
    assert len(found.scores.members) == 5
