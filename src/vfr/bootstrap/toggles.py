"""The switches of machine learning, wired: read by every request, turned by commands and admins, audited."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from vfr.bootstrap.database import database_exists, open_database, pulse_of
from vfr.clock import utc_now
from vfr.errors import DataError
from vfr.typing import MEMBER_NAMES
from vfr.workflows.toggles import EVERYTHING, UNKNOWN, Toggle, ToggleState, checked_id, checked_reason

if TYPE_CHECKING:
    from vfr.adapters.database.follower import Bell
    from vfr.adapters.database.toggles import Audited, SqlToggles
    from vfr.adapters.database.toggles_watch import WatchedToggles
    from vfr.models.prediction import ModelStore
    from vfr.settings import Settings

__all__ = ["ToggleDesk"]

CHANNEL: Final = "vfr:toggles"
MAX_WHO: Final = 200
SOCKET_S: Final = 3.0
"""Longest wait for PostgreSQL: after a network that swallowed a question the switches are followed again so soon."""


class ToggleDesk:
    """The switches of one installation; implements `vfr.workflows.toggles.Toggles`.

    Parameters
    ----------
    settings : Settings
    models : ModelStore
        Its versions have a switch each.

    Notes
    -----
    The database is opened by the first call that needs it. All methods but `read`, `state` and `follow` raise
    `DataError` if it cannot be used.
    """

    def __init__(self, settings: Settings, models: ModelStore) -> None:
        self._settings = settings
        self._models = models
        self._opening = Lock()
        self._watching = Lock()
        self._store: tuple[int, SqlToggles] | None = None
        self._watched: WatchedToggles | None = None

    def read(self) -> ToggleState:
        """Return the switches as this process follows them; the first call begins to follow."""
        watched = self._watched
        return (self._watch() if watched is None else watched).read()

    def follow(self, patience: float) -> None:
        """Follow from now on, and wait some seconds at most until the switches are known."""
        self._watch().follow(patience)

    def state(self) -> ToggleState:
        """Return the switches as they are now, off if they cannot be read; begins to follow nothing."""
        if self._watched is not None:
            return self._watched.read()
        try:
            store = self._opened()
            return ToggleState() if store is None else store.read()
        except DataError:
            return UNKNOWN

    def turn(self, toggle_id: str, enabled: bool, *, reason: str, who: str) -> Toggle:
        """Turn a switch, log who did and why, and let every process know.

        Parameters
        ----------
        toggle_id : str
            ``ml`` for everything, a member, or a model id.
        enabled : bool
        reason, who : str

        Raises
        ------
        InvalidField
            If there is no such switch, or no reason is given.
        """
        at = utc_now().isoformat(timespec="seconds")
        toggle = Toggle(self._known(toggle_id), enabled, checked_reason(reason), who[:MAX_WHO], at)
        self._open().turn(toggle)
        if self._watched is not None:
            self._watched.changed()
        elif (bell := self._bell()) is not None:
            bell.ring()
        return toggle

    def all(self) -> list[Toggle]:
        """Return the switches: of everything, of every member, and of each version that was ever turned."""
        store = self._opened()
        turned = {} if store is None else store.all()
        names = dict.fromkeys((EVERYTHING, *MEMBER_NAMES, *turned))
        return [turned.get(name) or _untouched(name) for name in names]

    def one(self, toggle_id: str) -> Toggle:
        """Return one switch; one that was never turned is on.

        Raises
        ------
        InvalidField
            If there is no such switch.
        """
        store = self._opened()
        found = None if store is None else store.all().get(toggle_id)
        return found or _untouched(self._known(toggle_id))

    def audit(self, limit: int, before: int | None = None) -> Sequence[Audited]:
        """Return who turned what, newest first; `before` is a row's sequence that they stand before."""
        store = self._opened()
        return () if store is None else store.audit(limit, before)

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the log of changes."""
        store = self._opened()
        return () if store is None else store.problems()

    def close(self) -> None:
        """Follow no longer, and let the database go."""
        if self._watched is not None:
            self._watched.close()
        with self._opening:
            if self._store is not None:
                self._store[1].engine.dispose()
                self._store = None

    def _known(self, toggle_id: str) -> str:
        if toggle_id == EVERYTHING or toggle_id in MEMBER_NAMES:
            return toggle_id  # They need no look at the store of models, which may be what is broken.
        return checked_id(toggle_id, [*(card.model_id for card in self._models.cards()), *self._models.unreadable()])

    def _watch(self) -> WatchedToggles:
        from vfr.adapters.database.toggles_watch import WatchedToggles

        with self._watching:
            if self._watched is None:
                self._watched = WatchedToggles(self._opened, self._bell, partial(pulse_of, self._settings))
            return self._watched

    def _bell(self) -> Bell | None:
        url = self._settings.redis_url
        if url is None:
            return None
        from vfr.adapters.database.bell import RedisBell

        return RedisBell(url.get_secret_value(), CHANNEL)

    def _opened(self) -> SqlToggles | None:
        """Return the store, None where nothing was ever kept: then nothing heavy is loaded."""
        if self._store is None and not database_exists(self._settings) and not self._switch_file.exists():
            return None
        return self._open()

    def _open(self) -> SqlToggles:
        from vfr.adapters.database.toggles import SqlToggles

        with self._opening:
            if self._store is None or self._store[0] != os.getpid():  # No connection outlives a fork.
                store = SqlToggles(open_database(self._settings, socket_s=SOCKET_S))
                self._take_over(store)
                self._store = os.getpid(), store
            return self._store[1]

    @property
    def _switch_file(self) -> Path:
        return self._settings.data_home / "ml" / "switch.json"

    def _take_over(self, store: SqlToggles) -> None:
        """Take over the switch of an earlier version of VFR, which kept it in a file."""
        from vfr.adapters.store.former_switch import former_switch

        former = former_switch(self._switch_file)
        if former is not None:
            store.turn(former, only_first=True)
            self._switch_file.unlink(missing_ok=True)


def _untouched(name: str) -> Toggle:
    return Toggle(name, True, "", "", "")
