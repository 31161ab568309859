"""Our signatures, verified as customers do it: by the library ``standardwebhooks``, and in JavaScript."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import standardwebhooks
from tests.integration.test_webhook_docs import example
from tests.support.receiver import Receiver

from offhook.net.http_client import HttpClient
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhook_secrets import new_secret
from offhook.webhooks.vca import ask_webhook

OLD, NEW = new_secret(), new_secret()
BODY = '{"text": "日本語 ☀ ünïcode"}'.encode()

SERVER = """
import { createServer } from "node:http";
import { verify } from "./verify.mjs";
const [secret] = process.argv.slice(2);
const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    let status = 200;
    try {
      verify(secret, request.headers, Buffer.concat(pieces));
    } catch {
      status = 401;
    }
    response.writeHead(status).end("{}");
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


def webhook(url: str) -> Webhook:
    """While its secret is replaced: deliveries are signed with both."""
    until = datetime.now(UTC) + timedelta(hours=1)
    return Webhook(
        type=WebhookType.VCA, url=url, secret=NEW, previous_secret=OLD, previous_until=until
    )


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    one = HttpClient(allow_private=True)
    yield one
    await one.close()


async def test_the_library_verifies_what_is_sent_with_the_old_secret_and_the_new(
    client: HttpClient,
) -> None:
    async with Receiver() as receiver:
        await ask_webhook(client, webhook(receiver.url("/")), BODY, event_id="event-1")
        (got,) = receiver.received
    for secret in (OLD, NEW):
        verifier = standardwebhooks.Webhook(secret)
        assert verifier.verify(got.body, dict(got.headers)) == {"text": "日本語 ☀ ünïcode"}
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verifier.verify(got.body + b" ", dict(got.headers))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret()).verify(got.body, dict(got.headers))


def test_a_secret_of_ours_is_one_of_the_library() -> None:
    key = base64.b64decode(NEW.removeprefix("whsec_"))
    at = datetime.now(UTC)
    by_text = standardwebhooks.Webhook(NEW).sign("m", at, "{}")
    assert by_text == standardwebhooks.Webhook(key).sign("m", at, "{}")


@asynccontextmanager
async def javascript_receiver(folder: Path, secret: str) -> AsyncIterator[str]:
    """A server in Node.js that answers 401 to what is not signed with ``secret``; its URL."""
    (folder / "verify.mjs").write_text(example("javascript"), "utf-8")
    (folder / "server.mjs").write_text(SERVER, "utf-8")
    process = await asyncio.create_subprocess_exec(
        "node", "server.mjs", secret, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 60))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("secret", "status"),
    [(OLD, 200), (NEW, 200), (new_secret(), 401)],
    ids=["the old one", "the new one", "another"],
)
async def test_a_receiver_in_javascript_takes_both_secrets_and_no_other(
    tmp_path: Path, client: HttpClient, secret: str, status: int
) -> None:
    async with javascript_receiver(tmp_path, secret) as url:
        reply = await ask_webhook(client, webhook(url), BODY, event_id="event-1")
    assert reply.http_status == status
