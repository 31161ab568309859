"""Our own OpenAPI document against the live server: no 500, no undocumented status, no violation."""

from __future__ import annotations

import asyncio
import shutil
import sysconfig
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.http_world import (
    KEY,
    MESSAGE,
    OPERATOR_KEY,
    RecordWorld,
    now,
    running_record_world,
)

from offhook.http.deps import HttpLimits
from offhook.session.ports.record import NodeRole

CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
    )
)
ENDLESS = "followSession"
"""An event stream stays open as long as its session does."""


async def generated_requests(
    world: RecordWorld, folder: Path, key: str, paths: str, *, seconds: int, parameters: str
) -> tuple[int, str]:
    """The exit status and output of a run of generated requests."""
    settings = folder / "schemathesis.toml"
    settings.write_text(f"[parameters]\n{parameters}\n")
    program = shutil.which("schemathesis", path=sysconfig.get_path("scripts"))
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program,
        "--config-file",
        str(settings),
        "run",
        world.url("/openapi.json"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--include-path-regex", paths),
        *("--exclude-operation-id", ENDLESS),
        *("--checks", CHECKS),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "10"),
        *("--max-time", str(seconds)),
        *("--request-timeout", "10"),
        "--no-shrink",
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_the_customers_api_does_what_its_document_says(tmp_path: Path) -> None:
    limits = HttpLimits(sub_account_rate=1e6, address_rate=1e6)
    async with running_record_world(tmp_path, limits=limits) as world:
        async with (
            world.client() as client,
            client.post(world.url("callflows"), json=MESSAGE) as response,
        ):
            answer = await response.json()
        parameters = "\n".join(
            (
                '"path.subAccountId" = "acme_corp"',
                '"path.number" = "6568332048"',
                f'"path.sessionId" = "{answer["sessionId"]}"',
                f'"path.callFlowRequestId" = "{answer["callFlowRequestId"]}"',
            )
        )
        status, output = await generated_requests(
            world, tmp_path, KEY, "^/api/", seconds=30, parameters=parameters
        )
    assert status == 0, output


@pytest.mark.timeout(300)
async def test_the_operators_api_does_what_its_document_says(tmp_path: Path) -> None:
    limits = HttpLimits(address_rate=1e6)
    async with running_record_world(tmp_path, limits=limits) as world:
        for role in NodeRole:  # otherwise /readyz is 503, which counts as an error of the server
            await world.store.register_node(f"machine/{role}", role, now() + timedelta(hours=1))
        status, output = await generated_requests(
            world,
            tmp_path,
            OPERATOR_KEY,
            "^/(admin|healthz|readyz|metrics)",
            seconds=12,
            parameters="",
        )
    assert status == 0, output
