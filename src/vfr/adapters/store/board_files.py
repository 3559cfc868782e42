"""A board as two files, arrays and names, that load with numpy alone in milliseconds; and its two parts in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from vfr.data.panel import Adjustment
from vfr.data.records import Securities
from vfr.factors.board import Board, InputStatus
from vfr.factors.scores import FactorScores

__all__ = ["BoardPlain", "board_arrays", "board_of", "board_plain", "read_board", "write_board"]

_SCORES: Final = ("value", "score", "reason", "as_of", "market_cap")
_QUOTES: Final = ("price", "change", "last_bar")


class BoardPlain(TypedDict):
    """What a board holds beside its arrays, as JSON; the name and version of its data are known to whoever reads it."""

    as_of: str
    adjustment: Adjustment
    names: tuple[str, ...]
    symbols: tuple[str, ...]
    securities: dict[str, tuple[str, ...]]
    inputs: dict[str, dict[str, bool | str | None]]


def board_plain(board: Board) -> BoardPlain:
    """Return everything of a board that is no array."""
    return BoardPlain(
        as_of=str(board.as_of),
        adjustment=board.adjustment,
        names=board.scores.names,
        symbols=board.scores.symbols,
        securities=_plain(board.securities),
        inputs={kind: _plain(status) for kind, status in board.inputs.items()},
    )


def _plain(record: Securities | InputStatus) -> dict[str, Any]:
    """Return the fields of a record by name: `dataclasses.asdict` would copy every one of thousands of texts."""
    return {one.name: getattr(record, one.name) for one in fields(record)}


def board_arrays(board: Board) -> dict[str, NDArray[Any]]:
    """Return every array of a board by name, in a fixed order."""
    scores = {f"scores_{name}": getattr(board.scores, name) for name in _SCORES}
    return scores | {name: getattr(board, name) for name in _QUOTES}


def board_of(plain: BoardPlain, arrays: Mapping[str, NDArray[Any]], *, name: str, version: str) -> Board:
    """Return the board of two parts.

    Raises
    ------
    ValueError, KeyError, TypeError
        If a part is not what `board_plain` and `board_arrays` gave.
    """
    as_of = np.datetime64(date.fromisoformat(plain["as_of"]), "D")
    scores: dict[str, Any] = {field: arrays[f"scores_{field}"] for field in _SCORES}
    quotes: dict[str, Any] = {field: arrays[field] for field in _QUOTES}
    inputs: Mapping[str, Mapping[str, Any]] = plain["inputs"]
    return Board(
        data_name=name,
        data_version=version,
        as_of=as_of,
        adjustment=plain["adjustment"],
        securities=Securities(**{key: tuple(words) for key, words in plain["securities"].items()}),
        scores=FactorScores(
            names=tuple(plain["names"]), sessions=np.array([as_of]), symbols=tuple(plain["symbols"]), **scores
        ),
        inputs={kind: InputStatus(**status) for kind, status in inputs.items()},
        **quotes,
    )


def write_board(folder: Path, board: Board) -> None:
    """Write ``board.npz`` (no pickle) and ``board.json``."""
    np.savez(folder / "board.npz", allow_pickle=False, **board_arrays(board))
    (folder / "board.json").write_text(json.dumps(board_plain(board)), encoding="utf-8")


def read_board(folder: Path, *, name: str, version: str) -> Board:
    """Return the board of a folder.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If a file is missing or not what `write_board` wrote.
    """
    plain = json.loads((folder / "board.json").read_text(encoding="utf-8"))
    with np.load(folder / "board.npz", allow_pickle=False) as arrays:
        return board_of(plain, arrays, name=name, version=version)
