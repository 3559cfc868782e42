"""Where the engine listens: a socket in the data home that only its owner can open.

The system bounds the length of a socket's name. Where the data home lies too deep, the socket lies in a short temporary
folder of the same owner, whose name is noted in the data home.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from vfr.adapters.store.publishing import replace_text
from vfr.clock import elapsed_ms

__all__ = ["connect", "leave", "listen"]

NAME: Final = "engine.sock"
NOTE: Final = "engine.path"
LONGEST: Final = 100
"""Bytes of a socket's name; Linux takes 107, macOS 103."""

_BACKLOG: Final = 64
_PAUSE_S: Final = 0.002
_START_PAUSE_S: Final = 0.05
"""Between looks whether somebody listens by now: dozens of requests may wait for one start."""

_PREFIX: Final = "vfr-"


def listen(folder: Path) -> socket.socket:
    """Return a socket that listens, in place of any that was left behind.

    Parameters
    ----------
    folder : Path
        Made if it is not there; nobody else can look into it. The caller holds its lock.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    leave(folder)
    place = folder / NAME
    if len(os.fsencode(place)) > LONGEST:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX)) / NAME
        replace_text(folder / NOTE, str(place))
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(place))
        place.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def connect(folder: Path, until: float, *, patient: bool = False) -> socket.socket:
    """Return a connection to whoever listens.

    Parameters
    ----------
    folder : Path
    until : float
        Reading of `elapsed_ms` after which it is too late.
    patient : bool
        Wait where nobody listens yet; otherwise that is told at once.

    Raises
    ------
    TimeoutError
        If too many wait already to be accepted.
    FileNotFoundError, ConnectionRefusedError
        If nobody listens.
    OSError
        If there cannot be a connection.
    """
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(max(until - elapsed_ms(), 1.0) / 1e3)
            link.connect(str(_place(folder)))
        except BlockingIOError:  # The line is full; a socket of this kind does not wait for a place in it by itself.
            link.close()
            if elapsed_ms() >= until:
                raise TimeoutError("nobody accepted the connection in time") from None
            time.sleep(_PAUSE_S)
        except (FileNotFoundError, ConnectionRefusedError):
            link.close()
            left_s = (until - elapsed_ms()) / 1e3
            if not patient or left_s <= 0.0:
                raise
            time.sleep(min(_START_PAUSE_S, left_s))
        except OSError:
            link.close()
            raise
        else:
            return link


def leave(folder: Path) -> None:
    """Remove the socket of a folder, wherever it lies."""
    noted = _place(folder)
    noted.unlink(missing_ok=True)
    if noted.parent != folder and noted.parent.name.startswith(_PREFIX):
        shutil.rmtree(noted.parent, ignore_errors=True)
    (folder / NOTE).unlink(missing_ok=True)


def _place(folder: Path) -> Path:
    place = folder / NAME
    if len(os.fsencode(place)) > LONGEST:
        with suppress(OSError):
            return Path((folder / NOTE).read_text(encoding="utf-8").strip())
    return place
