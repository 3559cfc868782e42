"""Plain HTTPS questions, bounded in time and size: half an answer is an error, never a short success."""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Final

from vfr.adapters.net.reply import Reply
from vfr.clock import elapsed_ms
from vfr.errors import BadAnswer, ProviderDenied, ProviderUnavailable

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["HttpTransport"]

MAX_BODY_BYTES: Final = 64 * 2**20
_MAX_REDIRECTS: Final = 3
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
"""They log whole addresses and the headers of replies, and a key or a cookie may be in either."""

_GZIP: Final = 16 + zlib.MAX_WBITS


class HttpTransport:
    """Asks one source over HTTP with one pool of connections, made at the first question; safe in threads.

    Parameters
    ----------
    provider : str
        Named in messages.
    headers : mapping, optional
        Sent with every question, such as a User-Agent with a contact address.
    connect_s, read_s, whole_s : float
        Seconds for a connection, for silence while reading, and for the whole body.
    max_bytes : int
        Largest body, counted after decompression.

    Notes
    -----
    Certificates are verified. Redirects are followed on the same origin only, so that a key in a header never reaches
    another host. Proxies are taken from the environment, as by other programs.
    """

    def __init__(
        self,
        provider: str,
        *,
        headers: Mapping[str, str] | None = None,
        connect_s: float = 5.0,
        read_s: float = 20.0,
        whole_s: float = 120.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._provider = provider
        self._headers = {"accept-encoding": "gzip", **(headers or {})}
        self._connect_s, self._read_s, self._whole_s = connect_s, read_s, whole_s
        self._max_bytes = max_bytes
        self._client: httpx.Client | None = None
        self._making = threading.Lock()

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Return the reply to a GET question; `params` are added to those of the address."""
        import httpx

        # Errors of the library hold the address with its query: none is chained to what leaves here.
        try:
            return self._ask(httpx.URL(url).copy_merge_params(params), headers)
        except httpx.TimeoutException:
            raise ProviderUnavailable(f"{self._provider} did not answer in time; try again later") from None
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            reason = "its key or contact address holds characters that no header can carry; check the settings"
            raise ProviderDenied(f"{self._provider} was not asked: {reason}") from None
        except httpx.RemoteProtocolError:
            raise ProviderUnavailable(f"{self._provider} broke off its answer; try again later") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ProviderUnavailable(
                f"{self._provider} cannot be reached; check the connection and the address, or try again later"
            ) from None

    def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        with self._making:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, url: httpx.URL, headers: Mapping[str, str]) -> Reply:
        client = self._opened()
        request = client.build_request("GET", url, headers=dict(headers))
        for _ in range(1 + _MAX_REDIRECTS):
            with closing(client.send(request, stream=True)) as response:
                following = response.next_request
                if following is None:
                    names = {name.lower(): value for name, value in response.headers.items()}
                    return Reply(response.status_code, names, self._body(response))
            if _origin(following.url) != _origin(request.url):
                raise BadAnswer(f"{self._provider} sends the question on to another host; check its address")
            request = following
        raise BadAnswer(f"{self._provider} sends the question on in a circle; check its address")

    def _opened(self) -> httpx.Client:
        import httpx

        with self._making:
            if self._client is None:
                for name in _LOGGERS:
                    logging.getLogger(name).addFilter(_unlogged)
                timeout = httpx.Timeout(self._read_s, connect=self._connect_s)
                self._client = httpx.Client(
                    timeout=timeout, headers=self._headers, follow_redirects=False, verify=_certificates()
                )
            return self._client

    def _body(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").lower()
        pieces = self._in_time(response.iter_raw())
        if encoding == "gzip":
            pieces = self._unzipped(pieces)
        elif encoding != "identity":
            raise BadAnswer(f"{self._provider} packs its answer in a way it was not asked for")
        body = bytearray()
        for piece in pieces:
            body += piece
            if len(body) > self._max_bytes:
                raise BadAnswer(f"{self._provider} sends more than {self._max_bytes:,} bytes in one answer")
        return bytes(body)

    def _in_time(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass pieces on; a source that drips bytes for ever is too slow however regular the drops."""
        start = elapsed_ms()
        for piece in pieces:
            if elapsed_ms(start) > self._whole_s * 1e3:
                raise ProviderUnavailable(f"{self._provider} is too slow; try again later")
            yield piece

    def _unzipped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Decompress with a check that the stream ended: a library that does not look takes half for the whole."""
        stream = zlib.decompressobj(_GZIP)
        begun = False
        try:
            for piece in pieces:
                begun = True
                # One byte over the limit is enough to know; a small bomb must not unfold in memory.
                yield stream.decompress(piece, self._max_bytes + 1)
        except zlib.error:
            raise BadAnswer(f"{self._provider} sent a damaged compressed answer; try again later") from None
        if begun and not stream.eof:
            raise ProviderUnavailable(f"{self._provider} broke off its answer; try again later")


@cache
def _certificates() -> ssl.SSLContext:
    """Return what checks certificates, read once for all providers: the list of authorities takes 50 ms to read."""
    import httpx

    return httpx.create_ssl_context()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _unlogged(_record: logging.LogRecord) -> bool:
    return False
