"""yfinance's way to a cookie and a crumb, with every reply shown. Imports yfinance: import it late."""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.parse import urlsplit

from curl_cffi.const import CurlOpt
from curl_cffi.requests import Response, Session
from yfinance.data import YfData

__all__ = ["YahooSession"]

_COOKIE_HOSTS: Final = frozenset({"fc.yahoo.com", "guce.yahoo.com", "consent.yahoo.com"})
_CRUMB: Final = "/v1/test/getcrumb"

_UNAUTHORISED: Final = 401
_TOO_MANY: Final = 429
_FAILED: Final = 400

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers by lower-case name, body."""


class YahooSession:
    """Asks questions with Yahoo's cookie and crumb, which are fetched once and kept in memory.

    Parameters
    ----------
    base : str or None
        Where every request goes instead of Yahoo's hosts.
    timeout : float
        Seconds for one request.
    longest : int
        Bytes of a body at most.
    """

    def __init__(self, *, base: str | None, timeout: float, longest: int) -> None:
        # What it would print about cookies is part of no answer; what matters arrives as an error.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        self._timeout = timeout
        self._session = _Session(base, timeout, longest)
        # YfData is one object per process; made through its class's class it is one per session, with its own crumb.
        self._data: _Data = type.__call__(_Data, session=self._session)

    def ask(self, url: str, params: dict[str, str]) -> Answer:
        """Return the reply to a question.

        Raises
        ------
        curl_cffi.requests.exceptions.RequestException
            If there is none.
        """
        try:
            response = self._data.get(url, params=params, timeout=self._timeout)
        except _Reply as reply:
            response = reply.response
        headers = {name.lower(): value or "" for name, value in response.headers.items()}
        return response.status_code, headers, response.content

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class _Reply(Exception):
    """A reply that yfinance must not act upon: it would ask again at once, or swallow it."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class _NoCrumb(ConnectionError):
    """The crumb is refused; as a connection error yfinance goes on without one, which prices do not need."""


class _Data(YfData):  # type: ignore[misc]  # yfinance ships no type information
    """yfinance's cookie and crumb without its cache on disk."""

    def _load_cookie_curlCffi(self) -> bool:  # noqa: N802
        """Find no stored cookie: yfinance would unpickle it."""
        return False

    def _save_cookie_curlCffi(self) -> bool:  # noqa: N802
        """Remember that there is a cookie; the session holds it."""
        self._cookie = True
        return True


class _Session(Session[Response]):
    """Every request of yfinance passes here."""

    def __init__(self, base: str | None, timeout: float, longest: int) -> None:
        super().__init__(
            impersonate="chrome",
            timeout=timeout,
            trust_env=base is None,
            curl_options={CurlOpt.MAXFILESIZE_LARGE: longest},
        )
        self._base = base
        self._longest_wait = timeout

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        """Send one request within the time allowed, and hand over what yfinance would ask again about."""
        parts = urlsplit(url)
        kwargs["timeout"] = self._longest_wait
        if self._base is not None:
            url = self._base.rstrip("/") + parts._replace(scheme="", netloc="").geturl()
            kwargs["allow_redirects"] = False
        response = super().request(method, url, *args, **kwargs)
        if response.status_code == _TOO_MANY:
            raise _Reply(response)
        if response.status_code < _FAILED or parts.hostname in _COOKIE_HOSTS:
            return response
        if parts.path == _CRUMB:
            raise _NoCrumb
        if response.status_code != _UNAUTHORISED:
            raise _Reply(response)
        return response
