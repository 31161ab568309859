"""Who is signed in to the console, and the requests that were rejected."""

import sqlalchemy as sa
from alembic import op

from offhook.store.online_index import create_index_online

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    create_index_online(
        "requests_rejected",
        "requests",
        ["at", "call_flow_request_id"],
        where="session_id IS NULL",
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("requests_rejected", "requests")
    op.drop_table("sign_ins")
