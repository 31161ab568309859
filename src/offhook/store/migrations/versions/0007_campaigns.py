"""Campaigns, the numbers of their lists, and their progress."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    op.create_index(
        "campaigns_by_sub_account",
        "campaigns",
        ["sub_account_id", "created_at", "campaign_id"],
        unique=False,
    )
    op.create_index(
        "campaigns_active",
        "campaigns",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("active = 1"),
        postgresql_where=sa.text("active = 1"),
    )
    op.create_table(
        "campaign_targets",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("undialled", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("campaign_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "campaign_targets_by_number", "campaign_targets", ["campaign_id", "number"], unique=True
    )
    op.create_index(
        "campaign_targets_by_state",
        "campaign_targets",
        ["campaign_id", "state", "due_at", "position"],
        unique=False,
    )
    op.create_table(
        "campaign_counts",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "name"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("campaign_counts")
    op.drop_index("campaign_targets_by_state", "campaign_targets")
    op.drop_index("campaign_targets_by_number", "campaign_targets")
    op.drop_table("campaign_targets")
    op.drop_index("campaigns_active", "campaigns")
    op.drop_index("campaigns_by_sub_account", "campaigns")
    op.drop_table("campaigns")
