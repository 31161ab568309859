"""A call that is over leaves nothing for the garbage collector: its pauses would be heard by all.

Real calls over real sockets, both ends in this process; the collector is off while they run. What it
finds afterwards was freed by nobody.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import types
from collections import Counter
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from tests.support.node_world import ANSWERS, BUSY, LEAVES, PRESSES, SILENT, SOURCE, world

from offhook.execution.conversation import Conversation
from offhook.execution.runner import SessionRunner
from offhook.flow.actions import AnyAction, Hangup, MakeCall, Say, SayAndCapture
from offhook.media.python.leg_worker import LegWorker
from offhook.media.python.python_leg import PythonLeg
from offhook.telephony.line_call import LineCall


def call(destination: str) -> MakeCall:
    return MakeCall(source=SOURCE, destination=destination)


SPEAK = Say(text="Hello.", language="en-US")
UNSPEAKABLE = Say(text="unspeakable", language="en-US")
ASK = SayAndCapture(prompt_message="Press.", language="en-US", max_digits=1, overall_timeout=5000)

FLOWS: dict[str, tuple[tuple[AnyAction, ...], str]] = {
    "a message": ((call(ANSWERS), SPEAK, SPEAK, Hangup()), "COMPLETED"),
    "a digit and a decision": ((call(PRESSES), ASK), "COMPLETED"),
    "busy": ((call(BUSY), SPEAK, Hangup()), "BUSY"),
    "no answer": ((call(SILENT), SPEAK, Hangup()), "NO_ANSWER"),
    "a bridge": ((call(ANSWERS), call(LEAVES), SPEAK, Hangup()), "COMPLETED"),
    "a bridge that fails": ((call(ANSWERS), call(BUSY), SPEAK, Hangup()), "BUSY"),
    "an error": ((call(ANSWERS), UNSPEAKABLE, Hangup()), "ERROR"),
    "the callee leaves in a prompt": ((call(LEAVES), *[SPEAK] * 9, Hangup()), "COMPLETED"),
    "no route": ((call("+999"), SPEAK, Hangup()), "ERROR"),
}


def ours(found: list[Any]) -> Counter[str]:
    """What of ``found`` is made by this project, or is a socket, by type."""
    kept: Counter[str] = Counter()
    for one in found:
        kind = type(one)
        if kind.__module__.startswith("offhook"):
            kept[f"{kind.__module__}.{kind.__qualname__}"] += 1
        elif isinstance(one, socket.socket):
            kept["socket"] += 1
        elif isinstance(one, types.FrameType) and "/offhook/" in one.f_code.co_filename:
            kept[f"frame of {one.f_code.co_qualname}"] += 1
        elif isinstance(one, types.MethodType | types.FunctionType) and str(
            one.__module__
        ).startswith("offhook"):
            kept[f"function {one.__qualname__}"] += 1
    return kept


async def uncollected(run: Any, times: int) -> Counter[str]:
    """What ``run``, run so often, leaves for the collector."""
    await run()  # what is made once
    await settled()
    await let_go()
    gc.collect()
    gc.disable()
    try:
        for _ in range(times):
            await run()
        await settled()
        await let_go()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return ours(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


PARTS = (Conversation, SessionRunner, LineCall, PythonLeg, LegWorker)
"""What nothing refers to any more a moment after the end; transactions of SIP live on for 32 s."""


async def let_go() -> None:
    """Wait until timers and the media thread have let go of what is over.

    What only the collector would free is still there after the longest timer, and is found then.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_TIMER):
            while any(isinstance(one, PARTS) for one in gc.get_objects()):
                await asyncio.sleep(0.05)


LONGEST_TIMER = 10.0
"""Seconds; the media timeout's, which is longer, must keep nothing."""


async def settled() -> None:
    """Wait until the tasks of the last session are over."""
    while len(asyncio.all_tasks()) > BACKGROUND:
        await asyncio.sleep(0.01)


BACKGROUND = 6
"""Tasks of a node that is idle, and the test's own."""


@pytest.mark.parametrize("name", FLOWS)
async def test_a_call_that_is_over_is_freed_at_once(name: str) -> None:
    actions, status = FLOWS[name]
    async with world() as here:

        async def run() -> None:
            assert (await here.run(*actions)).status == status

        assert await uncollected(run, 3) == {}


async def test_a_call_from_outside_that_is_over_is_freed_at_once() -> None:
    async with world() as here:
        here.decision = msgspec.json.encode(
            {
                "callflow": [
                    {"action": "makeCall", "params": {"source": SOURCE, "destination": LEAVES}}
                ]
            }
        )
        assert await uncollected(here.ring, 3) == {}


async def test_a_refused_call_from_outside_is_freed_at_once() -> None:
    async with world() as here:
        assert await uncollected(here.ring, 3) == {}
