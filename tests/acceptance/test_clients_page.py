"""``docs/clients.md``: every line of Python runs against a real server with a built-in phone."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

from tests.support.server import API_KEY, Server, configuration
from tests.support.webhook_samples import SAMPLES

from offhook import client
from offhook.webhook_secrets import new_secret
from offhook.webhooks.signing import signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
BLOCKS = re.findall(r"^```python ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_snippets_of_the_clients_run(tmp_path: Path) -> None:
    config = configuration({}, sub_account={"id": "demo", "caller_ids": ["+12025550199"]})
    config["testbed"] = {"phones": [{"number": "+12025550101", "answer_after": 0.1}]}
    program = "\n".join(text for label, text in BLOCKS if not label)
    async with Server(tmp_path / "server", config) as server:
        program = program.replace("http://127.0.0.1:8080", server.url)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program.replace("offhook_…", API_KEY)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "OFFHOOK_URL": server.url,
                "OFFHOOK_API_KEY": API_KEY,
                "OFFHOOK_SUBACCOUNT": "demo",
            },
        )
        out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    lines = out.decode().splitlines()
    assert lines[0] == "1 SESSION_QUEUED"
    ended = lines.index("COMPLETED")
    assert lines[ended - 1].endswith(" SESSION_ENDED")
    assert lines[ended + 1] == "1"  # sessions counted
    assert lines[ended + 2].endswith(" 1")  # its calls
    assert lines[ended + 3].startswith("-1013 ")
    assert lines[ended + 4].startswith("$.callflow[0]")


def test_the_snippet_of_the_receiver_runs(capsys: Any) -> None:
    (text,) = [text for label, text in BLOCKS if label == "receiver"]
    secret = new_secret()
    names: dict[str, Any] = {}
    exec(text.replace("whsec_…", secret), names)

    def handle(type_: str, signed_with: str = secret, timestamp: int | None = None) -> Any:
        import time

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
    kinds = {name for name in client.__all__ if name not in ("Client", "AsyncClient", "LiveEvent")}
    assert kinds <= named
