"""One run of a simulation: the parts of a voice node, over a simulated line, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from typing import final

import msgspec

from offhook.aio import first_of
from offhook.clock import new_id
from offhook.config import Config
from offhook.events import SessionQueued
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.node import VoiceNode
from offhook.fabric.memory import MemoryFabric
from offhook.flow.actions import Callflow
from offhook.session import states
from offhook.session.control import AnyCommand
from offhook.session.ports.metering import NoBudgets
from offhook.session.ports.opt_out_lists import OptOut, OptOutService
from offhook.session.ports.record import NodeRole, RequestRecord
from offhook.session.ports.tenants import SubAccounts
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount
from offhook.speech.profiles import ProfileTable
from offhook.store.memory import MemoryStore
from offhook.testing.errors import SimulationError
from offhook.testing.loop import VirtualClock, VirtualLoop
from offhook.testing.phone import Phone
from offhook.testing.result import SimulatedSession
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.simulated_speech import FakeSpeech
from offhook.testing.timeline import Timeline
from offhook.testing.vca_script import Customer, Decide
from offhook.webhooks.reports import WebhookReports
from offhook.webhooks.vca import asker

SETTLING = 1.0
"""Simulated seconds that sessions may continue after the record has their end."""


@cache
def profiles() -> ProfileTable:
    """The speech profiles of this machine, read once."""
    return ProfileTable.installed()


def _request(session: Session) -> RequestRecord:
    """The request record of a simulated session."""
    return RequestRecord(
        call_flow_request_id=session.call_flow_request_id,
        sub_account_id=session.sub_account_id,
        at=session.created_at,
        body=b"",
        http_status=200,
        answer=b"{}",
        session_id=session.session_id,
    )


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The simulated surroundings of a run."""

    config: Config
    sub_account: SubAccount
    start: datetime
    phone_of: Callable[[str], Phone]
    speech: FakeSpeech
    decide: Decide | None
    opt_out_service: OptOutService
    opt_outs: dict[tuple[str, str], OptOut]
    """The opt-out lists; they stay from one run to the next."""
    down: set[str]


@final
class OneSubAccount(SubAccounts):
    """The owner of all calls of a simulation."""

    def __init__(self, owner: SubAccount) -> None:
        self._owners = (owner,)

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        owner = self._owners[0]
        return owner if owner.sub_account_id == sub_account_id else None

    def sub_accounts(self) -> Sequence[SubAccount]:
        return self._owners


class Run:
    """A voice node for one run. To be made inside its loop."""

    def __init__(self, world: World, loop: VirtualLoop) -> None:
        self._world = world
        self._loop = loop
        self.clock = VirtualClock(loop, world.start)
        self.timeline = Timeline(loop.time)
        self.store = MemoryStore()
        self.store.records.opt_outs = world.opt_outs
        self.line = SimulatedLine(self.clock, self.timeline, world.phone_of, world.down)
        self.customer = Customer(world.decide, loop, self.timeline)
        owners = OneSubAccount(world.sub_account)
        self._node = VoiceNode(
            metrics=CallMetrics(),
            store=self.store,
            node=self.store.records.register("simulation", NodeRole.VOICE, world.start),
            telephony=self.line,
            speech=world.speech,
            profiles=profiles(),
            reports=WebhookReports(owners),
            ask=asker(self.customer, self.clock),
            opt_out_service=world.opt_out_service,
            directory=owners,
            config=world.config,
            clock=self.clock,
            fabric=MemoryFabric(),
            spending=NoBudgets(),
            capacity=1000,
        )

    # --- a run

    async def until_ended(
        self,
        begun: Awaitable[Sequence[str]],
        after: Sequence[tuple[float, Callable[[], object]]],
    ) -> list[SimulatedSession]:
        """Run the sessions that ``begun`` begins to their ends; no task of them is left. ``after``:
        functions to call, each with its seconds after the start.
        """
        stopping, ready = asyncio.Event(), asyncio.Event()
        running = self._loop.create_task(
            self._node.run(stopping, on_ready=ready.set, drain_timeout=lambda: SETTLING)
        )
        timers: list[asyncio.TimerHandle] = []
        try:
            await first_of(running, ready.wait())
            session_ids = await begun
            timers += [self._loop.call_later(at, self.line.guarded, do) for at, do in after]
            for session_id in session_ids:
                await first_of(running, self.store.ended(session_id))
        finally:
            for timer in timers:
                timer.cancel()
            stopping.set()
            await running
            await self.customer.close()
            await self.line.close()
        sessions = [await self._simulated(session_id) for session_id in session_ids]
        self._raise_failures(sessions)
        return sessions

    async def _simulated(self, session_id: str) -> SimulatedSession:
        sub_account_id = self._world.sub_account.sub_account_id
        session = await self.store.session(sub_account_id, session_id)
        assert session is not None
        return SimulatedSession(
            session=session,
            facts=[event for _, event in await self.store.events(session_id)],
            deliveries=await self.store.deliveries(session_id),
            calls=self.line.calls,
            questions=self.customer.asked,
            timeline=self.timeline.moments,
        )

    async def submit(self, callflows: Sequence[Callflow]) -> list[str]:
        """Queue accepted callflows, as the API does; the ids of their sessions."""
        now = self.clock.now()
        sessions = [
            states.accept(
                callflow,
                self._world.sub_account.sub_account_id,
                call_flow_request_id=new_id(),
                at=now,
            )
            for callflow in callflows
        ]
        for session in sessions:
            await self.store.accept(session, (SessionQueued(at=now),), _request(session))
        self._node.wake()
        return [session.session_id for session in sessions]

    async def ring(self, caller: str, called: str) -> list[str]:
        """A phone calls one of the sub-account's numbers."""
        if not self._node.owns(called):
            raise SimulationError(
                f"{called} is no number of {self._world.sub_account.sub_account_id}: Offhook answers "
                "404 and no session begins. Declare it with offhook.number"
            )
        call = self.line.ring(new_id(), caller, called)
        trunk = self._world.config.trunks[0].name
        await self._node.take(call, trunk=trunk, caller=caller, called=called)
        return list(self.store.records.sessions)

    def obey(self, command: AnyCommand) -> str | None:
        """A command of the API to every session that runs now; returns why the last one refused it."""
        refused: str | None = "no session runs"
        for session_id in self.store.records.sessions:
            heard = self._node.command(session_id, command)
            if heard is not None:
                refused = heard.refused
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
