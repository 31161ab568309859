"""The testbed role: the built-in phones, in a process of their own so that calls use real sockets."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from offhook.media import make_engine
from offhook.processes.ready_facts import ReadyFacts
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import open_fabric
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.line import Line
from offhook.telephony.trunks import split_address
from offhook.testbed.carrier import Carrier
from offhook.testbed.screen_phones import ScreenPhones

LOOPBACK = "127.0.0.1"
RTP_PORTS = (16_000, 19_998)
"""Below the server's own default range."""
MEDIA_TIMEOUT = 3600.0


async def run(context: RoleContext) -> None:
    """Answer calls until told to stop."""
    async with AsyncExitStack() as stack:
        port = split_address(context.supervisor.testbed)[2] if context.supervisor.testbed else 0
        endpoint = udp_endpoint(LOOPBACK, port)
        await endpoint.start()
        stack.push_async_callback(endpoint.close)
        engine = make_engine(context.config.media.engine, host=LOOPBACK, ports=RTP_PORTS)
        engine.start()
        stack.callback(engine.close)
        line = Line(
            endpoint=endpoint,
            media=engine,
            media_host=LOOPBACK,
            trunks={},
            media_timeout=MEDIA_TIMEOUT,
            clock=context.clock,
        )
        folder = context.config.testbed.recordings
        phones = {phone.number: phone for phone in context.config.testbed.phones}
        screens = ScreenPhones(await open_fabric(context, stack), context.clock.monotonic)
        stack.callback(screens.close)
        carrier = Carrier(line, phones, Path(folder) if folder else None, screens)
        carrier.start()
        stack.push_async_callback(carrier.close)
        address = f"udp:{LOOPBACK}:{endpoint.local_address[1]}"
        context.supervisor.ready(ReadyFacts(address=address))
        await context.stopping.wait()
