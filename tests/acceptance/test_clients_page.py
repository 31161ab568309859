"""``docs/clients.md`` and the npm package's README: every line runs against a real server and phone."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support import javascript_package
from tests.support.javascript_package import packed, run
from tests.support.net import free_port
from tests.support.server import API_KEY, Server, configuration
from tests.support.webhook_samples import SAMPLES

from offhook import client as clients
from offhook.net.http_client import HttpClient
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhook_secrets import new_secret
from offhook.webhooks.signing import signed_headers
from offhook.webhooks.vca import ask_webhook

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
README_TEXT = (javascript_package.PACKAGE / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS, README = BLOCK.findall(PAGE), BLOCK.findall(README_TEXT)


async def output_of(server: Server, *command: str, cwd: Path) -> list[str]:
    """The lines that a program prints, which finds the server in its environment."""
    status, output = await run(
        *command,
        cwd=cwd,
        OFFHOOK_URL=server.url,
        OFFHOOK_API_KEY=API_KEY,
        OFFHOOK_SUBACCOUNT="demo",
    )
    assert status == 0, output
    return output.splitlines()


@pytest.mark.skipif(not javascript_package.available, reason="npm packs the package")
async def test_the_snippets_of_the_clients_run(tmp_path: Path) -> None:
    config = configuration({}, sub_account={"id": "demo", "caller_ids": ["+12025550199"]})
    config["testbed"] = {"phones": [{"number": "+12025550101", "answer_after": 0.1}]}
    python = "\n".join(
        text for language, label, text in BLOCKS if (language, label) == ("python", "")
    )
    (short,) = [text for language, _, text in BLOCKS if language == "js"]
    readme = "\n".join(text for language, label, text in README if (language, label) == ("js", ""))
    await packed(tmp_path)
    async with Server(tmp_path / "server", config) as server:
        here = {"http://127.0.0.1:8080": server.url, "offhook_…": API_KEY}
        for name, text in (("short.mjs", short), ("readme.mjs", readme), ("page.py", python)):
            for written, meant in here.items():
                text = text.replace(written, meant)
            (tmp_path / name).write_text(text)
        lines = await output_of(server, sys.executable, "page.py", cwd=tmp_path)
        of_short = await output_of(server, "node", "short.mjs", cwd=tmp_path)
        of_readme = await output_of(server, "node", "readme.mjs", cwd=tmp_path)
    assert lines[0] == of_short[0] == of_readme[0] == "1 SESSION_QUEUED"
    assert of_short[-1].endswith(" SESSION_ENDED")
    ended = lines.index("COMPLETED")
    assert lines[ended - 1].endswith(" SESSION_ENDED")
    assert lines[ended + 1] == "1"  # sessions counted
    assert lines[ended + 2].endswith(" 1")  # its calls
    assert lines[ended + 3].startswith("-1013 ")
    assert lines[ended + 4].startswith("$.callflow[0]")
    ended = of_readme.index("COMPLETED")
    assert [line.split()[1] for line in of_readme[ended + 1 : -1]] == ["1", "1", "1"]
    assert of_readme[-1] == "$.callflow[0] -1013"


@pytest.mark.skipif(not javascript_package.available, reason="npm packs the package")
async def test_the_snippet_of_the_javascript_receiver_runs(tmp_path: Path) -> None:
    (text,) = [text for _, label, text in README if label == "receiver"]
    await packed(tmp_path)
    secret, port = new_secret(), free_port()
    (tmp_path / "receiver.mjs").write_text(text.replace("5000", str(port)))
    process = await asyncio.create_subprocess_exec(
        *("node", "receiver.mjs"),
        cwd=tmp_path,
        env={**os.environ, "OFFHOOK_WEBHOOK_SECRET": secret},
    )
    client = HttpClient(allow_private=True)
    try:
        for signed_with, status in ((secret, 200), (new_secret(), 401)):
            webhook = Webhook(
                type=WebhookType.VCA, url=f"http://127.0.0.1:{port}/", secret=signed_with
            )
            # Asked again until the program listens.
            asked = await ask_webhook(client, webhook, SAMPLES["VCA"], event_id="event-1")
            assert (asked.http_status, b"You pressed 1." in (asked.body or b"")) == (
                status,
                status == 200,
            )
    finally:
        await client.close()
        process.kill()
        await process.wait()


def test_the_snippet_of_the_receiver_runs(capsys: Any) -> None:
    (text,) = [text for _, label, text in BLOCKS if label == "receiver"]
    secret = new_secret()
    names: dict[str, Any] = {}
    exec(text.replace("whsec_…", secret), names)

    def handle(type_: str, signed_with: str = secret, timestamp: int | None = None) -> Any:
        body = SAMPLES[type_]
        at = int(time.time()) if timestamp is None else timestamp
        headers = signed_headers((signed_with,), delivery_id="d-1", timestamp=at, body=body)
        return names["handle"](headers, body)

    status, decision = handle("VCA")
    assert (status, decision["clientActionId"]) == (200, "told")
    assert decision["callflow"][0]["params"]["text"] == "You pressed 1."
    assert handle("VSS") == (200, None)
    assert capsys.readouterr().out.startswith("d-1 ")
    assert handle("VCS") == (200, None)
    assert handle("VCA", new_secret()) == (401, None)
    assert handle("VCA", timestamp=1) == (401, None)


def test_every_exception_is_explained() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    kinds = {name for name in clients.__all__ if name not in ("Client", "AsyncClient", "LiveEvent")}
    assert kinds <= named
