"""The README's lines, as pasted by somebody who has just started the server with no configuration."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.terminal import DEADLINE, Terminal, terminal_beside_a_server

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
CURLS = [block for block in BLOCKS if block.startswith("curl ")]
[WEBHOOK] = [block for block in BLOCKS if "vca.py" in block]
VCA, IVR, IVR_TEST = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
async def terminal(
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
    unused_udp_port_factory: Callable[[], int],
) -> AsyncIterator[Terminal]:
    """``make serve``, on ports that are free here, in an empty folder."""
    port, webhook_port = unused_tcp_port_factory(), unused_tcp_port_factory()
    async with terminal_beside_a_server(
        tmp_path, port=port, sip_port=unused_udp_port_factory(), webhook_port=webhook_port
    ) as beside:
        yield beside


def test_the_readme_has_its_lines() -> None:
    assert len(CURLS) == 5
    assert any("make demo" in block and "make serve" in block for block in BLOCKS)


async def test_the_lines_work_as_pasted(terminal: Terminal) -> None:
    create, sessions, wrong, *_ = CURLS
    created = json.loads(await terminal.paste(create))
    assert created["statusCode"] == 1
    documented = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    assert created.keys() >= documented.keys()
    known = {name: value for name, value in documented.items() if value != "…"}
    assert created.items() >= known.items()
    [listed] = json.loads(await terminal.paste(sessions))["sessions"]
    assert listed["sessionId"] == created["sessionId"]
    refused = json.loads(await terminal.paste(wrong))
    assert (refused["sessionStatus"], refused["statusCode"]) == ("NOT_CREATED", -1013)


async def test_the_command_calls_and_waits(terminal: Terminal) -> None:
    [call] = [block for block in BLOCKS if "offhook call" in block]
    said = await terminal.paste(call)
    assert re.match(r"[0-9a-f-]{36} COMPLETED\n", said)
    assert "CALL_CONNECTED" in said


async def test_the_ivr_passes_its_simulated_test(terminal: Terminal) -> None:
    terminal.write("ivr.py", IVR)
    terminal.write("test_ivr.py", IVR_TEST)
    [run] = [block for block in BLOCKS if "test_ivr.py" in block]
    assert await terminal.paste(run) == "The IVR does what it should.\n"


async def test_the_first_webhook_is_asked_and_its_answer_heard(terminal: Terminal) -> None:
    *_, register, call = CURLS
    terminal.write("vca.py", VCA)
    async with terminal.background(WEBHOOK):
        registered = json.loads(await terminal.paste(register))
        assert registered["statusCode"] == 0, registered
        created = json.loads(await terminal.paste(call))
        assert created["statusCode"] == 1
        async with asyncio.timeout(DEADLINE):
            while f"{created['sessionId']} COMPLETED" not in (
                shown := await terminal.paste(".venv/bin/offhook show")
            ):
                await asyncio.sleep(0.1)
    assert "You pressed 1. Goodbye." in shown, shown
