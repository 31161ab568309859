"""One voice node: everything between the record and the phone lines that runs sessions.

The one wiring of a voice node. ``processes/voice.py`` gives it a real store, real phone lines and a real
fabric; ``testing/run.py`` gives it simulated ones. Both only open resources and hand them over.

A node claims waiting sessions (:mod:`.dispatcher`), begins sessions for calls from outside
(:mod:`.inbound`), runs each in a task of its own (:mod:`.runner`), and obeys commands to those that run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from offhook.aio import end_all
from offhook.clock import Clock
from offhook.config import Config
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.capturing import CaptureDesk
from offhook.execution.commands import Commands
from offhook.execution.decision import Decisions
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.first_calls import FirstCalls
from offhook.execution.inbound_calls import InboundCalls, NumberBook
from offhook.execution.journal import SessionJournal
from offhook.execution.liveness import Liveness
from offhook.execution.number_tests import NumberTests
from offhook.execution.runner import FailedStart, Runner, SessionRunner
from offhook.execution.session_recording import RecordingNotice
from offhook.execution.session_services import Services
from offhook.execution.session_spans import SessionSpans
from offhook.faults import FaultLog
from offhook.flow.context import Profiles
from offhook.flow.numbers import country_of
from offhook.session import control, states
from offhook.session.billing import Tariff
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.number_states import NumberTerms
from offhook.session.ports.capture_orders import CAPTURES_TOPIC, decode_order
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.hand_answers import Hands
from offhook.session.ports.metering import Spending
from offhook.session.ports.opt_out_lists import OptOutService
from offhook.session.ports.record import InboundLimits, Node, TooFast, TrunkPace
from offhook.session.ports.recording import NoRecorder, Recorder
from offhook.session.ports.speech import Speech
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import ReceivedCall, Telephony
from offhook.session.ports.tenants import SubAccounts
from offhook.session.ports.tracing import Tracer
from offhook.session.ports.webhooks import Asker, Reports
from offhook.session.routing import live_first, trunks_for, user_route
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount
from offhook.telephony.inbound_refusals import InboundRefusals

log = logging.getLogger(__name__)
faults = FaultLog(log)


PACED_FOR = 2.0
"""Seconds for which a leg that does not queue waits until its trunk may start another call."""
PACED_EVERY = 0.1


class VoiceNode:
    """Claims sessions and runs them. :meth:`run` runs from the first claim to the end of the drain."""

    def __init__(
        self,
        *,
        store: Store,
        node: Node,
        telephony: Telephony,
        speech: Speech,
        profiles: Profiles,
        reports: Reports,
        ask: Asker,
        hands: Hands | None = None,
        opt_out_service: OptOutService,
        directory: SubAccounts,
        config: Config,
        clock: Clock,
        fabric: Fabric,
        spending: Spending,
        capacity: int,
        metrics: CallMetrics,
        recorder: Recorder | None = None,
        refusals: InboundRefusals | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """``capacity``: sessions that run here at once at the most."""
        self._store, self._node = store, node
        self._telephony, self._speech = telephony, speech
        self._reports, self._opt_out_service = reports, opt_out_service
        self._directory = directory
        self._config, self._clock = config, clock
        self._fabric, self._spending = fabric, spending
        self._tariff = Tariff(config.rates, directory.sub_account)
        self._metrics, self._tracer = metrics, tracer
        self._recorder, self._captures = recorder or NoRecorder(), CaptureDesk(store, clock)
        self._commands, self._decisions = Commands(), Decisions(ask, profiles, hands)
        self._first_calls = FirstCalls(store, clock)
        self._services = self._services_by(config)
        self._planner = self._make_planner()
        self._dispatcher = self._make_dispatcher(capacity)
        self._numbers = NumberBook(directory.sub_accounts)
        self._terms = NumberTerms(config, directory.sub_account)
        self._tests = self._make_number_tests()
        self._inbound = self._make_inbound(refusals or InboundRefusals())

    def _make_number_tests(self) -> NumberTests:
        return NumberTests(
            store=self._store,
            telephony=self._telephony,
            sub_accounts=self._directory.sub_accounts,
            terms=self._terms,
            clock=self._clock,
        )

    def _make_planner(self) -> ClaimPlanner:
        return ClaimPlanner(
            node_name=self._node.name,
            routes=self._config.routes,
            trunks=self._config.trunks,
            users=self._config.sip_users,
            limits=self._config.limits,
            sub_account=self._directory.sub_account,
            country_of=country_of,
            reports=self._reports,
            spending=self._spending,
            is_down=self._telephony.is_down,
        )

    def _make_dispatcher(self, capacity: int) -> Dispatcher:
        return Dispatcher(
            store=self._store,
            node=self._node,
            planner=self._planner,
            sub_accounts=self._directory.sub_accounts,
            make_runner=self._make_runner,
            capacity=capacity,
            clock=self._clock,
            on_outbox=self._wake_outbox,
            metrics=self._metrics,
        )

    def _make_inbound(self, refusals: InboundRefusals) -> InboundCalls:
        return InboundCalls(
            store=self._store,
            node=self._node,
            dispatcher=self._dispatcher,
            numbers=self._numbers,
            make_runner=lambda session, call: self._make_runner(session, (), call),
            make_refused=self._failed_start,
            spending=self._spending,
            is_test=self._tests.is_test,
            limits_of=self._inbound_limits,
            clock=self._clock,
            refusals=refusals,
        )

    # --- start, run, stop

    async def run(
        self,
        stopping: asyncio.Event,
        *,
        on_ready: Callable[[], object],
        drain_timeout: Callable[[], float],
    ) -> None:
        """Run until ``stopping`` is set; then let sessions finish for ``drain_timeout`` and hang up.

        ``on_ready`` is called once sessions can run.

        Raises :class:`~offhook.session.ports.record.Fenced` (in a group) when the node's epoch is over.
        """
        fabric, liveness = self._fabric, self._make_liveness()
        unsubscribes = [
            fabric.subscribe("queue", lambda _topic, _message: self.wake()),
            fabric.subscribe(control.CONTROL_TOPICS, self._on_command),
            fabric.subscribe(CAPTURES_TOPIC, self._on_capture),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                duties = [
                    group.create_task(liveness.beat()),
                    group.create_task(liveness.end_orphans()),
                    group.create_task(self._tests.run()),
                ]
                claiming = group.create_task(self._dispatcher.run())
                on_ready()
                await stopping.wait()
                await self._inbound.close()
                await self._dispatcher.drain(drain_timeout())
                await claiming
                await self._first_calls.close()
                await end_all(*duties)
        finally:
            for unsubscribe in unsubscribes:
                unsubscribe()

    def _make_liveness(self) -> Liveness:
        return Liveness(
            store=self._store,
            node=self._node,
            clock=self._clock,
            reports=self._reports,
            wake_outbox=self._wake_outbox,
            runs_here=lambda session_id: self._dispatcher.find(session_id) is not None,
            knows=lambda owner: self._directory.sub_account(owner) is not None,
            charged=self._tariff.charged,
        )

    def reload(self, config: Config) -> None:
        """Take over what a reload may change; running sessions keep their settings."""
        self._config = config
        self._tariff.use(config.rates)
        self._terms.use(config)
        self._planner.use(config.routes, config.trunks, config.sip_users, config.limits)
        self._services = self._services_by(config)
        self.wake()

    # --- calls and commands from outside

    def wake(self) -> None:
        """Sessions were accepted: claim now."""
        self._dispatcher.wake()

    def pause(self) -> None:
        """Begin no session until :meth:`resume`; those that run go on, calls from outside get 503."""
        self._dispatcher.pause()

    def resume(self) -> None:
        """Begin sessions again."""
        self._dispatcher.resume()

    @property
    def live(self) -> int:
        """Sessions that run on this node now."""
        return self._dispatcher.live

    def owns(self, number: str) -> bool:
        """Whether ``number`` (with or without ``+``) is one of a sub-account."""
        return self._numbers.owner(number) is not None

    def take(
        self, call: ReceivedCall, *, trunk: str, caller: str, called: str
    ) -> asyncio.Task[None]:
        """Begin a session for a call from outside that rings; the task is over once it runs."""
        return self._inbound.take(call, trunk, caller, called)

    def command(self, session_id: str, command: control.AnyCommand) -> control.Heard | None:
        """Obey a command to a session; None: the session does not run here."""
        runner = self._dispatcher.find(session_id)
        if runner is None:
            return None
        refused = self._commands.obey(command, runner)
        return control.Heard(command_id=command.command_id, refused=refused)

    def _on_command(self, topic: str, message: bytes) -> None:
        """A command of the API; only the node that runs the session answers."""
        session_id = control.session_of(topic)
        if self._dispatcher.find(session_id) is None:
            return
        try:
            command = control.decode_command(message)
        except msgspec.MsgspecError as error:
            log.warning("malformed command to session %s: %s", session_id, error)
            return
        heard = self.command(session_id, command)
        if heard is not None:
            self._fabric.publish(control.heard_topic(session_id), control.encode_command(heard))

    def _on_capture(self, _topic: str, message: bytes) -> None:
        """An operator wants the packets of a session, which may run here already."""
        try:
            self._captures.arm(decode_order(message))
        except msgspec.MsgspecError as error:
            log.warning("malformed order of a capture: %s", error)
            return
        for runner in self._dispatcher.runners():
            runner.look_for_capture()

    # --- services for sessions

    def _services_by(self, config: Config) -> Services:
        return Services(
            telephony=self._telephony,
            speech=self._speech,
            clock=self._clock,
            ring_timeout=config.limits.ring_timeout,
            max_call_duration=config.limits.max_call_duration,
            max_legs=config.limits.max_legs,
            keep_traces=config.sip.keep_traces,
            sub_account=self._directory.sub_account,
            route=self._route,
            charged=self._tariff.charged,
            spent_out=lambda owner: self._spending.spent_out(owner, self._clock.now()),
            take_channel=self._take_channel,
            dialled=self._first_calls.dialled,
            recorder=self._recorder,
            captures=self._captures,
            recording_notice=RecordingNotice(
                beep=config.recording.beep,
                consent_prompt=config.recording.consent_prompt,
                language=config.recording.consent_language,
            ),
        )

    def _make_runner(
        self, session: Session, trunks: tuple[str, ...], received: ReceivedCall | None = None
    ) -> Runner:
        journal = self._new_journal()
        try:
            return SessionRunner(
                session=session,
                trunks=trunks,
                services=self._services,
                journal=journal,
                reports=self._reports,
                decisions=self._decisions,
                opt_outs=self._store,
                opt_out_service=self._opt_out_service,
                received=received,
            )
        except Exception as error:
            faults.report(f"beginning session {session.session_id}")
            return self._failed_start(session, repr(error), received)

    def _failed_start(
        self, session: Session, why: str, received: ReceivedCall | None = None
    ) -> Runner:
        return FailedStart(
            session=session,
            detail=why,
            journal=self._new_journal(),
            reports=self._reports,
            clock=self._clock,
            received=received,
        )

    def _new_journal(self) -> SessionJournal:
        spans = SessionSpans(self._tracer) if self._tracer is not None else None
        return SessionJournal(self._store, self._node, self._saved, self._metrics, spans)

    def _route(self, destination: str, sub_account: SubAccount) -> tuple[str, ...]:
        config = self._config
        trunks = trunks_for(destination, sub_account, config.routes, country_of, config.sip_users)
        return live_first(trunks, self._telephony.is_down)

    def _inbound_limits(self, name: str) -> InboundLimits | None:
        """What a trunk takes from outside; None: all, or it is a user's phone."""
        for trunk in self._config.trunks:
            if trunk.name == name:
                cps = trunk.inbound_cps
                pace = None if cps is None else TrunkPace(cps, self._clock.now())
                return InboundLimits(name, trunk.channels, pace)
        return None

    async def _take_channel(
        self, session: Session, leg: Leg, trunks: tuple[str, ...]
    ) -> str | None:
        """:attr:`.session_services.Services.take_channel`; a trunk that was removed from the configuration
        counts as full."""
        limits = {trunk.name: (trunk.channels, trunk.cps) for trunk in self._config.trunks}
        limits |= {user_route(user.username): (None, None) for user in self._config.sip_users}
        for name in trunks:
            if name in limits and await self._take_channel_of(name, *limits[name], session, leg):
                return name
        return None

    async def _take_channel_of(
        self, name: str, channels: int | None, cps: float | None, session: Session, leg: Leg
    ) -> bool:
        """Whether a channel of the trunk was taken; waits :data:`PACED_FOR` seconds at most for its cps."""
        wanted = states.with_leg(session, msgspec.structs.replace(leg, trunk=name))
        until = self._clock.monotonic() + PACED_FOR
        while True:
            pace = None if cps is None else TrunkPace(cps, self._clock.now())
            try:
                return await self._store.take_channel(
                    self._node, wanted, trunk=name, channels=channels, pace=pace
                )
            except TooFast:
                if self._clock.monotonic() >= until:
                    return False
            await asyncio.sleep(PACED_EVERY)

    def _saved(self, session_id: str, outbox: bool) -> None:
        self._fabric.publish(f"session.{session_id}.events")
        if outbox:
            self._wake_outbox()

    def _wake_outbox(self) -> None:
        self._fabric.publish("outbox")
