"""The tables. Moments are seconds since 1970 as floats: they are compared and added to, never shown."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "ACCOUNT_AUDIT",
    "ACCOUNT_REVISION",
    "API_KEYS",
    "CHECKS",
    "ENTRIES",
    "EXPERIMENTS",
    "EXPERIMENT_EXPOSURES",
    "EXPOSURES",
    "FORECASTS",
    "LEASES",
    "LOGIN_FAILURES",
    "METADATA",
    "OUTCOMES",
    "PROVIDER_PACE",
    "REASON_LENGTH",
    "REFRESH_TOKENS",
    "SIGNING_KEYS",
    "TALLIES",
    "TOGGLES",
    "TOGGLE_AUDIT",
    "TOKEN_FAMILIES",
    "USERS",
]

REASON_LENGTH: Final = 300

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("expires_at", Double, nullable=False),
)

PROVIDER_PACE: Final = Table(
    "provider_pace",
    METADATA,
    Column("provider", String(100), primary_key=True),
    Column("next_at", Double, nullable=False),
    Column("paused_until", Double, nullable=False),
    Column("reason", String(REASON_LENGTH), nullable=False),
)

FORECASTS: Final = Table(
    "journal_forecasts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("data_name", String(64), nullable=False),
    Column("horizon", String(4), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("versions", String(32), nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("members", Text, nullable=False),
    Column("method", String(40), nullable=False),
    Column("standard", Boolean, nullable=False),
    Column("feature_spec", String(64), nullable=False),
    Column("inputs", String(32), nullable=False),
    Column("base_rate", Double),
    Column("level", Double),
    Column("timely", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("settled_at", Double),
    UniqueConstraint("data_name", "horizon", "as_of", "versions"),
)
"""One row per forecast of a universe; `members` is JSON: name, version and weight of each."""

ENTRIES: Final = Table(
    "journal_entries",
    METADATA,
    Column("forecast_id", Integer, primary_key=True),
    Column("symbol", String(24), primary_key=True),
    Column("p_up", Double),
    Column("expected", Double),
    Column("low", Double),
    Column("high", Double),
    Column("confidence", Double),
    Column("ml_score", Double),
    Column("classic", Double),
    Column("classic_tier", String(20)),
    Column("blended", Double),
    Column("blended_tier", String(20)),
    Column("members", LargeBinary, nullable=False),
    ForeignKeyConstraint(["forecast_id"], ["journal_forecasts.id"], ondelete="CASCADE"),
)
"""One row per symbol of a forecast; `members` holds p_up and expected of each member as little-endian float32."""

OUTCOMES: Final = Table(
    "journal_outcomes",
    METADATA,
    Column("data_name", String(64), primary_key=True),
    Column("horizon", String(4), primary_key=True),
    Column("as_of", String(10), primary_key=True),
    Column("symbol", String(24), primary_key=True),
    Column("basis", String(10), nullable=False),
    Column("returns", Double),
    Column("direction", Double),
    Column("excess", Double),
    Column("counted", Boolean, nullable=False),
    Column("reason", String(REASON_LENGTH)),
    Column("data_version", String(128), nullable=False),
    Column("settled_at", Double, nullable=False),
    Column("restated", Integer, nullable=False),
    Column("latest", Double),
    Column("latest_version", String(128), nullable=False),
)
"""What came of a session, whoever forecast it; `latest` is the return by the newest data, `restated` counts moves."""

EXPOSURES: Final = Table(
    "journal_exposures",
    METADATA,
    Column("request", String(32), primary_key=True),
    Column("symbol", String(24), primary_key=True),
    Column("data_name", String(64), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("horizon", String(4)),
    Column("score", Double, nullable=False),
    Column("include_ml", Boolean, nullable=False),
    Column("ml_weight", Double),
    Column("shown_at", Double, nullable=False),
    Column("experiment", String(12)),
    Column("arm", String(8)),
)
"""`experiment` and `arm` are set where an experiment decided what was shown."""

Index(
    "ix_journal_exposures_experiment",
    EXPOSURES.c.experiment,
    sqlite_where=EXPOSURES.c.experiment.is_not(None),
    postgresql_where=EXPOSURES.c.experiment.is_not(None),
)

Index(
    "ix_journal_exposures_shown_at",
    EXPOSURES.c.shown_at,
    sqlite_where=EXPOSURES.c.experiment.is_(None),
    postgresql_where=EXPOSURES.c.experiment.is_(None),
)

TALLIES: Final = Table(
    "journal_tallies",
    METADATA,
    Column("data_name", String(64), primary_key=True),
    Column("horizon", String(4), primary_key=True),
    Column("as_of", String(10), primary_key=True),
    Column("versions", String(32), primary_key=True),
    Column("outcomes", Integer, nullable=False),
    Column("sums", LargeBinary, nullable=False),
    Column("confidence", LargeBinary, nullable=False),
    Column("symbols", Text, nullable=False),
    Column("stocks", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["data_name", "horizon", "as_of", "versions"],
        [FORECASTS.c[name] for name in ("data_name", "horizon", "as_of", "versions")],
        ondelete="CASCADE",
    ),
)
"""Sums of a matured session, as `vfr.journal.tallies.Tally` has them; what they are made of stands in other tables."""

CHECKS: Final = Table(
    "journal_checks",
    METADATA,
    Column("data_name", String(64), primary_key=True),
    Column("data_version", String(128), nullable=False),
    Column("checked_at", Double, nullable=False),
)
"""The data version each data set was last settled with."""

TOGGLES: Final = Table(
    "toggles",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("who", String(200), nullable=False),
    Column("at", String(32), nullable=False),
)
"""Each switch of machine learning as it was last turned; `at` is an ISO moment, as it is shown and hashed."""

TOGGLE_AUDIT: Final = Table(
    "toggle_audit",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", String(100), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("who", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Every change of a switch, never changed itself: each row is chained to the one before by its hash."""

USERS: Final = Table(
    "users",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_key", String(64), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("tier", String(20), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("generation", Integer, nullable=False),
    UniqueConstraint("name_key"),
)
"""`name_key` is the name in lower case; `scopes` are separated by blanks."""

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("tier", String(20), nullable=False),
    Column("user_id", String(32)),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    Column("revoked", Boolean, nullable=False),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
)
"""Tokens for machines; `digest` is the SHA-256 of the token, which is not kept."""

TOKEN_FAMILIES: Final = Table(
    "token_families",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("ended_at", Double),
    ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
)

REFRESH_TOKENS: Final = Table(
    "refresh_tokens",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("family_id", String(32), nullable=False, index=True),
    Column("used_at", Double),
    ForeignKeyConstraint(["family_id"], ["token_families.id"], ondelete="CASCADE"),
)

SIGNING_KEYS: Final = Table(
    "signing_keys",
    METADATA,
    Column("kid", String(32), primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("until", Double),
)
"""`sealed` is the private key, encrypted; from `until` on nothing that a retired key signed is accepted."""

LOGIN_FAILURES: Final = Table(
    "login_failures",
    METADATA,
    Column("counter", String(40), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Double, nullable=False),
)

ACCOUNT_REVISION: Final = Table(
    "account_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)
"""One row, counted up by every change that decides who may do what."""

ACCOUNT_AUDIT: Final = Table(
    "account_audit",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("who", String(100), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("detail", String(300), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Every change of an account, a token or a signing key: as many rows as `account_revision` says, chained by hashes."""

EXPERIMENTS: Final = Table(
    "experiments",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("shares", Text, nullable=False),
    Column("holdout", Double, nullable=False),
    Column("horizon", String(4), nullable=False),
    Column("weight", Double, nullable=False),
    Column("rule", Text, nullable=False),
    Column("first", String(10), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("who", String(200), nullable=False),
    Column("why", String(500), nullable=False),
    Column("running", Integer),
    Column("last", String(10)),
    Column("stopped_at", Double),
    Column("stopped_by", String(200)),
    Column("stopped_why", String(500)),
    Column("verdict", Text),
    UniqueConstraint("running"),
)
"""`shares` and `rule` are JSON, and so is `verdict`, the report as it was when the experiment was stopped.

`running` is 1 or NULL, and unique: one experiment at a time.
"""

EXPERIMENT_EXPOSURES: Final = Table(
    "experiment_exposures",
    METADATA,
    Column("experiment", String(12), primary_key=True),
    Column("subject", String(32), primary_key=True),
    Column("arm", String(8), nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("ml_requests", Integer, nullable=False),
    ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
)
"""One row per subject, hashed, that asked while an experiment ran; `ml_requests` asked for machine learning."""
