"""Recordings, and where they are uploaded to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("storage", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recording_id"),
    )
    op.create_index("recordings_by_session", "recordings", ["session_id"], unique=False)
    op.create_index("recordings_by_age", "recordings", ["storage", "started_at"], unique=False)
    op.create_index(
        "recordings_due",
        "recordings",
        ["storage", "sub_account_id", "next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "recording_pushes",
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sub_account_id"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("recording_pushes")
    op.drop_table("recordings")
