"""The transport against a real server: whole replies, and every way of sending less, more or elsewhere."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.adapters.net.conftest import Vendor, answer

from vfr.adapters.net.http import HttpTransport
from vfr.errors import BadAnswer, ProviderDenied, ProviderUnavailable

KEY = "k3y-that-nobody-may-see"


def test_whole_reply(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(b"abc", 404, X_Left="7"))
    reply = transport.get(vendor.url + "/a?first=1", {"second": "a b"}, {"X-Own": "yes"})
    assert (reply.status, reply.body, reply.headers["x-left"]) == (404, b"abc", "7")
    (path, headers) = vendor.asked[0]
    assert path in ("/a?first=1&second=a+b", "/a?first=1&second=a%20b")
    assert headers["user-agent"] == "vfr someone@example.org"
    assert headers["x-own"] == "yes"


def test_reply_shows_no_body(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(KEY.encode(), Echo=KEY))
    assert KEY not in repr(transport.get(vendor.url, {}, {}))


def test_compressed_reply(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(gzip.compress(b"x" * 100_000), Content_Encoding="gzip"))
    assert transport.get(vendor.url, {}, {}).body == b"x" * 100_000


def test_empty_compressed_reply(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(b"", 200, Content_Encoding="gzip"))
    assert transport.get(vendor.url, {}, {}).body == b""


def test_shorter_than_promised(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(b"half", Content_Length="8"))
    with pytest.raises(ProviderUnavailable, match="acme broke off"):
        transport.get(vendor.url, {}, {})


def test_compressed_stream_cut_with_true_length(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(gzip.compress(bytes(range(256)) * 50)[:-20], Content_Encoding="gzip"))
    with pytest.raises(ProviderUnavailable, match="acme broke off"):
        transport.get(vendor.url, {}, {})


@pytest.mark.parametrize("play", [answer(b"no gzip", Content_Encoding="gzip"), answer(b"x", Content_Encoding="br")])
def test_damaged_or_unasked_packing(vendor: Vendor, transport: HttpTransport, play: object) -> None:
    vendor.plays(play)
    with pytest.raises(BadAnswer, match="acme"):
        transport.get(vendor.url, {}, {})


@pytest.mark.parametrize("packed", [False, True])
def test_too_large(vendor: Vendor, packed: bool) -> None:
    body = b"x" * 5_000
    vendor.plays(answer(gzip.compress(body), Content_Encoding="gzip") if packed else answer(body))
    transport = HttpTransport("acme", max_bytes=4_999)
    with pytest.raises(BadAnswer, match="more than 4,999 bytes"):
        transport.get(vendor.url, {}, {})
    transport.close()


def test_silence(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(vendor.hang)
    with pytest.raises(ProviderUnavailable, match="acme did not answer in time"):
        transport.get(vendor.url, {}, {})


def test_endless_drip(vendor: Vendor) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        try:
            while not vendor.over.is_set():
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    vendor.plays(drip)
    transport = HttpTransport("acme", read_s=5.0, whole_s=0.2)
    with pytest.raises(ProviderUnavailable, match="acme is too slow"):
        transport.get(vendor.url, {}, {})
    transport.close()


def test_nobody_listens(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.close()
    with pytest.raises(ProviderUnavailable, match="acme cannot be reached"):
        transport.get(vendor.url, {"key": KEY}, {})


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://[::1", "no address"])
def test_malformed_address(transport: HttpTransport, url: str) -> None:
    with pytest.raises(ProviderUnavailable, match="acme cannot be reached"):
        transport.get(url, {}, {})


@pytest.mark.parametrize("key", [KEY + "\N{SNOWMAN}", KEY + "\nX: y"])
def test_key_that_no_header_can_carry(vendor: Vendor, transport: HttpTransport, key: str) -> None:
    with pytest.raises(ProviderDenied, match="acme was not asked") as caught:
        transport.get(vendor.url, {}, {"Authorization": key})
    assert KEY not in str(caught.value)
    assert vendor.asked == []


def test_redirect_within_the_host(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(b"", 302, Location="/there"), answer(b"found"))
    assert transport.get(vendor.url + "/here", {"key": KEY}, {}).body == b"found"
    assert vendor.asked[1][0] == "/there"


def test_redirect_to_another_host(vendor: Vendor, transport: HttpTransport) -> None:
    other = Vendor()
    vendor.plays(answer(b"", 302, Location=other.url + "/take"))
    with pytest.raises(BadAnswer, match="acme sends the question on to another host"):
        transport.get(vendor.url, {}, {"Authorization": KEY})
    other.close()
    assert other.asked == []


def test_redirects_in_a_circle(vendor: Vendor, transport: HttpTransport) -> None:
    vendor.plays(answer(b"", 302, Location="/again"))
    with pytest.raises(BadAnswer, match="circle"):
        transport.get(vendor.url, {}, {})
    assert len(vendor.asked) == 4


def test_the_library_logs_nothing(vendor: Vendor, transport: HttpTransport, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.plays(answer(Set_Cookie=KEY))
    transport.get(vendor.url, {"key": KEY}, {"Authorization": KEY})
    logging.getLogger("somebody").debug("heard")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("http")] == []
    assert "heard" in caplog.text


def test_usable_after_closing(vendor: Vendor, transport: HttpTransport) -> None:
    transport.get(vendor.url, {}, {})
    transport.close()
    assert transport.get(vendor.url, {}, {}).status == 200


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path, transport: HttpTransport) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "own.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        failures: list[OSError] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True)
                except OSError as error:
                    failures.append(error)

        thread = Thread(target=serve)
        thread.start()
        with pytest.raises(ProviderUnavailable, match="acme"):
            transport.get(f"https://127.0.0.1:{listening.getsockname()[1]}", {}, {})
        thread.join()
    assert "UNKNOWN_CA" in str(failures[0])


def self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
