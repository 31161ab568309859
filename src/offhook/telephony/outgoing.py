"""A call we dial: offer, trunks in order, ring timeout, CANCEL, answer (RFC 3261 §13, RFC 3264)."""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import Unpack, final

import msgspec

from offhook.codes import CallStatus, outcome_of_sip_status
from offhook.events import Side
from offhook.media.engine import PortsExhausted
from offhook.session.ports.telephony import CallEnd, DialOrder, MayUse, Ringing
from offhook.session.routing import user_of_route
from offhook.session.session import TrunkTry
from offhook.sip import agent_events as sip
from offhook.sip.agent_events import Address
from offhook.sip.descriptions import SdpError
from offhook.telephony.branches import Branches
from offhook.telephony.leg_media import DescriptionOrigin, origin_of
from offhook.telephony.line import Line
from offhook.telephony.line_call import EndFacts, LineCall, faults
from offhook.telephony.redirects import Redirection, Redirections
from offhook.telephony.transports.locator import CannotLocate
from offhook.telephony.trunk_servers import PATIENCE
from offhook.telephony.trunks import Trunk, why_challenged

log = logging.getLogger(__name__)

CHALLENGES = (401, 407)
"""They ask for credentials."""


@final
class OutgoingCall(LineCall):
    """One dial order, tried over its trunks in order."""

    def __init__(self, line: Line, order: DialOrder, on_ringing: Ringing, may_use: MayUse) -> None:
        super().__init__(order.call_id, line.clock, line.traces, order.session_id)
        self.sounds = line.sounds
        self.metrics = line.metrics
        self._line = line
        self._order = order
        self._on_ringing = on_ringing
        self._may_use = may_use
        self._moving: asyncio.Task[None] | None = None
        """Asks for a channel of the next trunk. It is not canceled: the channel is taken durably."""
        self._left = list(order.trunks)
        """Names of the trunks that are not tried yet."""
        self._servers: list[Address] = []
        """Servers of the trunk that are not tried yet."""
        self._server: Address | None = None
        """The one that is."""
        self._branches: Branches | None = None
        """The INVITE that is out, or those to all phones of a user."""
        self._rung: set[tuple[int, bool]] = set()
        """Each provisional status received, and whether it came with early media."""
        self._ring_timer: asyncio.TimerHandle | None = None
        self._tries: list[TrunkTry] = []
        self._redirections = Redirections(order.routes, line.endpoint.is_address_of)
        self._sent_at = 0.0
        self.trunk: Trunk | None = None

    def start(self) -> None:
        """Open the media and send the first INVITE; failures end the call, they never raise."""
        try:
            self.media, self.leg_media = self._line.open_media(self.on_media, None)
        except PortsExhausted as error:
            log.error("call %s: no media: %s", self.call_id, error)
            self._end_before_media(str(error))
            return
        except Exception:
            faults.report(f"call {self.call_id}: opening its media")
            self._end_before_media("internal error")
            return
        self._ring_timer = self._loop.call_later(
            self._order.ring_timeout, self._guarded, "the ring timeout", self._ring_timed_out
        )
        self._guarded("sending its INVITE", self._try_first)

    def _end_before_media(self, detail: str) -> None:
        end = CallEnd(status=CallStatus.ERROR, at=self._clock.now(), detail=detail)
        self._ended.set_result(end)
        self._answered.set_result(None)

    def _try_first(self) -> None:
        trunk = self._next_trunk()
        if trunk is None:
            names = ", ".join(self._order.trunks)
            self._end(CallStatus.ERROR, detail=f"trunk {names} is no longer configured")
        else:
            self._invite(trunk)

    def _next_trunk(self) -> Trunk | None:
        """The next trunk of the order that the line still has: a reload may have removed one."""
        while self._left:
            trunk = self._line.peer(self._left.pop(0))
            if trunk is not None:
                return trunk
        return None

    def _invite(self, trunk: Trunk) -> None:
        """Call over a trunk: over the first of its servers, once they are known."""
        self.trunk = trunk
        self._sent_at = self._clock.monotonic()
        self.leg_media.trunk = trunk
        known: list[Address] | None = []
        if user_of_route(trunk.name) is None:
            known = self._line.servers.known(trunk)
        if known is None:
            self._moving = self._loop.create_task(self._look_up(trunk))
        else:
            self._servers = known
            self._invite_server(trunk)

    async def _look_up(self, trunk: Trunk) -> None:
        try:
            self._servers = await self._line.servers.find(trunk)
        except CannotLocate as error:
            problem = str(error)
            failed = sip.Rejected(
                handle="", status=408, reason=problem, local=True, problem=problem
            )
            self._guarded("moving on", self._rejected, failed)
            return
        if self.ended is None:
            self._guarded("sending its INVITE", self._invite_server, trunk)

    def _invite_server(self, trunk: Trunk) -> None:
        """Send the INVITE to the next server; one that is silent has less time while there is another."""
        server = self._server = self._servers.pop(0) if self._servers else None
        self._sent_at = self._clock.monotonic()
        try:
            self._suit_media(self._line.media_version(trunk, server))
            offer = self.leg_media.offer()
        except (SdpError, PortsExhausted) as error:
            self._end(CallStatus.ERROR, detail=str(error), tries=tuple(self._tries))
            return
        self._redirections.went(trunk, self._order.destination)
        handles = self._line.invite(trunk, server, self._order, offer)
        if not handles:
            detail = f"no phone of user {user_of_route(trunk.name)} is registered"
            self._end(CallStatus.FAILED, by=Side.SERVER, detail=detail, tries=tuple(self._tries))
            return
        for handle in handles:
            self._trace(self._line.endpoint.call_id_of(handle))
        self._branches = Branches(self._line.endpoint, self.on_sip, handles)
        patience = trunk.response_timeout if self._left else None
        if self._servers:
            patience = PATIENCE
        if patience is not None:
            said = "a server's silence"
            self._loop.call_later(patience, self._guarded, said, self._silent, self._branches)

    def _suit_media(self, version: int | None) -> None:
        """Have media of that IP version, as long as nothing was heard. Raises PortsExhausted."""
        if version in (None, self.leg_media.ip_version) or self._rung or self.has_media:
            return
        self._use_media(*self._line.open_media(self.on_media, self.trunk, version))

    def _silent(self, branches: Branches) -> None:
        """A server has said nothing, and there is another one (RFC 3263 §4.3), or another trunk."""
        if branches is not self._branches or branches.heard_from:
            return
        if self.ended is not None or self.connected or self._rung:
            return
        branches.leave()
        silence = sip.Rejected(handle="", status=408, reason="Request Timeout", local=True)
        self._rejected(silence)

    def _next_server(self, event: sip.Rejected) -> bool:
        """Whether the next server of the trunk is tried, because this one failed or is overloaded."""
        failed = event.local or event.status == 503
        if not failed or self._rung or self.trunk is None:
            return False
        if self._server is not None:
            self._line.servers.failed(self._server)
        if not self._servers:
            return False
        log.info("call %s: trunk %s: trying its next server", self.call_id, self.trunk.name)
        self._branches = None
        self._invite_server(self.trunk)
        return True

    # --- events from the far end

    def _on_sip(self, event: sip.AnyEvent) -> None:
        match event:
            case sip.Provisional(status=status, sdp=body):
                self._provisional(status, body, origin_of(event))
            case sip.Answered(sdp=sdp):
                self._accepted(sdp, origin_of(event))
            case sip.Rejected():
                self._rejected(event)
            case sip.Ended():
                self._hung_up(event, Side.CALLEE)
            case sip.Info(content_type=content_type, body=body):
                self._on_info(content_type, body)
            case sip.Confirmed(sdp=body):
                self._confirm(body, origin_of(event))
            case sip.ReofferAnswered(sdp=body):
                self._confirm(body, origin_of(event))
            case _:
                self._line.in_dialog(event, self)

    def _provisional(self, status: int, body: bytes | None, origin: DescriptionOrigin) -> None:
        self._line.heard(self.trunk)
        if self.ended is not None or self.connected:
            return
        if body is not None:
            # Early media (RFC 3960): the far end's media before the answer. Any 18x may have it.
            tell = functools.partial(self._tell_ringing, status)
            self.leg_media.take_answer(body, origin, tell, self._no_early_media)
        self._tell_ringing(status)

    def _tell_ringing(self, status: int) -> None:
        """Report each status, and report it again once early media came with it."""
        rung = (status, self.has_media)
        if rung not in self._rung and self.ended is None and not self.connected:
            self._rung.add(rung)
            self._on_ringing(*rung)

    def _no_early_media(self, reason: str) -> None:
        log.info("call %s: early media is not usable: %s", self.call_id, reason)

    def _accepted(self, sdp: bytes | None, origin: DescriptionOrigin) -> None:
        self._stop_ring_timer()
        self._line.heard(self.trunk)
        if self.ended is not None or self._branches is None:
            return
        if sdp is None and self.has_media:
            self._media_answered()
            return
        self.leg_media.take_answer(sdp or b"", origin, self._media_answered, self._no_media)

    def _media_answered(self) -> None:
        if self.ended is None:
            self._answer_at(self._clock.now())

    def _no_media(self, reason: str) -> None:
        if self.ended is None and self._branches is not None:
            log.warning("call %s: answered without usable media: %s", self.call_id, reason)
            self._branches.bye()
            self._end(CallStatus.FAILED, by=Side.SERVER, sip_code=200, detail=reason)

    def _rejected(self, event: sip.Rejected) -> None:
        if self.ended is not None:
            return
        self._tries.append(self._tried(event))
        if self._next_server(event):
            return
        redirection = self._redirection(event)
        if redirection is not None:
            log.info("call %s: redirected to trunk %s", self.call_id, redirection.trunk.name)
            self._branches = None
            self._moving = self._loop.create_task(self._follow(redirection, event))
            return
        retryable = event.local or event.status == 408 or 500 <= event.status <= 599
        if retryable and not self._rung and self._left:
            log.info(
                "call %s: trunk %s gave %s, trying the next one",
                self.call_id,
                self._tries[-1].trunk,
                self._tries[-1].detail or event.status,
            )
            self._branches = None
            self._moving = self._loop.create_task(self._move_on(event))
            return
        self._give_up(event)

    def _redirection(self, event: sip.Rejected) -> Redirection | None:
        """Where a 3xx leads that may be followed."""
        if event.local or self.trunk is None or not 300 <= event.status <= 399:
            return None
        trunks = self._line.trunks
        return self._redirections.next(event.status, event.contacts, self.trunk, trunks)

    async def _follow(self, redirection: Redirection, event: sip.Rejected) -> None:
        """Send the INVITE there; without a channel of that trunk the 3xx stands."""
        try:
            same = self.trunk is not None and self.trunk.name == redirection.trunk.name
            if not same and not await self._may_use(redirection.trunk.name):
                if self.ended is None:
                    self._give_up(event)
            elif self.ended is None:
                number = redirection.number
                self._order = msgspec.structs.replace(self._order, destination=number)
                self._invite(redirection.trunk)
        except Exception:
            faults.report(f"call {self.call_id}: following a redirection")
            self._fault()

    def _tried(self, event: sip.Rejected) -> TrunkTry:
        """The result of the INVITE that ended, for the session record."""
        trunk = self.trunk
        name = trunk.name if trunk is not None else ""
        if event.local:
            detail = event.problem or self._silence()
            if event.status == 408:
                self._line.silent(self.trunk, detail)
            return TrunkTry(trunk=name, detail=detail)
        self._line.heard(self.trunk)
        return TrunkTry(
            trunk=name,
            sip_code=event.status,
            sip_reason=event.reason,
            detail=why_challenged(trunk) if event.status in CHALLENGES else None,
        )

    def _silence(self) -> str:
        """``no response from udp:192.0.2.1:5060 for 32 s``."""
        waited = self._clock.monotonic() - self._sent_at
        if self.trunk is None:
            return f"no response from its trunk for {waited:.0f} s"
        return self.trunk.silence(waited)

    async def _move_on(self, refused: sip.Rejected) -> None:
        """Try the next trunk that has a free channel; without one the refusal stands."""
        try:
            while (trunk := self._next_trunk()) is not None:
                if await self._may_use(trunk.name):
                    if self.ended is None:
                        self._invite(trunk)
                    return
            if self.ended is None:
                self._give_up(refused)
        except Exception:
            faults.report(f"call {self.call_id}: moving to its next trunk")
            self._fault()

    def _give_up(self, event: sip.Rejected) -> None:
        tries = tuple(self._tries)
        if event.local:
            detail = tries[-1].detail if event.status == 408 else event.reason
            self._end(CallStatus.FAILED, by=Side.SERVER, detail=detail, tries=tries)
            return
        self._end(
            outcome_of_sip_status(event.status, event.q850_cause),
            by=Side.CALLEE,
            sip_code=event.status,
            detail=tries[-1].detail or event.reason,
            sip_reason=event.reason,
            q850_cause=event.q850_cause,
            warning=event.warning,
            tries=tries,
        )

    # --- our own actions

    def _ring_timed_out(self) -> None:
        """No answer in time; FAILED where not even a 100 came (``spec/execution.md``)."""
        if self.ended is not None or self.connected:
            return
        heard = bool(self._rung)
        if self._branches is not None:
            heard = heard or self._branches.heard_from
            self._branches.cancel()
        name = self.trunk.name if self.trunk is not None else ""
        detail = "ring timeout" if heard else self._silence()
        if not heard:
            self._line.silent(self.trunk, detail)
        self._end(
            CallStatus.NO_ANSWER if heard else CallStatus.FAILED,
            by=Side.SERVER,
            detail=detail,
            tries=(*self._tries, TrunkTry(trunk=name, detail=detail)),
        )

    def _abandon(self) -> None:
        if self._branches is not None:
            self._branches.abandon()

    def _hang_up_now(self, detail: str) -> None:
        if self.ended is not None:
            return
        if self.connected and self._branches is not None:
            self._branches.bye()
            self._end(CallStatus.COMPLETED, by=Side.SERVER, detail=detail)
        else:
            if self._branches is not None:
                self._branches.cancel()
            self._end(CallStatus.CANCELED, by=Side.SERVER, detail=detail)

    async def hang_up(self) -> CallEnd:
        """BYE when answered, CANCEL before; idempotent. Later responses of the far end change nothing."""
        self._guarded("hanging up", self._hang_up_now, "hang-up")
        return await self.wait_ended()

    def _end(self, status: CallStatus, **facts: Unpack[EndFacts]) -> None:
        self._stop_ring_timer()
        super()._end(status, **facts)
        self._branches = None  # they refer to the call: only the garbage collector would free both

    def _stop_ring_timer(self) -> None:
        if self._ring_timer is not None:
            self._ring_timer.cancel()
            self._ring_timer = None
