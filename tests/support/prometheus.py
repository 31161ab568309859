"""A real Prometheus with the project's rules, quick: it scrapes and judges every half second."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from tests.support.net import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "offhook.rules.yml"
EVERY = "500ms"


class Prometheus:
    """``async with Prometheus(folder, "127.0.0.1:8080") as prometheus``: watches that server."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target
        self._url = f"http://127.0.0.1:{free_port()}"
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        # The rules as they are shipped, but for the time that something must last.
        rules = re.sub(r"\bfor: \w+", f"for: {EVERY}", RULES.read_text())
        (self._folder / "rules.yml").write_text(rules)
        (self._folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: {EVERY}, evaluation_interval: {EVERY}}}\n"
            "rule_files: [rules.yml]\n"
            "scrape_configs:\n"
            f"  - {{job_name: offhook, static_configs: [{{targets: ['{self._target}']}}]}}\n"
        )
        with (self._folder / "log.txt").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"),
                f"--web.listen-address={self._url.removeprefix('http://')}",
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._client = aiohttp.ClientSession(self._url)
        async with asyncio.timeout(30):
            while not await self._ready():
                assert self._process.returncode is None, (self._folder / "log.txt").read_text()
                await asyncio.sleep(0.1)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._client is not None
        assert self._process is not None
        await self._client.close()
        self._process.kill()
        await self._process.wait()

    async def _ready(self) -> bool:
        assert self._client is not None
        try:
            async with self._client.get("/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        data = await self._get("/api/v1/query", query=expression)
        found: list[dict[str, Any]] = data["result"]
        return found

    async def firing(self) -> dict[str, dict[str, str]]:
        """The labels of each alert that fires, by its name."""
        alerts = (await self._get("/api/v1/alerts"))["alerts"]
        return {
            one["labels"]["alertname"]: one["labels"] for one in alerts if one["state"] == "firing"
        }

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        assert self._client is not None
        async with self._client.get(path, params=parameters) as answer:
            found = await answer.json()
            assert found["status"] == "success", found
            data: dict[str, Any] = found["data"]
            return data
