"""Who calls, wired: whoever asks about a token is answered from memory, which one thread keeps true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from vfr.accounts.standing import Standing
from vfr.bootstrap.database import database_exists, open_database, pulse_of
from vfr.clock import epoch_ms
from vfr.errors import DataError
from vfr.workflows.outbox import Outbox

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from vfr.accounts.principal import Principal
    from vfr.adapters.auth.bearers import Bearers
    from vfr.adapters.database.follower import Bell, Follower
    from vfr.settings import Settings

__all__ = ["FIRST_S", "Callers", "now"]

CHANNEL: Final = "vfr:accounts"

FIRST_S: Final = 5.0
"""Longest wait of the first question for the first look: a database may have to be made, or may hang."""

_USED_EVERY_S: Final = 60.0
_USES: Final = 8_192
_NOBODY: Final = Standing()


def now() -> float:
    """Return the time in the unit of accounts, seconds since 1970."""
    return epoch_ms() / 1e3


class Callers:
    """Who holds which token, in one process.

    Parameters
    ----------
    settings : Settings

    Notes
    -----
    The first question opens the database, if there is one, and starts the thread that follows it. While the database
    is away what was last known holds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starting, self._opening = Lock(), Lock()
        self._looked = Event()
        self._patient = True
        self._engine: Engine | None = None
        self._follower: Follower[Standing] | None = None
        # Written by a thread of its own: a database that is busy with others must hold up no revocation.
        self._uses: Outbox[tuple[str, float]] = Outbox("vfr-key-uses", self._write_uses, capacity=_USES, batch=_USES)
        self._gathered_at = 0.0

    def holder(self, token: str) -> Principal:
        """Return who holds a token.

        Raises
        ------
        TokenRefused
            If it is malformed, expired, revoked or of somebody who may not sign in.
        DataError
            If the database could not be read since this process started, so that nobody is known.
        """
        standing = self._standing()
        if standing is None:
            raise DataError("VFR_DATABASE_URL: cannot be read, so that no token can be checked; check that it runs")
        return self._bearers.principal(token, standing, now())

    def has_users(self) -> bool | None:
        """Whether there is any user; None while that is not known."""
        standing = self._standing()
        return None if standing is None else bool(standing.users)

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys that tokens may be signed with, as a JSON Web Key Set."""
        from vfr.adapters.auth.signatures import jwks

        return jwks(self._standing() or _NOBODY, now())

    def follow(self, patience: float) -> None:
        """Follow the database from now on, and wait some seconds at most until it was read."""
        self._following()
        # A database that hangs is waited for once: until it answers nobody is known, and no request is held up.
        self._patient = self._looked.wait(patience) and self._patient

    def changed(self) -> None:
        """Look at what this process changed, and tell the others."""
        if self._follower is not None:
            self._follower.changed()
        elif (bell := self._bell()) is not None:
            bell.ring()

    def database(self) -> Engine:
        """Return the database, opened and migrated.

        Raises
        ------
        DataError
            If it cannot be used.
        """
        with self._opening:
            if self._engine is None:
                self._engine = open_database(self._settings)
                _keep_private(self._engine)
            return self._engine

    def close(self) -> None:
        """Follow no longer, and let the database go."""
        if self._follower is not None:
            self._follower.close()
        self._uses.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _standing(self) -> Standing | None:
        if self._patient and not self._looked.is_set():
            self.follow(FIRST_S)
        follower = self._follower
        return None if follower is None else follower.known

    @cached_property
    def _bearers(self) -> Bearers:
        from vfr.adapters.auth.bearers import Bearers
        from vfr.adapters.auth.signatures import verify

        return Bearers(verify)

    def _following(self) -> Follower[Standing]:
        from vfr.adapters.database.follower import Follower

        with self._starting:
            if self._follower is None:
                self._follower = Follower("vfr-accounts", self._look, bell=self._bell(), pulse=pulse_of(self._settings))
                self._follower.start()
            return self._follower

    def _look(self, known: Standing | None) -> Standing:
        from vfr.adapters.database.accounts import SqlAccounts

        try:
            if self._engine is None and not database_exists(self._settings):
                return _NOBODY
            store, moment = SqlAccounts(self.database()), now()
            if moment - self._gathered_at >= _USED_EVERY_S:
                self._gathered_at = moment
                self._uses.put(*self._bearers.used().items())
            return store.standing(known, moment)
        finally:
            self._looked.set()

    def _write_uses(self, uses: Sequence[tuple[str, float]]) -> None:
        from vfr.adapters.database.accounts import SqlAccounts

        SqlAccounts(self.database()).used_keys(uses)

    def _bell(self) -> Bell | None:
        url = self._settings.redis_url
        if url is None:
            return None
        from vfr.adapters.database.bell import RedisBell

        return RedisBell(url.get_secret_value(), CHANNEL)


def _keep_private(engine: Engine) -> None:
    """Let nobody else on this machine read an SQLite file: it holds hashes of passwords and of tokens."""
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file is not None:
        for path in (Path(file), Path(f"{file}-wal"), Path(f"{file}-shm")):
            with suppress(OSError):  # Somebody else's file, or none: then this process can do nothing about it.
                path.chmod(0o600)
