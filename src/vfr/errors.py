"""The one error tree of VFR.

Every error that leaves a room is one of these; ``api/errors.py`` maps each leaf to one HTTP status, and a test walks
the tree so that no leaf is unmapped. Messages name the field and the fix; they never hold a path, a query or a trace.

::

    VfrError
    ├── InputError                 the caller asked for something that cannot be
    │   ├── InvalidField           a value is malformed or out of range
    │   │   └── UnsupportedHorizon not one of 1d, 7d, 30d
    │   ├── UnknownSymbol          well formed, but not in the data
    │   ├── UnknownSector          not a GICS sector of the data
    │   ├── UnknownAccount         no such user or token
    │   ├── UnknownDataset         no such data set, or no such version of its archive
    │   └── NoModel                no such model version
    ├── AccessError                who calls is not known
    │   ├── BadCredentials         the name or the password is wrong
    │   ├── TokenRefused           a token is malformed, expired, revoked or of somebody who may not sign in
    │   └── LockedOut              too many wrong passwords; says when to try again
    ├── DataError                  the data cannot serve the request
    │   ├── NoData                 nothing is installed, or nothing of the kind is known
    │   ├── ImportRejected         a folder cannot become a data set
    │   ├── DatasetCorrupt         an installed data set fails its checks
    │   ├── SyncBusy               another process writes the same archive
    │   └── ProviderError          a live source gave no usable answer; what is installed stays
    │       ├── Throttled          it asks for fewer questions
    │       ├── UnknownAtSource    it does not know the subject
    │       ├── ProviderUnavailable  it cannot be reached, fails or is too slow
    │       ├── ProviderDenied     it refuses the key or the plan
    │       └── BadAnswer          what it sent is not what it documents
    ├── ModelError                 the machine-learning side cannot serve (never fails a classic answer)
    │   ├── ArtifactCorrupt        a stored version fails its checks
    │   └── TrainingFailed         a training run cannot go on
    ├── Overloaded                 too much work of one kind waits already; ask again
    └── SettingsError              a setting is wrong; names the variable
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AccessError",
    "ArtifactCorrupt",
    "BadAnswer",
    "BadCredentials",
    "DataError",
    "DatasetCorrupt",
    "ImportRejected",
    "InputError",
    "InvalidField",
    "LockedOut",
    "ModelError",
    "NoData",
    "NoModel",
    "Overloaded",
    "ProviderDenied",
    "ProviderError",
    "ProviderUnavailable",
    "SettingsError",
    "SyncBusy",
    "Throttled",
    "TokenRefused",
    "TrainingFailed",
    "UnknownAccount",
    "UnknownAtSource",
    "UnknownDataset",
    "UnknownSector",
    "UnknownSymbol",
    "UnsupportedHorizon",
    "VfrError",
]


class VfrError(Exception):
    """Root of the tree; ``code`` is the stable name clients may switch on."""

    code = "INTERNAL"

    @property
    def message(self) -> str:
        """The sentence shown to the user."""
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whatever arguments a class takes."""
        return _again, (type(self), self.args, vars(self).copy())


def _again(kind: type[VfrError], args: tuple[object, ...], state: dict[str, object]) -> VfrError:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


class InputError(VfrError):
    """The caller asked for something that cannot be."""

    code = "INVALID_REQUEST"


class InvalidField(InputError):
    """A value is malformed or out of range.

    Parameters
    ----------
    field : str
        Name of the field as the caller spelled it in the contract.
    message : str
        What is wrong and how to mend it.
    """

    code = "INVALID_FIELD"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class UnknownSymbol(InputError):
    """A well-formed ticker that the data does not hold."""

    code = "UNKNOWN_SYMBOL"


class UnknownSector(InputError):
    """A sector the data does not hold."""

    code = "UNKNOWN_SECTOR"


class UnknownAccount(InputError):
    """A user or a token that does not exist."""

    code = "UNKNOWN_ACCOUNT"


class UnknownDataset(InputError):
    """A data set, or a version of its archive, that does not exist."""

    code = "UNKNOWN_DATASET"


class NoModel(InputError):
    """A model version that does not exist."""

    code = "NO_MODEL"


class AccessError(VfrError):
    """Who calls is not known."""

    code = "UNAUTHORIZED"


class BadCredentials(AccessError):
    """The name or the password is wrong; which of them is never said."""

    code = "BAD_CREDENTIALS"


class TokenRefused(AccessError):
    """A token is malformed, expired, revoked or of somebody who may not sign in."""

    code = "TOKEN_REFUSED"


class LockedOut(AccessError):
    """Too many wrong passwords for a name or from an address.

    Parameters
    ----------
    retry_after : int
        Seconds until the next attempt is looked at.
    """

    code = "LOCKED_OUT"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed attempts; try again in {retry_after} s")
        self.retry_after = retry_after


class UnsupportedHorizon(InvalidField):
    """A horizon other than 1d, 7d, 30d and their aliases."""

    code = "UNSUPPORTED_HORIZON"


class DataError(VfrError):
    """The data cannot serve the request."""

    code = "DATA_ERROR"


class NoData(DataError):
    """Nothing is installed, or nothing of the kind asked for is known."""

    code = "NO_DATA"


class ImportRejected(DataError):
    """A folder cannot become a data set; the installed data is untouched."""

    code = "IMPORT_REJECTED"


class DatasetCorrupt(DataError):
    """An installed data set fails its integrity checks."""

    code = "DATASET_CORRUPT"


class SyncBusy(DataError):
    """Another process writes the same archive."""

    code = "SYNC_BUSY"


class ProviderError(DataError):
    """A live source gave no usable answer; nothing that is installed changes."""

    code = "PROVIDER_ERROR"


class Throttled(ProviderError):
    """A source asks for fewer questions; it says nothing about the subject.

    Parameters
    ----------
    message : str
        What happened, naming the source.
    retry_after : float or None
        Seconds to wait as the source stated them.
    """

    code = "THROTTLED"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnknownAtSource(ProviderError):
    """A source says that it does not know the subject."""

    code = "UNKNOWN_AT_SOURCE"


class ProviderUnavailable(ProviderError):
    """A source cannot be reached, fails, is too slow, or was left alone after failing repeatedly."""

    code = "PROVIDER_UNAVAILABLE"


class ProviderDenied(ProviderError):
    """A source refuses the key, or the plan of the key."""

    code = "PROVIDER_DENIED"


class BadAnswer(ProviderError):
    """What a source sent is not what it documents."""

    code = "BAD_ANSWER"


class ModelError(VfrError):
    """The machine-learning side cannot serve; it never fails a classic answer."""

    code = "ML_ERROR"


class ArtifactCorrupt(ModelError):
    """A stored model version fails its integrity checks."""

    code = "ARTIFACT_CORRUPT"


class TrainingFailed(ModelError):
    """A training run cannot go on."""

    code = "TRAINING_FAILED"


class Overloaded(VfrError):
    """Too much work of one kind waits already; the same question may be asked again in a moment."""

    code = "OVERLOADED"


class SettingsError(VfrError):
    """A setting is wrong; the message names the variable."""

    code = "INVALID_SETTINGS"
