"""The tables, as SQLAlchemy metadata; the migrations are tested to produce exactly these.

Conventions, the same in SQLite and PostgreSQL: a time is a BIGINT of microseconds since 1970 (UTC),
a document is JSON text (:mod:`.documents`), an id is text. What a statement selects by has a column
of its own; everything else lives in the document.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

requests = Table(
    "requests",
    metadata,
    Column("call_flow_request_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("session_id", Text),
    Column("idempotency_key", Text),
    Index("requests_by_time", "at"),
    Index(
        "requests_rejected",
        "at",
        "call_flow_request_id",
        sqlite_where=text("session_id IS NULL"),
        postgresql_where=text("session_id IS NULL"),
    ),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("key_digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Browsers that are signed in to the console."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("call_flow_request_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("idempotency_by_time", "at"),
    sqlite_with_rowid=False,
)
"""Which request a key named first; a row older than 24 h is taken over by the next request."""

_WAITING = text("status = 'QUEUED'")
_RUNNING = text("status = 'RUNNING'")

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("ready_since", BigInteger),
    Column("waits_for", Text, nullable=False),
    Column("node", Text),
    Column("epoch", BigInteger),
    Column("channels", Text, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("sessions_by_sub_account", "sub_account_id", "created_at", "session_id"),
    Index("sessions_by_status", "sub_account_id", "status", "created_at", "session_id"),
    Index(
        "sessions_waiting",
        "sub_account_id",
        "waits_for",
        "created_at",
        "session_id",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index(
        "sessions_expiring",
        "valid_until",
        sqlite_where=text("status = 'QUEUED' AND valid_until IS NOT NULL"),
        postgresql_where=text("status = 'QUEUED' AND valid_until IS NOT NULL"),
    ),
    Index(
        "sessions_running",
        "sub_account_id",
        "channels",
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    ),
    Index(
        "sessions_by_node",
        "node",
        "epoch",
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    ),
)
"""``waits_for``: '' until the planner has said which trunk is missing, then that trunk's name; or ``@`` and
the microseconds of the time before which its callee must not be called.
``channels``: JSON array of the trunks whose channels its live legs hold, sorted."""

session_terms = Table(
    "session_terms",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("term", Text, primary_key=True),
    Column("created_at", BigInteger, primary_key=True),
    Column("session_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""The search terms of sessions (:mod:`.search_terms`), such as ``number:+6512341234``."""

passed_over = Table(
    "passed_over",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Waiting sessions that a node leaves alone: it does not know their sub-account or route."""

events = Table(
    "events",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

sip_traces = Table(
    "sip_traces",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
"""The SIP messages of sessions that failed: a JSON array."""

trunk_states = Table(
    "trunk_states",
    metadata,
    Column("trunk", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("up", Boolean, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("detail", Text),
    sqlite_with_rowid=False,
)
"""Whether each trunk answered each node last."""

phones = Table(
    "phones",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("contact", Text, primary_key=True),
    Column("registered_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The registered phones of SIP users."""

first_calls = Table(
    "first_calls",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("country", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("session_id", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""When each sub-account called a country first."""

log_lines = Table(
    "log_lines",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("process", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What processes logged about sessions."""

captures = Table(
    "captures",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("pcap", LargeBinary, nullable=False),
)
"""The packets of sessions that an operator asked for."""

nodes = Table(
    "nodes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
)
"""``heartbeat_at`` 0: retired. ``place``: where it runs (:mod:`.node_names`)."""

node_facts = Table(
    "node_facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("capacity", BigInteger, nullable=False),
    Column("drained_since", BigInteger),
)
"""What nodes say of themselves; ``drained_since``: an operator's order."""

buckets = Table(
    "buckets",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tokens", Float(53), nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Token buckets of calls per second; ``kind`` is ``sub_account`` or ``trunk``."""

outbox = Table(
    "outbox",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("session_id", Text),
    Column("url", Text),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("give_up_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("owner", Text),
    Column("attempts", Integer, nullable=False),
    Column("history", Text, nullable=False),
    Index(
        "outbox_pending",
        "sub_account_id",
        "type",
        "next_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "outbox_leased",
        "next_at",
        sqlite_where=text("state = 'leased'"),
        postgresql_where=text("state = 'leased'"),
    ),
    Index(
        "outbox_dead",
        "sub_account_id",
        "type",
        "created_at",
        "delivery_id",
        sqlite_where=text("state = 'dead'"),
        postgresql_where=text("state = 'dead'"),
    ),
    Index("outbox_by_session", "session_id"),
    Index("outbox_by_type", "sub_account_id", "type", "created_at", "delivery_id"),
)
"""``next_at``: when a pending entry falls due, when a leased one's lease is over.
``history``: one JSON object per attempt, each followed by a newline."""

usage_days = Table(
    "usage_days",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("country", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("billable_seconds", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Index("usage_by_day", "day"),
    sqlite_with_rowid=False,
)
"""What ended sessions have used (:mod:`.usage_rows`). ``day``: ``2026-11-28``, UTC; ``cost``: millionths of
the currency; ``node``: the node that added it, so that nodes do not wait for each other."""

_OPEN_EXPORT = text("state IN ('queued', 'running')")

exports = Table(
    "exports",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("cursor", Text),
    Column("rows", BigInteger, nullable=False),
    Column("pieces", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("exports_by_token", "token", unique=True),
    Index("exports_by_expiry", "expires_at"),
    Index(
        "exports_open",
        "sub_account_id",
        "created_at",
        "job_id",
        sqlite_where=_OPEN_EXPORT,
        postgresql_where=_OPEN_EXPORT,
    ),
)
"""Jobs that export the call log; ``lease_until`` 0: never leased."""

export_pieces = Table(
    "export_pieces",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""The files of exports: of CSV pieces that are compressed one by one, of Parquet whole files."""

sub_accounts = Table(
    "sub_accounts",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

scenarios = Table(
    "scenarios",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)
"""``digest``: SHA-256 of the key; the key itself is nowhere. ``document``: its KeyGrant."""

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("way", Text, nullable=False),
    Column("session_id", Text),
    Index("opt_outs_by_time", "sub_account_id", "at", "number"),
)
"""The numbers that want no more voice messages of a sub-account."""

_WAITING_TO_BE_UPLOADED = text("state = 'waiting'")

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("storage", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Column("document", Text, nullable=False),
    Index("recordings_by_session", "session_id"),
    Index("recordings_by_age", "storage", "started_at"),
    Index(
        "recordings_due",
        "storage",
        "sub_account_id",
        "next_at",
        sqlite_where=_WAITING_TO_BE_UPLOADED,
        postgresql_where=_WAITING_TO_BE_UPLOADED,
    ),
)
"""``next_at``: when a waiting one is to be uploaded, or when the lease of one that is being uploaded is
over."""

recording_pushes = Table(
    "recording_pushes",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)
"""Where each sub-account's recordings are uploaded to, with the password."""
campaigns = Table(
    "campaigns",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("active", Integer, nullable=False),
    Column("owner", Text),
    Column("lease_until", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("campaigns_by_sub_account", "sub_account_id", "created_at", "campaign_id"),
    Index(
        "campaigns_active",
        "lease_until",
        sqlite_where=text("active = 1"),
        postgresql_where=text("active = 1"),
    ),
)
"""``active`` 1: a process must look after it, from its start until its last call has ended.
``owner``: the process that does, until ``lease_until``."""

campaign_targets = Table(
    "campaign_targets",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("number", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("undialled", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("session_id", Text),
    Column("outcome", Text),
    Column("detail", Text),
    Column("ended_at", BigInteger),
    Index("campaign_targets_by_number", "campaign_id", "number", unique=True),
    Index("campaign_targets_by_state", "campaign_id", "state", "due_at", "position"),
    sqlite_with_rowid=False,
)
"""The numbers of a campaign's list."""

campaign_counts = Table(
    "campaign_counts",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Progress of campaigns, counted with each change, so that nobody counts a list."""

menus = Table(
    "menus",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

media = Table(
    "media",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""Customers' audio files. ``digest``: SHA-256 of the content, hexadecimal."""

numbers = Table(
    "numbers",
    metadata,
    Column("msisdn", Text, primary_key=True),
    Column("sub_account_id", Text, nullable=False),
    Column("document", Text, nullable=False),
)
"""Numbers that the operator has assigned beside those of the sub-accounts' own documents."""

number_states = Table(
    "number_states",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("msisdn", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
    Column("test_begun_at", BigInteger),
    Column("test_arrived_at", BigInteger),
    Column("tested_at", BigInteger),
    Column("test_detail", Text),
    Index("number_states_by_number", "msisdn"),
)
"""What customers were told of their numbers. ``tested_at``: when the last test call ended; ``test_detail``:
why it did not arrive."""

number_receivers = Table(
    "number_receivers",
    metadata,
    Column("sub_account_id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
)
"""Which webhook was told of all numbers of the sub-account."""

duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)
"""What one process of the installation does at a time."""

versions = Table(
    "versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""``tenancy``: grows with every change of what Directory caches."""

schema_floor = Table("schema_floor", metadata, Column("oldest", Text, nullable=False))
"""One row: the revision of the oldest version that this schema still serves."""

troubles = Table(
    "troubles",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
)
"""What the operator was told of and that is not over."""
