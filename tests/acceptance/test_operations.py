"""Backups, restores and the reverse proxy, by the lines of ``docs/operations``."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.certificates import make_certificate
from tests.support.net import free_port
from tests.support.postgres import postgres_server, programs
from tests.support.server import API_KEY, SUB_ACCOUNT, Server, configuration, voice_message

from offhook.store import migrate

PAGES = Path(__file__).parents[2] / "docs" / "operations"
PHONE = "+12025550101"

pytestmark = pytest.mark.full


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def with_phone(**more: Any) -> dict[str, Any]:
    config = configuration({}, **more)
    config["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1}]}
    return config


async def paste(block: str, folder: Path, **environ: str) -> str:
    """Run lines of a page in a folder; their output."""
    text = re.sub(r"^offhook ", f"{sys.executable} -m offhook ", block, flags=re.MULTILINE)
    shell = await asyncio.create_subprocess_exec(
        *("sh", "-eu", "-c", text),
        cwd=folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await shell.communicate()
    assert shell.returncode == 0, output.decode()
    return output.decode()


async def ended(server: Server, session: str) -> None:
    """Wait until a session is over."""
    async with asyncio.timeout(60):
        while (await server.session(session))["sessionStatus"] in {"QUEUED", "RUNNING", None}:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("way", ["sqlite3", "python3"])
async def test_a_backup_made_while_calls_run_is_restored(tmp_path: Path, way: str) -> None:
    [backup] = [one for one in blocks("backup.md", "sh") if one.startswith(way)]
    [restore] = [one for one in blocks("backup.md", "sh") if "cp offhook-backup.db" in one]
    if shutil.which(way) is None:
        pytest.skip(f"{way} is not installed")
    server = Server(tmp_path / "server", with_phone())
    async with server:
        kept = await server.place(voice_message(PHONE, "Hello."))
        await paste(backup, server.folder)
        lost = await server.place(voice_message(PHONE, "Hello."))
        await ended(server, lost)
        assert await server.stop() == 0
        lines = [line for line in restore.splitlines() if not line.startswith("offhook")]
        await paste("\n".join(lines), server.folder)
        await server.start()
        await server.ready()
        await ended(server, kept)
        assert "sessionStatus" not in await server.session(lost)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
async def test_a_dump_of_postgresql_is_restored_into_another_database(tmp_path: Path) -> None:
    dump, restore = (one for one in blocks("backup.md", "sh") if one.startswith("pg_"))
    with postgres_server() as postgres:
        url, other = (postgres.create_database(name) for name in ("before", "after"))
        await asyncio.to_thread(migrate.upgrade, url)
        server = Server(tmp_path / "server", with_phone(database=url))
        async with server:
            kept = await server.place(voice_message(PHONE, "Hello."))
            await ended(server, kept)
            await paste(dump, server.folder, DATABASE_URL=url)
            assert await server.stop() == 0
        await paste(restore, server.folder, DATABASE_URL=other, OFFHOOK_DATABASE__URL=other)
        async with Server(tmp_path / "restored", with_phone(database=other)) as restored:
            assert (await restored.session(kept))["sessionStatus"] == "COMPLETED"


@asynccontextmanager
async def nginx(folder: Path, api: str) -> AsyncIterator[str]:
    """The page's nginx, on ports and certificates of this machine; its URL."""
    folder.mkdir()
    certificate, key = make_certificate(folder, "voice")
    port = free_port()
    [text] = blocks("network.md", "nginx")
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/voice.pem": str(certificate),
        "/etc/ssl/voice.key": str(key),
        "http://127.0.0.1:8080": f"http://{api}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    paths = "\n".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{paths}\n{text} }}\n"
    )
    process = await asyncio.create_subprocess_exec("nginx", "-c", str(folder / "nginx.conf"))
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
async def test_the_api_works_behind_the_proxy_of_the_page(tmp_path: Path) -> None:
    config = with_phone()
    config["http"]["trusted_proxies"] = ["127.0.0.1"]
    trust_all = ssl.create_default_context()
    trust_all.check_hostname, trust_all.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with (
        Server(tmp_path / "server", config) as server,
        nginx(tmp_path / "nginx", config["http"]["listen"]) as url,
        aiohttp.ClientSession(
            headers=headers, connector=aiohttp.TCPConnector(ssl=trust_all)
        ) as client,
        asyncio.timeout(90),
    ):
        base = f"{url}/api/v1/subaccounts/{SUB_ACCOUNT}"
        body = voice_message(PHONE, "Hello.")
        async with client.post(f"{base}/callflows", json=body) as answer:
            session = (await answer.json())["sessionId"]
        # Events come while the call runs: the proxy does not keep them back.
        async with client.get(f"{base}/sessions/{session}/events") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            seen = b""
            while b"SESSION_ENDED" not in seen:
                seen += await stream.content.readany()
        await ended(server, session)
        for path in ("/metrics", "/admin/v1/status"):
            async with client.get(url + path) as closed:
                assert closed.status == 404
