"""Begins sessions for calls from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from offhook.clock import Clock
from offhook.codes import CallStatus
from offhook.config import UnverifiedCallers
from offhook.events import CallerVerification, CallReceived, Verstat
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.runner import Runner
from offhook.faults import FaultLog
from offhook.flow.numbers import source_number
from offhook.session import states
from offhook.session.ports.metering import Spending
from offhook.session.ports.record import (
    Fenced,
    InboundLimits,
    Node,
    StoreUnavailable,
    TooFast,
    TrunkFull,
)
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import ReceivedCall
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount, VirtualNumber
from offhook.telephony.inbound_refusals import InboundRefusals, RefusalReason

faults = FaultLog(logging.getLogger(__name__))

COME_BACK_AFTER = 1
"""Retry-After, in seconds, of a call that finds its trunk full: a channel may be free soon."""

IsTest = Callable[[VirtualNumber, str], Awaitable[bool]]
"""Whether a call from this caller (E.164 with ``+``, or nothing) to the number is a test call."""


class NumberBook:
    """The owner of each number, cached until the sub-accounts change."""

    def __init__(self, sub_accounts: Callable[[], Sequence[SubAccount]]) -> None:
        self._sub_accounts = sub_accounts
        self._read_from: Sequence[SubAccount] | None = None
        self._owners: dict[str, tuple[SubAccount, VirtualNumber]] = {}

    def owner(self, called: str) -> tuple[SubAccount, VirtualNumber] | None:
        """The sub-account and number that ``called`` (with or without ``+``) names."""
        known = self._sub_accounts()
        if known is not self._read_from:
            self._read_from = known
            self._owners = {
                number.msisdn: (sub_account, number)
                for sub_account in known
                for number in sub_account.numbers
                if number.active
            }
        return self._owners.get(source_number(called) or "")


class InboundCalls:
    """Stores a session for each call that rings, and runs it."""

    def __init__(
        self,
        *,
        store: Store,
        node: Node,
        dispatcher: Dispatcher,
        numbers: NumberBook,
        make_runner: Callable[[Session, ReceivedCall], Runner],
        make_refused: Callable[[Session, str], Runner],
        spending: Spending,
        is_test: IsTest,
        limits_of: Callable[[str], InboundLimits | None],
        clock: Clock,
        refusals: InboundRefusals,
    ) -> None:
        self._spending = spending
        self._refusals = refusals
        self._is_test = is_test
        self._limits_of = limits_of
        self._store = store
        self._node = node
        self._dispatcher = dispatcher
        self._numbers = numbers
        self._make_runner = make_runner
        self._make_refused = make_refused
        self._clock = clock
        self._starting: set[asyncio.Task[None]] = set()

    def take(self, call: ReceivedCall, trunk: str, caller: str, called: str) -> asyncio.Task[None]:
        """Begin a session for a call that rings; the task is over once the session runs."""
        task = asyncio.get_running_loop().create_task(self._start(call, trunk, caller, called))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return task

    async def close(self) -> None:
        """Wait for the sessions that are being begun."""
        await asyncio.gather(*self._starting, return_exceptions=True)

    async def _start(self, call: ReceivedCall, trunk: str, caller: str, called: str) -> None:
        try:
            await self._begin(call, trunk, caller, called)
        except Exception:
            faults.report(f"beginning a session for call {call.call_id}")
            self._refuse(call, trunk, RefusalReason.INTERNAL, "an internal error", 503)

    async def _begin(self, call: ReceivedCall, trunk: str, caller: str, called: str) -> None:
        owner = self._numbers.owner(called)
        if owner is None:
            words = "the called number is no sub-account's any more"
            self._refuse(call, trunk, RefusalReason.UNKNOWN_NUMBER, words, 503)
            return
        if self._dispatcher.draining:
            words = "this node is shutting down"
            self._refuse(call, trunk, RefusalReason.DRAINING, words, 503)
            return
        now = self._clock.now()
        sub_account, number = owner
        if await self._is_test(number, source_number(caller) or ""):
            call.refuse(486, CallStatus.BUSY)
            return
        spent = self._spending.spent_out(sub_account, now)
        if spent is not None:
            words = f"sub-account {sub_account.sub_account_id}: {spent}"
            self._refuse(call, trunk, RefusalReason.SPENT_OUT, words, 480)
            return
        verification = await call.verify()
        if verification is not None:
            self._refusals.verified(verification.result)
        refusal = refusal_of(verification, number)
        if refusal is not None:
            words = "STIR/SHAKEN does not vouch for the caller"
            self._refuse(call, trunk, RefusalReason.NOT_VERIFIED, words, refusal)
            return
        session = states.receive(
            call.call_id,
            sub_account_id=sub_account.sub_account_id,
            number=number,
            source=source_number(caller) or caller or "anonymous",
            trunk=trunk,
            at=now,
            verification=verification,
        )
        call.belongs_to(session.session_id)
        await self._store_and_run(session, call, trunk)

    async def _store_and_run(self, session: Session, call: ReceivedCall, trunk: str) -> None:
        try:
            await self._store.start(self._node, session, (), self._limits_of(trunk))
        except (TrunkFull, TooFast) as error:
            full = isinstance(error, TrunkFull)
            reason = RefusalReason.TRUNK_FULL if full else RefusalReason.TOO_FAST
            self._refuse(call, trunk, reason, str(error), 503, retry_after=COME_BACK_AFTER)
            return
        except (StoreUnavailable, Fenced) as error:
            self._refuse(call, trunk, RefusalReason.NO_STORE, str(error), 503)
            if isinstance(error, Fenced):
                return
            # The row may stand there all the same, and would run for ever.
            self._dispatcher.own(session.session_id, self._make_refused(session, str(error)))
            return
        self._run(session, call, session.created_at)

    def _run(self, session: Session, call: ReceivedCall, now: datetime) -> None:
        runner = self._make_runner(session, call)
        leg = session.legs[0]
        runner.happened(
            CallReceived(
                at=now,
                call_id=leg.call_id,
                source=leg.source,
                destination=leg.destination,
                diverted=call.facts().diverted,
                verification=leg.verification,
            )
        )
        self._dispatcher.own(session.session_id, runner)

    def _refuse(
        self,
        call: ReceivedCall,
        trunk: str,
        reason: RefusalReason,
        words: str,
        sip_code: int,
        *,
        retry_after: int | None = None,
    ) -> None:
        self._refusals.refused(f"trunk {trunk}", reason, f"{words}: {sip_code}")
        call.refuse(sip_code, CallStatus.ERROR, retry_after=retry_after)


def refusal_of(verification: CallerVerification | None, number: VirtualNumber) -> int | None:
    """The SIP status that refuses a call to ``number`` whose caller nobody vouches for; None: it is taken.

    438 for a signature that does not hold, 428 for none (RFC 8224 §6.2.2).
    """
    if verification is None or number.unverified_callers is UnverifiedCallers.ACCEPT:
        return None
    if verification.result is Verstat.FAILED:
        return 438
    strict = number.unverified_callers is UnverifiedCallers.REFUSE
    return 428 if verification.result is Verstat.NONE and strict else None
