"""Sealed private keys, and the secret of an installation that has none in its settings."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vfr.adapters.auth.sealing import local_secret, seal, sealing_key, unseal
from vfr.errors import DataError

KEY = sealing_key(b"a secret of more than thirty-two characters")


def test_sealed_and_opened() -> None:
    sealed = seal(b"private", KEY, "kid")
    assert b"private" not in sealed
    assert unseal(sealed, KEY, "kid") == b"private"
    assert seal(b"private", KEY, "kid") != sealed


def test_not_opened_under_another_secret_or_key_id_or_damaged() -> None:
    sealed = seal(b"private", KEY, "kid")
    assert unseal(sealed, sealing_key(b"another secret"), "kid") is None
    assert unseal(sealed, KEY, "other") is None
    assert unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), KEY, "kid") is None
    assert unseal(b"", KEY, "kid") is None


def test_the_local_secret_is_made_once_and_is_its_users_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: local_secret(tmp_path), range(8)))) == 1
    path = tmp_path / "keys" / "local.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert local_secret(tmp_path) == path.read_bytes()
    assert len(path.read_bytes()) == 32


def test_a_damaged_or_unwritable_local_secret_is_said_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "local.secret").write_bytes(b"short")
    with pytest.raises(DataError, match="damaged") as caught:
        local_secret(tmp_path)
    assert str(tmp_path) not in caught.value.message
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be kept") as caught:
        local_secret(tmp_path / "file")
    assert str(tmp_path) not in caught.value.message
