"""The console on a real socket over the web application of the tests, and a real browser to look at it."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, async_playwright
from prometheus_client import CollectorRegistry
from tests.support.http_world import (
    KEY,
    OPERATOR_KEY,
    FakeDirectory,
    FakeProfiles,
    Site,
    cancel,
    running_record_world,
    webhook_url_problem,
)

from offhook.clock import Clock, SystemClock
from offhook.config import Admin, Config
from offhook.fabric.memory import MemoryFabric
from offhook.http.app import create_app
from offhook.http.asgi import AsgiApp
from offhook.http.deps import Deps, Phase
from offhook.http.edge.http_server import RunningServer, serve
from offhook.processes.console_opening import open_console
from offhook.session.ports.stores import Store
from offhook.session.ports.webhooks import Reply, WebhookTrial
from offhook.session.tenancy import SubAccount, Webhook
from offhook.store.directory import Directory
from offhook.store.memory import MemoryStore

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN = re.compile(r'name="form-token" content="([0-9a-f]{64})"')


class SteppedClock(Clock):
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.ahead = timedelta(0)
        self.stands = False
        """Whether the monotonic time stands still."""

    def now(self) -> datetime:
        return self._real.now() + self.ahead

    def monotonic(self) -> float:
        return 1000.0 if self.stands else self._real.monotonic()


class SignedInSite(Site):
    """A running server with its console."""

    @asynccontextmanager
    async def signed_in(self, key: str = KEY) -> AsyncIterator[ConsoleClient]:
        """An HTTP client that has signed in as a browser does."""
        jar = aiohttp.CookieJar(unsafe=True)
        headers = {"accept": "text/html"}
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
            client = ConsoleClient(self, session)
            answer = await client.post("/console/sign-in", key=key)
            assert answer.status == 303, answer.text
            yield client


@dataclass
class ConsoleWorld(SignedInSite):
    """The console over a store in memory."""

    store: MemoryStore
    directory: FakeDirectory
    clock: SteppedClock
    server: RunningServer
    deps: Deps


@dataclass
class RecordConsole(SignedInSite):
    """The console over a database and the real directory of a configuration."""

    store: Store
    directory: Directory
    server: RunningServer


@dataclass
class Seen:
    """An answer that was read."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)


@dataclass
class ConsoleClient:
    """Gets pages and sends forms; keeps cookies, follows nothing."""

    world: Site
    session: aiohttp.ClientSession
    token: str = ""

    async def get(self, path: str, **headers: str) -> Seen:
        """Get a page; a form's token on it is kept."""
        seen = await self._asked("GET", path, headers=headers)
        found = TOKEN.search(seen.text)
        self.token = found[1] if found else self.token
        return seen

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Seen:
        """Send a form, with the token where there is one."""
        given = {"token": self.token, **fields} if self.token else fields
        return await self._asked("POST", path, headers=headers or {}, data=given)

    async def post_json(self, path: str, body: bytes) -> Seen:
        """Send what a script of a page sends."""
        headers = {"x-form-token": self.token, "accept": "application/json"}
        return await self._asked("POST", path, headers=headers, data=body)

    async def _asked(self, method: str, path: str, **more: Any) -> Seen:
        url = self.world.url(path)
        async with self.session.request(method, url, allow_redirects=False, **more) as answer:
            cookies = answer.headers.getall("set-cookie", [])
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Seen(answer.status, await answer.text(), headers, cookies)


@asynccontextmanager
async def running_console(**changes: Any) -> AsyncIterator[ConsoleWorld]:
    """Start the server; stop it at the end. ``changes``: of the :class:`Deps`."""
    store, clock, fabric = MemoryStore(), SteppedClock(), MemoryFabric()
    directory = FakeDirectory(store)
    await fabric.start()
    deps = Deps(
        store=store,
        directory=directory,
        fabric=fabric,
        profiles=FakeProfiles(),
        cancel=cancel,
        webhook_url_problem=webhook_url_problem,
        config=Config(admin=Admin(api_keys=(OPERATOR_KEY,))),
        clock=clock,
        phase=Phase(ready=True),
        registry=CollectorRegistry(),
    )
    deps = replace(deps, **changes)
    server = await serve(with_console(deps), deps, "127.0.0.1", 0)
    try:
        yield ConsoleWorld(store, directory, clock, server, deps)
    finally:
        deps.phase.draining.set()
        await asyncio.wait_for(server.stop(1), 20)
        await fabric.close()


class AnsweredTrial(WebhookTrial):
    """All webhooks but those on port 1 answer."""

    async def send(self, owner: SubAccount, webhook: Webhook) -> Reply:
        if ":1/" in webhook.url:
            return Reply(body=None, detail="connection refused")
        return Reply(body=b"", http_status=204)


def with_console(deps: Deps, trial: WebhookTrial | None = None) -> AsgiApp:
    """The application as the API process makes it."""
    return create_app(deps, lambda api: open_console(deps, api, trial or AnsweredTrial()))


@asynccontextmanager
async def running_record_console(folder: Path, **changes: Any) -> AsyncIterator[RecordConsole]:
    """The same over a database in ``folder``."""
    async with running_record_world(folder, with_console, **changes) as world:
        yield RecordConsole(world.store, world.directory, world.server)


@asynccontextmanager
async def browser(*flags: str) -> AsyncIterator[Browser]:
    """Debian's Chromium without a screen; ``flags`` besides the usual ones."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        try:
            yield running
        finally:
            await running.close()


@dataclass
class Looker:
    """A page of the browser that is signed in, and what went wrong in it."""

    page: Page
    root: str
    complaints: list[str]
    """Errors of scripts, and what the page's policy stopped."""
    elsewhere: list[str]
    """Requests to other servers."""

    async def open(self, path: str) -> None:
        """Get a page of the console."""
        await self.page.goto(self.root + path)


@asynccontextmanager
async def looking(
    running: Browser, world: Site, key: str = KEY, **context: Any
) -> AsyncIterator[Looker]:
    """A browser's window that has signed in, with a profile of its own."""
    async with looking_at(running, world.url("/").rstrip("/"), key, **context) as looker:
        yield looker


@asynccontextmanager
async def looking_at(
    running: Browser, root: str, key: str, **context: Any
) -> AsyncIterator[Looker]:
    """The same at the address of a server."""
    made = await running.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
    page = await made.new_page()
    page.set_default_timeout(15_000)
    looker = Looker(page, root, [], [])
    page.on("pageerror", lambda error: looker.complaints.append(str(error)))
    page.on(
        "console",
        lambda line: looker.complaints.append(line.text) if line.type == "error" else None,
    )
    page.on("request", lambda request: _note_elsewhere(looker, request.url))
    await page.goto(f"{root}/console/sign-in")
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", level=1).wait_for()
    try:
        yield looker
    finally:
        await made.close()


def _note_elsewhere(looker: Looker, url: str) -> None:
    if not url.startswith((looker.root, "data:", "blob:")):
        looker.elsewhere.append(url)


def pictures() -> Path:
    """Where a test leaves its screenshots for people."""
    folder = Path(__file__).parents[2] / "build" / "console"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
