"""The voice role: claims sessions and puts them on the phone."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

import msgspec

from offhook.config import Config
from offhook.execution import liveness
from offhook.execution.commands import Commands
from offhook.execution.conversation import Services
from offhook.execution.decision import Decisions
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.inbound import InboundCalls, NumberBook
from offhook.execution.journal import SessionJournal
from offhook.execution.runner import SessionRunner
from offhook.flow.numbers import country_of
from offhook.media import make_engine
from offhook.net.client import HttpClient
from offhook.processes import descriptors
from offhook.processes.context import RoleContext
from offhook.processes.shared import keep_directory_fresh, open_fabric, open_record
from offhook.session import control, states
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.record import Node, NodeRole
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import ReceivedCall
from offhook.session.routing import trunks_for
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount
from offhook.speech.profiles import ProfileTable
from offhook.speech.service import SpeechService
from offhook.store.directory import Directory
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import UdpEndpoint
from offhook.telephony.line import Line
from offhook.telephony.screening import InboundScreening
from offhook.telephony.trunks import split_address, trunk_of
from offhook.webhooks.reports import WebhookReports
from offhook.webhooks.vca import asker

log = logging.getLogger(__name__)

MOST_QUESTIONS = 512
"""VCA questions to one host at once: a slow one must not make the others wait for a connection."""
MOST_SESSIONS = 2000
"""Sessions a worker runs at once at the most."""


async def run(context: RoleContext) -> None:
    """Serve until told to stop, drain, and go."""
    async with AsyncExitStack() as stack:
        store = await open_record(context, stack)
        fabric = await open_fabric(context, stack)
        directory = Directory(context.config, store)
        await directory.refresh()
        line = await open_line(context, stack)
        section = context.config.webhooks
        files = HttpClient(allow_private=section.allow_private)
        stack.push_async_callback(files.close)
        client = HttpClient(
            allow_private=section.allow_private,
            allow_http=section.allow_http,
            connections_per_host=MOST_QUESTIONS,
        )
        stack.push_async_callback(client.close)
        speech = SpeechService.embedded(files)
        stack.push_async_callback(speech.close)
        profiles = ProfileTable.installed()
        decisions = Decisions(asker(client, context.clock), profiles)
        node = await store.register_node(context.node_name, NodeRole.VOICE, context.clock.now())
        voice = Voice(context, store, fabric, directory, node, line, speech, profiles, decisions)
        await voice.run()
        await store.retire_node(node)


async def open_line(context: RoleContext, stack: AsyncExitStack) -> Line:
    """The SIP endpoint and the media engine of this worker."""
    config = context.config
    _, host, port = split_address(config.sip.listen[0])
    endpoint = UdpEndpoint(
        host,
        port if context.worker == 0 else 0,
        advertise_host=config.sip.advertise,
        max_dialogs=2 * capacity(context),
    )
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    engine = make_engine(config.media.engine, host=host, ports=port_range(context))
    engine.start()
    stack.callback(engine.close)
    return Line(
        endpoint=endpoint,
        media=engine,
        media_host=endpoint.advertised_host,
        trunks={section.name: trunk_of(section) for section in config.trunks},
        media_timeout=config.limits.media_timeout,
        clock=context.clock,
    )


def port_range(context: RoleContext) -> tuple[int, int]:
    """This worker's share of ``sip.rtp_ports``: first and last port, inclusive."""
    first, last = (int(part) for part in context.config.sip.rtp_ports.split("-"))
    share = (last - first + 1) // context.workers // 2 * 2
    start = first + context.worker * share
    return start, start + share - 1


def capacity(context: RoleContext) -> int:
    """Sessions this worker runs at once."""
    first, last = port_range(context)
    by_ports = (last - first + 1) // 2
    return min(MOST_SESSIONS, by_ports, descriptors.sessions_within(descriptors.limit()))


class Voice:
    """One running voice node."""

    def __init__(
        self,
        context: RoleContext,
        store: Store,
        fabric: Fabric,
        directory: Directory,
        node: Node,
        line: Line,
        speech: SpeechService,
        profiles: ProfileTable,
        decisions: Decisions,
    ) -> None:
        self._decisions = decisions
        self._commands = Commands()
        self._line = line
        self._context = context
        self._store = store
        self._fabric = fabric
        self._directory = directory
        self._node = node
        self._reports = WebhookReports(directory)
        self._config = context.config
        self._speech = speech
        self._services = self._services_by(context.config)
        self._planner = planner = ClaimPlanner(
            node_name=node.name,
            routes=context.config.routes,
            trunks=context.config.trunks,
            limits=context.config.limits,
            sub_account=directory.sub_account,
            country_of=country_of,
            session_ended=self._reports.session_ended,
        )
        self._dispatcher = Dispatcher(
            store=store,
            node=node,
            planner=planner,
            sub_accounts=directory.sub_accounts,
            make_runner=self._make_runner,
            capacity=capacity(context),
            clock=context.clock,
            on_outbox=self._wake_outbox,
        )

    def _services_by(self, config: Config) -> Services:
        return Services(
            telephony=Dialer(self._line),
            speech=self._speech,
            clock=self._context.clock,
            ring_timeout=config.limits.ring_timeout,
            max_call_duration=config.limits.max_call_duration,
            sub_account=self._directory.sub_account,
            route=self._route,
            take_channel=self._take_channel,
        )

    def _use(self, config: Config) -> None:
        """Take over what a reload may change; sessions that run keep what they began with."""
        self._directory.use(config)
        self._config = config
        self._line.use({section.name: trunk_of(section) for section in config.trunks})
        self._planner.use(config.routes, config.trunks, config.limits)
        self._services = self._services_by(config)
        log.info("the configuration was read again")

    def _take_calls(self) -> InboundCalls:
        """Let calls from outside begin sessions; only the worker on the configured port gets any."""
        book = NumberBook(self._directory.sub_accounts)
        inbound = InboundCalls(
            self._store,
            self._node,
            self._dispatcher,
            book,
            lambda session, call: self._make_runner(session, (), call),
            self._context.clock,
        )
        self._screening = InboundScreening(
            self._line,
            lambda got: inbound.take(got.call, got.trunk, got.caller, got.called),
            knows=lambda called: book.owner(called) is not None,
        )
        self._screening.start()
        self._context.reloads.append(self._use)
        return inbound

    async def run(self) -> None:
        """Run until the process is told to stop; then drain."""
        context = self._context
        self._fabric.subscribe("queue", lambda _topic, _message: self._dispatcher.wake())
        self._fabric.subscribe(control.CONTROL_TOPICS, self._obey)
        inbound = self._take_calls()
        async with asyncio.TaskGroup() as group:
            duties = [
                group.create_task(liveness.beat(self._store, self._node, context.clock)),
                group.create_task(
                    liveness.end_orphans(
                        self._store, context.clock, self._reports, self._wake_outbox
                    )
                ),
                group.create_task(keep_directory_fresh(self._directory, self._fabric)),
            ]
            claiming = group.create_task(self._dispatcher.run())
            context.supervisor.ready(sip=list(context.config.sip.listen))
            await context.stopping.wait()
            await inbound.close()
            await self._dispatcher.drain(context.drain_timeout)
            await claiming
            for duty in duties:
                duty.cancel()

    def _obey(self, topic: str, message: bytes) -> None:
        """A command of the API to a session; only the node that runs it answers."""
        session_id = control.session_of(topic)
        runner = self._dispatcher.find(session_id)
        if runner is None:
            return
        try:
            command = control.decode_command(message)
        except msgspec.MsgspecError as error:
            log.warning("a command to session %s makes no sense: %s", session_id, error)
            return
        heard = control.Heard(
            command_id=command.command_id, refused=self._commands.obey(command, runner)
        )
        self._fabric.publish(control.heard_topic(session_id), control.encode_command(heard))

    def _make_runner(
        self,
        session: Session,
        trunks: tuple[str, ...],
        received: ReceivedCall | None = None,
    ) -> SessionRunner:
        recorder = SessionJournal(self._store, self._node, self._notify)
        return SessionRunner(
            session, trunks, self._services, recorder, self._reports, self._decisions, received
        )

    def _route(self, destination: str, sub_account: SubAccount) -> tuple[str, ...]:
        return trunks_for(destination, sub_account, self._config.routes, country_of)

    async def _take_channel(
        self, session: Session, leg: Leg, trunks: tuple[str, ...]
    ) -> str | None:
        """See :attr:`offhook.execution.conversation.Services.take_channel`."""
        channels = {trunk.name: trunk.channels for trunk in self._config.trunks}
        for name in trunks:
            wanted = states.with_leg(session, msgspec.structs.replace(leg, trunk=name))
            if await self._store.take_channel(
                self._node, wanted, trunk=name, channels=channels[name]
            ):
                return name
        return None

    def _notify(self, session_id: str, ended: bool) -> None:
        self._fabric.publish(f"session.{session_id}.events")
        if ended:
            self._wake_outbox()

    def _wake_outbox(self) -> None:
        self._fabric.publish("outbox")
