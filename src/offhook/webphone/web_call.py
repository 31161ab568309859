"""One call of a browser's phone: SIP towards the voice node, an encrypted stream towards the browser.

The browser always makes the offer, when it answers and when it calls. One codec is settled on both sides, so
that packets pass as they are. SIP goes on once the stream to the browser is there: nobody answers, or calls,
without sound.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, final

from offhook import sip
from offhook.aio import end_all, first_of
from offhook.faults import FaultLog
from offhook.media.python.port_pool import PortPool
from offhook.negotiated import Codec
from offhook.session.ports.browser_phones import PhoneState
from offhook.sip import Address, Credentials
from offhook.sip.descriptions import MediaTerms, SdpError
from offhook.sip.encoding import host_port
from offhook.sip.grammar import escape_user
from offhook.sip.negotiation import Negotiation
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.sip_users import SipUser
from offhook.webphone.browser_description import (
    BrowserOffer,
    StreamTypes,
    read_offer,
    types_of,
    write_answer,
)
from offhook.webphone.packet_relay import PacketRelay
from offhook.webphone.secure_stream import SecureStream, StreamFailed

log = logging.getLogger(__name__)
faults = FaultLog(log)

_NO_ANSWER_OF_OURS: Final = 480


class Surroundings:
    """What all calls of a gateway share."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        node: Address,
        pool: PortPool,
        open_stream: Callable[[Callable[[bytes], None]], SecureStream],
    ) -> None:
        """``node`` is the voice node's SIP address; ``pool`` has the ports for its media."""
        self.endpoint = endpoint
        self.node = node
        self.pool = pool
        self.open_stream = open_stream


class CallWatcher(ABC):
    """Who is told what a call does: its phone."""

    @abstractmethod
    def goes(self, state: PhoneState, *, sdp: str = "") -> None:
        """The call is in ``state`` now; ``sdp`` is the answer to the browser's offer."""

    @abstractmethod
    def pressed(self, digit: str) -> None:
        """The far end pressed a key."""

    @abstractmethod
    def over(self, text: str) -> None:
        """The call is over; ``text`` says how, for the person."""


class WebCall(ABC):
    """A call, from either side."""

    def __init__(
        self, around: Surroundings, user: SipUser, watcher: CallWatcher, peer: str
    ) -> None:
        """Raises :class:`PortsExhausted`."""
        self.peer = peer
        """Who calls or is called, for the person."""
        self._around = around
        self._user = user
        self._watcher = watcher
        self._handle = ""
        self._pair = around.pool.open()
        self._stream: SecureStream | None = None
        self._relay: PacketRelay | None = None
        self._types: StreamTypes | None = None
        self._negotiation = Negotiation(around.endpoint.advertised_host, self._pair.port)
        self._ended = asyncio.Event()
        self._told = ""
        self._speaking: asyncio.Task[None] | None = None

    # --- what the phone wants

    def speak(self, sdp: str) -> None:
        """Take the browser's offer and go on; once. Raises :class:`SdpError` for one that is unusable."""
        offer = read_offer(sdp)
        codec = self._settle(offer, [one for one in self._user.trunk.codecs if one in offer.codecs])
        self._types = types_of(offer, codec)
        self._watcher.goes(PhoneState.CONNECTING)
        self._speaking = asyncio.create_task(self._speak(offer, codec))

    @property
    def has_offer(self) -> bool:
        """Whether the browser's offer came already."""
        return self._speaking is not None

    def end(self, text: str = "You hung up") -> None:
        """Hang up. Idempotent."""
        if self._ended.is_set():
            return
        if self._handle:
            self._hang_up()
        self._finish(text)

    async def close(self) -> None:
        """Hang up, and wait until nothing of the call is left."""
        self.end()
        if self._speaking is not None:
            await asyncio.wait([self._speaking])

    # --- the sides

    @abstractmethod
    def _settle(self, offer: BrowserOffer, common: list[Codec]) -> Codec:
        """The codec of the call; ``common`` are those that the browser and the user have."""

    @abstractmethod
    def _go_on(self) -> None:
        """The browser's stream is there: answer, or call."""

    @abstractmethod
    def _hang_up(self) -> None:
        """Tell the node."""

    @abstractmethod
    def _on_sip(self, event: sip.AnyEvent) -> None:
        """What happens in SIP, beyond what both sides share."""

    # --- the stream

    async def _speak(self, offer: BrowserOffer, codec: Codec) -> None:
        try:
            problem = await self._speak_until_over(offer, codec)
        except StreamFailed as error:
            problem = str(error)
        except Exception:
            faults.report("a call of a browser's phone")
            problem = "Something is broken here: the log has more"
        self.end(problem)

    async def _speak_until_over(self, offer: BrowserOffer, codec: Codec) -> str:
        """Open the stream, go on with SIP, and wait for the end, which the result explains."""
        stream = self._stream = self._around.open_stream(self._from_browser)
        try:
            ours = await stream.gather()
            self._relay = PacketRelay(self._pair, stream.send, self._watcher.pressed)
            self._watcher.goes(PhoneState.CONNECTING, sdp=write_answer(offer, codec, ours))
            connecting = asyncio.ensure_future(stream.connect(offer))
            try:
                await first_of(connecting, self._ended.wait())
                if connecting.done():
                    connecting.result()
            finally:
                await end_all(connecting)
            if not self._ended.is_set():
                self._use_media()
                self._go_on()
                await first_of(self._ended.wait(), stream.closed.wait())
            return "The browser closed its sound"
        finally:
            await stream.close()
            if self._relay is not None:
                self._relay.close()
            self._give_back_port()

    def _from_browser(self, packet: bytes) -> None:
        if self._relay is not None:
            self._relay.from_browser(packet)

    def _use_media(self) -> None:
        """Send where the node's description says. The node's own address is this machine's, whatever
        address it shows to others."""
        media, source = self._negotiation.media, self._around.node.host
        if media is not None and self._types is not None and self._relay is not None:
            self._relay.use(source, media, self._types)

    # --- SIP

    def _listen(self, handle: str) -> None:
        self._handle = handle
        self._around.endpoint.listen(handle, self._on_event)

    def _on_event(self, event: sip.AnyEvent) -> None:
        match event:
            case sip.Ended():
                self._finish("The other side hung up")
            case sip.Reoffer(sdp=body):
                self._reoffered(event.handle, body)
            case sip.ReofferAnswered(sdp=body):
                self._take_answer(body)
            case sip.Confirmed(sdp=body) if body is not None:
                self._take_answer(body)
            case sip.RefreshDue():
                with self._around.endpoint.command() as (agent, now):
                    agent.reinvite(event.handle, now, self._negotiation.offer())
            case sip.Referred():
                with self._around.endpoint.command() as (agent, now):
                    agent.reject_refer(event.handle, now)
            case _:
                self._on_sip(event)

    def _reoffered(self, handle: str, body: bytes | None) -> None:
        """Hold, resume, or a new address of the node's media."""
        with self._around.endpoint.command() as (agent, now):
            try:
                ours = self._negotiation.offer() if body is None else self._negotiation.answer(body)
            except SdpError as error:
                name = self._user.username
                log.warning("user %s: a re-INVITE to a browser is refused: %s", name, error)
                agent.reject_reoffer(handle, now)
                return
            agent.accept_reoffer(handle, now, ours)
        self._use_media()

    def _take_answer(self, body: bytes | None) -> bool:
        """Use the node's answer; False: it cannot be used."""
        try:
            self._negotiation.accept(body or b"")
        except SdpError as error:
            name = self._user.username
            log.warning("user %s: a browser cannot use the answer of the node: %s", name, error)
            return False
        self._use_media()
        return True

    def _finish(self, text: str) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        if self._speaking is None:
            self._give_back_port()
        self._watcher.over(text)

    def _give_back_port(self) -> None:
        self._pair.close()
        self._around.pool.release(self._pair.port)


@final
class CallToBrowser(WebCall):
    """The node rings the phone."""

    def __init__(
        self,
        around: Surroundings,
        user: SipUser,
        watcher: CallWatcher,
        invite: sip.IncomingInvite,
        peer: str,
    ) -> None:
        super().__init__(around, user, watcher, peer)
        self._offer = invite.sdp or b""
        self._answer = b""
        self._listen(invite.handle)
        with around.endpoint.command() as (agent, now):
            agent.ring(invite.handle, now, 180)

    def _settle(self, offer: BrowserOffer, common: list[Codec]) -> Codec:
        self._negotiation.terms = MediaTerms(codecs=tuple(common))
        self._answer = self._negotiation.answer(self._offer)
        assert self._negotiation.media is not None
        codec = self._negotiation.media.codec
        self._negotiation.terms = MediaTerms(codecs=(codec,))
        return codec

    def _go_on(self) -> None:
        with self._around.endpoint.command() as (agent, now):
            agent.accept(self._handle, now, self._answer)
        self._watcher.goes(PhoneState.TALKING)

    def _hang_up(self) -> None:
        """A phone that is not answered declines for itself alone: the user's other phones ring on."""
        with self._around.endpoint.command() as (agent, now):
            agent.reject(self._handle, now, _NO_ANSWER_OF_OURS if self._speaking else 486)
            agent.bye(self._handle, now)

    def _on_sip(self, event: sip.AnyEvent) -> None:
        if isinstance(event, sip.Canceled):
            elsewhere = "completed elsewhere" in (event.reason or "").lower()
            self._finish("Another phone answered" if elsewhere else "The caller gave up")


@final
class CallFromBrowser(WebCall):
    """The browser calls a number."""

    def __init__(
        self, around: Surroundings, user: SipUser, watcher: CallWatcher, number: str
    ) -> None:
        super().__init__(around, user, watcher, number)
        self._number = number

    def _settle(self, offer: BrowserOffer, common: list[Codec]) -> Codec:
        if not common:
            raise SdpError("the browser has no codec of the user's")
        self._negotiation.terms = MediaTerms(codecs=tuple(common[:1]))
        return common[0]

    def _go_on(self) -> None:
        node, user = self._around.node, self._user
        domain = host_port(node.host, None)
        called = f"sip:{escape_user(self._number)}@{domain}"
        with self._around.endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=node,
                request_uri=called,
                from_uri=f"sip:{escape_user(user.username)}@{domain}",
                to_uri=called,
                sdp=self._negotiation.offer(),
                credentials=Credentials(user.username, user.password),
                trust=lambda host: host == node.host,
            )
            self._listen(handle)
        self._watcher.goes(PhoneState.CALLING)

    def _hang_up(self) -> None:
        with self._around.endpoint.command() as (agent, now):
            agent.bye(self._handle, now)

    def _on_sip(self, event: sip.AnyEvent) -> None:
        match event:
            case sip.Provisional(sdp=body) if body is not None:
                self._take_answer(body)
            case sip.Answered(sdp=body):
                if (body is None and self._negotiation.media is not None) or self._take_answer(
                    body
                ):
                    self._watcher.goes(PhoneState.TALKING)
                else:
                    self.end("The other side's sound cannot be used")
            case sip.Rejected(status=status, reason=reason):
                self._finish(refusal(status, reason))


def refusal(status: int, reason: str) -> str:
    """Why a call from the browser was refused, for the person."""
    known = {
        404: "No sub-account has this number",
        408: "The voice node does not answer",
        486: "Busy",
        480: "Nobody answers",
        487: "You hung up",
    }
    return known.get(status, f"Refused: {status} {reason}".strip())
