"""Tallies of the journal, and an index by which what was shown long ago is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_INDEX = "ix_journal_exposures_shown_at"
_KEY = ("data_name", "horizon", "as_of", "versions")


def upgrade() -> None:
    """Make table and index; the next settlement fills the table."""
    op.create_table(
        "journal_tallies",
        sa.Column("data_name", sa.String(64), nullable=False),
        sa.Column("horizon", sa.String(4), nullable=False),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("versions", sa.String(32), nullable=False),
        sa.Column("outcomes", sa.Integer, nullable=False),
        sa.Column("sums", sa.LargeBinary, nullable=False),
        sa.Column("confidence", sa.LargeBinary, nullable=False),
        sa.Column("symbols", sa.Text, nullable=False),
        sa.Column("stocks", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_journal_tallies"),
        sa.ForeignKeyConstraint(
            _KEY,
            [f"journal_forecasts.{name}" for name in _KEY],
            name="fk_journal_tallies_data_name_journal_forecasts",
            ondelete="CASCADE",
        ),
    )
    apart = sa.text("experiment IS NULL")
    op.create_index(_INDEX, "journal_exposures", ["shown_at"], sqlite_where=apart, postgresql_where=apart)


def downgrade() -> None:
    """Drop both; they can be made again."""
    op.drop_index(_INDEX, "journal_exposures")
    op.drop_table("journal_tallies")
