"""SIP endpoints on loopback, and calls between them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from offhook.sip import Address, AnyEvent, Ended, IncomingInvite, Rejected, Timers
from offhook.sip.sdp import make_offer
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.sip_transport import SipTransport

SDP = make_offer(host="127.0.0.1", port=4000)
QUICK = Timers(t1=0.05, t2=0.2, t4=0.25, trying=0.05)


async def started(
    stack: AsyncExitStack, *transports: SipTransport, timers: Timers = QUICK
) -> SipEndpoint:
    """An endpoint with these transports, closed with the stack."""
    endpoint = SipEndpoint(transports, timers=timers)
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    return endpoint


class Talker:
    """Places and answers calls, and keeps the events of each."""

    def __init__(self, endpoint: SipEndpoint) -> None:
        self.endpoint = endpoint
        self.events: dict[str, list[AnyEvent]] = {}
        self.invites: list[IncomingInvite] = []
        endpoint.on_incoming(self._answer)

    def call(self, target: Address, sdp: bytes = SDP) -> str:
        """Call; returns the handle."""
        host = f"[{target.host}]" if ":" in target.host else target.host
        with self.endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=target,
                request_uri=f"sip:bob@{host}:{target.port}",
                from_uri="sip:alice@example.org",
                to_uri="sip:bob@example.org",
                sdp=sdp,
            )
        self.listen(handle)
        return handle

    def listen(self, handle: str) -> None:
        self.events[handle] = []
        self.endpoint.listen(handle, lambda event: self.events[handle].append(event))

    def _answer(self, invite: IncomingInvite) -> None:
        self.invites.append(invite)
        self.listen(invite.handle)
        with self.endpoint.command() as (agent, now):
            agent.accept(invite.handle, now, SDP)

    def hang_up(self, handle: str) -> None:
        with self.endpoint.command() as (agent, now):
            agent.bye(handle, now)

    async def hears(self, handle: str, *kinds: type[AnyEvent], within: float = 10) -> AnyEvent:
        """The first event of one of these kinds."""
        async with asyncio.timeout(within):
            while True:
                for event in self.events[handle]:
                    if isinstance(event, kinds):
                        return event
                await asyncio.sleep(0.005)

    async def ends(self, handle: str) -> AnyEvent:
        """The last event of a call."""
        return await self.hears(handle, Ended, Rejected)
