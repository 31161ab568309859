"""Every log line about a session carries its id, also those of the phone lines and the record."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog
from tests.support.node_world import ANSWERS, SOURCE, world

from offhook import log
from offhook.codes import SessionStatus
from offhook.faults import FaultLog
from offhook.flow.actions import Hangup, MakeCall, Say
from offhook.session.ports.record import StoreUnavailable
from offhook.store.memory import MemoryStore
from offhook.telephony import line_call
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.outgoing import OutgoingCall

SPEAK = Say(text="Hello.", language="en-US")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged from now on, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    log.setup("voice-0", {"OFFHOOK_LOG": "json"}, out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def broken(*_arguments: object, **_named: object) -> None:
    raise RuntimeError("an error of ours")


@pytest.fixture(autouse=True)
def _fresh_fault_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_call, "faults", FaultLog(line_call.log))


async def test_an_error_on_the_line_of_a_call_we_dial(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as here:
        monkeypatch.setattr(OutgoingCall, "_provisional", broken)
        ended = await here.run(MakeCall(source=SOURCE, destination=ANSWERS), SPEAK, Hangup())
        assert ended.status is SessionStatus.ERROR
    found = logged(lines)
    assert any("handling Provisional" in line["event"] for line in found)
    assert {line.get("session") for line in found} == {ended.session_id}


async def test_an_error_on_the_line_of_a_call_from_outside(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world() as here:
        action = {"action": "playFile", "params": {"fileUrl": "https://customer.example/a.wav"}}
        here.decision = msgspec.json.encode({"callflow": [action]})
        monkeypatch.setattr(IncomingCall, "_accept", broken)
        await here.ring()
        (session_id,) = here.store.records.sessions
        await here.store.ended(session_id)
    found = [line for line in logged(lines) if line["level"] != "info"]
    assert any("answering it" in line["event"] for line in found)
    assert {line.get("session") for line in found} == {session_id}


async def test_a_record_that_is_away(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    save, calls = MemoryStore.save, 0

    async def away_at_first(self: MemoryStore, *arguments: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreUnavailable("away")
        await save(self, *arguments, **named)

    monkeypatch.setattr(MemoryStore, "save", away_at_first)
    async with world() as here:
        ended = await here.run(MakeCall(source=SOURCE, destination=ANSWERS), SPEAK, Hangup())
    waiting = [line for line in logged(lines) if "waits to be saved" in line["event"]]
    assert [line["session"] for line in waiting] == [ended.session_id]
