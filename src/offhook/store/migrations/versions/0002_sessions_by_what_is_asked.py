"""Find sessions by status, number, client id and SIP code; passed-over sessions; keys by time.

Sessions that were stored before are found by the legs and the client ids in their documents.
"""

import sqlalchemy as sa
from alembic import op

from offhook.store.online_index import create_index_online

revision = "0002"
down_revision = "0001"

_FILL_SQLITE = """
INSERT OR IGNORE INTO session_terms (sub_account_id, term, created_at, session_id)
SELECT s.sub_account_id, 'number:' || json_extract(l.value, '$.source'), s.created_at, s.session_id
FROM sessions AS s, json_each(s.document, '$.legs') AS l
UNION
SELECT s.sub_account_id, 'number:' || json_extract(l.value, '$.destination'), s.created_at,
    s.session_id
FROM sessions AS s, json_each(s.document, '$.legs') AS l
UNION
SELECT s.sub_account_id, 'sip:' || json_extract(l.value, '$.sip_code'), s.created_at, s.session_id
FROM sessions AS s, json_each(s.document, '$.legs') AS l
WHERE json_extract(l.value, '$.sip_code') IS NOT NULL
UNION
SELECT sub_account_id, 'request:' || json_extract(document, '$.callflow.clientRequestId'),
    created_at, session_id
FROM sessions WHERE json_extract(document, '$.callflow.clientRequestId') IS NOT NULL
"""
_FILL_POSTGRES = r"""
INSERT INTO session_terms (sub_account_id, term, created_at, session_id)
SELECT s.sub_account_id, 'number:' || m.found[1], s.created_at, s.session_id
FROM sessions AS s CROSS JOIN LATERAL
    regexp_matches(s.document, '"(?:source|destination)":"([^"\\]+)"', 'g') AS m (found)
UNION
SELECT s.sub_account_id, 'sip:' || m.found[1], s.created_at, s.session_id
FROM sessions AS s CROSS JOIN LATERAL
    regexp_matches(s.document, '"sip_code":([0-9]+)', 'g') AS m (found)
UNION
SELECT s.sub_account_id, 'request:' || m.found[1], s.created_at, s.session_id
FROM sessions AS s CROSS JOIN LATERAL
    regexp_matches(s.document, '"clientRequestId":"([^"\\]+)"', 'g') AS m (found)
"""
"""By patterns: PostgreSQL's JSON functions refuse documents with U+0000, which a text may hold. Quotes in
a customer's text are escaped in the document, so the text cannot match."""


def upgrade() -> None:
    """Apply."""
    create_index_online("idempotency_by_time", "idempotency", ["at"])
    create_index_online(
        "sessions_by_status", "sessions", ["sub_account_id", "status", "created_at", "session_id"]
    )
    op.create_table(
        "passed_over",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "node"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session_terms",
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sub_account_id", "term", "created_at", "session_id"),
        sqlite_with_rowid=False,
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    op.execute(sa.text((_FILL_SQLITE if sqlite else _FILL_POSTGRES).replace(":", r"\:")))


def downgrade() -> None:
    """Take back."""
    op.drop_table("session_terms")
    op.drop_index("sessions_by_status", "sessions")
    op.drop_table("passed_over")
    op.drop_index("idempotency_by_time", "idempotency")
