"""The tables. Moments are seconds since 1970 as floats: they are compared and added to, never shown."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Double, MetaData, String, Table

__all__ = ["LEASES", "METADATA", "PROVIDER_PACE", "REASON_LENGTH"]

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
