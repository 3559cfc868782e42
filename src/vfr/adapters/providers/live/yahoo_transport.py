"""Carry questions to Yahoo as its own pages do: with a cookie, a crumb and the handshake of a browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from vfr.adapters.net.reply import Reply
from vfr.errors import BadAnswer, ProviderUnavailable

if TYPE_CHECKING:
    from vfr.adapters.providers.live.yahoo_session import YahooSession

__all__ = ["YahooTransport"]

_ITS_OWN_WORDS: Final = frozenset({400, 404})
"""Statuses under which Yahoo sends a document that says why, in the form of an answer."""

_LONGEST: Final = 64 * 1024 * 1024


class YahooTransport:
    """Transport for `YahooProvider`, over the parts of yfinance that know cookie, consent and crumb.

    Parameters
    ----------
    base : str or None
        Where every request goes instead of Yahoo's hosts, those for cookie and crumb included; redirects are not
        followed then, and no proxy is used. None asks Yahoo.
    timeout : float
        Seconds that one request may take in all. A question may need four: cookie, consent, crumb and the question.
    longest : int
        Bytes of a body at most.

    Notes
    -----
    yfinance is loaded with the first question. Its cookie lives in memory for as long as this object: yfinance's own
    cache of cookies, a database of pickles, is neither read nor written. An answer of 4xx is returned as it came; only
    after a 401, which means an outdated crumb, is the question put once more with a new one.
    """

    def __init__(self, *, base: str | None = None, timeout: float = 30.0, longest: int = _LONGEST) -> None:
        self._base = base
        self._timeout = timeout
        self._longest = longest
        self._session: YahooSession | None = None
        self._lock = threading.Lock()

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:  # noqa: ARG002
        """Return what Yahoo replied; `headers` are not sent, because a browser's handshake needs a browser's headers.

        Returns
        -------
        Reply
            A 400 or 404 with Yahoo's own reason becomes a 200, so that the reason can be read. A 429 is returned
            whichever request it answered, that for the crumb included.

        Raises
        ------
        ProviderUnavailable
            If there is no reply: it cannot be reached, is too slow, or hangs up.
        BadAnswer
            If the body is too long.
        """
        from curl_cffi.const import CurlECode
        from curl_cffi.requests.exceptions import RequestException

        try:
            status, named, body = self._opened().ask(url, dict(params))
        except RequestException as error:
            if error.code == CurlECode.FILESIZE_EXCEEDED:
                raise BadAnswer(f"yahoo sent more than {self._longest} bytes") from error
            slow = error.code == CurlECode.OPERATION_TIMEDOUT
            what = f"did not answer within {self._timeout:g} s" if slow else "cannot be reached, or hung up"
            raise ProviderUnavailable(f"yahoo {what}; try again later") from error
        if status in _ITS_OWN_WORDS and _says_why(body):
            status = 200
        return Reply(status, named, body)

    def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _opened(self) -> YahooSession:
        from vfr.adapters.providers.live.yahoo_session import YahooSession

        with self._lock:
            if self._session is None:
                self._session = YahooSession(base=self._base, timeout=self._timeout, longest=self._longest)
            return self._session


def _says_why(body: bytes) -> bool:
    try:
        document: Any = json.loads(body)
    except ValueError:
        return False
    answers = document.values() if isinstance(document, dict) else ()
    return any(isinstance(one, dict) and isinstance(one.get("error"), dict) for one in answers)
