"""What a server process runs: the API and the page in one ASGI application, guarded.

The web framework is imported by the functions, not by the module: the process that starts the servers needs none.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from vfr.bootstrap import Application

__all__ = ["create_app", "create_app_from_env"]

COLLECTED: Final = (10_000, 50, 50)
"""When the collector looks through what is young, not so young, and old: seldom. Hardly anything here refers to itself,
and looking through all that answers are kept of, every few seconds, took a tenth of the time of 64 connections."""


def create_app(application: Application) -> ASGIApp:
    """Mount the API and the page over an application.

    Parameters
    ----------
    application : Application
        Its data should be prepared; without data every route but the page says so.
    """
    from vfr import bootstrap, dashboard
    from vfr.api import create_api
    from vfr.api.guard import Guard

    metrics = bootstrap.open_metrics()
    api = create_api(application, metrics)
    api.router.routes.extend(dashboard.routes())
    return Guard(api, application.settings, metrics)


def create_app_from_env() -> ASGIApp:
    """Build everything from the settings of the environment, and read the board that the first request needs.

    Raises
    ------
    SettingsError
        If a setting is wrong, or the server would be open to others without a secret.
    """
    from vfr import bootstrap, settings
    from vfr.asgi.draining import Draining

    bootstrap.end_with_parent()
    read = settings.load()
    settings.refuse_open_door(read)
    bootstrap.configure_logging(read)
    application = bootstrap.build(read, served=True)
    application.prepare()
    application.datasets.board()
    app = Draining(create_app(application), os._exit)
    gc.collect()
    gc.freeze()  # What is there now stays: the collector need not look through it again and again.
    gc.set_threshold(*COLLECTED)
    return app
