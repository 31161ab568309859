"""The phone lines of a simulation: calls without SIP or RTP, in the loop's own time.

They behave as :mod:`offhook.telephony` does, as far as a session can tell: the same statuses, by the same
side, with the same SIP codes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import ClassVar, final

from offhook.clock import Clock
from offhook.codes import CallStatus, outcome_of_sip_status
from offhook.events import Side
from offhook.session.ports.telephony import (
    CallEnd,
    DialOrder,
    MayUse,
    ReceivedCall,
    Ringing,
    Telephony,
)
from offhook.testing.leg import SimulatedCall
from offhook.testing.phone import Phone
from offhook.testing.timeline import OFFHOOK, Timeline

NO_RESPONSE = 32.0
"""Seconds until a SIP INVITE without any answer is given up (RFC 3261 §17.1.1.2, timer B)."""


@final
class SimulatedLine(Telephony):
    """Dials simulated phones."""

    def __init__(
        self, clock: Clock, timeline: Timeline, phone_of: Callable[[str], Phone], down: set[str]
    ) -> None:
        """``down``: names of trunks that never answer."""
        self.clock = clock
        self.timeline = timeline
        self.phone_of = phone_of
        self.down = down
        self.calls: list[SimulatedCall] = []
        self.failures: list[Exception] = []
        """Errors of scripts, and exceptions of the test's own functions."""

    def dial(self, order: DialOrder, on_ringing: Ringing, may_use: MayUse) -> SimulatedOutgoingCall:
        self.timeline.add(OFFHOOK, "calls", f"{order.destination} from {order.source}")
        call = SimulatedOutgoingCall(self, order, on_ringing, may_use)
        self.calls.append(call)
        return call

    def ring(self, call_id: str, caller: str, called: str) -> SimulatedIncomingCall:
        """A call from outside begins to ring."""
        self.timeline.add(caller, "calls", called)
        call = SimulatedIncomingCall(self, call_id, self.phone_of(caller))
        self.calls.append(call)
        return call

    def guarded(self, do: Callable[[], object]) -> None:
        """Call a function of the test; an exception makes the run fail when it is over."""
        try:
            do()
        except Exception as error:
            self.failures.append(error)

    async def close(self) -> None:
        """Wait for all tasks of the calls, which have all ended."""
        for call in self.calls:
            await call.close()


@final
class SimulatedOutgoingCall(SimulatedCall):
    """A leg that Offhook dials (:class:`offhook.session.ports.telephony.Call`)."""

    far_side: ClassVar[Side] = Side.CALLEE

    def __init__(
        self, line: SimulatedLine, order: DialOrder, on_ringing: Ringing, may_use: MayUse
    ) -> None:
        phone = line.phone_of(order.destination)
        super().__init__(order.call_id, phone, line.clock, line.timeline, line.failures)
        self._down = line.down
        self._trunks = deque(order.trunks)
        self._on_ringing = on_ringing
        self._may_use = may_use
        self._timers.append(self._loop.call_later(order.ring_timeout, self._ring_timed_out))
        self._owner = self._loop.create_task(self._be_called())

    def _ring_timed_out(self) -> None:
        self._end(CallStatus.NO_ANSWER, by=Side.SERVER, detail="ring timeout")

    async def _be_called(self) -> None:
        phone = self.phone
        if not await self._find_trunk():
            self._end(CallStatus.FAILED, by=Side.SERVER, detail="no response")
            return
        await asyncio.sleep(phone.rings_after)
        if phone.refusal is None or phone.early is not None:
            await self._ring()
        if phone.refusal is not None:
            code, cause = phone.refusal
            self._end(outcome_of_sip_status(code, cause), by=Side.CALLEE, sip_code=code)
            return
        self._timeline.add(phone.number, "answers")
        self._answer()
        await self._follow_script()

    async def _ring(self) -> None:
        """180, or 183 with early media, until the phone answers or the call is canceled."""
        phone = self.phone
        self._timeline.add(phone.number, "rings")
        self._on_ringing(180 if phone.early is None else 183, phone.early is not None)
        early = None
        if phone.early is not None:
            self._timeline.add(phone.number, "lets hear", repr(phone.early))
            early = self._loop.create_task(self._send(phone.early))
        try:
            if phone.answers_after is None:
                await self._loop.create_future()
            else:
                await asyncio.sleep(phone.answers_after - phone.rings_after)
        finally:
            if early is not None:
                early.cancel()
                await asyncio.wait({early})

    async def _find_trunk(self) -> bool:
        """Go from trunk to trunk until one answers, as :mod:`offhook.telephony.outgoing` does."""
        tried = False
        while self._trunks:
            trunk = self._trunks.popleft()
            if tried and not await self._may_use(trunk):
                continue
            tried = True
            if not self.phone.dead and trunk not in self._down:
                return True
            await asyncio.sleep(NO_RESPONSE)
        return False

    def _ending(
        self, status: CallStatus, by: Side, sip_code: int | None, was_up: bool
    ) -> tuple[str, str, str]:
        if by is Side.CALLEE:
            refused = f"{status.value} ({sip_code})"
            return (self.phone.number, *(("hangs up", "") if was_up else ("refuses", refused)))
        if status is CallStatus.FAILED:
            return (OFFHOOK, "gets no response from", self.phone.number)
        return (OFFHOOK, "hangs up" if was_up else "gives up calling", self.phone.number)


@final
class SimulatedIncomingCall(SimulatedCall, ReceivedCall):
    """A leg that a phone outside dials (:class:`offhook.session.ports.telephony.ReceivedCall`)."""

    far_side: ClassVar[Side] = Side.CALLER

    def __init__(self, line: SimulatedLine, call_id: str, phone: Phone) -> None:
        super().__init__(call_id, phone, line.clock, line.timeline, line.failures)
        if phone.cancels_after is not None:
            self._timers.append(self._loop.call_later(phone.cancels_after, self._give_up))

    def _give_up(self) -> None:
        self._end(CallStatus.CANCELED, by=Side.CALLER, sip_code=487)

    def belongs_to(self, session_id: str) -> None:
        """Does nothing, because a simulated call logs nothing."""

    def accept(self) -> None:
        if self.ended is None:
            self._timeline.add(OFFHOOK, "answers", self.phone.number)
            self._answer()
            self._owner = self._loop.create_task(self._follow_script())

    def let_hear(self) -> None:
        """Does nothing: a simulated trunk has no early media for callers."""

    def refuse(self, sip_code: int, status: CallStatus, *, retry_after: int | None = None) -> None:
        self._end(status, by=Side.SERVER, sip_code=sip_code)

    async def hang_up(self) -> CallEnd:
        """BYE when answered, 603 before, as :mod:`offhook.telephony.incoming` does."""
        if not self.connected:
            self.refuse(603, CallStatus.COMPLETED)
        return await super().hang_up()

    def _ending(
        self, status: CallStatus, by: Side, sip_code: int | None, was_up: bool
    ) -> tuple[str, str, str]:
        if by is Side.CALLER:
            return (self.phone.number, "hangs up" if was_up else "gives up", "")
        refused = f"{self.phone.number} ({sip_code})"
        return (OFFHOOK, *(("hangs up", self.phone.number) if was_up else ("refuses", refused)))
