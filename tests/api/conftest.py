"""An application on the bundled data, and clients that speak to it in the same process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.homes import bundled

from vfr import bootstrap
from vfr.asgi import create_app
from vfr.bootstrap import Application
from vfr.settings import Settings

USED = shutil.ignore_patterns("run", "vfr.sqlite3*")
"""What other tests may have left in the home that they share: counts, accounts, switches."""


class Client:
    """Speaks HTTP to an application in this process, one request after the other or many at once."""

    def __init__(self, application: Application, *, raises: bool = False) -> None:
        self._transport = httpx.ASGITransport(create_app(application), raise_app_exceptions=raises)

    def request(self, method: str, url: str, **how: Any) -> httpx.Response:
        return self.at_once([(method, url, how)])[0]

    def get(self, url: str, **how: Any) -> httpx.Response:
        return self.request("GET", url, **how)

    def post(self, url: str, **how: Any) -> httpx.Response:
        return self.request("POST", url, **how)

    def session(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1:8000")

    def at_once(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        async def ask() -> list[httpx.Response]:
            async with self.session() as client:
                return await asyncio.gather(*(client.request(method, url, **how) for method, url, how in requests))

        return asyncio.run(ask())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with the bundled data and no models."""
    return bundled(tmp_path_factory)


@pytest.fixture(scope="session")
def application(home: Path) -> Application:
    return bootstrap.build(Settings(data_home=home))


@pytest.fixture(scope="session")
def client(application: Application) -> Client:
    return Client(application)


@pytest.fixture(scope="session")
def client_of() -> type[Client]:
    """Make a client of an application."""
    return Client


@pytest.fixture
def client_with(home: Path) -> Callable[..., Client]:
    """Make clients of the same data under other settings."""

    def make(**settings: Any) -> Client:
        return Client(bootstrap.build(Settings(**{"data_home": home, **settings})))

    return make


@pytest.fixture(scope="session")
def failure() -> Callable[[httpx.Response, int, str], str]:
    """Check the one shape of error bodies, and return the sentence."""

    def check(response: httpx.Response, status: int, code: str) -> str:
        assert response.status_code == status, response.text
        body = response.json()
        assert (body["success"], body["code"]) == (False, code)
        assert body["requestId"] == response.headers["x-request-id"]
        assert response.headers["content-type"] == "application/json"
        text = response.text.lower()
        assert not any(word in text for word in ("traceback", "site-packages", "/home", "/tmp", "select "))
        message = body["error"]
        assert isinstance(message, str)
        assert message
        return message

    return check
