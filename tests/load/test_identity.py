"""The same question has the same answer: whoever is asked, over whatever cache, for the first time or again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.load.asking import digest, settled, stocks
from tests.load.conftest import Tell
from tests.redis_server import RedisServer

from vfr import bootstrap
from vfr.cli.bench_cases import analyze
from vfr.cli.bench_server import copied, served
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery

COUNT = 25

Said = list[dict[str, Any]]


@pytest.fixture(scope="module")
def questions(prepared: Path) -> list[dict[str, Any]]:
    sessions = bootstrap.build(Settings(data_home=prepared)).datasets.snapshot().sessions
    latest = [{}, {"ml": False}, {"ml_horizon": "1d"}, {"ml_horizon": "30d", "ml_method": "stacking"}]
    return [*latest, {"as_of": str(sessions[-30])}, {"as_of": str(sessions[-30]), "ml": False}]


def here(home: Path, questions: list[dict[str, Any]]) -> list[Said]:
    """Answers of this process, as the command line gives them."""
    app = bootstrap.build(Settings(data_home=home, journal=False))
    board = app.datasets.board().scores.symbols[:COUNT]
    try:
        found = []
        for question in questions:
            body = analyze(board, **{"ml": True, "ml_timeout": 30_000, **question})
            found.append(settled(app.analyze(AnalyzeQuery.parse(body)).to_dict()["stocks"]))
        return found
    finally:
        app.close()


def test_scores_are_the_same_everywhere(
    prepared: Path, tmp_path: Path, redis: RedisServer, questions: list[dict[str, Any]], tell: Tell
) -> None:
    found: dict[str, list[Said]] = {}
    for name in ("board", "members"):
        (tmp_path / name).mkdir()
        home = copied(prepared, tmp_path / name)
        if name == "members":
            shutil.rmtree(home / "scoreboards")
        found[f"in this process, from the {name}"] = here(home, questions)
        shutil.rmtree(tmp_path / name)
    symbols = bootstrap.build(Settings(data_home=prepared)).datasets.board().scores.symbols[:COUNT]
    for workers in ("1", "2"):
        for url in ("", redis.url):
            name = f"{workers} server processes{', Redis' if url else ''}"
            folder = tmp_path / "served"
            folder.mkdir()
            more = {"VFR_WORKERS": workers, "VFR_REDIS_URL": url, "VFR_LOG_LEVEL": "error"}
            with served(copied(prepared, folder), folder, more) as server:
                for state in ("cold", "warm", "warm again"):
                    found[f"{name}, {state}"] = [stocks(server, symbols, **one) for one in questions]
            shutil.rmtree(folder)
    first = next(iter(found.values()))
    hashes = [digest(said) for said in first]
    tell(f"{len(found)} ways, {len(questions)} questions, hashes {' '.join(hashes)}")
    assert len(set(hashes)) == len(questions)
    other = {
        f"{name}: {question}": different(said, expected)
        for name, answers in found.items()
        for question, said, expected in zip(questions, answers, first, strict=True)
        if digest(said) != digest(expected)
    }
    assert not other, json.dumps(other, indent=1)


def different(said: Said, expected: Said) -> list[str]:
    """Some of what is not the same."""
    pairs = [(a[name], b.get(name), f"{a['symbol']}.{name}") for a, b in zip(said, expected, strict=True) for name in a]
    return [f"{name}: {a} is not {b}" for a, b, name in pairs if a != b][:3]
