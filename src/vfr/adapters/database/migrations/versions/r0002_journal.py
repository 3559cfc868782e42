"""The journal: forecasts with their entries, outcomes, exposures, and what was settled with which data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = ("journal_checks", "journal_exposures", "journal_outcomes", "journal_entries", "journal_forecasts")


def upgrade() -> None:
    """Make the five tables."""
    _forecasts()
    _entries()
    _outcomes()
    _exposures()
    op.create_table(
        "journal_checks",
        sa.Column("data_name", sa.String(64), nullable=False),
        sa.Column("data_version", sa.String(128), nullable=False),
        sa.Column("checked_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("data_name", name="pk_journal_checks"),
    )


def downgrade() -> None:
    """Drop them with their rows; leases and the pace of providers stay."""
    for name in _TABLES:
        op.drop_table(name)


def _forecasts() -> None:
    op.create_table(
        "journal_forecasts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("data_name", sa.String(64), nullable=False),
        sa.Column("horizon", sa.String(4), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("versions", sa.String(32), nullable=False),
        sa.Column("data_version", sa.String(128), nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("standard", sa.Boolean, nullable=False),
        sa.Column("feature_spec", sa.String(64), nullable=False),
        sa.Column("inputs", sa.String(32), nullable=False),
        sa.Column("base_rate", sa.Double),
        sa.Column("level", sa.Double),
        sa.Column("timely", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("settled_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_journal_forecasts"),
        sa.UniqueConstraint("data_name", "horizon", "as_of", "versions", name="uq_journal_forecasts_data_name"),
    )


def _entries() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("forecast_id", sa.Integer, nullable=False),
        sa.Column("symbol", sa.String(24), nullable=False),
        *(sa.Column(name, sa.Double) for name in ("p_up", "expected", "low", "high", "confidence", "ml_score")),
        sa.Column("classic", sa.Double),
        sa.Column("classic_tier", sa.String(20)),
        sa.Column("blended", sa.Double),
        sa.Column("blended_tier", sa.String(20)),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", "symbol", name="pk_journal_entries"),
        sa.ForeignKeyConstraint(
            ["forecast_id"],
            ["journal_forecasts.id"],
            name="fk_journal_entries_forecast_id_journal_forecasts",
            ondelete="CASCADE",
        ),
    )


def _outcomes() -> None:
    op.create_table(
        "journal_outcomes",
        sa.Column("data_name", sa.String(64), nullable=False),
        sa.Column("horizon", sa.String(4), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("symbol", sa.String(24), nullable=False),
        sa.Column("basis", sa.String(10), nullable=False),
        *(sa.Column(name, sa.Double) for name in ("returns", "direction", "excess")),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(300)),
        sa.Column("data_version", sa.String(128), nullable=False),
        sa.Column("settled_at", sa.Double, nullable=False),
        sa.Column("restated", sa.Integer, nullable=False),
        sa.Column("latest", sa.Double),
        sa.Column("latest_version", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("data_name", "horizon", "as_of", "symbol", name="pk_journal_outcomes"),
    )


def _exposures() -> None:
    op.create_table(
        "journal_exposures",
        sa.Column("request", sa.String(32), nullable=False),
        sa.Column("symbol", sa.String(24), nullable=False),
        sa.Column("data_name", sa.String(64), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("horizon", sa.String(4)),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("include_ml", sa.Boolean, nullable=False),
        sa.Column("ml_weight", sa.Double),
        sa.Column("shown_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("request", "symbol", name="pk_journal_exposures"),
    )
