"""Signed tokens: ours, and every forgery we know of."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from vfr.accounts.standing import Standing, VerifyingKey
from vfr.accounts.tokens import ACCESS_S, TOKEN_MAX, Claims
from vfr.adapters.auth.signatures import jwks, public_of, sign, verify
from vfr.errors import TokenRefused

NOW = 1_000_000.0
CLAIMS = Claims("u1", "f1", 0, frozenset({"classic"}), "t1", 1_000_000, 1_000_000 + ACCESS_S)
PRIVATE, OTHER = bytes(range(32)), bytes(range(1, 33))
STANDING = Standing(1, verifying={"ours": VerifyingKey("ours", public_of(PRIVATE), None)})
HEADER = {"alg": "EdDSA", "kid": "ours", "typ": "at+jwt"}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def crafted(header: dict[str, Any], payload: object = None, private: bytes = PRIVATE) -> str:
    """A token with any header, signed with Ed25519 whatever it says."""
    signed = f"{part(header)}.{part(CLAIMS.payload() if payload is None else payload)}"
    return f"{signed}.{part(Ed25519PrivateKey.from_private_bytes(private).sign(signed.encode()))}"


def test_our_own_token_is_verified() -> None:
    token = sign(CLAIMS, "ours", PRIVATE)
    assert verify(token, STANDING, NOW) == (CLAIMS, "ours")
    assert jwt.get_unverified_header(token) == HEADER
    assert verify(crafted(HEADER), STANDING, NOW) == (CLAIMS, "ours")


def test_another_library_reads_it_with_the_published_key_alone() -> None:
    token = sign(CLAIMS, "ours", PRIVATE)
    key = jwt.PyJWK.from_dict(dict(jwks(STANDING, NOW)["keys"][0]))
    read = jwt.decode(token, key.key, algorithms=["EdDSA"], audience="vfr-api", options={"verify_exp": False})
    assert read == CLAIMS.payload()
    assert set(jwks(STANDING, NOW)["keys"][0]) == {"kty", "crv", "use", "alg", "kid", "x"}


def confused() -> str:
    """HS256 with our public key as the secret: what a library that believes the header would verify."""
    import hashlib
    import hmac

    signed = f"{part({**HEADER, 'alg': 'HS256'})}.{part(CLAIMS.payload())}"
    return f"{signed}.{part(hmac.new(public_of(PRIVATE), signed.encode(), hashlib.sha256).digest())}"


def confused_by_pem() -> str:
    import hashlib
    import hmac

    public = Ed25519PublicKey.from_public_bytes(public_of(PRIVATE))
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({**HEADER, 'alg': 'HS256'})}.{part(CLAIMS.payload())}"
    return f"{signed}.{part(hmac.new(pem, signed.encode(), hashlib.sha256).digest())}"


def embedded(name: str, value: object) -> str:
    return crafted({**HEADER, name: value}, private=OTHER)


OWN_JWK = {"kty": "OKP", "crv": "Ed25519", "x": part(public_of(OTHER))}
FORGED = {
    "another key": crafted(HEADER, private=OTHER),
    "alg none": f"{part({**HEADER, 'alg': 'none'})}.{part(CLAIMS.payload())}.",
    "alg none with a signature": f"{part({**HEADER, 'alg': 'none'})}.{part(CLAIMS.payload())}.AAAA",
    "alg nOnE": crafted({**HEADER, "alg": "nOnE"}),
    "alg missing": crafted({"kid": "ours", "typ": "at+jwt"}),
    "alg Ed25519": crafted({**HEADER, "alg": "Ed25519"}),
    "alg a list": crafted({**HEADER, "alg": ["EdDSA"]}),
    "HS256 with the public key": confused(),
    "HS256 with the public key as PEM": confused_by_pem(),
    "ES256": jwt.encode(CLAIMS.payload(), generate_private_key(SECP256R1()), "ES256", {"kid": "ours", "typ": "at+jwt"}),
    "HS256 with nothing": jwt.encode(CLAIMS.payload(), "k" * 32, "HS256", {"kid": "ours", "typ": "at+jwt"}),
    "embedded jwk": embedded("jwk", OWN_JWK),
    "jku": embedded("jku", "https://evil.example/jwks.json"),
    "x5u": embedded("x5u", "https://evil.example/cert.pem"),
    "x5c": embedded("x5c", ["MIIB"]),
    "crit": embedded("crit", ["b64"]),
    "b64 false": crafted({**HEADER, "b64": False, "crit": ["b64"]}),
    "our signature with jwk": crafted({**HEADER, "jwk": OWN_JWK}),
    "no kid": crafted({"alg": "EdDSA", "typ": "at+jwt"}),
    "kid a path": crafted({**HEADER, "kid": "../../../dev/null"}),
    "kid a query": crafted({**HEADER, "kid": "x' UNION SELECT 'k' --"}),
    "kid a number": crafted({**HEADER, "kid": 1}),
    "kid a list": crafted({**HEADER, "kid": ["ours"]}),
    "kid null": crafted({**HEADER, "kid": None}),
    "kid unknown": crafted({**HEADER, "kid": "theirs"}),
    "typ JWT": crafted({**HEADER, "typ": "JWT"}),
    "typ missing": crafted({"alg": "EdDSA", "kid": "ours"}),
    "no object": crafted(HEADER, [1]),
    "no JSON": crafted(HEADER, b"nonsense"),
    "nested without end": crafted(HEADER, b"[" * 1_000),
    "header no object": crafted([1]),  # type: ignore[arg-type]
    "two parts": "a.b",
    "four parts": sign(CLAIMS, "ours", PRIVATE) + ".AAAA",
    "no signature": ".".join(sign(CLAIMS, "ours", PRIVATE).split(".")[:2]) + ".",
    "padded": sign(CLAIMS, "ours", PRIVATE) + "=",
    "a blank": " " + sign(CLAIMS, "ours", PRIVATE),
    "a line feed": sign(CLAIMS, "ours", PRIVATE) + "\n",
    "empty": "",
    "too long": crafted({**HEADER, "kid": "k" * TOKEN_MAX}),
    "other letters": "ä.ö.ü",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_forgeries_are_refused(token: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        verify(token, STANDING, NOW)
    assert "evil" not in caught.value.message


def test_claims_cannot_be_changed_under_a_signature() -> None:
    header, _, signature = sign(CLAIMS, "ours", PRIVATE).split(".")
    payload = part({**CLAIMS.payload(), "scope": "admin"})
    with pytest.raises(TokenRefused):
        verify(f"{header}.{payload}.{signature}", STANDING, NOW)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, by: int) -> None:
    token = sign(CLAIMS, "ours", PRIVATE)
    index = at % len(token)
    changed = token[:index] + chr(ord(token[index]) ^ by) + token[index + 1 :]
    try:
        claims, _ = verify(changed, STANDING, NOW)
    except TokenRefused:
        return
    assert claims == CLAIMS  # The last letter of a part has bits that stand for nothing.


@given(st.text(max_size=300))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        verify(token, STANDING, NOW)


def test_a_retired_key_is_published_and_believed_until_its_moment() -> None:
    verifying = {"ours": VerifyingKey("ours", public_of(PRIVATE), NOW + 10), "new": VerifyingKey("new", OTHER, None)}
    standing = Standing(2, verifying=verifying)
    token = sign(CLAIMS, "ours", PRIVATE)
    assert [key["kid"] for key in jwks(standing, NOW)["keys"]] == ["new", "ours"]
    verify(token, standing, NOW)
    assert [key["kid"] for key in jwks(standing, NOW + 10)["keys"]] == ["new"]
    with pytest.raises(TokenRefused):
        verify(token, standing, NOW + 10)
