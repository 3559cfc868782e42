"""Switches of machine learning and their audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "toggles",
        sa.Column("id", sa.String(100), nullable=False),
        *_turned(),
        sa.PrimaryKeyConstraint("id", name="pk_toggles"),
    )
    op.create_table(
        "toggle_audit",
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(100), nullable=False),
        *_turned(),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_toggle_audit"),
    )


def downgrade() -> None:
    """Drop them with their rows."""
    op.drop_table("toggle_audit")
    op.drop_table("toggles")


def _turned() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
