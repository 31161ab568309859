"""The webhooks that were given up, by sub-account and type."""

from alembic import op

from offhook.store.online_index import create_index_online

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    create_index_online(
        "outbox_dead",
        "outbox",
        ["sub_account_id", "type", "created_at", "delivery_id"],
        where="state = 'dead'",
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("outbox_dead", "outbox")
