"""The phones role: the gateway between browsers and the voice node, in a process of its own.

What browsers send is read here and nowhere else, so that a session description or a packet that breaks
something costs only calls of browsers.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack

from offhook.aio import end_all
from offhook.config import Config, sip_address
from offhook.media.python.port_pool import PortPool
from offhook.processes.phone_lines import users_of
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import open_fabric
from offhook.processes.shared_sip import LOOPBACK
from offhook.sip import Address
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.sockets import unspecified
from offhook.telephony.transports.udp import UdpTransport
from offhook.webphone.gateway import MOST_PHONES, Gateway
from offhook.webphone.secure_stream import SecureStream
from offhook.webphone.web_call import Surroundings

RTP_PORTS = (12_000, 15_999)
"""Towards the voice node, on this machine only; below those of the built-in phones."""


async def run(context: RoleContext) -> None:
    """Serve browsers until told to stop."""
    async with AsyncExitStack() as stack:
        config = context.config
        node = node_of(config)
        endpoint = SipEndpoint(
            [UdpTransport(node.host, 0)],
            user_agent="Offhook browser phone",
            max_dialogs=2 * MOST_PHONES,
        )
        await endpoint.start()
        stack.push_async_callback(endpoint.close)
        users = users_of(config)

        def reload(new: Config) -> None:
            nonlocal users
            users = users_of(new)

        context.reloads.append(reload)
        section, stun = config.browser_phone, stun_of(config)
        around = Surroundings(
            endpoint,
            node,
            PortPool(node.host, RTP_PORTS),
            lambda on_packet: SecureStream(
                section.address, on_packet, advertised=section.advertise, stun=stun
            ),
        )
        gateway = Gateway(
            around,
            await open_fabric(context, stack),
            context.clock.monotonic,
            name=f"{config.cluster.name or socket.gethostname()}/{config.sip.listen[0]}",
            users=lambda: users,
        )
        stack.push_async_callback(gateway.close)
        duty = asyncio.create_task(gateway.run())
        stack.push_async_callback(end_all, duty)
        context.supervisor.ready()
        await context.stopping.wait()


def node_of(config: Config) -> Address:
    """The voice node's address as this machine reaches it."""
    listen = next(
        sip_address(each) for each in config.sip.listen if sip_address(each).transport == "udp"
    )
    host = LOOPBACK if unspecified(listen.host) else listen.host
    return Address("udp", host, listen.port)


def stun_of(config: Config) -> tuple[str, int] | None:
    """The first STUN server."""
    for url in config.browser_phone.ice_servers:
        kind, _, rest = url.partition(":")
        if kind == "stun":
            host, _, port = rest.partition("?")[0].partition(":")
            return host, int(port or 3478)
    return None
