"""One running session: its record, its calls, and everything a step may do with them.

The record changes only through :meth:`Conversation.change` and :meth:`Conversation.record`, which keep
it and its timeline together; :class:`~offhook.execution.journal.SessionJournal` stores both, in order. A wait
inside a step goes through :meth:`Conversation.during`, which ends it the moment the caller hangs up or
the session is interrupted from outside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from offhook.aio import first_of
from offhook.clock import Clock
from offhook.codes import CallStatus
from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallUpdated,
    DigitsCaptured,
)
from offhook.execution.failures import CallOver, Interrupted, Replaced
from offhook.execution.journal import SessionJournal
from offhook.execution.prompts import Prompts
from offhook.flow.actions import AnyAction, PlayFile, Say
from offhook.session import states
from offhook.session.ports.record import Fenced, StoreUnavailable
from offhook.session.ports.speech import Prompt, Speech
from offhook.session.ports.telephony import (
    Call,
    CallEnd,
    DialOrder,
    Playback,
    ReceivedCall,
    Telephony,
)
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount

log = logging.getLogger(__name__)

T = TypeVar("T")


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What conversations of one voice process share."""

    telephony: Telephony
    speech: Speech
    clock: Clock
    ring_timeout: float
    max_call_duration: float
    sub_account: Callable[[str], SubAccount | None]
    route: Callable[[str, SubAccount], tuple[str, ...]]
    """The trunks that lead to a number, in order; none: no coverage."""
    take_channel: Callable[[Session, Leg, tuple[str, ...]], Awaitable[str | None]]
    """Store a session one of whose legs is about to be dialled, that leg on the first of these trunks
    that has a free channel; None: all are full and nothing was stored."""


class Conversation:
    """The state of one running session that its steps share."""

    def __init__(
        self,
        *,
        session: Session,
        trunks: tuple[str, ...],
        services: Services,
        journal: SessionJournal,
        prompts: Prompts,
        reports: Reports,
        received: ReceivedCall | None,
    ) -> None:
        """``received`` is leg A where it came from outside and rings."""
        self.session = session
        self.trunks = trunks
        self.services = services
        self.prompts = prompts
        self.client_action_id = session.callflow.client_action_id
        """Of the callflow that runs, or ran last."""
        self.upcoming: Sequence[AnyAction] = ()
        """The actions that follow the one that runs."""
        self._queued: tuple[Say | PlayFile, Playback] | None = None
        self.call_a: Call | None = received
        self.ringing_a: ReceivedCall | None = received
        """Leg A while it came from outside and is not answered yet."""
        self.call_b: Call | None = None
        self.failed_bridge: CallStatus | None = None
        """How the leg ended that the last action could not bridge in; None: it was no such."""
        self.digits: str | None = None
        """What the last action caught, where it was a sayAndCapture."""
        self._journal = journal
        self._reports = reports
        self._interrupt: asyncio.Future[Interrupted | Replaced]
        self._interrupt = asyncio.get_running_loop().create_future()

    @property
    def sub_account(self) -> SubAccount | None:
        """Whose session it is, as configured at this moment."""
        return self.services.sub_account(self.session.sub_account_id)

    @property
    def a_is_up(self) -> bool:
        """Whether leg A was answered and is not over."""
        leg = self.session.legs[0]
        return leg.connected_at is not None and leg.status is None

    # --- the record

    def change(self, session: Session, *events: AnyEvent) -> None:
        """The session's next record and the facts that made it; stored soon, in order."""
        self.session = session
        outbox = self._reports.happened(session, events, self.client_action_id)
        self._journal.put(session, events, outbox)

    def record(self, *events: AnyEvent) -> None:
        """Facts that leave the record as it is."""
        self.change(self.session, *events)

    def leg(self, call_id: str) -> Leg:
        """The leg with this id."""
        return next(leg for leg in self.session.legs if leg.call_id == call_id)

    # --- waiting

    def interrupt(self, why: Interrupted | Replaced) -> None:
        """Make the running step stop, by this exception.

        An end is never undone; of several callflows that take over, the last one does.
        """
        if self._interrupt.done():
            if isinstance(self._interrupt.result(), Interrupted):
                return
            self._interrupt = asyncio.get_running_loop().create_future()
        self._interrupt.set_result(why)

    def go_on(self, after: Replaced) -> None:
        """``after`` was dealt with: the next interruption may come, if it has not already."""
        if self._interrupt.done() and self._interrupt.result() is after:
            self._interrupt = asyncio.get_running_loop().create_future()

    async def during(self, waiting: Awaitable[T], *, a_may_end: bool = False) -> T:
        """The result of ``waiting``, unless leg A ends or an interruption comes first.

        With ``a_may_end`` the end of leg A is for ``waiting`` itself to notice.

        Raises :class:`CallOver`, :class:`Interrupted` or :class:`Replaced`; ``waiting``, a coroutine,
        is canceled and over then.
        """
        contenders: list[Awaitable[Any]] = [self._interrupt, waiting]
        if self.call_a is not None and not a_may_end:
            contenders.insert(1, self.call_a.wait_ended())
        winner = await first_of(*contenders)
        assert winner is not None
        if winner.place == 0:
            raise winner.result
        if winner.place < len(contenders) - 1:
            raise CallOver
        result: T = winner.result
        return result

    # --- the line

    async def dial_a(self) -> None:
        """Dial leg A (stored at the claim already) and wait for its answer or its end."""
        leg = self.session.legs[0]
        self.call_a = call = self.dial(leg, self.trunks, lambda _early: None)
        connected_at = await self.during(call.answered(), a_may_end=True)
        if connected_at is None:
            raise CallOver
        self.connected(leg.call_id, connected_at)

    async def answer_a(self) -> None:
        """Answer leg A where it came from outside and still rings."""
        received, self.ringing_a = self.ringing_a, None
        if received is None:
            return
        received.accept()
        connected_at = await self.during(received.answered(), a_may_end=True)
        if connected_at is None:
            raise CallOver
        self.connected(received.call_id, connected_at)

    def refuse_a(self, sip_code: int, status: CallStatus) -> None:
        """Refuse leg A where it came from outside and still rings."""
        received, self.ringing_a = self.ringing_a, None
        if received is not None:
            received.refuse(sip_code, status)

    def dial(self, leg: Leg, trunks: tuple[str, ...], on_ringing: Callable[[bool], None]) -> Call:
        """Send the INVITE of a leg that is in the record already.

        ``on_ringing`` hears of each 18x whether early media came with it.
        """
        order = DialOrder(
            call_id=leg.call_id,
            source=leg.source,
            destination=leg.destination,
            trunks=trunks,
            ring_timeout=self.services.ring_timeout,
        )
        now = self.services.clock.now()
        self.record(
            CallInitiated(at=now, call_id=leg.call_id, destination=leg.destination, trunk=trunks[0])
        )

        def ringing(status: int, early_media: bool) -> None:
            at = self.services.clock.now()
            self.record(CallUpdated(at=at, call_id=leg.call_id, sip_code=status))
            on_ringing(early_media)

        async def may_use(trunk: str) -> bool:
            moved = msgspec.structs.replace(self.leg(leg.call_id), trunk=trunk)
            wanted = states.with_leg(self.session, moved)
            try:
                taken = await self.services.take_channel(wanted, moved, (trunk,))
            except (StoreUnavailable, Fenced) as error:
                log.warning("call %s cannot move to trunk %s: %s", leg.call_id, trunk, error)
                return False
            if taken is None:
                return False
            self.change(wanted)
            return True

        return self.services.telephony.dial(order, ringing, may_use)

    def connected(self, call_id: str, at: datetime) -> None:
        """A leg was answered."""
        leg = msgspec.structs.replace(self.leg(call_id), connected_at=at)
        self.change(states.with_leg(self.session, leg), CallConnected(at=at, call_id=call_id))

    def failed_before_dialling(self, leg: Leg) -> None:
        """A leg that an error of ours stopped before its INVITE: it stands in the record as ERROR."""
        at = self.services.clock.now()
        never = msgspec.structs.replace(leg, status=CallStatus.ERROR, disconnected_at=at)
        self.change(states.with_leg(self.session, never))

    def ended(self, call: Call, end: CallEnd) -> None:
        """A leg is over: write down how, once."""
        leg = self.leg(call.call_id)
        if leg.status is not None:
            return
        done = msgspec.structs.replace(
            leg,
            status=end.status,
            disconnected_at=end.at,
            sip_code=end.sip_code,
            quality=call.quality() if leg.connected_at is not None else None,
        )
        fact = CallDisconnected(
            at=end.at,
            call_id=call.call_id,
            call_status=end.status,
            sip_code=end.sip_code,
            by=end.by,
        )
        self.change(states.with_leg(self.session, done), fact)

    def notice_ends(self) -> None:
        """Write down the ends of legs that are over: they come before the end of the action they ended."""
        for call in (self.call_b, self.call_a):
            if call is not None and call.ended is not None:
                self.ended(call, call.ended)

    def start_playback(self, prompt: Prompt, *, repetition: int = 1) -> Playback:
        """Queue a prompt for leg A."""
        if self.call_a is None:
            raise CallOver
        return self.call_a.play(prompt, repetition=repetition)

    def listen(self, listener: Callable[[str, float], None] | None) -> None:
        """Hear the keys leg A presses from now on."""
        if self.call_a is not None:
            self.call_a.on_digit(listener)

    def captured(self, digits: str | None, callback_url: str | None) -> None:
        """A sayAndCapture of leg A ended with these digits; ``callback_url`` is told too."""
        self.digits = digits
        leg = self.session.legs[0]
        at = self.services.clock.now()
        self.record(DigitsCaptured(at=at, call_id=leg.call_id, digits=digits))
        if callback_url is not None:
            outbox = self._reports.captured(self.session, callback_url, digits, at)
            self._journal.put(self.session, (), outbox)

    def queue(self, action: Say | PlayFile, prompt: Prompt) -> None:
        """Put the prompt of an action that has not begun behind the one that plays."""
        playback = self.start_playback(prompt, repetition=action.repetition)
        self._queued = (action, playback)

    def take_queued(self, action: Say | PlayFile) -> Playback | None:
        """The playback that :meth:`queue` began for ``action``, now that it begins."""
        queued, self._queued = self._queued, None
        return queued[1] if queued is not None and queued[0] is action else None

    def drop_queued(self) -> None:
        """Stop what :meth:`queue` began."""
        queued, self._queued = self._queued, None
        if queued is not None:
            queued[1].stop()

    async def close_calls(self) -> None:
        """Hang up whatever is up, and write down how every leg ended."""
        for call in (self.call_b, self.call_a):
            if call is not None:
                self.ended(call, await call.hang_up())
