"""Watches the virtual numbers and tells customers what changed (VNU webhooks).

One process of the installation does it at a time. It compares what is now with what was told last
(:class:`.NumberState`, in the store), so nothing is lost when it dies: the next one finds the difference.
A sub-account with a new VNU webhook is told of all its numbers (``SNAPSHOT``), later of those that changed
(``UPDATES``). A number that is withdrawn is told once more, as ``Inactive``. What was told to a sub-account
that this process does not know stays as it is: another node may know it.

It looks when accounts or trunks change, and every :data:`LOOK_EVERY` seconds; it compares numbers only when
something they depend on has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.aio import wait_or
from offhook.clock import Clock, new_id
from offhook.faults import FaultLog
from offhook.session.number_states import NumberFacts, NumberTerms, OperationalStatus
from offhook.session.ports.number_records import NumberState, Told
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.record import OutboxEntry, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.ports.webhooks import NumberNews, NumberReports
from offhook.session.tenancy import SubAccount
from offhook.session.trunk_views import known_trunks

log = logging.getLogger(__name__)
faults = FaultLog(log)

DUTY = "numbers"
LEASE = 30.0
"""Seconds after which another process takes over."""
LOOK_EVERY = 5.0
"""Seconds between two looks at the trunks and test calls."""


class _Basis(NamedTuple):
    """What the facts of all numbers depend on; compared to see whether one may have changed."""

    sub_accounts: Sequence[SubAccount]
    trunks_down: frozenset[str]
    day: str
    terms: int
    """Grows with every reload."""

    def same(self, other: _Basis | None) -> bool:
        return other is not None and (
            self.sub_accounts is other.sub_accounts and self[1:] == other[1:]
        )


class NumberWatch:
    """Tells customers of their numbers while it has the duty."""

    def __init__(
        self,
        *,
        store: Store,
        sub_accounts: Callable[[], Sequence[SubAccount]],
        terms: NumberTerms,
        reports: NumberReports,
        clock: Clock,
        on_outbox: Callable[[], None],
    ) -> None:
        """``on_outbox`` is called after deliveries were stored."""
        self._store = store
        self._sub_accounts = sub_accounts
        self._terms = terms
        self._reports = reports
        self._clock = clock
        self._on_outbox = on_outbox
        self._owner = new_id()
        self._wake = asyncio.Event()
        self._basis: _Basis | None = None
        self._reloads = 0

    def wake(self) -> None:
        """Accounts, webhooks or trunks have changed: look now."""
        self._wake.set()

    def reload(self) -> None:
        """Routes or rates have changed."""
        self._reloads += 1
        self._wake.set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("numbers are not looked at: %s", error)
                self._basis = None
            except Exception:
                faults.report("looking at the numbers")
                self._basis = None
            await wait_or(self._wake.wait(), LOOK_EVERY)

    async def look(self) -> None:
        """Compare once, if it is this process's duty, and tell what changed."""
        now = self._clock.now()
        if not await self._store.take_duty(DUTY, self._owner, now, lease=LEASE):
            self._basis = None
            return
        owners = self._sub_accounts()
        trunks = await known_trunks(self._store, now)
        down = frozenset(name for name, each in trunks.items() if not each.up)
        basis = _Basis(owners, down, f"{now:%Y-%m-%d}", self._reloads)
        tested = any(
            number.test_call_every is not None for owner in owners for number in owner.numbers
        )
        if basis.same(self._basis) and not tested:
            return
        await self._compare(owners, trunks, now)
        self._basis = basis

    async def _compare(
        self, owners: Sequence[SubAccount], trunks: Mapping[str, TrunkState], now: datetime
    ) -> None:
        known: dict[str, dict[str, NumberState]] = {}
        for state in await self._store.number_states():
            known.setdefault(state.sub_account_id, {})[state.msisdn] = state
        receivers = dict(await self._store.number_receivers())
        told = False
        for owner in owners:
            name = owner.sub_account_id
            told |= await self._tell(owner, known.get(name, {}), receivers.get(name), trunks, now)
            await asyncio.sleep(0)
        if told:
            self._on_outbox()

    async def _tell(
        self,
        owner: SubAccount,
        before: Mapping[str, NumberState],
        told_to: str | None,
        trunks: Mapping[str, TrunkState],
        now: datetime,
    ) -> bool:
        """Store what changed of one sub-account's numbers; whether there are deliveries."""
        states = [
            self._state(owner, facts, before.get(facts.msisdn), now)
            for facts in self._facts(owner, before, trunks, now)
        ]
        changed = [state for state in states if state is not before.get(state.msisdn)]
        owned = {state.msisdn for state in states}
        gone = [state for msisdn, state in before.items() if msisdn not in owned]
        receiver = self._reports.receiver(owner)
        if not changed and not gone and receiver == told_to:
            return False
        news = [_news(state, before.get(state.msisdn)) for state in states]
        if receiver is None:
            outbox: Sequence[OutboxEntry] = ()
        elif receiver != told_to:
            outbox = self._reports.all_numbers(owner.sub_account_id, news, now)
        else:
            outbox = self._changes(owner, news, [_ended(state, now) for state in gone], now)
        await self._store.tell_numbers(
            Told(
                sub_account_id=owner.sub_account_id,
                put=changed,
                gone=[state.msisdn for state in gone],
                receiver=receiver,
                outbox=outbox,
            )
        )
        return bool(outbox)

    def _changes(
        self,
        owner: SubAccount,
        news: Sequence[NumberNews],
        ended: Sequence[NumberNews],
        now: datetime,
    ) -> Sequence[OutboxEntry]:
        told = [*(each for each in news if each.changed), *ended]
        return self._reports.changed_numbers(owner.sub_account_id, told, now, total=len(news))

    def _facts(
        self,
        owner: SubAccount,
        before: Mapping[str, NumberState],
        trunks: Mapping[str, TrunkState],
        now: datetime,
    ) -> list[NumberFacts]:
        facts = []
        for number in owner.numbers:
            state = before.get(number.msisdn)
            test = state.test if state is not None else None
            health = self._terms.health(owner, number, trunks, test)
            facts.append(self._terms.facts(owner, number, health, now))
        return facts

    def _state(
        self, owner: SubAccount, facts: NumberFacts, before: NumberState | None, now: datetime
    ) -> NumberState:
        """The number as it is now: the state before where nothing has changed."""
        if before is not None and before.facts == facts:
            return before
        created_at = before.created_at if before is not None else now
        return NumberState(
            sub_account_id=owner.sub_account_id, facts=facts, created_at=created_at, updated_at=now
        )


def _news(state: NumberState, before: NumberState | None) -> NumberNews:
    return NumberNews(facts=state.facts, updated_at=state.updated_at, changed=state is not before)


def _ended(state: NumberState, now: datetime) -> NumberNews:
    """The last news of a number that is the sub-account's no more."""
    facts = msgspec.structs.replace(state.facts, operational_status=OperationalStatus.INACTIVE)
    return NumberNews(facts=facts, updated_at=now, changed=True)
