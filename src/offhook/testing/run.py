"""One run of a simulation: the parts of a voice node, over a simulated line, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from typing import cast

import msgspec

from offhook.clock import new_id
from offhook.codes import SessionStatus
from offhook.config import Config
from offhook.events import SessionQueued
from offhook.execution.commands import Commands
from offhook.execution.conversation import Services
from offhook.execution.decision import Decisions
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.inbound import InboundCalls, NumberBook
from offhook.execution.journal import SessionJournal
from offhook.execution.runner import SessionRunner
from offhook.flow.actions import Callflow
from offhook.flow.numbers import country_of
from offhook.session import states
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.control import AnyCommand
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import ReceivedCall
from offhook.session.routing import trunks_for
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount
from offhook.speech.profiles import ProfileTable
from offhook.testing.errors import SimulationError
from offhook.testing.line import SimulatedLine
from offhook.testing.loop import VirtualClock, VirtualLoop
from offhook.testing.phone import Phone
from offhook.testing.record import NODE, MemoryRecord, Row
from offhook.testing.result import SimulatedSession
from offhook.testing.speech import FakeSpeech
from offhook.testing.timeline import Timeline
from offhook.testing.vca import Customer, Decide
from offhook.webhooks.reports import WebhookReports
from offhook.webhooks.vca import asker

SETTLING = 1.0
"""Simulated seconds that a runner whose session is stored may take to return."""


@cache
def profiles() -> ProfileTable:
    """The speech profiles of this machine, read once."""
    return ProfileTable.installed()


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a run happens in."""

    config: Config
    sub_account: SubAccount
    start: datetime
    phone_of: Callable[[str], Phone]
    speech: FakeSpeech
    decide: Decide | None
    down: set[str]


class Run:
    """A voice node for one run. To be made inside its loop."""

    def __init__(self, world: World, loop: VirtualLoop) -> None:
        self._world = world
        self._loop = loop
        self.clock = VirtualClock(loop, world.start)
        self.timeline = Timeline(loop.time)
        self.record = MemoryRecord()
        self.line = SimulatedLine(self.clock, self.timeline, world.phone_of, world.down)
        self.customer = Customer(world.decide, loop, self.timeline)
        self._owners = (world.sub_account,)
        self._reports = WebhookReports(self)
        self._decisions = Decisions(asker(self.customer, self.clock), profiles())
        limits = world.config.limits
        self._services = Services(
            telephony=self.line,
            speech=world.speech,
            clock=self.clock,
            ring_timeout=limits.ring_timeout,
            max_call_duration=limits.max_call_duration,
            sub_account=self.sub_account,
            route=self._route,
            take_channel=self._take_channel,
        )
        self._dispatcher = Dispatcher(
            store=self._store,
            node=NODE,
            planner=self._planner(),
            sub_accounts=self._sub_accounts,
            make_runner=self._make_runner,
            capacity=1000,
            clock=self.clock,
            on_outbox=lambda: None,
        )

    # --- a run

    async def until_ended(self, begun: Awaitable[Sequence[Row]]) -> list[SimulatedSession]:
        """Run the sessions that ``begun`` begins to their ends; nothing of them is left running."""
        claiming = self._loop.create_task(self._dispatcher.run())
        try:
            rows = await begun
            for row in rows:
                await row.ended.wait()
        finally:
            await self._dispatcher.drain(SETTLING)
            await claiming
            await self.customer.close()
            await self.line.close()
        asked, moments = self.customer.asked, self.timeline.moments
        sessions = [SimulatedSession(row, self.line.calls, asked, moments) for row in rows]
        self._raise_failures(sessions)
        return sessions

    async def submit(self, callflows: Sequence[Callflow]) -> list[Row]:
        """Queue accepted callflows, as the API does."""
        now = self.clock.now()
        rows = [
            self.record.accept(
                Session(
                    session_id=new_id(),
                    sub_account_id=self._world.sub_account.sub_account_id,
                    call_flow_request_id=new_id(),
                    status=SessionStatus.QUEUED,
                    callflow=callflow,
                    created_at=now,
                ),
                (SessionQueued(at=now),),
            )
            for callflow in callflows
        ]
        self._dispatcher.wake()
        return rows

    async def ring(self, caller: str, called: str) -> list[Row]:
        """Somebody outside calls one of our numbers."""
        book = NumberBook(self._sub_accounts)
        if book.owner(called) is None:
            raise SimulationError(
                f"{called} is no number of {self._world.sub_account.sub_account_id}: Offhook answers "
                "404 and no session begins. Declare it with offhook.number"
            )
        inbound = InboundCalls(
            self._store,
            NODE,
            self._dispatcher,
            book,
            lambda session, call: self._make_runner(session, (), call),
            self.clock,
        )
        call = self.line.ring(new_id(), caller, called)
        inbound.take(call, self._world.config.trunks[0].name, caller, called)
        await inbound.close()
        return list(self.record.rows.values())

    def obey(self, command: AnyCommand) -> str | None:
        """A command of the API to every session that runs now; why the last one refused it."""
        refused: str | None = "no session runs"
        for session_id in self.record.rows:
            runner = self._dispatcher.find(session_id)
            if runner is not None:
                refused = Commands().obey(command, runner)
        return refused

    def _raise_failures(self, sessions: list[SimulatedSession]) -> None:
        failures: list[Exception] = list(self.line.failures)
        if self.customer.crash is not None:
            failures.insert(0, self.customer.crash)
        if failures:
            conversation = "\n".join(str(moment) for moment in self.timeline.moments)
            failures[0].add_note(f"What happened:\n{conversation}")
            for other in failures[1:]:
                failures[0].add_note(str(other))
            if isinstance(failures[0], SimulationError):
                failures[0].sessions = sessions
            raise failures[0]

    # --- the parts of a voice node

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        """The simulation's only one (:class:`offhook.webhooks.reports.SubAccounts`)."""
        owner = self._world.sub_account
        return owner if owner.sub_account_id == sub_account_id else None

    def _sub_accounts(self) -> Sequence[SubAccount]:
        return self._owners

    @property
    def _store(self) -> Store:
        """The parts of it that a running session uses."""
        return cast(Store, self.record)

    def _planner(self) -> ClaimPlanner:
        config = self._world.config
        return ClaimPlanner(
            node_name=NODE.name,
            routes=config.routes,
            trunks=config.trunks,
            limits=config.limits,
            sub_account=self.sub_account,
            country_of=country_of,
            session_ended=self._reports.session_ended,
        )

    def _make_runner(
        self,
        session: Session,
        trunks: tuple[str, ...],
        received: ReceivedCall | None = None,
    ) -> SessionRunner:
        recorder = SessionJournal(self._store, NODE, lambda _session_id, _outbox: None)
        return SessionRunner(
            session, trunks, self._services, recorder, self._reports, self._decisions, received
        )

    def _route(self, destination: str, sub_account: SubAccount) -> tuple[str, ...]:
        return trunks_for(destination, sub_account, self._world.config.routes, country_of)

    async def _take_channel(
        self, session: Session, leg: Leg, trunks: tuple[str, ...]
    ) -> str | None:
        channels = {trunk.name: trunk.channels for trunk in self._world.config.trunks}
        for name in trunks:
            wanted = states.with_leg(session, msgspec.structs.replace(leg, trunk=name))
            if await self.record.take_channel(NODE, wanted, trunk=name, channels=channels[name]):
                return name
        return None
