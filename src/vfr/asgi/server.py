"""`vfr serve`: prepare the data, start the server processes, the engine and training beside them, stop cleanly."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Final

from vfr.asgi.terminal import progress_line, say
from vfr.errors import DataError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfr.bootstrap import Application
    from vfr.settings import Settings

__all__ = ["address", "serve"]

_TARGET: Final = "vfr.asgi.app:create_app_from_env"
_BACKLOG: Final = 1024
_HEADER_MS: Final = 10_000
"""Longest wait for the headers of a request, whether its connection is new or was kept."""

_HEADER_BYTES: Final = 65_536
"""Most bytes of headers, which 431 refuses beyond."""

_STOP_S: Final = 10
"""Seconds a server process may take to finish its requests when it is told to stop."""

_READY_S: Final = 3.0
"""Seconds after which a new server process is taken for ready and the one it replaces is told to stop."""


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    SettingsError
        If the port is taken, or the server would be open to others without a secret.
    DatasetCorrupt
        If the installed data fails its checks.
    """
    from vfr import bootstrap
    from vfr.asgi.engine_process import engine_beside
    from vfr.asgi.trainer import training_beside
    from vfr.settings import hand_down, refuse_open_door

    refuse_open_door(settings)
    _refuse_taken_port(settings)
    application = bootstrap.build(settings)
    with progress_line("Preparing the bundled data") as tell:
        application.prepare(tell)
    board = application.datasets.board()
    _upgrade_database(application)
    hand_down(settings)
    with bootstrap.shared_metrics(settings), training_beside(application), engine_beside(settings) as engine:
        say(
            f"VFR serves {len(board.scores.symbols)} symbols as of {board.as_of} ({board.data_name}) at "
            f"{address(settings)} (Ctrl-C stops it)"
        )
        _run(settings, _nothing if engine is None else engine.restart)


def address(settings: Settings) -> str:
    """Return the address to open.

    Examples
    --------
    >>> from vfr.settings import Settings
    >>> address(Settings(host="::1", port=9000))
    'http://[::1]:9000'
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _run(settings: Settings, reloading: Callable[[], object]) -> None:
    import multiprocessing

    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from vfr.asgi.workers import Workers

    # A forked process would inherit the locks of the numeric libraries' threads without the threads.
    multiprocessing.set_start_method("spawn", force=True)
    server = Workers(
        _TARGET,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=settings.workers,
        loop=Loops.uvloop,
        backlog=_BACKLOG,
        websockets=False,
        # Not HTTP/2: to tell it apart, a connection that says nothing is waited for without end.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MS, max_buffer_size=_HEADER_BYTES),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=_READY_S,
        workers_kill_timeout=_STOP_S,
    )
    server.on_reload(reloading)
    server.serve()


def _upgrade_database(application: Application) -> None:
    """Make its tables before any process asks for them; without a database all start, and open it when it is back."""
    try:
        application.upgrade_database()
    except DataError as error:
        say(f"{error.message}. Serving begins without it; every process goes on trying.")


def _nothing() -> None:
    """Restart nothing: there is no engine."""


def _refuse_taken_port(settings: Settings) -> None:
    """Say so before anything is started; the servers bind again a moment later."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise SettingsError(f"VFR_HOST: {settings.host} is no address of this machine") from None
    family, kind, protocol, _, where = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise SettingsError(
                    f"VFR_PORT: {settings.port} is taken on {settings.host}; stop the other server, or choose another "
                    "port with --port"
                ) from None
            raise SettingsError(f"VFR_HOST: cannot listen on {settings.host}: {error.strerror}") from None
