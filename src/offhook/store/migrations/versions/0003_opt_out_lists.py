"""The numbers that want no more voice messages of a sub-account."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "opt_outs",
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sub_account_id", "number"),
    )
    op.create_index(
        "opt_outs_by_time", "opt_outs", ["sub_account_id", "at", "number"], unique=False
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("opt_outs_by_time", "opt_outs")
    op.drop_table("opt_outs")
