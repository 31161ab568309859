"""The tutorials, as pasted: files are saved, commands run beside a server, outputs compared."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support.pages import Block, blocks_of
from tests.support.terminal import DEADLINE, Terminal, terminal_beside_a_server

TUTORIALS = {
    "docs/start.md": 3,
    "docs/tutorials/voice-message.md": 9,
    "docs/tutorials/ivr.md": 5,
    "docs/tutorials/number-masking.md": 4,
    "docs/tutorials/campaign.md": 5,
    "docs/tutorials/from-the-hosted-service.md": 3,
    "docs/tutorials/from-twilio.md": 2,
}
"""How many blocks of each are run or compared at least."""


@pytest.fixture
async def terminal(
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
    unused_udp_port_factory: Callable[[], int],
) -> AsyncIterator[Terminal]:
    port, webhook_port = unused_tcp_port_factory(), unused_tcp_port_factory()
    async with terminal_beside_a_server(
        tmp_path, port=port, sip_port=unused_udp_port_factory(), webhook_port=webhook_port
    ) as beside:
        # Where pytest-asyncio is installed, as here, it warns without this.
        beside.write("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        yield beside


def shows(output: str, expected: str) -> bool:
    """Whether the lines stand in the output in this order; ``…`` stands for anything."""
    at = 0
    for part in filter(None, re.split(r"[…\n]", expected)):
        found = output.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


async def shown_in_time(terminal: Terminal, command: str, expected: str) -> str:
    """The output of a command that is repeated until it shows what the page says."""
    until = asyncio.get_running_loop().time() + DEADLINE
    while not shows(output := await terminal.paste(command), expected):
        assert asyncio.get_running_loop().time() < until, f"{command}: {output}"
        await asyncio.sleep(0.5)
    return output


class Reader:
    """Follows a page from block to block."""

    def __init__(self, terminal: Terminal, stack: AsyncExitStack) -> None:
        self._terminal = terminal
        self._stack = stack
        self._output = ""
        self._waiting = ""
        self.followed = 0

    async def follow(self, block: Block) -> None:
        """Do what a reader does with the block."""
        role = block.labels[0] if block.labels else ""
        if block.language == "sh" and role == "run":
            self._output = await self._terminal.paste(block.text)
        elif block.language == "sh" and role == "wait":
            self._waiting = block.text
        elif block.language == "sh" and role == "background":
            await self._stack.enter_async_context(self._terminal.background(block.text))
        elif block.language == "text" and role == "output":
            await self._compare(block)
        elif block.language == "text" and role == "later":
            await self._said_in_the_background(block.text)
        elif name := next((label for label in block.labels if "." in label), None):
            self._terminal.write(name, block.text)
            return
        else:
            assert block.language != "sh" or block.not_run, f"{block}: neither run nor marked"
            return
        self.followed += 1

    async def _compare(self, block: Block) -> None:
        if self._waiting:
            self._output = await shown_in_time(self._terminal, self._waiting, block.text)
            self._waiting = ""
        assert shows(self._output, block.text), f"{block}: {self._output}"

    async def _said_in_the_background(self, expected: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while not shows(self._terminal.said_in_the_background(), expected):
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page.endswith("voice-message.md") else [pytest.mark.full])
        for page in TUTORIALS
    ],
)
async def test_a_tutorial_works_as_pasted(page: str, terminal: Terminal) -> None:
    async with AsyncExitStack() as stack:
        reader = Reader(terminal, stack)
        for block in blocks_of(page):
            await reader.follow(block)
    assert reader.followed >= TUTORIALS[page]


def test_every_tutorial_is_run() -> None:
    folder = Path(__file__).parents[2] / "docs" / "tutorials"
    assert {f"docs/tutorials/{file.name}" for file in folder.glob("*.md")} <= TUTORIALS.keys()
