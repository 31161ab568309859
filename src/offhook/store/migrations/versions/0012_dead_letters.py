"""The webhooks that were given up, by sub-account and type."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "outbox_dead",
        "outbox",
        ["sub_account_id", "type", "created_at", "delivery_id"],
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("outbox_dead", "outbox")
