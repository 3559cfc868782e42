"""Settings: where they come from, what they allow, and that an error names the variable but never a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vfr import settings
from vfr.errors import SettingsError
from vfr.settings import Settings


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VFR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


def test_defaults_are_single_user_on_loopback() -> None:
    read = settings.load()
    assert (read.host, read.port, read.workers, read.secret) == ("127.0.0.1", 8000, 1, None)
    assert read.loopback
    assert read.hosts == {"localhost", "127.0.0.1", "::1"}


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="the platform's data folder is checked on Linux")  # noqa: PTH112
def test_data_home_is_the_platforms_user_data_folder(tmp_path: Path) -> None:
    assert settings.load().data_home == tmp_path / "xdg" / "vfr"


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("VFR_DATA_HOME", str(home))
    (home / "vfr.toml").write_text('port = 1001\nworkers = 2\nlog_level = "debug"\nhost = "::1"\n')
    assert settings.load().port == 1001
    (tmp_path / ".env").write_text("VFR_PORT=1002\nVFR_WORKERS=3\nOTHER=x\n")
    assert (settings.load().port, settings.load().workers) == (1002, 3)
    monkeypatch.setenv("VFR_PORT", "1003")
    read = settings.load(host="127.0.0.1")
    assert (read.port, read.workers, read.log_level, read.host) == (1003, 3, "debug", "127.0.0.1")
    assert settings.load(port=None, workers=4).workers == 4


def test_the_env_file_may_say_where_everything_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"VFR_DATA_HOME={tmp_path / 'd'}\nVFR_CONFIG={tmp_path / 'my.toml'}\n")
    (tmp_path / "my.toml").write_text("ml_enabled = false\n")
    read = settings.load()
    assert (read.data_home, read.ml_enabled) == (tmp_path / "d", False)


def test_lists_in_variables_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_ALLOWED_HOSTS", "VFR.example.org, box")
    monkeypatch.setenv("VFR_ALLOWED_ORIGINS", "https://app.example.org")
    read = settings.load()
    assert read.allowed_hosts == ("vfr.example.org", "box")
    assert read.hosts >= {"box", "localhost"}
    assert read.allowed_origins == ("https://app.example.org",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VFR_PORT", "0"),
        ("VFR_PORT", "65536"),
        ("VFR_PORT", "http"),
        ("VFR_WORKERS", "33"),
        ("VFR_HOST", "two words"),
        ("VFR_SECRET", "hunter2"),
        ("VFR_ALLOWED_HOSTS", "http://a.b"),
        ("VFR_ALLOWED_ORIGINS", "*"),
        ("VFR_LOG_LEVEL", "loud"),
        ("VFR_LOG_FORMAT", "xml"),
        ("VFR_ML_ENABLED", "maybe"),
        ("VFR_ML_THREADS", "0"),
        ("VFR_MAX_BODY_BYTES", "17000000"),
        ("VFR_CACHE_BYTES", "1000"),
        ("VFR_REQUEST_THREADS", "65"),
        ("VFR_REQUEST_QUEUE", "0"),
        ("VFR_SCORE_TABLE", "{"),
        ("VFR_SCORE_TABLE", "[]"),
        ("VFR_SCORE_TABLE", '{"wheights": {}}'),
        ("VFR_SCORE_TABLE", '{"weights": {"technical": 1}}'),
        ("VFR_SCORE_TABLE", '{"tiers": [1]}'),
        ("VFR_TIERS", "{"),
        ("VFR_TIERS", "[]"),
        ("VFR_TIERS", '{"gold": {}}'),
        ("VFR_TIERS", '{"free": {"requestsPerMinute": 0}}'),
        ("VFR_TIERS", '{"enterprise": {"eventStreams": 65}}'),
        ("VFR_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("VFR_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("VFR_CONFIG", "nowhere.toml"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        settings.load()
    assert "hunter2" not in caught.value.message


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_PORT", "0")
    monkeypatch.setenv("VFR_WORKERS", "0")
    with pytest.raises(SettingsError, match=r"VFR_PORT: .*; VFR_WORKERS: "):
        settings.load()


def test_tiers_and_proxies_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_TIERS", '{"free": {"requestsPerMinute": 7}}')
    monkeypatch.setenv("VFR_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    read = settings.load()
    assert read.tier_table["free"].requests_per_minute == 7
    assert [str(network) for network in read.proxies] == ["10.0.0.0/8", "fd00::/8"]
    monkeypatch.delenv("VFR_TIERS")
    monkeypatch.setenv("VFR_CONFIG", str(tmp_path / "c.toml"))
    (tmp_path / "c.toml").write_text("[tiers.premium]\nmlUnitsPerDay = 9\n")
    assert settings.load().tier_table["premium"].ml_units_per_day == 9


@pytest.mark.parametrize("text", ["prot = 1\n", "port = \n", "port = 0\n"])
def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VFR_CONFIG", str(tmp_path / "c.toml"))
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SettingsError):
        settings.load()


def test_the_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct-horse-battery-staple-0123456789"
    monkeypatch.setenv("VFR_SECRET", secret)
    read = settings.load()
    assert read.secret is not None
    assert read.secret.get_secret_value() == secret
    assert secret not in repr(read) + str(read) + str(read.model_dump())


def test_score_table_overrides_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_CONFIG", str(tmp_path / "c.toml"))
    (tmp_path / "c.toml").write_text(
        "[score_table.weights]\ntechnical = 0.4\nfundamental = 0.3\nmacro = 0.1\nsentiment = 0.1\nalternative = 0.1\n"
    )
    table = settings.load().table
    assert table.weights["technical"] == 0.4
    assert table.tiers == Settings().table.tiers
    monkeypatch.setenv("VFR_CONFIG", "")
    monkeypatch.setenv("VFR_SCORE_TABLE", '{"tilts": [{"floor": 0, "fundamental": 1, "technical": 1}]}')
    assert len(settings.load().table.tilts) == 1


@pytest.mark.parametrize(("host", "loopback"), [("localhost", True), ("127.9.9.9", True), ("::1", True),
                                                ("0.0.0.0", False), ("::", False), ("example.org", False)])  # fmt: skip  # noqa: S104
def test_loopback(host: str, loopback: bool) -> None:
    assert Settings(host=host).loopback is loopback


def test_slips_of_the_pen_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_PROT", "1")
    monkeypatch.setenv("VFR_PORT", "1")
    monkeypatch.setenv("VFR_SHARED_DATA", "/x")
    assert settings.unknown_variables() == ("VFR_PROT",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sync_schedule": "15 22 * * 1-5"}, "mon-fri"),
        ({"sync_schedule": "daily"}, "five cron fields"),
        ({"edgar_contact": "nobody"}, "e-mail address"),
        ({"provider_urls": '{"yahoo": "ftp://host"}'}, "http or https"),
        ({"provider_urls": '{"yahoo": "http://user:word@host"}'}, "http or https"),
        ({"archive_versions": 0}, "VFR_ARCHIVE_VERSIONS"),
        ({"journal_exposure_days": 0}, "VFR_JOURNAL_EXPOSURE_DAYS"),
        ({"archive_url": "memory://x"}, "keeps nothing"),
    ],
)
def test_live_settings_are_bounded(values: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings.load(**values)


def test_live_settings_have_places_in_the_data_home(tmp_path: Path) -> None:
    made = settings.load(
        data_home=tmp_path, provider_urls='{"yahoo": "http://127.0.0.1:9/x/"}', sync_providers="yahoo, fred"
    )
    assert made.archives == str(tmp_path / "archives")
    assert made.database == f"sqlite:///{tmp_path / 'vfr.sqlite3'}"
    assert made.provider_urls == {"yahoo": "http://127.0.0.1:9/x"}
    assert made.sync_providers == ("yahoo", "fred")
    assert "hidden" not in repr(settings.load(database_url="postgresql://u:hidden@h/d", fred_key="hidden"))


@pytest.mark.parametrize("url", ["redis://:hidden@cache:6379/1", "rediss://cache", "unix:///run/redis.sock?db=1"])
def test_an_address_of_redis(url: str) -> None:
    read = settings.load(redis_url=url)
    assert read.redis_url is not None
    assert read.redis_url.get_secret_value() == url
    assert "hidden" not in repr(read)


@pytest.mark.parametrize(
    "url",
    [
        "http://hidden",
        "redis://",
        "localhost:6379",
        "redis://a b/hidden",
        "redis://:hidden/x@cache",
        "redis://cache:99999",
        "unix:///a?db=hidden",
    ],
)
def test_an_address_that_is_none_of_redis_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"VFR_REDIS_URL: must be redis://") as refused:
        settings.load(redis_url=url)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite:////srv/vfr.sqlite3", "postgresql://vfr:hidden@db/vfr", "postgres://db/vfr"])
def test_an_address_of_a_database(url: str) -> None:
    assert settings.load(database_url=url).database == url


@pytest.mark.parametrize(
    "url", ["mysql://hidden@db/vfr", "hidden", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://hidden@db/vfr"]
)
def test_a_database_that_is_not_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"VFR_DATABASE_URL: must be sqlite:///FILE or postgresql://") as refused:
        settings.load(database_url=url)
    assert "hidden" not in str(refused.value)


def test_a_database_without_its_driver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.settings.model.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"VFR_DATABASE_URL: PostgreSQL needs a driver; .* extra `postgres`"):
        settings.load(database_url="postgresql://db/vfr")


def test_nothing_is_broken_on_purpose_unless_said() -> None:
    assert settings.load().chaos is False
