"""Leases on both databases: one owner at a time, take-over after expiry, fencing, and a killed owner."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from tests.adapters.database.conftest import finish, launch

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
from vfr.errors import DataError

OWN = """
import sys, time
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
lease = Lease(open_engine(sys.argv[1]), "leader", sys.argv[2], 30.0)
print(lease.acquire(float(sys.argv[3])), flush=True)
time.sleep(float(sys.argv[4]))
"""


def pair(engine: Engine) -> tuple[Lease, Lease]:
    return Lease(engine, "leader", "a", 30.0), Lease(engine, "leader", "b", 30.0)


def test_one_owner_until_expiry(engine: Engine) -> None:
    a, b = pair(engine)
    assert a.holder(1_000.0) is None
    assert a.acquire(1_000.0)
    assert not b.acquire(1_029.9)
    assert a.holder(1_029.9) == "a"
    assert a.holder(1_030.0) is None
    assert b.acquire(1_030.0)
    assert a.holder(1_030.0) == "b"


def test_renewing_moves_the_expiry(engine: Engine) -> None:
    a, b = pair(engine)
    a.acquire(1_000.0)
    assert a.renew(1_020.0)
    assert not b.acquire(1_049.9)
    assert a.acquire(1_045.0), "asking again is renewing"
    assert not b.acquire(1_074.9)


def test_an_expired_lease_is_not_revived(engine: Engine) -> None:
    a, _ = pair(engine)
    a.acquire(1_000.0)
    assert not a.renew(1_030.0)
    assert a.acquire(1_030.0)


def test_a_late_owner_harms_nobody(engine: Engine) -> None:
    a, b = pair(engine)
    a.acquire(1_000.0)
    b.acquire(1_030.0)
    assert not a.renew(1_031.0)
    assert not a.acquire(1_031.0)
    assert not a.release()
    assert b.renew(1_031.0)


def test_release_frees_at_once(engine: Engine) -> None:
    a, b = pair(engine)
    a.acquire(1_000.0)
    assert a.release()
    assert not a.release()
    assert b.acquire(1_000.0)


def test_names_are_apart(engine: Engine) -> None:
    assert Lease(engine, "one", "a", 30.0).acquire(0.0)
    assert Lease(engine, "two", "b", 30.0).acquire(0.0)


def test_killed_owner_is_followed_after_expiry(database_url: str, engine: Engine) -> None:
    owner = launch(OWN, database_url, "a", 1_000.0, 60)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "True\n"
    owner.kill()
    owner.communicate()
    assert owner.returncode == -9
    _, b = pair(engine)
    assert not b.acquire(1_029.0)
    assert b.acquire(1_030.0)


def test_of_many_processes_one_wins(database_url: str, engine: Engine) -> None:
    Lease(engine, "leader", "dead", 30.0).acquire(900.0)
    racing = [launch(OWN, database_url, owner, 1_000.0, 0) for owner in "abcd"]
    assert sorted(finish(process) for process in racing) == ["False\n"] * 3 + ["True\n"]


def test_without_a_database_nothing_is_held() -> None:
    engine = open_engine("sqlite:////nowhere/at/all.db")
    for lease in pair(engine):
        with pytest.raises(DataError, match="VFR_DATABASE_URL"):
            lease.acquire(0.0)
    engine.dispose()
