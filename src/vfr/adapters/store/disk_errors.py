"""What the operating system or a remote store refuses, as one sentence without a path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vfr.errors import DataError

__all__ = ["reading", "writing"]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn a refusal to read into a `DataError` that names what; a file that is not there stays its own error."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(
            f"{what} cannot be read ({_reason(error)}); check the disk, its permissions or the network"
        ) from error


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn a refusal to write into a `DataError` that names what, and says that what is published stays."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{what} cannot be written ({_reason(error)}); what was published is unchanged; "
            "make room or mend the permissions, then sync again"
        ) from error


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
