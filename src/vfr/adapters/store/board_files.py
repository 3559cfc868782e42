"""A board as two files, arrays and names, that load with numpy alone in milliseconds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from vfr.data.records import Securities
from vfr.factors.board import Board, InputStatus
from vfr.factors.scores import FactorScores

__all__ = ["read_board", "write_board"]

_ARRAYS: Final = ("value", "score", "reason", "as_of", "market_cap")
_QUOTES: Final = ("price", "change", "last_bar")


def write_board(folder: Path, board: Board) -> None:
    """Write ``board.npz`` (no pickle) and ``board.json``."""
    arrays = {f"scores_{name}": getattr(board.scores, name) for name in _ARRAYS}
    arrays |= {name: getattr(board, name) for name in _QUOTES}
    np.savez(folder / "board.npz", allow_pickle=False, **arrays)
    plain = {
        "as_of": str(board.as_of),
        "adjustment": board.adjustment,
        "names": board.scores.names,
        "symbols": board.scores.symbols,
        "securities": asdict(board.securities),
        "inputs": {kind: asdict(status) for kind, status in board.inputs.items()},
    }
    (folder / "board.json").write_text(json.dumps(plain), encoding="utf-8")


def read_board(folder: Path, *, name: str, version: str) -> Board:
    """Return the board of a folder.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If a file is missing or not what `write_board` wrote.
    """
    plain = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    with np.load(folder / "board.npz", allow_pickle=False) as arrays:
        scores = {field: arrays[f"scores_{field}"] for field in _ARRAYS}
        quotes = {field: arrays[field] for field in _QUOTES}
    as_of = np.datetime64(plain["as_of"], "D")
    return Board(
        data_name=name,
        data_version=version,
        as_of=as_of,
        adjustment=plain["adjustment"],
        securities=Securities(**{key: tuple(words) for key, words in plain["securities"].items()}),
        scores=FactorScores(
            names=tuple(plain["names"]), sessions=np.array([as_of]), symbols=tuple(plain["symbols"]), **scores
        ),
        inputs={kind: InputStatus(**status) for kind, status in plain["inputs"].items()},
        **quotes,
    )
