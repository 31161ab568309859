"""One running session: its legs, and what interrupts it.

What happens goes into its record (:mod:`.session_record`). A wait inside a step goes through
:meth:`Conversation.during`, which ends it the moment the caller hangs up or the session is interrupted
from outside.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar, final

import msgspec

from offhook.aio import first_of
from offhook.codes import CallStatus
from offhook.events import (
    CallConnected,
    CallInitiated,
    CallUpdated,
    Side,
)
from offhook.execution.capturing import SessionCapture
from offhook.execution.failures import CallOver, OptedOut, Replaced
from offhook.execution.interruptions import Interruptions, exception_for
from offhook.execution.journal import SessionJournal
from offhook.execution.quality_watch import QualityWatches
from offhook.execution.session_record import SessionRecord
from offhook.execution.session_recording import SessionRecording
from offhook.execution.session_services import Services
from offhook.faults import FaultLog
from offhook.flow.actions import Callflow, MakeCall
from offhook.session import states
from offhook.session.ports.record import Fenced, StoreUnavailable
from offhook.session.ports.telephony import (
    Call,
    CallEnd,
    DialOrder,
    ReceivedCall,
    SipMessage,
)
from offhook.session.ports.webhooks import Reports
from offhook.session.routing import user_of_route
from offhook.session.session import Leg, LegFailure, Session

log = logging.getLogger(__name__)
faults = FaultLog(log)

T = TypeVar("T")


@final
class Conversation(SessionRecord):
    """The state of one running session that its steps share."""

    def __init__(
        self,
        *,
        session: Session,
        trunks: tuple[str, ...],
        services: Services,
        journal: SessionJournal,
        reports: Reports,
        received: ReceivedCall | None,
    ) -> None:
        """``received`` is leg A where it came from outside and rings."""
        super().__init__(session, services, journal, reports)
        self.call_a: Call | None = received
        self.call_b: Call | None = None
        self.ringing_a: ReceivedCall | None = received
        """Leg A while it came from outside and is not answered yet."""
        self._calls: list[Call] = [] if received is None else [received]
        """Every call of the session, over or not."""
        self.recording = SessionRecording(
            services.recorder, services.speech, services.recording_notice, services.clock
        )
        self.capture = SessionCapture(services.captures)
        self._trunks = trunks
        self._time_of_a: asyncio.TimerHandle | None = None
        self.menu_position: str | None = None
        """The callflow of a stored menu that runs or ran last; None: another callflow."""
        self._interruptions = Interruptions()
        self._watches = QualityWatches()

    @property
    def line(self) -> Call:
        """Leg A's call. Raises :class:`CallOver` before it is dialled."""
        if self.call_a is None:
            raise CallOver
        return self.call_a

    # --- waiting

    def stop(self, why: str) -> None:
        """End the running step with :class:`Interrupted`. An end is never undone."""
        self._interruptions.come(why)

    def replace(self, callflow: Callflow) -> None:
        """End the running step with :class:`Replaced`; of several such callflows the last one runs."""
        self._interruptions.come(callflow)

    def listen_for(self, key: str | None) -> None:
        """This digit on leg A ends the running step with :class:`OptedOut` from now on; None: no longer."""
        self._interruptions.await_key(key, self.call_a)

    def go_on(self, after: Replaced | OptedOut) -> None:
        """The interruption ``after`` was handled: accept the next one, unless one came meanwhile."""
        self._interruptions.handled(after)

    async def during(self, waiting: Awaitable[T], *, a_may_end: bool = False) -> T:
        """The result of ``waiting``, unless leg A ends or an interruption comes first.

        With ``a_may_end`` the end of leg A does not interrupt; ``waiting`` notices it itself.

        Raises :class:`CallOver`, :class:`Interrupted`, :class:`Replaced` or :class:`OptedOut`;
        ``waiting``, a coroutine, is canceled and over then.
        """
        contenders: list[Awaitable[object]] = [self._interruptions.next, waiting]
        if self.call_a is not None and not a_may_end:
            contenders.insert(1, self.call_a.over)
        winner = await first_of(*contenders)
        assert winner is not None
        if winner.place == 0:
            raise exception_for(winner.result)
        if winner.place < len(contenders) - 1:
            raise CallOver
        result: T = winner.result
        return result

    # --- the line

    async def dial_a(self, action: MakeCall) -> None:
        """Dial leg A (stored at the claim already) and wait for its answer or its end.

        It is hung up at the ``maxDuration`` of ``action``, and the session ends with it.
        """
        leg = self.session.legs[0]
        self.call_a = call = self._dial(action, leg, self._trunks, lambda _early: None)
        self._interruptions.listen_on(call)
        connected_at = await self.during(call.answer, a_may_end=True)
        if connected_at is None:
            raise CallOver
        self.connected(leg.call_id, connected_at)
        if action.max_duration is not None:
            self._time_of_a = asyncio.get_running_loop().call_later(
                action.max_duration, self.stop, "the maxDuration of leg A has passed"
            )

    async def answer_a(self) -> bool:
        """Answer leg A where it came from outside and still rings; False: it did not ring."""
        received, self.ringing_a = self.ringing_a, None
        if received is None:
            return False
        received.accept()
        connected_at = await self.during(received.answer, a_may_end=True)
        if connected_at is None:
            raise CallOver
        self.connected(received.call_id, connected_at)
        return True

    def refuse_a(self, sip_code: int, status: CallStatus) -> None:
        """Refuse leg A where it came from outside and still rings."""
        received, self.ringing_a = self.ringing_a, None
        if received is not None:
            received.refuse(sip_code, status)

    def dial_b(
        self,
        action: MakeCall,
        leg: Leg,
        trunks: tuple[str, ...],
        on_ringing: Callable[[bool], None],
    ) -> Call:
        """Send the INVITE of leg B, which is in the record already.

        ``on_ringing`` is called for each 18x and told whether early media came with it.
        """
        self.call_b = call = self._dial(action, leg, trunks, on_ringing)
        self.recording.leg(call)
        return call

    async def close_b(self) -> None:
        """Hang up leg B if it is up, and end the relay between the legs."""
        call_a, call_b = self.call_a, self.call_b
        try:
            if call_a is not None:
                call_a.relay(None)
        finally:
            if call_b is not None:
                end = await call_b.hang_up()
                self.call_b = None
                self.ended(call_b, end)

    def _dial(
        self,
        action: MakeCall,
        leg: Leg,
        trunks: tuple[str, ...],
        on_ringing: Callable[[bool], None],
    ) -> Call:
        now = self.services.clock.now()
        self.record(
            CallInitiated(at=now, call_id=leg.call_id, destination=leg.destination, trunk=trunks[0])
        )

        if user_of_route(trunks[0]) is None:
            self.services.dialled(self.session, leg)
        told: set[int] = set()

        def ringing(status: int, early_media: bool) -> None:
            try:
                if status not in told:
                    told.add(status)
                    at = self.services.clock.now()
                    self.record(CallUpdated(at=at, call_id=leg.call_id, sip_code=status))
                on_ringing(early_media)
            except Exception:
                self.break_off(f"handling {status} of a leg that rings")

        call = self.services.telephony.dial(
            self._dial_order(action, leg, trunks),
            ringing,
            functools.partial(self._may_use, leg.call_id),
        )
        self._calls.append(call)
        return call

    def _dial_order(self, action: MakeCall, leg: Leg, trunks: tuple[str, ...]) -> DialOrder:
        return DialOrder(
            call_id=leg.call_id,
            session_id=self.session.session_id,
            source=leg.source,
            identity=self.sub_account.own_number if self.sub_account is not None else None,
            destination=leg.destination,
            trunks=trunks,
            ring_timeout=action.ring_timeout or self.services.ring_timeout,
            routes=self.routes,
        )

    def routes(self, number: str) -> tuple[str, ...]:
        """The trunks over which the sub-account may call ``number``, as configured at this moment."""
        sub_account = self.sub_account
        return () if sub_account is None else self.services.route(number, sub_account)

    async def _may_use(self, call_id: str, trunk: str) -> bool:
        """Move a leg that is being dialled to another trunk, durably; False: it has no free channel."""
        moved = msgspec.structs.replace(self.leg(call_id), trunk=trunk)
        wanted = states.with_leg(self.session, moved)
        try:
            taken = await self.services.take_channel(wanted, moved, (trunk,))
        except (StoreUnavailable, Fenced) as error:
            log.warning("call %s cannot move to trunk %s: %s", call_id, trunk, error)
            return False
        if taken is None:
            return False
        self.change(states.with_leg(self.session, moved))
        return True

    def connected(self, call_id: str, at: datetime) -> None:
        """A leg was answered."""
        leg = msgspec.structs.replace(self.leg(call_id), connected_at=at)
        self.change(states.with_leg(self.session, leg), CallConnected(at=at, call_id=call_id))
        call = next((one for one in self._calls if one.call_id == call_id), None)
        if call is not None:
            self._watches.begin(call)
        begun = self.recording.answered(self.session, call_id, (self.call_a, self.call_b))
        if begun is not None:
            self.record(begun)
        self.look_for_capture()

    def look_for_capture(self) -> None:
        """An operator may want the packets of this session."""
        calls = [call for call in (self.call_a, self.call_b) if call is not None]
        self.capture.look(self.session, calls, recorded=self.recording.runs)

    def ended(self, call: Call, end: CallEnd) -> None:
        """A leg is over: record its end, once."""
        leg = self.leg(call.call_id)
        if leg.status is not None:
            return
        if end.fault and self.breakdown is None:
            self.breakdown = f"call {call.call_id}: {end.detail or 'internal error'}"
        done = msgspec.structs.replace(
            leg,
            status=end.status,
            disconnected_at=end.at,
            sip_code=end.sip_code,
            failure=_failure(leg, call, end),
            quality=call.quality() if leg.connected_at is not None else None,
        )
        measured = self._watches.end(call, end.at)
        fact = states.disconnected(done, by=end.by, reason=end.detail, q850_cause=end.q850_cause)
        facts = (fact,) if measured is None else (measured, fact)
        self.change(states.with_leg(self.session, done), *facts)

    def notice_ends(self) -> None:
        """Record the ends of legs that are over, before the end of the action that they ended."""
        for call in (self.call_b, self.call_a):
            if call is not None and call.ended is not None:
                self.ended(call, call.ended)

    async def close_calls(self) -> None:
        """Hang up all legs that are up, and record how every leg ended."""
        for call in (self.call_b, self.call_a):
            if call is not None:
                try:
                    self.ended(call, await call.hang_up())
                except Exception:
                    self.break_off(f"hanging up call {call.call_id}")
        for leg in self.session.legs:
            if leg.status is None:
                closed = states.closed_leg(leg, self.services.clock.now())
                self.change(
                    states.with_leg(self.session, closed),
                    states.disconnected(closed, by=Side.SERVER),
                )

    def sip_trace(self) -> list[SipMessage]:
        """The SIP messages of all calls that are still known, in order."""
        messages = [message for call in self._calls for message in call.sip_trace()]
        return sorted(messages, key=lambda message: message.at)

    def close(self) -> None:
        """Release all references, so that the session's memory is freed at once.

        Calls and their callbacks hold each other: without this only the garbage collector would free
        them, and its pauses interrupt the audio of every call of the process.
        """
        if self._time_of_a is not None:
            self._time_of_a.cancel()
        self._watches.stop()
        self.recording.end()
        self.call_a = self.call_b = self.ringing_a = None
        for call in self._calls:
            call.drop_sip_trace()
        self._calls.clear()
        self._interruptions.close()


def _failure(leg: Leg, call: Call, end: CallEnd) -> LegFailure | None:
    """Why a leg did not connect, or what was wrong with its media."""
    if leg.connected_at is None:
        return end.failure()
    complaint = call.complaint()
    return None if complaint is None else LegFailure(detail=complaint)
