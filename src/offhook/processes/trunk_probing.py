"""Asks a trunk whether it answers, when an operator wants to know."""

from __future__ import annotations

import asyncio

import msgspec

from offhook.session.ports.fabric import Fabric
from offhook.session.ports.trunk_probes import PROBE_ORDERS, ProbeOrder, probe_topic
from offhook.telephony.trunk_health import TrunkProbe

MOST_WAITING = 20
"""Orders that wait; further ones are dropped."""


async def obey_probes(fabric: Fabric, probe: TrunkProbe, node: str) -> None:
    """Ask and answer, one order after another, until cancelled."""
    waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)

    def put(_topic: str, message: bytes) -> None:
        if not waiting.full():
            waiting.put_nowait(message)

    unsubscribe = fabric.subscribe(PROBE_ORDERS, put)
    try:
        while True:
            try:
                order = msgspec.json.decode(await waiting.get(), type=ProbeOrder)
            except msgspec.DecodeError:
                continue
            answer = await probe.ask_now(order.trunk, node)
            if answer is not None:
                fabric.publish(probe_topic(order.probe_id), msgspec.json.encode(answer))
    finally:
        unsubscribe()
