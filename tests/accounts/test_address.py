"""Who pays for a request without a token, and what does not change that."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.accounts.address import client_address

PROXIES = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "fd00::/8", "192.0.2.1/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "pays"),
    [
        pytest.param("203.0.113.9", "", "203.0.113.9", id="plain"),
        pytest.param("203.0.113.9", "198.51.100.1", "203.0.113.9", id="a header of one who is no proxy"),
        pytest.param("203.0.113.9", "10.0.0.1", "203.0.113.9", id="claims to be a proxy"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="the proxy itself"),
        pytest.param("10.0.0.1", "203.0.113.9", "203.0.113.9", id="behind a proxy"),
        pytest.param("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9", id="invented entries on the left"),
        pytest.param("10.0.0.1", "10.0.0.2,203.0.113.9", "203.0.113.9", id="invented proxy on the left"),
        pytest.param("10.0.0.1", "1.1.1.1, 203.0.113.9 , 10.3.4.5", "203.0.113.9", id="two proxies"),
        pytest.param("10.0.0.1", "1.1.1.1\n203.0.113.9", "203.0.113.9", id="header given twice"),
        pytest.param("10.0.0.1", "203.0.113.9:4711", "203.0.113.9", id="with a port"),
        pytest.param("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::", id="IPv6 with a port"),
        pytest.param("10.0.0.1", '"203.0.113.9"', "203.0.113.9", id="quoted"),
        pytest.param("10.0.0.1", "unknown", "10.0.0.1", id="no address"),
        pytest.param("10.0.0.1", "203.0.113.9, garbage", "10.0.0.1", id="garbage next to the proxy"),
        pytest.param("10.0.0.1", "10.0.0.9, 10.0.0.8", "10.0.0.9", id="all of them proxies"),
        pytest.param("::ffff:203.0.113.9", "", "203.0.113.9", id="IPv4 as IPv6"),
        pytest.param("::FFFF:cb00:7109", "", "203.0.113.9", id="IPv4 as IPv6, in hexadecimal"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9", id="a proxy as IPv6"),
        pytest.param("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9", id="a client as IPv6 behind a proxy"),
        pytest.param("2001:DB8:1:2:3:4:5:6", "", "2001:db8:1:2::", id="IPv6, by its network"),
        pytest.param("fe80::1%eth0", "", "fe80::", id="with a zone"),
        pytest.param("fd00::1", "2001:db8::9", "2001:db8::", id="IPv6 proxy"),
        pytest.param("192.0.2.1", "203.0.113.9", "203.0.113.9", id="a single address as proxy"),
        pytest.param(None, "203.0.113.9", "unknown", id="no address at all"),
        pytest.param("/run/socket", "203.0.113.9", "unknown", id="a Unix socket"),
    ],
)
def test_who_pays(peer: str | None, forwarded: str, pays: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == pays


@given(st.text(max_size=200))
def test_no_header_moves_the_bill_without_a_trusted_proxy(forwarded: str) -> None:
    assert client_address("203.0.113.9", forwarded, PROXIES) == "203.0.113.9"
    assert client_address("10.0.0.1", forwarded, ()) == "10.0.0.1"


@given(st.lists(st.sampled_from(["1.1.1.1", "10.9.9.9", "x", "", "::1", ", ,"]), max_size=60))
def test_whatever_stands_left_of_what_the_proxy_saw(invented: list[str]) -> None:
    header = ", ".join([*invented, "203.0.113.9"])
    assert client_address("10.0.0.1", header, PROXIES) == "203.0.113.9"


@given(st.integers(0, 2**64 - 1))
def test_all_addresses_of_an_ipv6_network_pay_together(host: int) -> None:
    address = str(ipaddress.IPv6Address((0x20010DB8 << 96) + host))
    assert client_address(address, "", ()) == "2001:db8::"
