"""Every setting, with its bounds."""

from __future__ import annotations

import ipaddress
import json
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vfr.accounts.address import Network
from vfr.accounts.tiers import Tiers
from vfr.scoring.table import ScoreTable
from vfr.settings.files import PREFIX, file_values
from vfr.settings.grammar import CONTACT, CRON, HOST, ORIGIN, URL, each, is_database, is_redis
from vfr.settings.tables import score_table_of, tier_table_of

__all__ = ["LOOPBACK_NAMES", "ScoreOverrides", "Settings"]

MIN_SECRET: Final = 32
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")

ScoreOverrides = dict[str, Any]
TierOverrides = dict[str, Any]


class Settings(BaseSettings):
    """Everything that can be set, with its bounds.

    Parameters
    ----------
    data_home : Path
        Folder of everything the program keeps: data, models, switches, caches.
    host, port : str, int
        Where the server listens. Outside loopback it refuses to start without `secret`.
    workers : int
        Server processes.
    secret : SecretStr or None
        At least 32 characters. Setting it ends single-user mode.
    public_classic : bool
        With a secret set: classic analyze needs no token.
    allowed_hosts : tuple of str
        Names a request's Host header may hold, besides loopback names and `host`; comma-separated in a variable.
    allowed_origins : tuple of str
        Origins of web pages that may call, besides the server's own; comma-separated in a variable.
    trusted_proxies : tuple of str
        Addresses or networks of proxies whose ``X-Forwarded-For`` is believed; comma-separated in a variable.
    tiers : mapping
        Overrides of the published table of tiers, such as ``{"free": {"requestsPerMinute": 120}}``. JSON in a
        variable, a table in ``vfr.toml``.
    max_body_bytes : int
        Largest request body; a larger one is answered 413.
    request_threads : int
        Threads per server process that compute answers.
    request_queue : int
        Requests that may wait for such a thread; beyond it the server answers 503.
    log_level, log_format : str
        What is logged to standard error, and whether for people or machines.
    ml_enabled : bool
        False switches machine learning off whatever the stored switch says.
    ml_threads : int
        Threads of a training run; the same number and seed give the same models, byte for byte.
    ml_model_bytes : int
        Budget of model versions held in memory by one process, counted as their files; the least recently used go
        first.
    ml_voting : str
        How votes are counted where a request asks for voting: ``hard`` counts directions, ``soft`` averages
        probabilities.
    work_url : str
        Folder or fsspec URL that every worker of a cluster can read, for the inputs of a training run; the data home's
        own folder by default.
    database_url : SecretStr or None
        Where leases, the pace of providers and the journal are kept (SQLAlchemy): SQLite in the data home by default,
        PostgreSQL for several machines.
    redis_url : SecretStr or None
        ``redis://``, ``rediss://`` or ``unix://`` address of a Redis that several processes share; nothing needs one.
    cache_bytes : int
        Memory of each process for forecasts and boards of past days.
    chaos : bool
        Let `vfr chaos` break parts of this installation on purpose: for rehearsals, never where users are served.
    journal : bool
        Keep what is forecast and what is shown, and join it with what comes of it.
    journal_exposure_days : int
        Days for which what users were shown is kept; forecasts, and what an experiment showed, are kept for good.
    archive_url : str
        Folder or fsspec URL (``s3://bucket/vfr``) of what `vfr data sync` gathers; in the data home by default.
    archive_versions : int
        Published versions kept of each archive.
    edgar_contact : str
        An address the SEC can write to, sent as User-Agent as it asks; EDGAR is not asked without one.
    fred_key, fmp_key, tiingo_key : SecretStr or None
        Keys of providers that need one; a provider without its key is not asked.
    provider_urls : mapping of str to str
        Other addresses of providers, by name: a gateway or a mirror. JSON in a variable.
    sync_providers : tuple of str
        Providers in order of trust, for `vfr data sync` and `vfr worker` where none are named.
    sync_schedule : str
        When `vfr worker` brings data up to date: five cron fields, UTC.
    score_table : mapping
        Overrides of the published numbers of the classic score, part by part, in the shape of `ScoreTable.to_dict`:
        ``weights``, ``tilts``, ``tiers``, ``halfLifeDays``. JSON in a variable, a table in ``vfr.toml``.

    Examples
    --------
    >>> Settings(port=9000).port
    9000
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=None, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    data_home: Path = Field(default_factory=lambda: platformdirs.user_data_path("vfr", appauthor=False))
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_535)
    workers: int = Field(default=1, ge=1, le=32)
    secret: SecretStr | None = None
    public_classic: bool = False
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    tiers: Annotated[TierOverrides, NoDecode] = Field(default_factory=dict)
    max_body_bytes: int = Field(default=262_144, ge=1_024, le=16_777_216)
    request_threads: int = Field(default=4, ge=1, le=64)
    request_queue: int = Field(default=256, ge=1, le=10_000)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    ml_enabled: bool = True
    ml_threads: int = Field(default=2, ge=1, le=64)
    ml_model_bytes: int = Field(default=512 << 20, ge=1 << 20, le=1 << 36)
    ml_voting: Literal["hard", "soft"] = "hard"
    work_url: str = ""
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    cache_bytes: int = Field(default=67_108_864, ge=1_048_576, le=8_589_934_592)
    chaos: bool = False
    journal: bool = True
    journal_exposure_days: int = Field(default=400, ge=1, le=36_500)
    archive_url: str = ""
    archive_versions: int = Field(default=5, ge=1, le=1_000)
    edgar_contact: str = Field(default="", max_length=200)
    fred_key: SecretStr | None = None
    fmp_key: SecretStr | None = None
    tiingo_key: SecretStr | None = None
    provider_urls: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    sync_providers: Annotated[tuple[str, ...], NoDecode] = ("yahoo", "edgar", "fred")
    sync_schedule: str = "15 22 * * mon-fri"
    score_table: Annotated[ScoreOverrides, NoDecode] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read values passed in code, then the environment and files; `load` has read the files already."""
        del dotenv_settings, file_secret_settings
        files = InitSettingsSource(settings_cls, init_kwargs=file_values(settings_cls.model_fields))
        return init_settings, env_settings, files

    @field_validator("allowed_hosts", "allowed_origins", "trusted_proxies", "sync_providers", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().lower() for part in value.split(",") if part.strip())

    @field_validator("score_table", "tiers", "provider_urls", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("must be a JSON object") from None

    @field_validator("secret")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET:
            raise ValueError(f"must be at least {MIN_SECRET} characters; `openssl rand -hex 32` makes one")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_database(value.get_secret_value()):
            raise ValueError("must be sqlite:///FILE or postgresql://USER@HOST/NAME; no other database is used")
        if value is not None and value.get_secret_value().startswith("postgres") and find_spec("pg8000") is None:
            raise ValueError("PostgreSQL needs a driver; install VFR with its extra `postgres`")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_redis(value.get_secret_value()):
            raise ValueError("must be redis://HOST:PORT/N, rediss://HOST:PORT/N or unix:///PATH")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return each(value, HOST, "host names without scheme or port, such as vfr.example.org")

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return each(value, ORIGIN, "origins such as https://app.example.org")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise ValueError("must hold addresses or networks, such as 10.0.0.0/8") from None
        return value

    @field_validator("archive_url")
    @classmethod
    def _lasting(cls, value: str) -> str:
        if value.startswith("memory:"):
            raise ValueError("memory keeps nothing; name a folder, or a store such as s3://bucket/vfr")
        return value.rstrip("/")

    @field_validator("edgar_contact")
    @classmethod
    def _contact(cls, value: str) -> str:
        if value and not CONTACT.fullmatch(value.strip()):
            raise ValueError("must hold an e-mail address, such as: Jane Doe jane@example.org")
        return value.strip()

    @field_validator("provider_urls")
    @classmethod
    def _urls(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            if not URL.fullmatch(url):
                raise ValueError(f"{name}: must be an http or https address without user or query")
        return {name: url.rstrip("/") for name, url in value.items()}

    @field_validator("sync_schedule")
    @classmethod
    def _cron(cls, value: str) -> str:
        if not CRON.fullmatch(value.strip()):
            raise ValueError("must be five cron fields in UTC, weekdays by name, such as: 15 22 * * mon-fri")
        return value.strip()

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        return each((value.strip().lower(),), HOST, "a host name or an address")[0]

    @field_validator("data_home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def table(self) -> ScoreTable:
        """The classic score's table: the published one with the overrides applied."""
        return score_table_of(self.score_table)

    @property
    def tier_table(self) -> Tiers:
        """What each tier may use up: the published table with the overrides applied."""
        return tier_table_of(self.tiers)

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Networks of the trusted proxies."""
        return tuple(ipaddress.ip_network(text) for text in self.trusted_proxies)

    @property
    def database(self) -> str:
        """URL of the database: as set, or SQLite in the data home."""
        url = self.database_url
        return url.get_secret_value() if url else f"sqlite:///{self.data_home / 'vfr.sqlite3'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, for whoever must keep them out of sight."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    @property
    def archives(self) -> str:
        """Folder or URL of the archives: as set, or in the data home."""
        return self.archive_url or str(self.data_home / "archives")

    @cached_property
    def loopback(self) -> bool:
        """Whether the server listens where only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Every name a Host header may hold."""
        return frozenset((*LOOPBACK_NAMES, self.host, *self.allowed_hosts))
