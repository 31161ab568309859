"""What a process tells of itself to the operator, and the operator's order that it begins no sessions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from offhook import __version__
from offhook.aio import wait_or
from offhook.execution.node import VoiceNode
from offhook.processes.registration_duty import RegistrationDuty
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import Foundation
from offhook.session.ports.membership import Membership, NodeFacts
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)

DRAIN_LOOK = 5.0
"""Seconds between two looks whether an operator drains this node: the fabric may lose its word."""


async def introduce(
    context: RoleContext, store: Membership, name: str, *, capacity: int = 0
) -> None:
    """Store version and start of this process; ``capacity``: sessions it runs at once at the most."""
    now = context.clock.now()
    await store.put_node_facts(
        NodeFacts(name=name, version=__version__, since=now, capacity=capacity)
    )


async def obey_drains(
    foundation: Foundation, rests: Sequence[VoiceNode | RegistrationDuty], name: str
) -> None:
    """Have ``rests`` rest while an operator drains this node; look every few seconds, until cancelled."""
    told = asyncio.Event()
    foundation.fabric.subscribe("nodes", lambda _topic, _message: told.set())
    drained = False
    while True:
        told.clear()
        try:
            wanted = await foundation.store.is_drained(name)
        except StoreUnavailable:
            wanted = drained
        if wanted and not drained:
            log.warning("%s is drained by the operator: it begins no sessions", name)
            for each in rests:
                each.pause()
        elif drained and not wanted:
            log.info("%s begins sessions again", name)
            for each in rests:
                each.resume()
        drained = wanted
        await wait_or(told.wait(), DRAIN_LOOK)
