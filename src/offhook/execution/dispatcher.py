"""Claims waiting sessions for this node and owns the tasks that run them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from offhook.aio import wait_or
from offhook.clock import Clock
from offhook.codes import SessionStatus
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.endings import log_end
from offhook.execution.runner import Runner
from offhook.faults import FaultLog
from offhook.log import about
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.ports.record import ClaimDecision, Fenced, Node, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount

log = logging.getLogger(__name__)
faults = FaultLog(log)

IDLE_POLL = 1.0
"""Seconds between claims without a wake-up: the fabric may have lost one."""
LIMITED_POLL = 0.1
"""Seconds between claims while sessions wait for a limit that time alone frees."""
_MOST_REASONS = 1000
"""Sub-accounts and reasons that are remembered, so that each is logged once."""
BATCH = 64
"""Sessions planned in one claim at the most."""
LATE = 5.0
"""Seconds after which a claim's answer is no proof that the sessions are still this node's: it was stopped
or cut off meanwhile, and others may have ended them."""
_ASK_AGAIN = 1.0
"""Seconds between two questions while the store is away."""
AT_ONCE = 4
"""Sessions of one claim that begin in one turn of the event loop. Each takes about 0.6 ms, and all other
calls of the process wait meanwhile."""


class Dispatcher:
    """The claim loop of one voice node. ``make_runner`` builds the runner of a claimed session."""

    def __init__(
        self,
        *,
        store: Store,
        node: Node,
        planner: ClaimPlanner,
        sub_accounts: Callable[[], Sequence[SubAccount]],
        make_runner: Callable[[Session, tuple[str, ...]], Runner],
        capacity: int,
        clock: Clock,
        on_outbox: Callable[[], None],
        metrics: CallMetrics,
    ) -> None:
        self._store = store
        self._node = node
        self._planner = planner
        self._sub_accounts = sub_accounts
        self._make_runner = make_runner
        self._capacity = capacity
        self._clock = clock
        self._on_outbox = on_outbox
        self._metrics = metrics
        self._passed_over: set[tuple[str, str]] = set()
        """Sub-accounts and reasons that were logged already."""
        self._wake = asyncio.Event()
        self._full = False
        """Whether there was no room for one more session at the last claim."""
        self._asking = False
        """Whether the store is claiming now."""
        self._closing = False
        self._paused = False
        self._claiming: asyncio.Event | None = None
        """Set when :meth:`run` has made its last claim; None while it does not run."""
        self._live: dict[str, tuple[Runner, asyncio.Task[Session]]] = {}

    @property
    def draining(self) -> bool:
        """Whether the node is draining: no new session is begun."""
        return self._closing or self._paused

    def pause(self) -> None:
        """Begin no session until :meth:`resume`; those that run go on."""
        self._paused = True

    def resume(self) -> None:
        """Begin sessions again."""
        self._paused = False
        self.wake()

    @property
    def live(self) -> int:
        """Sessions that run on this node now."""
        return len(self._live)

    def wake(self) -> None:
        """Sessions were accepted, or something was freed: claim now."""
        self._wake.set()

    def find(self, session_id: str) -> Runner | None:
        """The runner of a session that runs here."""
        entry = self._live.get(session_id)
        return entry[0] if entry else None

    def runners(self) -> list[Runner]:
        """Of the sessions that run here."""
        return [runner for runner, _ in self._live.values()]

    async def run(self) -> None:
        """Claim until :meth:`drain`. Raises :class:`Fenced` when the node's epoch is over."""
        self._claiming = finished = asyncio.Event()
        try:
            while not self._closing:
                self._wake.clear()
                if not self._paused and await self._claim_safely():
                    continue
                pause = LIMITED_POLL if self._planner.left_waiting else IDLE_POLL
                await wait_or(self._wake.wait(), pause)
        finally:
            finished.set()

    async def drain(self, timeout: float) -> None:
        """Stop claiming; let sessions finish for ``timeout`` seconds, then hang them up. A claim under
        way is awaited, because its sessions belong to this node already.
        """
        self._closing = True
        self._wake.set()
        if self._claiming is not None:
            await self._claiming.wait()
        if not await self._settled(timeout):
            log.warning("hanging up %d sessions that outlived the drain timeout", self.live)
            for runner, _ in self._live.values():
                runner.end("the server is shutting down")
            await self._settled(10.0)

    async def _settled(self, timeout: float) -> bool:
        tasks = [task for _, task in self._live.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)
        return not self._live

    async def _claim_safely(self) -> bool:
        """One claim. An internal error in it leaves live calls alone."""
        try:
            return await self._claim()
        except Fenced:
            raise
        except Exception:
            faults.report("claiming sessions")
            return False

    async def _claim(self) -> bool:
        """One claim; True when more may wait at once."""
        room = min(BATCH, self._capacity - self.live)
        self._full = room <= 0
        if self._full:
            return False
        asked_at = self._clock.monotonic()
        try:
            decisions = await self._claimed(room)
        except StoreUnavailable as error:
            log.warning("nothing can be claimed: %s", error)
            return False
        for place, decision in enumerate(decisions):
            self._begin(decision, turns=place // AT_ONCE, asked_at=asked_at)
        if any(decision.outbox for decision in decisions):
            self._on_outbox()
        return len(decisions) >= room

    async def _claimed(self, room: int) -> Sequence[ClaimDecision]:
        began = time.perf_counter()
        self._asking = True
        try:
            return await self._store.claim(
                self._node,
                self._planner,
                self._clock.now(),
                limit=room,
                rates=self._planner.rates(self._sub_accounts()),
            )
        finally:
            self._asking = False
            self._metrics.stored("claim", began)

    def _begin(self, decision: ClaimDecision, turns: int, asked_at: float) -> None:
        """Run a session that was claimed, ``turns`` of the event loop later; the claim was ``asked_at``."""
        session = decision.session
        if decision.passed_over is not None:
            self._say_passed_over(session, decision.passed_over)
        if session.status.final:
            self._ended_without_call(session)
        if session.status is not SessionStatus.RUNNING:
            return
        runner = self._make_runner(session, decision.trunks)
        self._start(session.session_id, self._run_if_ours(session, runner, turns, asked_at), runner)

    async def _run_if_ours(
        self, session: Session, runner: Runner, turns: int, asked_at: float
    ) -> Session:
        """Run a claimed session, unless it is late and another node has ended it: it must not be dialled."""
        for _ in range(turns):
            await asyncio.sleep(0)
        if self._clock.monotonic() - asked_at > LATE and not await self._is_running(session):
            log.warning("session %s is not dialled: it was ended meanwhile", session.session_id)
            return session
        return await runner.run()

    async def _is_running(self, session: Session) -> bool:
        """Whether the record says that a session runs; waits for the store."""
        while True:
            try:
                stored = await self._store.session(session.sub_account_id, session.session_id)
            except StoreUnavailable:
                await asyncio.sleep(_ASK_AGAIN)
            else:
                return stored is not None and stored.status is SessionStatus.RUNNING

    def _ended_without_call(self, session: Session) -> None:
        error = session.error
        self._metrics.session_ended(session.status.value, error.code if error else None)
        with about(session.session_id):
            log_end(log, session)

    def _say_passed_over(self, session: Session, reason: str) -> None:
        """One line for each sub-account and reason; the sessions are counted in the store."""
        known = (session.sub_account_id, reason)
        if known not in self._passed_over and len(self._passed_over) < _MOST_REASONS:
            self._passed_over.add(known)
            log.warning(
                "sessions of sub-account %s wait, such as session %s: this node leaves them to "
                "other nodes because it does not know %s",
                session.sub_account_id,
                session.session_id,
                reason,
            )

    def own(self, session_id: str, runner: Runner) -> None:
        """Start a task for ``runner``; its session counts as live until the task ends."""
        self._start(session_id, runner.run(), runner)

    def _start(
        self, session_id: str, running: Coroutine[Any, Any, Session], runner: Runner
    ) -> None:
        task = asyncio.get_running_loop().create_task(running, name=f"session {session_id}")
        self._live[session_id] = (runner, task)
        task.add_done_callback(lambda done: self._done(session_id, done))

    def _done(self, session_id: str, task: asyncio.Task[Session]) -> None:
        del self._live[session_id]
        if self._full or self._asking or self._planner.left_waiting:
            self._wake.set()  # what the last claim left in the queue may begin now
        if not task.cancelled() and (crash := task.exception()) is not None:
            log.error("session %s: running it failed", session_id, exc_info=crash)
