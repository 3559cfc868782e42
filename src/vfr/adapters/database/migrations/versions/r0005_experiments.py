"""Experiments, who was dealt what, and which arm an answer was given in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INDEX = "ix_journal_exposures_experiment"


def upgrade() -> None:
    """Make both tables, and two columns of what was shown."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("holdout", sa.Double, nullable=False),
        sa.Column("horizon", sa.String(4), nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("first", sa.String(10), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("running", sa.Integer),
        sa.Column("last", sa.String(10)),
        sa.Column("stopped_at", sa.Double),
        sa.Column("stopped_by", sa.String(200)),
        sa.Column("stopped_why", sa.String(500)),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        sa.UniqueConstraint("running", name="uq_experiments_running"),
    )
    op.create_table(
        "experiment_exposures",
        sa.Column("experiment", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("arm", sa.String(8), nullable=False),
        sa.Column("first_seen", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("ml_requests", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("experiment", "subject", name="pk_experiment_exposures"),
        sa.ForeignKeyConstraint(
            ["experiment"],
            ["experiments.id"],
            name="fk_experiment_exposures_experiment_experiments",
            ondelete="CASCADE",
        ),
    )
    op.add_column("journal_exposures", sa.Column("experiment", sa.String(12)))
    op.add_column("journal_exposures", sa.Column("arm", sa.String(8)))
    decided = sa.text("experiment IS NOT NULL")
    op.create_index(_INDEX, "journal_exposures", ["experiment"], sqlite_where=decided, postgresql_where=decided)


def downgrade() -> None:
    """Drop them with their rows; what was shown stays, without its arm."""
    op.drop_index(_INDEX, "journal_exposures")
    op.drop_column("journal_exposures", "arm")
    op.drop_column("journal_exposures", "experiment")
    op.drop_table("experiment_exposures")
    op.drop_table("experiments")
