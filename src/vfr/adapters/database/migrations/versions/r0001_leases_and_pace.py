"""Leases, and the pace of each provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "leases",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "provider_pace",
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("paused_until", sa.Double, nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_provider_pace"),
    )


def downgrade() -> None:
    """Drop both tables with their rows."""
    op.drop_table("provider_pace")
    op.drop_table("leases")
