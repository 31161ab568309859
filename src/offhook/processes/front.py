"""The front role: reads the SIP socket that several voice workers share, and passes each datagram on."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

from offhook.processes import collector
from offhook.processes.role_context import CannotServe, RoleContext
from offhook.telephony.sip_front import Front

LINGER = 1.5
"""Seconds; a process has :data:`offhook.processes.child.LAST_SECONDS` after its supervisor has died."""


async def run(context: RoleContext) -> None:
    """Serve until told to stop; the supervisor stops the voice workers before."""
    link = context.supervisor
    if link.sip_fd is None or link.front is None:
        raise CannotServe("the front needs a socket from its supervisor")
    async with AsyncExitStack() as stack:
        sip = stack.enter_context(socket.socket(fileno=link.sip_fd))
        front = Front(sip, link.front, context.workers)
        stack.callback(front.close)
        front.start()
        collector.keep()
        link.ready()
        await context.stopping.wait()
        if context.orphaned.is_set():
            # The voice workers end without being waited for: let the answers to their BYEs reach them.
            await asyncio.sleep(LINGER)
