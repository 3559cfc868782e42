"""What Financial Modeling Prep means when it says no."""

from __future__ import annotations

import json

import pytest
from tests.adapters.live.fmp_documents import CLOSED, LIMIT, PLAN

from vfr.adapters.net.reply import Reply
from vfr.adapters.providers.live.fmp_refusals import judge
from vfr.errors import ProviderDenied, Throttled


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_key_that_is_too_new_for_version_3_is_sent_to_the_present_address(status: int) -> None:
    error = judge(Reply(status, {}, json.dumps(CLOSED).encode()))
    assert isinstance(error, ProviderDenied)
    assert "VFR_PROVIDER_URLS" in error.message
    assert "/stable" in error.message
    assert "plan" not in error.message


@pytest.mark.parametrize("body", [b"Premium Query Parameter: 'limit'", b"", b"{}", json.dumps(PLAN).encode()])
def test_what_has_to_be_paid_is_beyond_the_plan_in_any_form(body: bytes) -> None:
    error = judge(Reply(402, {}, body))
    assert isinstance(error, ProviderDenied)
    assert "plan" in error.message


def test_a_limit_is_a_limit_with_any_status() -> None:
    assert isinstance(judge(Reply(402, {}, json.dumps(LIMIT).encode())), Throttled)


@pytest.mark.parametrize(
    "body", [b"[]", b'{"Error Message": "half', b'{"Error Message": "Bad thing"}', b"x" * 9000, b"[{}]"]
)
def test_what_is_no_refusal_is_left_to_the_status(body: bytes) -> None:
    assert judge(Reply(200, {}, body)) is None
