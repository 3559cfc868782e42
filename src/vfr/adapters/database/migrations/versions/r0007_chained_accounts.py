"""The log of accounts is chained by hashes; an experiment keeps the report it was stopped with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vfr.adapters.database.chained_log import chained

revision = "0007"
down_revision = "0006"

_LOG = "account_audit"
_SAID = ("at", "who", "action", "subject", "detail")


def upgrade() -> None:
    """Chain the rows of the log as they stand, numbered without gaps."""
    entries = _taken(*_SAID)
    log = _made(
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        *_columns(),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(log, list(chained(entries)))
    # One more than there are rows would be taken for a row that was cut off.
    op.execute("UPDATE account_revision SET revision = (SELECT count(*) FROM account_audit)")
    op.add_column("experiments", sa.Column("verdict", sa.Text))


def downgrade() -> None:
    """Keep the rows, and count on from the last."""
    op.drop_column("experiments", "verdict")
    entries = _taken("sequence", *_SAID)
    op.bulk_insert(_made(sa.Column("sequence", sa.Integer, nullable=False), *_columns()), entries)
    if op.get_bind().dialect.name == "postgresql":
        last = "(SELECT coalesce(max(sequence), 0) + 1 FROM account_audit)"
        op.execute(f"SELECT setval(pg_get_serial_sequence('account_audit', 'sequence'), {last}, false)")


def _taken(*names: str) -> list[dict[str, object]]:
    """Return the rows in their order, and drop the table."""
    log = sa.table(_LOG, *(sa.column(name) for name in ("sequence", *_SAID)))
    question = sa.select(*(log.c[name] for name in names)).order_by(log.c.sequence)
    rows = [dict(row) for row in op.get_bind().execute(question).mappings()]
    op.drop_table(_LOG)
    return rows


def _made(*columns: sa.Column[object]) -> sa.Table:
    return op.create_table(_LOG, *columns, sa.PrimaryKeyConstraint("sequence", name="pk_account_audit"))


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
    )
