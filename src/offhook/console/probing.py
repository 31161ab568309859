"""Asks the voice processes whether a trunk answers them, now."""

from __future__ import annotations

import asyncio

import msgspec

from offhook.aio import wait_or
from offhook.clock import new_id
from offhook.console.console_parts import ConsoleParts
from offhook.session.ports.record import DEAD_AFTER, NodeRole
from offhook.session.ports.trunk_probes import (
    PROBE_ORDERS,
    ProbeAnswer,
    ProbeOrder,
    probe_topic,
)

WAIT = 6.0
"""Seconds for all answers: a little longer than a voice process waits for the trunk."""


async def probed(parts: ConsoleParts, trunk: str) -> list[ProbeAnswer]:
    """What the voice processes that are up found, by name; those that did not say are absent."""
    expected = await _voices(parts)
    answers: dict[str, ProbeAnswer] = {}
    complete = asyncio.Event()

    def put(_topic: str, message: bytes) -> None:
        answer = msgspec.json.decode(message, type=ProbeAnswer)
        answers[answer.node] = answer
        if len(answers) >= expected:
            complete.set()

    order = ProbeOrder(probe_id=new_id(), trunk=trunk)
    unsubscribe = parts.fabric.subscribe(probe_topic(order.probe_id), put)
    try:
        await parts.fabric.flush()
        parts.fabric.publish(PROBE_ORDERS, msgspec.json.encode(order))
        if expected:
            await wait_or(complete.wait(), WAIT)
    finally:
        unsubscribe()
    return [answers[name] for name in sorted(answers)]


async def _voices(parts: ConsoleParts) -> int:
    now = parts.clock.now()
    return sum(
        node.role is NodeRole.VOICE
        and node.heartbeat_at is not None
        and now - node.heartbeat_at < DEAD_AFTER
        for node in (await parts.store.installation()).nodes
    )


def in_words(trunk: str, answers: list[ProbeAnswer]) -> str:
    """For the page: what each process found."""
    if not answers:
        return f"No voice process answered within {WAIT:g} s whether trunk {trunk} is there."
    return " ".join(
        f"{one.node}: OPTIONS answered with {one.status} after {one.milliseconds} ms."
        if one.status is not None
        else f"{one.node}: no answer to OPTIONS: {one.problem}."
        for one in answers
    )
