"""The webhook servers of ``examples/webhooks``: genuine deliveries are answered, all others refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from tests.support import javascript_package
from tests.support.javascript_package import installed, packed
from tests.support.net import free_port
from tests.support.webhook_samples import SAMPLES

from offhook.flow.judge import judge
from offhook.flow.lint import offline_facts
from offhook.flow.problems import Mode
from offhook.net.http_client import HttpClient
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhook_secrets import new_secret
from offhook.webhooks.signing import signed_headers
from offhook.webhooks.vca import ask_webhook

ROOT = Path(__file__).parents[2]
SECRET = new_secret()
FRAMEWORKS = ["fastapi", "flask", "django", "litestar"]


@asynccontextmanager
async def running(*command: str, folder: Path = ROOT) -> AsyncIterator[str]:
    """The URL of an example, once it answers."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(*command, str(port)),
        cwd=folder,
        env={**os.environ, "OFFHOOK_WEBHOOK_SECRET": SECRET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await listening(port, process)
        yield f"http://127.0.0.1:{port}/offhook"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
    out, _ = await process.communicate()
    raise AssertionError(out.decode())


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_an_example_answers_what_is_genuine_and_refuses_the_rest(framework: str) -> None:
    async with running(sys.executable, "-m", f"examples.webhooks.{framework}_server") as url:
        await judge_example(url)


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.skipif(not javascript_package.available, reason="npm installs the framework")
async def test_the_example_for_express_does_so_too(tmp_path: Path) -> None:
    await installed(tmp_path)
    await packed(tmp_path)
    example = tmp_path / "express_server.mjs"
    shutil.copy(ROOT / "examples" / "webhooks" / example.name, example)
    async with running("node", str(example), folder=tmp_path) as url:
        await judge_example(url)


async def judge_example(url: str) -> None:
    client = HttpClient(allow_private=True)
    async with aiohttp.ClientSession() as http:
        # Asked as the server asks when a call needs to know what comes next.
        webhook = Webhook(type=WebhookType.VCA, url=url, secret=SECRET)
        body = (await ask_webhook(client, webhook, SAMPLES["VCA"], event_id="event-1")).body or b""
        await client.close()

        async def post(
            body: bytes, *, secret: str = SECRET, age: int = 0, altered: bytes = b""
        ) -> int:
            at = int(time.time()) - age
            headers = signed_headers((secret,), delivery_id="d-1", timestamp=at, body=body)
            async with http.post(url, data=body + altered, headers=headers) as response:
                return response.status

        accepted = [await post(SAMPLES[type_]) for type_ in ("VSS", "VCS", "VRU", "VNU")]
        wrong_secret = await post(SAMPLES["VCA"], secret=new_secret())
        altered = await post(SAMPLES["VCA"], altered=b" ")
        old = [await post(SAMPLES["VCA"], age=age) for age in (400, -400)]
        no_event = await post(b"[]")
        async with http.post(url, data=SAMPLES["VCA"]) as response:
            unsigned = response.status
    verdict = judge(body, offline_facts(), datetime.now(UTC), mode=Mode.DECISION)
    assert verdict.problems == ()
    assert b"We are open from nine to six." in body
    assert accepted == [200, 200, 200, 200]
    assert [wrong_secret, altered, *old, unsigned, no_event] == [401, 401, 401, 401, 401, 400]
