"""Private keys, sealed: encrypted with a key that is derived from the secret and is nowhere in the database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vfr.adapters.store.publishing import single_writer
from vfr.adapters.store.replace import replace_file
from vfr.errors import DataError

__all__ = ["local_secret", "seal", "sealing_key", "unseal"]

_NONCE: Final = 12
_BYTES: Final = 32
_INFO: Final = b"vfr: signing keys"


def sealing_key(secret: bytes) -> bytes:
    """Return the key that seals, derived from a secret by HKDF (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=_INFO).derive(secret)


def seal(private: bytes, key: bytes, kid: str) -> bytes:
    """Encrypt a private key (AES-256-GCM); it can be opened under the same key id only."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, private, kid.encode())


def unseal(sealed: bytes, key: bytes, kid: str) -> bytes | None:
    """Return a private key, None if it was sealed under another secret."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], kid.encode())
    except (InvalidTag, ValueError):
        return None


def local_secret(home: Path) -> bytes:
    """Return the secret of an installation that has none in its settings: random, in a file only its user can read.

    Raises
    ------
    DataError
        If it cannot be read or written.
    """
    path = home / "keys" / "local.secret"
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with single_writer(path.parent):
                if not path.exists():
                    replace_file(path, os.urandom(_BYTES))
        secret = path.read_bytes()
    except OSError as error:
        raise DataError(f"VFR_DATA_HOME: the secret of this installation cannot be kept ({error.strerror})") from None
    if len(secret) != _BYTES:
        raise DataError("VFR_DATA_HOME: the secret of this installation is damaged; set VFR_SECRET instead")
    return secret
