"""Test calls: a number calls itself over its trunks, and must arrive here.

A number with ``test_call_every`` is called that often. Source and destination are the number itself, so that
a node that receives the call knows it: it notes the arrival in the store and refuses the call with 486,
without a session, a webhook or a price. The carrier takes the call out and brings it in again, which is what
customers' callers need. A number whose test call did not arrive is unhealthy until the next one does.

One voice process of the installation makes the test calls at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from offhook.clock import Clock, new_id
from offhook.faults import FaultLog
from offhook.session.number_states import NumberTerms
from offhook.session.ports.number_records import Numbers
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.telephony import CallEnd, DialOrder, Telephony
from offhook.session.tenancy import SubAccount, VirtualNumber

log = logging.getLogger(__name__)
faults = FaultLog(log)

DUTY: Final = "number tests"
LEASE: Final = 120.0
"""Seconds after which another process takes over; longer than a round of test calls."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks for numbers that are due."""
RING_TIMEOUT: Final = 20.0
"""Seconds that a test call may take."""
AT_ONCE: Final = 4
"""Test calls at once."""
A_ROUND: Final = 4 * AT_ONCE
"""Test calls between two looks; the others wait for the next one."""


class NumberTests:
    """Makes the test calls while it has the duty, and knows them when they arrive."""

    def __init__(
        self,
        *,
        store: Numbers,
        telephony: Telephony,
        sub_accounts: Callable[[], Sequence[SubAccount]],
        terms: NumberTerms,
        clock: Clock,
    ) -> None:
        self._store = store
        self._telephony = telephony
        self._sub_accounts = sub_accounts
        self._terms = terms
        self._clock = clock
        self._owner = new_id()

    async def run(self) -> None:
        """Look for due numbers again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("no test calls are made: %s", error)
            except Exception:
                faults.report("making test calls")
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Call the numbers that are due, if it is this process's duty."""
        wanted = [
            (owner, number)
            for owner in self._sub_accounts()
            for number in owner.numbers
            if number.test_call_every is not None and number.active
        ]
        now = self._clock.now()
        if not wanted or not await self._store.take_duty(DUTY, self._owner, now, lease=LEASE):
            return
        due = await self._due(wanted, now)
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for owner, number in due[:A_ROUND]:
                group.create_task(self._test(owner, number, free))

    async def _due(
        self, wanted: Sequence[tuple[SubAccount, VirtualNumber]], now: datetime
    ) -> list[tuple[SubAccount, VirtualNumber]]:
        """The numbers whose time has come, the one that waits longest first."""
        tested: dict[tuple[str, str], datetime | None] = {}
        for name in {owner.sub_account_id for owner, _ in wanted}:
            for state in await self._store.number_states(name):
                tested[name, state.msisdn] = state.test.at if state.test is not None else None
        due: list[tuple[datetime, str, SubAccount, VirtualNumber]] = []
        for owner, number in wanted:
            key = owner.sub_account_id, number.msisdn
            if key not in tested:  # the process that knows the numbers has not seen it yet
                continue
            last = tested[key]
            every = timedelta(seconds=number.test_call_every or 0)
            at = now if last is None else last + every
            if at <= now:
                due.append((at, number.msisdn, owner, number))
        return [(owner, number) for _, _, owner, number in sorted(due, key=lambda each: each[:2])]

    async def _test(
        self, owner: SubAccount, number: VirtualNumber, free: asyncio.Semaphore
    ) -> None:
        async with free:
            await self._store.begin_test(owner.sub_account_id, number.msisdn, self._clock.now())
            ended = await self._call(owner, number)
            test = await self._store.end_test(
                owner.sub_account_id, number.msisdn, self._clock.now(), detail=ended
            )
        if test is not None and not test.reached:
            log.warning(
                "sub-account %s: a test call to one of its numbers did not arrive: %s",
                owner.sub_account_id,
                ended,
            )

    async def _call(self, owner: SubAccount, number: VirtualNumber) -> str:
        """Call the number; how the call ended, for people."""
        trunks = self._terms.trunks_of(owner, number)
        if not trunks:
            return "no route leads to it"
        order = DialOrder(
            call_id=new_id(),
            source=number.msisdn,
            destination=number.msisdn,
            trunks=trunks,
            ring_timeout=RING_TIMEOUT,
        )
        call = self._telephony.dial(order, lambda _status, _media: None, _any_trunk)
        try:
            answered_at = await call.answered()
        finally:
            end = await call.hang_up()
        if answered_at is not None:
            return "something else answered it"
        return _in_words(end)

    async def is_test(self, number: VirtualNumber, caller: str) -> bool:
        """Whether a call that has come in to ``number`` is a test call; its arrival is then noted."""
        if number.test_call_every is None or caller != number.msisdn:
            return False
        now = self._clock.now()
        since = now - timedelta(seconds=2 * RING_TIMEOUT)
        return await self._store.test_arrived(number.msisdn, since, now)


async def _any_trunk(_trunk: str) -> bool:
    """A test call needs no channel: there are few of them, and they are short."""
    return True


def _in_words(end: CallEnd) -> str:
    if end.sip_code is not None:
        return f"{end.sip_code} {end.sip_reason or ''}".strip()
    return end.detail or end.status.value
