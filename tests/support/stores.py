"""Stores for tests: fixtures with a fresh database per test, and records to put into it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import pytest
from tests.support.postgres import PostgresServer, postgres_server, programs

from offhook.clock import new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.events import CallConnected, SessionEnded, SessionQueued, SessionStarted
from offhook.flow.actions import Callflow, Hangup, MakeCall, Say
from offhook.session.ports.record import (
    ClaimDecision,
    Node,
    OutboxEntry,
    OutboxType,
    Planner,
    Queued,
    RequestRecord,
    Usage,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Direction, Leg, Session
from offhook.store import open_store, upgrade
from offhook.store.memory import MemoryRecords, MemoryStore

NOW = datetime(2026, 7, 3, 5, 59, 32, 226000, tzinfo=UTC)
TEMPLATE = "offhook_template"

_numbers = itertools.count(1)
_memories: WeakValueDictionary[str, MemoryRecords] = WeakValueDictionary()
"""What the memory stores of one test share."""


def seconds(count: float) -> timedelta:
    """Short for a timedelta."""
    return timedelta(seconds=count)


# --- databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL with a migrated template database."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres_server() as server:
        upgrade(server.create_database(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: a migration takes 60 ms."""
    path = tmp_path_factory.mktemp("template") / "offhook.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A migrated SQLite database of the test's own."""
    shutil.copy(sqlite_template, tmp_path)
    return f"sqlite:///{tmp_path}/offhook.db"


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name, TEMPLATE)
    postgres.drop_database(name)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Each kind of store in turn; ``memory:…`` for :func:`opened`."""
    if request.param == "memory":
        return f"memory:{next(_numbers)}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """A store for the time of the block."""
    store = (
        MemoryStore(_memories.setdefault(url, MemoryRecords()))
        if url.startswith("memory:")
        else open_store(url)
    )
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open store of each kind in turn."""
    async with opened(store_url) as store:
        yield store


@pytest.fixture
async def other(store_url: str, store: Store) -> AsyncIterator[Store]:
    """A second process's store on the same database."""
    async with opened(store_url) as other:
        yield other


# --- records


def waiting(
    sub_account_id: str = "acme_corp",
    *,
    destination: str = "+12025550101",
    created_at: datetime = NOW,
    valid_until: datetime | None = None,
) -> Session:
    """A new QUEUED session."""
    call = MakeCall(source="+6512341234", destination=destination)
    say = Say(text="Good morning ☀ 早安", voice_profile="en-US-JennyNeural")
    return Session(
        session_id=new_id(),
        sub_account_id=sub_account_id,
        call_flow_request_id=new_id(),
        status=SessionStatus.QUEUED,
        callflow=Callflow(actions=(call, say, Hangup()), valid_until=valid_until),
        created_at=created_at,
    )


def request_for(
    session: Session | None = None,
    *,
    key: str | None = None,
    body: bytes = b'{"callflow":[]}',
    sub_account_id: str = "acme_corp",
    at: datetime = NOW,
) -> RequestRecord:
    """The request that made the session; without one, a rejected request."""
    return RequestRecord(
        call_flow_request_id=session.call_flow_request_id if session else new_id(),
        sub_account_id=session.sub_account_id if session else sub_account_id,
        at=at,
        body=body,
        http_status=200 if session else 422,
        answer=b'{"statusCode":1}' if session else b'{"statusCode":-1017}',
        session_id=session.session_id if session else None,
        idempotency_key=key,
    )


def leg(trunk: str | None = "carrier", **changes: object) -> Leg:
    """A leg that is being tried."""
    made = Leg(
        call_id=new_id(),
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination="+12025550101",
        trunk=trunk,
    )
    return msgspec.structs.replace(made, **changes)


def claimed(session: Session, trunk: str = "carrier") -> Session:
    """RUNNING with a leg on ``trunk``."""
    return msgspec.structs.replace(
        session, status=SessionStatus.RUNNING, started_at=NOW, legs=(leg(trunk),)
    )


def ended(session: Session, status: SessionStatus = SessionStatus.COMPLETED) -> Session:
    """Final, its legs over."""
    legs = tuple(msgspec.structs.replace(leg, status=CallStatus.COMPLETED) for leg in session.legs)
    return msgspec.structs.replace(session, status=status, ended_at=NOW, legs=legs)


def webhook_entry(
    sub_account_id: str = "acme_corp",
    type_: str = "VCS",
    *,
    session: Session | None = None,
    at: datetime = NOW,
) -> OutboxEntry:
    """A delivery to be made at ``at``."""
    return OutboxEntry(
        delivery_id=new_id(),
        sub_account_id=sub_account_id,
        type=OutboxType(type_),
        payload=b'{"namespace":"VOICE"}',
        created_at=at,
        give_up_at=at + timedelta(hours=24),
        session_id=session.session_id if session else None,
    )


async def accepted(store: Store, *sessions: Session) -> list[Session]:
    """Store new sessions, each with its first event."""
    for session in sessions:
        await store.accept(session, [SessionQueued(at=NOW)], request_for(session))
    return list(sessions)


async def running(store: Store, node: Node, count: int = 1) -> list[Session]:
    """New sessions that the node has claimed."""
    await accepted(store, *(waiting() for _ in range(count)))
    decisions = await store.claim(node, start_all, NOW, limit=count)
    return [decision.session for decision in decisions]


async def final(store: Store, node: Node) -> Session:
    """A session that has ended."""
    (session,) = await running(store, node)
    over = ended(session)
    await store.save(node, over, [SessionEnded(at=NOW, status="COMPLETED")])
    return over


# --- planners


def begin(queued: Queued, trunk: str = "carrier") -> ClaimDecision:
    """Start it now."""
    return ClaimDecision(
        session=claimed(queued.session, trunk),
        events=(SessionStarted(at=NOW, node="n1"),),
        trunks=(trunk,),
    )


def start_all(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
    """Every session starts."""
    return [begin(queued) for queued in waiting]


def within(*, channels: int | None = None, calls: int | None = None) -> Planner:
    """Starts what fits into the trunk's channels, the sub-accounts' calls and all buckets."""

    def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
        used = usage.channels_by_trunk.get("carrier", 0)
        tokens = dict(usage.tokens_by_sub_account)
        trunk_tokens = usage.tokens_by_trunk.get("carrier", float("inf"))
        live = dict(usage.running_by_sub_account)
        decisions = []
        for queued in waiting:
            owner = queued.session.sub_account_id
            if channels is not None and used >= channels:
                continue
            if calls is not None and live.get(owner, 0) >= calls:
                continue
            if tokens.get(owner, 1) < 1 or trunk_tokens < 1:
                continue
            used += 1
            live[owner] = live.get(owner, 0) + 1
            trunk_tokens -= 1
            if owner in tokens:
                tokens[owner] -= 1
            decisions.append(begin(queued))
        return decisions

    return plan


CONNECTED = CallConnected(at=NOW, call_id="c1")
"""An event to save."""
