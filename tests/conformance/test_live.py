"""One small question to each real vendor; needs the open internet, and the keys that the settings hold."""

from __future__ import annotations

import os
import socket
import time
from datetime import date, timedelta
from urllib.parse import urlsplit

import numpy as np
import pytest
from sqlalchemy import Engine

from vfr.adapters.database.pace import Pace
from vfr.adapters.providers.live.registry import PROVIDERS, Access, missing, open_provider
from vfr.clock import utc_now
from vfr.data.bitemporal.tables import empty
from vfr.data.provider import DataProvider
from vfr.settings import Settings, load
from vfr.workflows.sync_ask import ask
from vfr.workflows.sync_plan import Task

YEAR = timedelta(days=365)

QUESTIONS = {
    "yahoo": ("bars", "AAPL", timedelta(days=9)),
    "edgar": ("fundamentals", "AAPL", YEAR),
    "fred": ("macro", "UNRATE", YEAR),
    "fmp": ("profile", "AAPL", YEAR),
    "tiingo": ("bars", "AAPL", timedelta(days=9)),
}
"""Kind, subject, and how far back."""


def _credentials(settings: Settings) -> dict[str, str]:
    held = {name: getattr(settings, name) for name in ("edgar_contact", "fred_key", "fmp_key", "tiingo_key")}
    return {
        name: value if isinstance(value, str) else value.get_secret_value() for name, value in held.items() if value
    }


@pytest.fixture
def pace(database: Engine) -> Pace:
    return Pace(database)


def _provider(name: str, pace: Pace) -> DataProvider:
    settings = load()
    credentials = _credentials(settings)
    lacking = missing([name], credentials)
    if lacking:
        pytest.skip(f"needs VFR_{lacking[name].upper()}")
    address = urlsplit(settings.provider_urls.get(name, PROVIDERS[name].url))
    proxied = any(os.environ.get(variable) for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"))
    try:
        if not proxied:
            socket.create_connection((address.hostname, address.port or 443), timeout=5).close()
    except OSError:
        pytest.skip(f"needs the internet: {name} cannot be reached from here")
    access = Access(pace, time.sleep, np.random.default_rng(), utc_now, credentials, settings.provider_urls)
    return open_provider(name, access)


def test_every_provider_is_asked():
    assert set(QUESTIONS) == set(PROVIDERS)


@pytest.mark.live
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_real_vendor_answers_as_it_is_read(name: str, pace: Pace):
    kind, subject, back = QUESTIONS[name]
    provider = _provider(name, pace)
    now = utc_now()
    since: date = now.date() - back
    offer = next(offer for offer in provider.offers if offer.kinds[0] == kind)
    task = Task(name, offer, subject, since)
    outcome = ask(provider, task, lambda table, _source, _subject: empty(table), now)
    assert (outcome.code, outcome.message) == ("DONE", "")
    assert outcome.quarantined == {}
    accepted = outcome.accepted[kind]
    assert accepted.height >= {"bars": 3, "fundamentals": 1_000, "macro": 6, "profile": 4}[kind]
    assert (accepted["known_at"] <= now).all()
