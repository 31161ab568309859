"""No statement of the store scans a table that grows: every one is explained on a filled store.

A partial index of what is under way (waiting, running, pending, leased) may be read whole: it holds
only live rows. So may the tables of nodes, buckets and tenancy, which no call makes longer.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import Executable
from tests.support.stores import NOW, opened

from offhook.codes import SessionStatus
from offhook.session.campaign import Campaign, CampaignOrder, CampaignState, TargetState
from offhook.session.ports.campaign_records import TargetFilter
from offhook.session.ports.console_records import SignIn
from offhook.session.ports.exports import ExportJob, ExportRequest
from offhook.session.ports.record import DeliveryState, OutboxType, SessionFilter
from offhook.session.ports.stores import Store
from offhook.session.tenancy import KeyGrant, Scenario, SubAccount, Webhook, WebhookType
from offhook.store import schema
from offhook.store.cursors import cursor_at
from offhook.store.documents import encode
from offhook.store.sqlfiles import load
from offhook.store.statements import Statements

GROWING = {
    "sessions",
    "usage_days",
    "events",
    "requests",
    "idempotency",
    "outbox",
    "session_terms",
    "sip_traces",
    "log_lines",
    "captures",
    "opt_outs",
    "campaign_targets",
    "exports",
    "export_pieces",
}
LATER = NOW + timedelta(days=1)
ROWS = 20_000
ACCOUNTS = 40
LIVE = {"sessions_waiting", "sessions_running", "sessions_expiring", "sessions_by_node"} | {
    "outbox_pending",
    "outbox_leased",
    "exports_open",
}
BATCH_COLUMNS = {
    "insert_sessions": 12,
    "insert_events": 3,
    "insert_requests": 8,
    "insert_outbox": 13,
    "insert_terms": 4,
    "add_usage": 11,
    "known_keys": 3,
    "remember_keys": 4,
    "owned_sessions": 3,
    "update_sessions": 5,
    "count_events": 2,
    "decide_sessions": 9,
    "put_buckets": 4,
    "opted_out": 2,
    "add_targets": 5,
    "count_targets": 3,
    "passed_over": 1,
    "pass_over": 4,
    "forget_marks": 2,
    "lease": 3,
    "finish": 5,
}
"""SQLite's statements with ``{values}``, and the columns of each row."""


def test_the_tables_that_grow_are_those_of_sessions_and_requests() -> None:
    small = {
        "api_keys",
        "buckets",
        "nodes",
        "passed_over",
        "scenarios",
        "sign_ins",
        "sub_accounts",
        "campaigns",
        "campaign_counts",
        "menus",
        "media",
        "numbers",
        "number_states",
        "number_receivers",
        "duties",
        "node_facts",
        "phones",
        "first_calls",
        "trunk_states",
        "recording_pushes",
        "recordings",
    }
    assert GROWING | small | {"versions", "webhooks", "schema_floor", "troubles"} == set(
        schema.metadata.tables
    )


# --- a filled store: a few sessions are under way, all others are over

NUMBERED = """
INSERT INTO sessions SELECT 's' || n, 'a' || (n % {accounts}),
    CASE WHEN n < 20 THEN 'QUEUED' WHEN n < 40 THEN 'RUNNING' WHEN n % 9 = 0 THEN 'BUSY'
        ELSE 'COMPLETED' END,
    1000000 + n, CASE WHEN n < 5 THEN 1 END, NULL, '', CASE WHEN n < 40 THEN 'n1' END,
    CASE WHEN n < 40 THEN 1 END, '[]', 2, '{{}}' FROM n;
INSERT INTO events SELECT 's' || n, 1, '{{}}' FROM n;
INSERT INTO events SELECT 's' || n, 2, '{{}}' FROM n;
INSERT INTO requests SELECT 'r' || n, 'a' || (n % {accounts}), 1000000 + n, {blob}, 200, {blob},
    's' || n, NULL FROM n;
INSERT INTO idempotency SELECT 'a' || (n % {accounts}), 'k' || n, 'r' || n, 1000000 + n FROM n;
INSERT INTO opt_outs SELECT 'a' || (n % {accounts}), '+' || n, 1000000 + n, 'key', NULL FROM n;
INSERT INTO campaigns SELECT 'c' || n, 'a1', 'RUNNING', 1000000, 0, NULL, 0, '{{}}' FROM n WHERE n < 9;
INSERT INTO campaign_targets SELECT 'c' || (n % 9), n, '+' || n, '{{}}',
    CASE WHEN n % 99 = 0 THEN 'CALLING' WHEN n % 2 = 0 THEN 'WAITING' ELSE 'DONE' END, 1, 0,
    1000000 + n, 's' || n, NULL, NULL, NULL FROM n;
INSERT INTO sip_traces SELECT 's' || n, '[]' FROM n;
INSERT INTO log_lines SELECT 's' || n, 1000000 + n, 'l' || n, 'api', 'info', 'x' FROM n;
INSERT INTO captures SELECT 's' || n, 1000000 + n, {blob} FROM n;
INSERT INTO session_terms SELECT 'a' || (n % {accounts}), 'number:+' || (n % 100), 1000000 + n, 's' || n
    FROM n;
INSERT INTO outbox SELECT 'd' || n, 'a' || (n % {accounts}), CASE WHEN n % 4 = 0 THEN 'VSS' ELSE 'VCS' END,
    's' || n, NULL, {blob}, 1000000 + n, 2000000,
    CASE WHEN n < 20 THEN 'pending' WHEN n < 40 THEN 'leased' ELSE 'delivered' END, 1000000 + n,
    NULL, 1, '' FROM n;
INSERT INTO exports SELECT 'j' || n, 'a' || (n % {accounts}), 't' || n, 1000000 + n,
    CASE WHEN n < 20 THEN 'queued' WHEN n < 40 THEN 'running' ELSE 'succeeded' END, '{request}', NULL, 0, 1,
    0, NULL, 0, 2000000 + n FROM n;
INSERT INTO export_pieces SELECT 'j' || n, 0, {blob} FROM n;
INSERT INTO nodes (name, role, epoch, heartbeat_at) VALUES ('n1', 'voice', 1, 1000000);
"""


EXPORT = ExportRequest(since=NOW, until=NOW)


def filling(numbers: str, blob: str) -> list[str]:
    """The statements that fill a store; ``numbers`` makes the rows 1 to :data:`ROWS`."""
    text = NUMBERED.format(accounts=ACCOUNTS, blob=blob, request=encode(EXPORT))
    inserts = [part.strip() for part in text.split(";") if part.strip()]
    return [
        re.sub(r"^(INSERT INTO \w+) SELECT", rf"\1 {numbers} SELECT", each, count=1)
        for each in inserts
    ]


# --- the statements of SQLAlchemy, collected while every call is made


@contextmanager
def collected(patch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, list[Any]]]]:
    """Every statement that is compiled meanwhile, with its arguments."""
    found: list[tuple[str, list[Any]]] = []
    compiled = Statements._compiled

    def note(self: Statements, statement: Executable) -> tuple[str, list[Any]]:
        result = compiled(self, statement)
        found.append(result)
        return result

    with patch.context() as noting:
        noting.setattr(Statements, "_compiled", note)
        yield found


FILTERS = [
    SessionFilter(),
    SessionFilter(status=SessionStatus.BUSY),
    SessionFilter(status=SessionStatus.BUSY, since=NOW, until=NOW),
    SessionFilter(since=NOW, until=NOW),
    SessionFilter(number="+7"),
    SessionFilter(number="+7", status=SessionStatus.BUSY, since=NOW, until=NOW),
    SessionFilter(client_request_id="x"),
    SessionFilter(client_batch_id="x", sip_code=486),
]


async def make_every_call(store: Store) -> None:
    """The calls that go through SQLAlchemy; they find or change next to nothing."""
    await store.request("a1", "r1")
    await store.session("a1", "none")
    for chosen in FILTERS:
        for cursor in (None, cursor_at(1, "s")):
            await store.sessions("none", chosen, cursor=cursor)
    await store.events("none")
    await store.deliveries("none")
    await store.deliveries_of_type("none", OutboxType.VSS, cursor=cursor_at(1, "d"))
    for state in (DeliveryState.DEAD, DeliveryState.PENDING):
        await store.deliveries_of_type("none", OutboxType.VSS, state=state)
    await store.redeliver("a1", "none", NOW, NOW)
    await store.next_delivery_at()
    await store.make_due("a1", OutboxType.VSS, None, NOW)
    await store.purge(NOW - timedelta(days=40_000))
    await make_every_tenancy_call(store)
    await make_every_campaign_call(store)
    await make_every_export_call(store)
    await make_every_console_call(store)


async def make_every_console_call(store: Store) -> None:
    owners = [f"a{number}" for number in range(3)]
    sign_in = SignIn(
        token_digest=b"x", key_digest=b"x", created_at=NOW, used_at=NOW, expires_at=NOW
    )
    await store.put_sign_in(sign_in)
    await store.sign_in(b"x")
    await store.touch_sign_in(b"x", NOW)
    await store.delete_sign_in(b"x")
    await store.any_request("none")
    await store.rejected_requests(owners, since=NOW, until=LATER, cursor=cursor_at(1, "r"))
    await store.newest_sessions(owners, NOW, limit=10)
    await store.outcome_counts(owners, NOW, LATER, timedelta(hours=1))
    await store.sip_code_counts(owners, NOW, LATER)
    await store.live_sessions(owners, each=3, limit=5, events=2)


async def make_every_export_call(store: Store) -> None:
    job = ExportJob(
        job_id="x",
        sub_account_id="x",
        request=EXPORT,
        token="x",
        created_at=NOW,
    )
    await store.create_export(job, most_waiting=10)
    await store.export("x", "x")
    await store.export_of_token("x")
    await store.exports_due(NOW)
    leased = await store.lease_export("x", NOW, NOW)
    assert leased is not None
    await store.renew_export("x", "x", NOW)
    await store.add_piece(msgspec.structs.replace(job, pieces=1), "x", b"x", NOW)
    await store.piece("x", 0)
    await store.cancel_export("x", "x")
    await store.purge_exports(NOW - timedelta(days=40_000))


async def make_every_campaign_call(store: Store) -> None:
    campaign = Campaign(
        campaign_id="x",
        sub_account_id="x",
        state=CampaignState.DRAFT,
        template="{}",
        pace=1,
        created_at=NOW,
    )
    await store.create_campaign(campaign)
    await store.campaign("x", "x")
    await store.campaigns("x", cursor=cursor_at(1, "c"))
    await store.order_campaign(campaign, CampaignOrder.START, NOW)
    await store.campaign_counts("c1")
    chosen = TargetFilter(state=TargetState.DONE, outcome="BUSY")
    await store.targets("c1", after=7, limit=5)
    await store.targets("c1", chosen, limit=5)
    await store.lease_campaigns("x", NOW, lease=10)
    await store.due_targets("c1", NOW, 5)
    await store.calling_targets("c1")
    await store.postpone_targets("x", campaign, [1, 2], NOW)
    await store.finish_campaign("x", campaign, NOW)
    await store.release_campaigns("x")


async def make_every_tenancy_call(store: Store) -> None:
    await store.put_sub_account(SubAccount(sub_account_id="x", account_id="x"))
    await store.put_webhook("x", Webhook(type=WebhookType.VSS, url="https://a.example/"))
    await store.put_scenario("x", Scenario(name="x", callflow="[]"))
    await store.put_key(b"x", KeyGrant(key_id="x", account_id="x"), "x", NOW)
    await store.touch_keys({"x": NOW})
    await store.sub_accounts()
    await store.webhooks()
    await store.scenarios()
    await store.keys()
    await store.list_keys()
    await store.tenancy_version()
    await store.revoke_key("x", NOW)
    await store.delete_scenario("x", "x")
    await store.delete_webhook("x", WebhookType.VSS)
    await store.delete_sub_account("x")


# --- SQLite


def sqlite_scans(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The steps of a statement's plan that scan a table that grows."""
    aliases = {
        alias or table: table
        for table, alias in re.findall(r"(?:FROM|JOIN|UPDATE|INTO) (\w+)(?: AS (\w+))?", sql)
        if table in GROWING
    } | {table: table for table in GROWING}
    count = sql.count("?")
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count).fetchall()
    scans = [row[3] for row in rows if row[3].startswith("SCAN ")]
    return [
        step
        for step in scans
        if step.split()[1] in aliases and not any(f"INDEX {name}" in step for name in LIVE)
    ]


@pytest.fixture
def filled_sqlite(sqlite_url: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")))
    numbers = f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"
    for statement in filling(numbers, "x'00'"):
        connection.execute(statement)
    connection.commit()
    yield connection
    connection.close()


@pytest.mark.parametrize("analyzed", [False, True], ids=["as it is", "analyzed"])
def test_sqlites_named_statements(filled_sqlite: sqlite3.Connection, analyzed: bool) -> None:
    if analyzed:
        filled_sqlite.execute("ANALYZE")
    bad = {}
    for name, text in load("sqlite").items():
        for rows in (1, 64) if "{values}" in text else (1,):
            row = "(" + ", ".join("?" * BATCH_COLUMNS.get(name, 0)) + ")"
            sql = re.sub(r"\?\d+", "?", text).replace("{values}", ", ".join([row] * rows))
            if scans := sqlite_scans(filled_sqlite, sql):
                bad[name] = scans
    assert bad == {}


async def test_sqlites_other_statements(
    filled_sqlite: sqlite3.Connection, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collected(monkeypatch) as statements:
        async with opened(sqlite_url) as store:
            await make_every_call(store)
    assert len(statements) > 40
    bad = {sql: scans for sql, _ in statements if (scans := sqlite_scans(filled_sqlite, sql))}
    assert bad == {}


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (
            SessionFilter(status=SessionStatus.FAILED),
            "sessions_by_status (sub_account_id=? AND status=?",
        ),
        (SessionFilter(since=LATER), "sessions_by_sub_account (sub_account_id=?"),
        (SessionFilter(number="+100"), "PRIMARY KEY (sub_account_id=? AND term=?"),
        (
            SessionFilter(number="+100", status=SessionStatus.FAILED),
            "PRIMARY KEY (sub_account_id=? AND term=?",
        ),
    ],
)
@pytest.mark.parametrize("analyzed", [False, True], ids=["as it is", "analyzed"])
async def test_a_list_is_read_from_the_index_of_what_it_is_filtered_by(
    filled_sqlite: sqlite3.Connection,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    chosen: SessionFilter,
    index: str,
    analyzed: bool,
) -> None:
    if analyzed:
        filled_sqlite.execute("ANALYZE")
        filled_sqlite.commit()
    with collected(monkeypatch) as statements:
        async with opened(sqlite_url) as store:
            await store.sessions("a1", chosen, limit=1)
    ((sql, arguments),) = statements
    rows = filled_sqlite.execute(f"EXPLAIN QUERY PLAN {sql}", arguments).fetchall()
    steps = [row[3] for row in rows]
    assert index in steps[0]
    assert not [step for step in steps if "TEMP B-TREE" in step]


# --- PostgreSQL


def postgres_scans(plan: dict[str, Any]) -> list[str]:
    """The steps of a plan that scan a table that grows."""
    found = [scan for child in plan.get("Plans", ()) for scan in postgres_scans(child)]
    kind, table = plan["Node Type"], plan.get("Relation Name")
    whole = kind == "Seq Scan" or ("Index" in kind and "Index Cond" not in plan)
    if table in GROWING and whole and plan.get("Index Name") not in LIVE:
        found.append(f"{kind} on {table} {plan.get('Index Name', '')}")
    return found


@pytest.fixture
async def filled_postgres(postgres_url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(postgres_url, timeout=10)
    numbers = f"WITH n (n) AS (SELECT generate_series(1, {ROWS}))"
    for statement in filling(numbers, r"'\x00'"):
        await connection.execute(statement)
    await connection.execute("ANALYZE")
    yield connection
    await connection.close()


async def generic_plan(connection: asyncpg.Connection, sql: str) -> dict[str, Any]:
    """The plan that does not depend on the arguments, as a prepared statement gets it in the end."""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE explained AS {sql}")
    try:
        count = len(set(re.findall(r"\$\d+", sql)))
        arguments = f"({', '.join(['NULL'] * count)})" if count else ""
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE explained{arguments}")
    finally:
        await connection.execute("DEALLOCATE explained")
        await connection.execute("RESET plan_cache_mode")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


async def test_postgres_named_statements(filled_postgres: asyncpg.Connection) -> None:
    bad = {}
    for name, sql in load("postgres").items():
        if scans := postgres_scans(await generic_plan(filled_postgres, sql)):
            bad[name] = scans
    assert bad == {}


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (SessionFilter(status=SessionStatus.FAILED), "sessions_by_status"),
        (SessionFilter(number="+100"), "session_terms_pkey"),
        (SessionFilter(number="+100", status=SessionStatus.FAILED), "session_terms_pkey"),
    ],
)
async def test_postgres_reads_a_list_from_the_index_too(
    filled_postgres: asyncpg.Connection,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    chosen: SessionFilter,
    index: str,
) -> None:
    with collected(monkeypatch) as statements:
        async with opened(postgres_url) as store:
            await store.sessions("a1", chosen, limit=1)
    ((sql, arguments),) = statements
    text = await filled_postgres.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
    assert index in text


async def test_postgres_other_statements(
    filled_postgres: asyncpg.Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collected(monkeypatch) as statements:
        async with opened(postgres_url) as store:
            await make_every_call(store)
    assert len(statements) > 40
    bad: dict[str, Sequence[str]] = {}
    for sql, arguments in statements:
        text = await filled_postgres.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
        if scans := postgres_scans(json.loads(text)[0]["Plan"]):
            bad[sql] = scans
    assert bad == {}
