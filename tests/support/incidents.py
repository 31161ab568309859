"""What an operator sees of an incident, as text that is the same in every run; and the page of them all."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import socket
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path

import aiohttp
from tests.support.server import Server

from offhook import cli
from offhook.processes.operator_notes import FLUSH_EVERY

ADMIN_KEY = "operators-key"
PAGE = Path(__file__).parents[2] / "docs" / "incidents.md"
WRITE = "OFFHOOK_WRITE_INCIDENTS"
"""Set it to write the page anew instead of comparing."""

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SAME = [
    (re.compile(_ID), "ID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(re.escape(socket.gethostname())), "HOST"),
    (re.compile(r"response from (\S+) for 3\d s"), r"response from \1 for 32 s"),
    (re.compile(r", the first due since \d+ s"), ""),
    (re.compile(r"\b(up|DOWN) for \d+ s"), r"\1"),
    (re.compile(r": pending, attempt \d+"), ": pending"),
    (re.compile(r"/\S+/server/"), ""),
    (re.compile(r"(COMPLETED|now) \d+ s"), r"\1 N s"),
    (re.compile(r"MOS \d\.\d"), "MOS N"),
    (re.compile(r"we sent \d+ packets"), "we sent N packets"),
    (re.compile(r"Temporary failure in name resolution"), "Name or service not known"),
]


def same(text: str) -> str:
    """The text without times, ids, ports, names of the machine and durations."""
    for pattern, put in _SAME:
        text = pattern.sub(put, text)
    return "\n".join(re.sub(r" {2,}", "  ", line).rstrip() for line in text.splitlines())


class Incident:
    """One incident that was caused, and what is seen of it."""

    def __init__(self, server: Server, session: str) -> None:
        self.server = server
        self.session = session

    async def section(
        self,
        title: str,
        cause: str,
        metrics: Iterable[str],
        *,
        lines: str | None = None,
        until: str = "offhook_sessions_ended_total",
        todo: str,
    ) -> str:
        """The section of the page. ``metrics``: names of samples that are shown, once ``until`` is among
        them; ``lines``: what log lines that are about no session must contain."""
        await self.delivered()
        blocks = await self.settled(metrics, until, lines)
        shown = "\n\n".join(f"`{name}`:\n\n```text\n{text}\n```" for name, text in blocks if text)
        return f"## {title}\n\n{cause}\n\n{shown}\n\nWhat to do: {todo}\n"

    async def settled(
        self, metrics: Iterable[str], until: str, lines: str | None
    ) -> list[tuple[str, str]]:
        """What is seen, once two looks in a row see the same: lines and webhooks are stored later."""
        before: list[tuple[str, str]] = []
        async with asyncio.timeout(60):
            while True:
                seen = [
                    ("offhook status", await self.run("status")),
                    ("offhook show SESSION", webhooks_sorted(await self.shown())),
                    ("offhook logs SESSION", await self.log(lines)),
                    ("/metrics", await self.samples(metrics, until)),
                ]
                seen = [(name, same(text)) for name, text in seen]
                if seen == before:
                    return seen
                before = seen
                await asyncio.sleep(FLUSH_EVERY / 2)

    async def shown(self) -> str:
        """``offhook show`` of the session."""
        return await self.run("show", self.session, "--all")

    async def run(self, *arguments: str) -> str:
        """What a command prints."""

        def command() -> str:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                cli.main([*arguments, "--url", self.server.url, "--admin-key", ADMIN_KEY])
            return printed.getvalue().strip()

        return await asyncio.to_thread(command)

    async def log(self, others: str | None) -> str:
        """The stored lines of the session, once there are some; and ``other_lines`` of the server."""
        while (lines := await self.run("logs", self.session)).startswith("Nothing was logged"):
            await asyncio.sleep(FLUSH_EVERY / 2)
        return lines if others is None else f"{lines}\n{self.other_lines(others)}".strip()

    def other_lines(self, word: str) -> str:
        """The server's own lines with ``word``, at warning and above."""
        found = {line.partition(" ")[2] for line in self.server.log().splitlines()}
        return "\n".join(
            line
            for line in sorted(found)
            if word in line and self.session not in line and line.startswith(("warning", "error"))
        )

    async def delivered(self) -> None:
        """Wait until every webhook was tried."""
        async with asyncio.timeout(60):
            while True:
                shown = await self.server.session(self.session)
                if all(one["attempts"] for one in shown["deliveries"]):
                    return
                await asyncio.sleep(0.1)

    async def samples(self, names: Iterable[str], until: str) -> str:
        """The samples with these names, without those that are 0, once one begins with ``until``."""
        async with asyncio.timeout(60), aiohttp.ClientSession() as client:
            while True:
                async with client.get(f"{self.server.url}/metrics") as answer:
                    text = await answer.text()
                if f"\n{until}" in text:
                    break
                await asyncio.sleep(0.2)
        wanted = tuple(names)
        return "\n".join(
            line
            for line in sorted(text.splitlines())
            if line.startswith(wanted) and (not line.endswith(" 0.0") or "_up{" in line)
        )


def webhooks_sorted(text: str) -> str:
    """Two webhooks of the same moment have no order of their own."""
    lines = text.splitlines()
    webhooks = [line for line in lines if line.startswith("  webhook ")]
    return "\n".join([line for line in lines if line not in webhooks] + sorted(webhooks))


def section_of(page: str, title: str) -> str:
    """One incident's part of the page; empty: it is not there."""
    start = page.find(f"## {title}\n")
    if start < 0:
        return ""
    end = page.find("\n## ", start + 1)
    return page[start:] if end < 0 else page[start : end + 1]


def put(page: str, title: str, section: str) -> str:
    """The page with one section replaced, or added at its end."""
    old = section_of(page, title)
    return page.replace(old, section) if old else f"{page.rstrip()}\n\n{section}"


def compare(title: str, section: str) -> None:
    """Fail where the page has another text; or write the section, where that is asked for."""
    page = PAGE.read_text()
    if os.environ.get(WRITE):
        PAGE.write_text(put(page, title, section))
        return
    shown, seen = section_of(page, title).strip(), section.strip()
    change = "\n".join(unified_diff(shown.splitlines(), seen.splitlines(), "page", "seen", n=0))
    assert shown == seen, (
        f"docs/incidents.md is old: write it anew with {WRITE}=1 and this test\n{change}"
    )
