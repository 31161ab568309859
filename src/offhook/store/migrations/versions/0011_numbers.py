"""Virtual numbers: assignments, what customers were told."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "numbers",
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("msisdn"),
    )
    op.create_table(
        "number_states",
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("test_begun_at", sa.BigInteger(), nullable=True),
        sa.Column("test_arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("tested_at", sa.BigInteger(), nullable=True),
        sa.Column("test_detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sub_account_id", "msisdn"),
    )
    op.create_index("number_states_by_number", "number_states", ["msisdn"], unique=False)
    op.create_table(
        "number_receivers",
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sub_account_id"),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("duties")
    op.drop_table("number_receivers")
    op.drop_index("number_states_by_number", table_name="number_states")
    op.drop_table("number_states")
    op.drop_table("numbers")
