"""A campaign of a million numbers: uploaded through the API, called, listed; time and memory of the process.

``make bench ARGS=campaigns``; ``OFFHOOK_BENCH_NUMBERS`` is another size, ``OFFHOOK_BENCH_CALLS`` how many
calls are begun. The API process is the real one (``offhook serve --role api`` on SQLite). No voice node runs,
so the sessions wait in the queue, and the pace waits with them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.net import free_port
from tests.support.server import API_KEY, SOURCE, SUB_ACCOUNT, configuration, to_toml

NUMBERS = int(os.environ.get("OFFHOOK_BENCH_NUMBERS", "1000000"))
CALLS = int(os.environ.get("OFFHOOK_BENCH_CALLS", "1000"))
PIECE = 100_000
"""Numbers in one upload: about 2.5 MB."""
TEMPLATE = [
    {"action": "makeCall", "params": {"source": SOURCE}},
    {"action": "say", "params": {"text": "Hello {{name}}.", "language": "en-US"}},
]


class Watched:
    """The memory of a process."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")

    def mebibytes(self, name: str = "VmRSS") -> int:
        """``VmRSS`` now, ``VmHWM`` its peak."""
        line = next(line for line in self._status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) // 1024


def piece(first: int, count: int) -> bytes:
    """A part of the list as CSV."""
    lines = (f"+659{number:07d},Ann {number}\n" for number in range(first, first + count))
    return ("number,name\n" + "".join(lines)).encode()


async def measure(numbers: int, calls: int) -> dict[str, Any]:
    """Upload, call and list so many numbers."""
    with tempfile.TemporaryDirectory() as folder:
        config = configuration({"+65": f"udp:127.0.0.1:{free_port()}"})
        path = Path(folder, "offhook.toml")
        path.write_text(to_toml(config))
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "offhook", "serve", "--json", "--role", "api"),
            *("--config", str(path)),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert server.stdout is not None
            async with asyncio.timeout(60):
                assert json.loads(await server.stdout.readline())["ready"]
            url = f"http://{config['http']['listen']}/api/v1/subaccounts/{SUB_ACCOUNT}/campaigns"
            headers = {"Authorization": f"Bearer {API_KEY}"}
            async with aiohttp.ClientSession(headers=headers) as client:
                return await _measured(client, url, Watched(_api_of(server.pid)), numbers, calls)
        finally:
            server.terminate()
            await server.wait()


def _api_of(supervisor: int) -> int:
    """The API process, a child of the supervisor."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return next(
        int(pid) for pid in children if b"--role\0api" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )


async def _measured(
    client: aiohttp.ClientSession, url: str, api: Watched, numbers: int, calls: int
) -> dict[str, Any]:
    found: dict[str, Any] = {"numbers": numbers, "MiB before": api.mebibytes()}
    body = {"callflow": TEMPLATE, "pace": 1000, "maxCalls": calls}
    made = await _asked(client, "POST", url, json=body)
    campaign = f"{url}/{made['campaignId']}"
    began = time.monotonic()
    for first in range(0, numbers, PIECE):
        data = piece(first, min(PIECE, numbers - first))
        kind = {"content-type": "text/csv"}
        added = await _asked(client, "POST", f"{campaign}/targets", data=data, headers=kind)
        assert added["rejected"] == added["duplicates"] == 0, added
    found["upload s"] = round(time.monotonic() - began, 1)
    found["peak MiB after upload"] = api.mebibytes("VmHWM")
    began = time.monotonic()
    shown = await _asked(client, "GET", campaign)
    assert shown["total"] == numbers
    found["show ms"] = round(1000 * (time.monotonic() - began), 1)
    began = time.monotonic()
    await _asked(client, "POST", f"{campaign}/start")
    while shown["attempts"] < calls:
        await asyncio.sleep(0.05)
        shown = await _asked(client, "GET", campaign)
    found[f"first {calls} calls queued s"] = round(time.monotonic() - began, 1)
    await _asked(client, "POST", f"{campaign}/pause")
    began, octets, lines = time.monotonic(), 0, 0
    async for part in _streamed(client, f"{campaign}/results"):
        octets += len(part)
        lines += part.count(b"\n")
    assert lines == numbers + 1, lines
    found["results s"] = round(time.monotonic() - began, 1)
    found["results MB"] = round(octets / 1e6, 1)
    found["peak MiB"] = api.mebibytes("VmHWM")
    return found


async def _asked(
    client: aiohttp.ClientSession, method: str, url: str, **how: Any
) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=600)
    async with client.request(method, url, timeout=timeout, **how) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status < 300, answer
        return answer


async def _streamed(client: aiohttp.ClientSession, url: str) -> AsyncIterator[bytes]:
    timeout = aiohttp.ClientTimeout(total=600)
    async with client.get(url, timeout=timeout) as response:
        async for part in response.content.iter_chunked(65_536):
            yield part


def main() -> int:
    """Print the figures."""
    for name, value in asyncio.run(measure(NUMBERS, CALLS)).items():
        print(f"{name:28} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
