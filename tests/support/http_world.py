"""The real web application on a real socket, over a store and a directory in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from prometheus_client import CollectorRegistry

from offhook import config
from offhook.codes import SessionStatus
from offhook.config import Admin, Config
from offhook.events import SessionEnded
from offhook.fabric.memory import MemoryFabric
from offhook.flow.context import ListedProfile, Profile, Profiles
from offhook.http.app import create_app
from offhook.http.asgi import AsgiApp
from offhook.http.deps import Cancellation, Deps, HttpLimits, Phase
from offhook.http.edge.http_server import RunningServer, serve
from offhook.session.api_keys import key_digest
from offhook.session.number_states import NumberTerms
from offhook.session.ports.stores import Store
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.session import Session
from offhook.session.tenancy import (
    KeyGrant,
    SubAccount,
    VirtualNumber,
    Webhook,
    WebhookType,
)
from offhook.store import open_store
from offhook.store.directory import Directory
from offhook.store.memory import MemoryStore

KEY = "key-of-acme"
OTHER_KEY = "key-of-somebody-else"
READER_KEY = "key-that-only-reads"
OPERATOR_KEY = "key-of-the-operator"

ACME = SubAccount(
    sub_account_id="acme_corp",
    account_id="acme",
    numbers=(VirtualNumber(msisdn="+6568332048", reference_id="PSTN1"),),
    caller_ids=frozenset({"+6512341234"}),
    webhooks={
        WebhookType.VCA: Webhook(
            type=WebhookType.VCA, url="https://acme.example/vca", http_auth_header="s3cret"
        )
    },
)
OTHER = SubAccount(sub_account_id="other_corp", account_id="other")

MESSAGE = {
    "callflow": [
        {
            "action": "makeCall",
            "params": {"source": "+6512341234", "destination": "+12025550101"},
        },
        {
            "action": "say",
            "params": {"text": "Hello", "voiceProfile": "en-US-JennyNeural"},
        },
    ]
}


class FakeDirectory(TenantDirectory):
    """Two sub-accounts of two accounts, three keys, and the store's webhooks."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.configured = {each.sub_account_id: each for each in (ACME, OTHER)}
        self.keys = {
            KEY: KeyGrant(key_id="k1", account_id="acme"),
            OTHER_KEY: KeyGrant(key_id="k2", account_id="other"),
            READER_KEY: KeyGrant(
                key_id="k3", account_id="acme", scopes=frozenset({"sessions:read"})
            ),
        }
        self.operator_has_keys = True
        self._sub_accounts = dict(self.configured)

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return self._sub_accounts.get(sub_account_id)

    def sub_accounts(self) -> Sequence[SubAccount]:
        return list(self._sub_accounts.values())

    def is_admin_digest(self, digest: bytes) -> bool:
        return self.operator_has_keys and digest == key_digest(OPERATOR_KEY)

    def allow_sources(self, sub_account_id: str, *numbers: str) -> None:
        """Let a sub-account call from ``numbers``."""
        changed = msgspec.structs.replace(
            self.configured[sub_account_id], caller_ids=frozenset(numbers)
        )
        self.configured[sub_account_id] = self._sub_accounts[sub_account_id] = changed

    def has_admin_keys(self) -> bool:
        return self.operator_has_keys

    def in_file(self, sub_account_id: str) -> bool:
        return sub_account_id in self.configured

    def number_in_file(self, msisdn: str) -> bool:
        return any(msisdn == n.msisdn for each in self.configured.values() for n in each.numbers)

    def grant_of(self, digest: bytes) -> KeyGrant | None:
        return {key_digest(key): grant for key, grant in self.keys.items()}.get(digest)

    async def refresh(self) -> None:
        for sub_account_id, configured in self.configured.items():
            stored = {
                hook.type: hook
                for (owner, _), hook in self._store.records.webhooks.items()
                if owner == sub_account_id
            }
            webhooks = {**configured.webhooks, **stored}
            self._sub_accounts[sub_account_id] = msgspec.structs.replace(
                configured, webhooks=webhooks
            )


class FakeProfiles(Profiles):
    """One voice."""

    def find(self, code: str) -> Profile | None:
        known = code in ("en-US-JennyNeural", "en-US-Jenny")
        return Profile(code="en-US-JennyNeural", locale="en-US") if known else None

    def speaks(self, language: str) -> bool:
        return language.partition("-")[0] == "en"

    def near(self, asked: str) -> tuple[str, ...]:
        return ("en-US-JennyNeural",)

    def listed(self) -> Sequence[ListedProfile]:
        return (
            ListedProfile(
                speech_profile_code="en-US-JennyNeural",
                locale_code="en-US",
                locale_description="English (United States)",
                gender="F",
                engine="espeak-ng",
                voice="gmw/en-US+f2",
            ),
        )


def cancel(session: Session, _: SubAccount, now: datetime) -> Cancellation:
    """What the node's callable does, without the summary."""
    ended = msgspec.structs.replace(session, status=SessionStatus.CANCELED, ended_at=now)
    return Cancellation(ended, (SessionEnded(at=now, status="CANCELED"),), ())


async def webhook_url_problem(url: str) -> str | None:
    """Refuses loopback."""
    return "leads to a private address" if "127.0.0.1" in url else None


class Site:
    """Where a running server is."""

    server: RunningServer

    @property
    def port(self) -> int:
        return self.server.port

    def url(self, path: str, sub_account_id: str = "acme_corp") -> str:
        """The URL of a path below the sub-account, or of one at the root."""
        root = f"http://127.0.0.1:{self.port}"
        if path.startswith("/"):
            return root + path
        return f"{root}/api/v1/subaccounts/{sub_account_id}/{path}"

    @asynccontextmanager
    async def client(self, key: str = KEY) -> AsyncIterator[aiohttp.ClientSession]:
        """An HTTP client that sends ``key``."""
        headers = {"authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield session


@dataclass
class World(Site):
    """A running server over fakes."""

    deps: Deps
    store: MemoryStore
    directory: FakeDirectory
    fabric: MemoryFabric
    server: RunningServer


@dataclass
class RecordWorld(Site):
    """A running server over a real SQLite record and its directory."""

    deps: Deps
    store: Store
    directory: Directory
    server: RunningServer


@asynccontextmanager
async def running_world(limits: HttpLimits | None = None, **changes: Any) -> AsyncIterator[World]:
    """Start the server; stop it at the end."""
    store = MemoryStore()
    directory = FakeDirectory(store)
    fabric = MemoryFabric()
    await fabric.start()
    deps = Deps(
        store=store,
        directory=directory,
        fabric=fabric,
        profiles=FakeProfiles(),
        cancel=cancel,
        webhook_url_problem=webhook_url_problem,
        config=Config(admin=Admin(api_keys=(OPERATOR_KEY,))),
        limits=limits or HttpLimits(),
        phase=Phase(ready=True),
        registry=CollectorRegistry(),
    )
    deps = replace(deps, **changes)
    server = await serve(create_app(deps), deps, "127.0.0.1", 0)
    try:
        yield World(deps, store, directory, fabric, server)
    finally:
        await server.stop(1)
        await fabric.close()


@asynccontextmanager
async def running_record_world(
    folder: Path,
    make_app: Callable[[Deps], AsgiApp] = create_app,
    **changes: Any,
) -> AsyncIterator[RecordWorld]:
    """The same, over a database in ``folder`` and the real directory of a configuration."""
    settings = Config(
        admin=Admin(api_keys=(OPERATOR_KEY,)),
        subaccounts=(
            config.SubAccountSection(
                id="acme_corp",
                account="acme",
                api_keys=(KEY,),
                caller_ids=("+6512341234",),
                numbers=(config.Number(msisdn="+6568332048", reference_id="PSTN1"),),
                webhooks=(
                    config.SubAccountWebhook(
                        type="VCA", url="https://acme.example/vca", http_auth_header="s3cret"
                    ),
                ),
            ),
            config.SubAccountSection(id="other_corp", account="other", api_keys=(OTHER_KEY,)),
        ),
    )
    store = open_store(f"sqlite:///{folder}/offhook.db")
    await store.open()
    directory = Directory(settings, store)
    await directory.refresh()
    fabric = MemoryFabric()
    await fabric.start()
    deps = Deps(
        store=store,
        directory=directory,
        fabric=fabric,
        profiles=FakeProfiles(),
        cancel=cancel,
        webhook_url_problem=webhook_url_problem,
        config=settings,
        numbers=NumberTerms(settings, directory.sub_account),
        phase=Phase(ready=True),
    )
    deps = replace(deps, **changes)
    server = await serve(make_app(deps), deps, "127.0.0.1", 0)
    try:
        yield RecordWorld(deps, store, directory, server)
    finally:
        await server.stop(1)
        await fabric.close()
        await store.close()


@dataclass
class RawAnswer:
    """An HTTP response as it came over the socket."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """A connection on which every byte is the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, source: str = "127.0.0.1") -> RawClient:
        """Connect from the loopback address ``source``."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> RawAnswer:
        """Read one response with a Content-Length. Raises IncompleteReadError at the end."""
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return RawAnswer(int(first.split(" ")[1]), headers, body)

    async def closed(self) -> bool:
        """Whether the server closes without another byte."""
        async with asyncio.timeout(10):
            return await self._reader.read(1) == b""

    async def close(self) -> None:
        self.writer.close()


def now() -> datetime:
    """The time, for facts made in tests."""
    return datetime.now(UTC)
