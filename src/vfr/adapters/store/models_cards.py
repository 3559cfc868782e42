"""Cards as JSON files: written in one form, read strictly, refused by name when a newer version wrote them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from hashlib import sha256
from typing import Final

import msgspec

from vfr.errors import ArtifactCorrupt
from vfr.models.prediction import CARD_VERSION, ModelCard
from vfr.models.statuses import Registered

__all__ = ["FILE_NAME", "decode_card", "encode_card"]

FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.]{0,63}")
"""Names of files beside a card: nothing that is a path."""


def encode_card(card: ModelCard) -> bytes:
    """Return a card as JSON; its status lives in the log."""
    body = asdict(card)
    del body["status"]
    return json.dumps(body, sort_keys=True, indent=1, allow_nan=False).encode()


def decode_card(model_id: str, body: bytes, version: Registered) -> ModelCard:
    """Read a card as the log says it was stored; fields that an older version did not know keep their defaults.

    Raises
    ------
    ArtifactCorrupt
        If it differs from its sha256 in the log, is no card, belongs to another version, or is of a form that only a
        newer VFR knows.
    """
    if sha256(body).hexdigest() != version.card_sha256:
        raise ArtifactCorrupt("card.json differs from the sha256 in the log")
    try:
        raw = json.loads(body)
        form = raw.setdefault("card_version", 1)
        if isinstance(form, int) and form > CARD_VERSION:
            raise ArtifactCorrupt(f"card.json has form {form}, this VFR reads {CARD_VERSION}; update VFR")
        card = msgspec.convert(raw | {"status": version.status}, ModelCard)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactCorrupt("card.json cannot be read") from error
    if card.model_id != model_id:
        raise ArtifactCorrupt("card.json belongs to another version")
    if not all(FILE_NAME.fullmatch(name) for name in card.files):
        raise ArtifactCorrupt("card.json names a file that is not a plain name")
    return card
