"""The front role: reads the SIP socket that several voice workers share, and passes each datagram on."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

from offhook.config import Config
from offhook.processes import collector
from offhook.processes.role_context import CannotServe, RoleContext
from offhook.processes.shared_sip import relay_path, shared_index
from offhook.processes.sip_transports import open_tls, own_transports, tls_files
from offhook.telephony.relay_front import RelayFront
from offhook.telephony.sip_front import Front
from offhook.telephony.trunks import trunks_of

LINGER = 1.5
"""Seconds; a process has :data:`offhook.processes.child.LAST_SECONDS` after its supervisor has died."""


async def _open_relay(context: RoleContext, stack: AsyncExitStack, path: str) -> None:
    """Hold the addresses that are not the shared UDP one."""
    config = context.config
    try:
        tls = open_tls(config)
    except OSError as error:
        raise CannotServe(f"sip: the certificates cannot be used: {error}") from None
    transports = own_transports(config, tls)
    shared = shared_index(config)
    if shared is not None:
        transports.pop(shared, None)
    trunks = trunks_of(config)

    def reload(config: Config) -> None:
        trunks.clear()
        trunks.update(trunks_of(config))
        files = tls_files(config)
        if tls is not None and files is not None:
            tls.reload(files)

    context.reloads.append(reload)
    relay = RelayFront(relay_path(path), context.workers, trunks.values)
    await relay.start(transports)
    stack.push_async_callback(relay.close)


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
        await _open_relay(context, stack, link.front)
        collector.keep()
        link.ready()
        await context.stopping.wait()
        if context.orphaned.is_set():
            # The voice workers end without being waited for: let the answers to their BYEs reach them.
            await asyncio.sleep(LINGER)
