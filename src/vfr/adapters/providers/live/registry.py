"""Every live provider: what it needs, how fast it wants to be asked, and how it is wired."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from vfr.errors import InvalidField, SettingsError

if TYPE_CHECKING:
    import numpy as np

    from vfr.adapters.database.pace import Pace
    from vfr.adapters.net.client import Judge, Policy, PoliteClient
    from vfr.adapters.net.reply import Transport
    from vfr.data.provider import DataProvider

__all__ = ["PROVIDERS", "Access", "Listed", "missing", "open_provider"]

Credential: TypeAlias = Literal["edgar_contact", "fred_key", "fmp_key", "tiingo_key"]

_CONTACT: Final = "edgar_contact"


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider as it is published.

    Parameters
    ----------
    supplies : str
        In plain words.
    url : str
        Where it is asked.
    needs : str or None
        The setting it cannot be asked without.
    per_second, burst : float, int
        Questions per second of all processes together, and how many may come at once after a quiet time; below what
        the vendor permits.
    lanes : int
        Questions under way at the same time.
    terms : str
        What its terms permit, in one line.
    """

    supplies: str
    url: str
    needs: Credential | None
    per_second: float
    burst: int
    lanes: int
    terms: str

    @property
    def policy(self) -> Policy:
        """How its client asks."""
        from vfr.adapters.net.client import Policy

        return Policy(per_second=self.per_second, burst=self.burst)


PROVIDERS: Final[Mapping[str, Listed]] = {
    "yahoo": Listed(
        "bars, splits and dividends, names and sectors, analysts' counts, headlines",
        url="https://query2.finance.yahoo.com",
        needs=None,
        per_second=1.0,
        burst=5,
        lanes=1,
        terms="Personal use only, by its terms; undocumented and without a promise. Do not redistribute.",
    ),
    "edgar": Listed(
        "statements as filed with every restatement, insiders' trades (Form 4), company names",
        url="https://data.sec.gov",
        needs="edgar_contact",
        per_second=8.0,
        burst=4,
        lanes=4,
        terms="Public domain; at most 10 questions a second, with a User-Agent that names a contact.",
    ),
    "fred": Listed(
        "macro series with their vintages (ALFRED)",
        url="https://api.stlouisfed.org/fred",
        needs="fred_key",
        per_second=1.5,
        burst=5,
        lanes=1,
        terms="Free key; 120 questions a minute; some series belong to third parties: personal use.",
    ),
    "fmp": Listed(
        "statements, analysts' counts, names and sectors, members of the S&P 500",
        url="https://financialmodelingprep.com/stable",
        needs="fmp_key",
        per_second=4.0,
        burst=4,
        lanes=2,
        terms="Own key; personal use unless the plan says otherwise; the free plan allows 250 questions a day.",
    ),
    "tiingo": Listed(
        "bars as traded, splits and dividends, names",
        url="https://api.tiingo.com",
        needs="tiingo_key",
        per_second=1.0,
        burst=5,
        lanes=2,
        terms="Own key; internal use only; the free plan allows 50 questions an hour and 500 symbols a month.",
    ),
}
"""By name, as in ``--provider``; the order is that of the documentation."""


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """What providers are opened with.

    Parameters
    ----------
    credentials : mapping
        Keys and the contact address by the setting's name; an absent one is not set.
    urls : mapping of str to str
        Other addresses by provider.
    pace, sleep, rng, clock
        See `vfr.adapters.net.client.PoliteClient`.
    """

    pace: Pace
    sleep: Callable[[float], None]
    rng: np.random.Generator
    clock: Callable[[], datetime]
    credentials: Mapping[Credential, str] = field(default_factory=dict, repr=False)
    urls: Mapping[str, str] = field(default_factory=dict)


def missing(names: Sequence[str], credentials: Mapping[Credential, str]) -> dict[str, Credential]:
    """Return the setting that each provider lacks; providers that lack none are left out.

    Raises
    ------
    InvalidField
        If there is no provider of a name.
    """
    unknown = [name for name in names if name not in PROVIDERS]
    if unknown:
        raise InvalidField("provider", f"there is no {', '.join(unknown)}; choose from {', '.join(PROVIDERS)}")
    needed = {name: PROVIDERS[name].needs for name in names}
    return {name: need for name, need in needed.items() if need is not None and not credentials.get(need)}


def open_provider(name: str, access: Access) -> DataProvider:
    """Return a provider that can be asked; nothing is asked yet.

    Raises
    ------
    InvalidField
        If there is no provider of that name.
    SettingsError
        If it needs a setting that is not set; names the variable.
    """
    lacking = missing([name], access.credentials)
    if lacking:
        raise SettingsError(f"VFR_{lacking[name].upper()}: must be set to ask {name}")
    return _MAKERS[name](access, access.urls.get(name, PROVIDERS[name].url))


def _client(name: str, access: Access, transport: Transport, judge: Judge | None = None) -> PoliteClient:
    from vfr.adapters.net.client import PoliteClient

    return PoliteClient(
        name,
        transport,
        access.pace,
        policy=PROVIDERS[name].policy,
        sleep=access.sleep,
        rng=access.rng,
        clock=access.clock,
        judge=judge,
    )


def _yahoo(access: Access, url: str) -> DataProvider:
    from vfr.adapters.providers.live.yahoo import YahooProvider
    from vfr.adapters.providers.live.yahoo_transport import YahooTransport

    return YahooProvider(_client("yahoo", access, YahooTransport(base=access.urls.get("yahoo"))), url=url)


def _edgar(access: Access, url: str) -> DataProvider:
    from vfr.adapters.net.http import HttpTransport
    from vfr.adapters.providers.live.edgar import EdgarProvider

    client = _client("edgar", access, HttpTransport("edgar", headers={"user-agent": access.credentials[_CONTACT]}))
    if "edgar" in access.urls:  # A gateway stands for both of the SEC's hosts.
        return EdgarProvider(client, url=url, archives_url=url)
    return EdgarProvider(client, url=url)


def _fred(access: Access, url: str) -> DataProvider:
    from vfr.adapters.net.http import HttpTransport
    from vfr.adapters.providers.live.fred import FredProvider
    from vfr.adapters.providers.live.fred_refusals import judge

    client = _client("fred", access, HttpTransport("fred"), judge)
    return FredProvider(client, key=access.credentials["fred_key"], url=url)


def _fmp(access: Access, url: str) -> DataProvider:
    from vfr.adapters.net.http import HttpTransport
    from vfr.adapters.providers.live.fmp import FmpProvider
    from vfr.adapters.providers.live.fmp_refusals import judge

    client = _client("fmp", access, HttpTransport("fmp"), judge)
    return FmpProvider(client, key=access.credentials["fmp_key"], url=url)


def _tiingo(access: Access, url: str) -> DataProvider:
    from vfr.adapters.net.http import HttpTransport
    from vfr.adapters.providers.live.tiingo import TiingoProvider
    from vfr.adapters.providers.live.tiingo_transport import TiingoTransport

    client = _client("tiingo", access, TiingoTransport(HttpTransport("tiingo")))
    return TiingoProvider(client, key=access.credentials["tiingo_key"], url=url)


_MAKERS: Final[Mapping[str, Callable[[Access, str], DataProvider]]] = {
    "yahoo": _yahoo,
    "edgar": _edgar,
    "fred": _fred,
    "fmp": _fmp,
    "tiingo": _tiingo,
}
