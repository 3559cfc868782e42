"""Which address a request comes from, where proxies may stand in between and headers may lie."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final, TypeAlias

__all__ = ["Network", "client_address"]

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

IPV6_PREFIX: Final = 64
"""What one IPv6 customer gets at least: its addresses pay together."""

MAX_HOPS: Final = 32


def client_address(peer: str | None, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address that pays for a request without a token.

    Parameters
    ----------
    peer : str or None
        Other end of the connection; None where there is no address, as on a Unix socket.
    forwarded : str
        ``X-Forwarded-For``, each proxy's entry after the one before it; lines of a repeated header apart by a line
        feed.
    trusted : sequence of networks
        Proxies whose entries are believed.

    Returns
    -------
    str
        An IPv4 address, or the first half of an IPv6 one. An IPv4 address written as IPv6 is the IPv4 address.

    Notes
    -----
    Entries are read from the right, the newest first, and only as far as the one who wrote them is trusted. What is no
    address ends the reading: the proxy that wrote it pays.

    Examples
    --------
    >>> client_address("192.0.2.7", "203.0.113.9", ())
    '192.0.2.7'
    >>> client_address("10.0.0.1", "198.51.100.66, 203.0.113.9", [ipaddress.ip_network("10.0.0.0/8")])
    '203.0.113.9'
    >>> client_address("2001:db8::1", "", ()) == client_address("2001:db8::ffff", "", ())
    True
    """
    found = _address(peer or "")
    if found is None:
        return "unknown"
    hops = forwarded.replace("\n", ",").rsplit(",", MAX_HOPS) if forwarded and trusted else []
    while hops and any(found in network for network in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        found = before
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False).network_address)


def _address(text: str) -> _Address | None:
    """Return an address as proxies write it: bare, in brackets, with a port or a zone."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
