"""The voice role: claims sessions and puts them on the phone."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from offhook.execution import upkeep
from offhook.execution.conversation import Services
from offhook.execution.dispatcher import Dispatcher
from offhook.execution.recorder import Recorder
from offhook.execution.runner import SessionRunner
from offhook.fabric import Fabric
from offhook.flow.numbers import country_of
from offhook.media import make_engine
from offhook.media.engine import MediaEngine
from offhook.net.client import HttpClient
from offhook.roles.context import (
    RoleContext,
    WebhookReports,
    keep_directory_fresh,
    open_fabric,
    open_record,
)
from offhook.session.limits import ClaimPlanner
from offhook.session.session import Session
from offhook.sip import Address
from offhook.speech.service import SpeechService
from offhook.store.directory import Directory
from offhook.store.interface import Node, Store
from offhook.telephony.endpoint import UdpEndpoint
from offhook.telephony.line import Line
from offhook.telephony.trunks import split_address, trunk_of

log = logging.getLogger(__name__)

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
        speech = await _open_speech(context, stack)
        node = await store.register_node(context.node_name, "voice", context.clock.now())
        voice = Voice(context, store, fabric, directory, node, line, speech)
        await voice.run()
        await store.retire_node(node)


async def open_line(context: RoleContext, stack: AsyncExitStack) -> Line:
    """The SIP endpoint and the media engine of this worker."""
    config = context.config
    _, host, port = split_address(config.sip.listen[0])
    endpoint = UdpEndpoint(
        local=Address("udp", host, port if context.worker == 0 else 0),
        advertise=config.sip.advertise,
    )
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    engine = make_engine(config.media.engine, host=host, ports=port_range(context))
    engine.start()
    stack.callback(engine.close)
    return Line(
        endpoint=endpoint,
        media=engine,
        media_host=config.sip.advertise or host,
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


async def _open_speech(context: RoleContext, stack: AsyncExitStack) -> SpeechService:
    client = HttpClient(allow_private=context.config.webhooks.allow_private)
    stack.push_async_callback(client.close)
    speech = SpeechService(client)
    await speech.start()
    stack.push_async_callback(speech.close)
    return speech


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
    ) -> None:
        self._context = context
        self._store = store
        self._fabric = fabric
        self._directory = directory
        self._node = node
        self._reports = WebhookReports(directory)
        limits = context.config.limits
        self._services = Services(
            telephony=line,
            speech=speech,
            clock=context.clock,
            ring_timeout=limits.ring_timeout,
            max_call_duration=limits.max_call_duration,
            sub_account=directory.sub_account,
        )
        planner = ClaimPlanner(
            node_name=node.name,
            routes=context.config.routes,
            trunks=context.config.trunks,
            limits=limits,
            sub_account=directory.sub_account,
            country_of=country_of,
            session_ended=self._reports.session_ended,
        )
        first, last = port_range(context)
        self._dispatcher = Dispatcher(
            store=store,
            node=node,
            planner=planner,
            sub_accounts=directory.sub_accounts,
            make_runner=self._make_runner,
            capacity=min(MOST_SESSIONS, (last - first + 1) // 2),
            clock=context.clock,
            on_outbox=self._wake_outbox,
        )

    async def run(self) -> None:
        """Run until the process is told to stop; then drain."""
        context = self._context
        self._fabric.subscribe("queue", lambda _topic, _message: self._dispatcher.wake())
        async with asyncio.TaskGroup() as group:
            duties = [
                group.create_task(upkeep.beat(self._store, self._node, context.clock)),
                group.create_task(
                    upkeep.end_orphans(self._store, context.clock, self._reports, self._wake_outbox)
                ),
                group.create_task(keep_directory_fresh(self._directory, self._fabric)),
            ]
            claiming = group.create_task(self._dispatcher.run())
            context.supervisor.ready(sip=list(context.config.sip.listen))
            await context.stopping.wait()
            await self._dispatcher.drain(context.config.limits.drain_timeout)
            await claiming
            for duty in duties:
                duty.cancel()

    def _make_runner(self, session: Session, trunks: tuple[str, ...]) -> SessionRunner:
        recorder = Recorder(self._store, self._node, self._notify)
        return SessionRunner(session, trunks, self._services, recorder, self._reports)

    def _notify(self, session_id: str, ended: bool) -> None:
        self._fabric.publish(f"session.{session_id}.events")
        if ended:
            self._wake_outbox()

    def _wake_outbox(self) -> None:
        self._fabric.publish("outbox")
