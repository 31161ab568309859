"""The oldest version that this schema still serves."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply."""
    op.create_table("schema_floor", sa.Column("oldest", sa.Text(), nullable=False))
    op.execute("INSERT INTO schema_floor (oldest) VALUES ('0001')")


def downgrade() -> None:
    """Take back."""
    op.drop_table("schema_floor")
