"""What values of settings look like."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

__all__ = ["CONTACT", "CRON", "HOST", "ORIGIN", "URL", "each", "is_database", "is_redis"]

HOST: Final = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63})*|[0-9a-f:]{2,45})")
CONTACT: Final = re.compile(r"[ -~]*[^@\s]+@[^@\s]+\.[^@\s]+[ -~]*", re.ASCII)
URL: Final = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]{1,260}(?:/[A-Za-z0-9._~/-]{0,200})?")
CRON: Final = re.compile(r"(?:[0-9*/,-]+ +){3}[0-9A-Za-z*/,-]+ +[A-Za-z*,-]+")
_REDIS: Final = re.compile(r"(?:rediss?://|unix:///|unix://[^/\s]*@/)\S{1,500}")
_DATABASE: Final = re.compile(r"(?:sqlite(?:\+pysqlite)?:///(?!:memory:)|postgres(?:ql)?(?:\+pg8000)?://)\S{1,500}")
ORIGIN: Final = re.compile(r"https?://[a-z0-9.\[\]:-]{1,260}")


def each(values: tuple[str, ...], grammar: re.Pattern[str], expected: str) -> tuple[str, ...]:
    """Return values that all follow a grammar; ValueError names what is expected."""
    for value in values:
        if not grammar.fullmatch(value):
            raise ValueError(f"must hold {expected}")
    return values


def is_redis(url: str) -> bool:
    """Return whether an address can be one of Redis; errors of the parts would repeat what they could not read."""
    try:
        port, options = urlsplit(url).port, parse_qs(urlsplit(url).query, strict_parsing="?" in url)
    except ValueError:
        return False
    return bool(_REDIS.fullmatch(url)) and port != 0 and all(db.isdecimal() for db in options.get("db", []))


def is_database(url: str) -> bool:
    """Return whether an address can be one of a database that is kept; its parts are read when it is opened."""
    return bool(_DATABASE.fullmatch(url))
