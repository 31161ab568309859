"""The voice role: claims sessions and runs their calls."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from offhook.aio import end_all
from offhook.config import Config
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.node import VoiceNode
from offhook.media import wide_encoder
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.processes import collector
from offhook.processes.node_orders import introduce, obey_drains
from offhook.processes.otel import open_tracer
from offhook.processes.phone_lines import (
    capacity,
    open_line,
    take_calls,
    take_phones,
    users_of,
)
from offhook.processes.process_roles import ProcessRole, process_name
from offhook.processes.ready_facts import ReadyFacts
from offhook.processes.recording_duties import RecordingDuties
from offhook.processes.registration_duty import RegistrationDuty
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import (
    Foundation,
    follow_reloads,
    keep_directory_fresh,
    open_foundation,
    open_notes,
    spending_watch,
)
from offhook.processes.shared_sip import relay_path
from offhook.processes.trunk_probing import obey_probes
from offhook.reporting.spending_watch import SpendingWatch
from offhook.session.ports.record import Fenced, Node, NodeRole, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.speech.cloud.budgets import VoiceBudget
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt_disk import PromptDisk
from offhook.speech.service import SpeechService
from offhook.speech.speech_metrics import SpeechMetrics
from offhook.store.directory import Directory
from offhook.telephony.dialer import Dialer
from offhook.telephony.inbound_refusals import InboundRefusals
from offhook.telephony.line import Line
from offhook.telephony.phone_book import PhoneBook
from offhook.telephony.transports.datagram_port import SharedPort
from offhook.telephony.transports.relayed_stream import RelayClient
from offhook.telephony.trunk_health import TrunkProbe
from offhook.telephony.trunk_registrations import TrunkRegistrations
from offhook.telephony.trunks import trunks_of
from offhook.webhooks.by_hand import HandDesks
from offhook.webhooks.opt_out_service import OperatorLists
from offhook.webhooks.receivers import open_client
from offhook.webhooks.reports import WebhookReports
from offhook.webhooks.vca import asker

log = logging.getLogger(__name__)

MOST_QUESTIONS = 512
"""VCA questions to one host at once: slow answers must not make other questions wait for a connection."""


async def run(context: RoleContext) -> None:
    """Serve until told to stop, then drain and end."""
    async with AsyncExitStack() as stack:
        foundation = await open_foundation(context, stack)
        await foundation.directory.refresh()
        process = process_name(ProcessRole.VOICE, context.worker)
        notes = open_notes(stack, foundation.store, process=process, node=context.node_name)
        ports = shared_port(context), relay_client(context)
        book = PhoneBook(foundation.store, foundation.fabric, context.clock)
        line = await open_line(
            *(context, stack, *ports), phones=book.reachable, on_trunk_change=notes.trunk_changed
        )
        probe = TrunkProbe(line.endpoint, line.health, lambda: line.trunks, context.clock)
        refusals = InboundRefusals(context.registry)
        opened = await _open_node(context, stack, foundation, line, refusals)
        registered, node, spending, recordings = opened
        take_phones(context, stack, book, line)
        take_calls(line, node, refusals)
        _open_ports(stack, *ports)
        registering = _registration(context, foundation.store, line, registered)
        _follow_reloads(context, foundation.directory, line, node, registering)
        async with asyncio.TaskGroup() as group:
            beside = (
                keep_directory_fresh(foundation.directory, foundation.fabric),
                spending.run(),
                collector.in_quiet_moments(lambda: node.live),
                recordings.run(),
                notes.run(),
                probe.run(),
                obey_drains(foundation, (node, registering), registered.name),
                registering.run(context.stopping),
                obey_probes(foundation.fabric, probe, registered.name),
                book.run(),
            )
            running = [group.create_task(duty) for duty in beside]
            await node.run(
                context.stopping,
                on_ready=lambda: _ready(context),
                drain_timeout=lambda: context.drain_timeout,
            )
            await end_all(*running)
        await _retire(foundation.store, registered)


def _open_ports(
    stack: AsyncExitStack, shared: SharedPort | None, relay: RelayClient | None
) -> None:
    """Let the front send what comes for this worker: only now is there who takes it."""
    if shared is not None:
        shared.open()
    if relay is not None:
        relay.open()
        stack.push_async_callback(relay.close)


def _registration(
    context: RoleContext, store: Store, line: Line, registered: Node
) -> RegistrationDuty:
    """The first worker registers at the trunks, for all of its machine."""
    return RegistrationDuty(
        TrunkRegistrations(line.endpoint, line.health),
        lambda: line.trunks if context.worker == 0 else {},
        store,
        context.clock,
        registered.name,
    )


async def _retire(store: Store, node: Node) -> None:
    try:
        await store.retire_node(node)
    except (StoreUnavailable, Fenced) as error:
        log.warning("%s has not retired: %s", node.name, error)


async def _open_node(
    context: RoleContext,
    stack: AsyncExitStack,
    foundation: Foundation,
    line: Line,
    refusals: InboundRefusals,
) -> tuple[Node, VoiceNode, SpendingWatch, RecordingDuties]:
    """The node as the store knows it, what runs its sessions, and what is to run beside them."""
    store, fabric, directory = foundation
    tracer = open_tracer(context, stack, "voice")
    files, speech = open_speech(context, stack, store, foundation.directory)
    questions = open_client(context.config, connections_per_host=MOST_QUESTIONS)
    stack.push_async_callback(questions.close)
    follow_reloads(context, questions, files)
    registered = await _registered(context, store)
    hands = HandDesks(fabric, context.clock)
    stack.callback(hands.close)
    reports = WebhookReports(directory)
    recordings = await _open_recordings(context, stack, foundation, reports)
    spending = await _read_spending(context, foundation)
    node = VoiceNode(
        store=store,
        node=registered,
        telephony=Dialer(line),
        speech=speech,
        profiles=ProfileTable.installed(context.config.voices),
        reports=reports,
        ask=asker(questions, context.clock, tracer),
        hands=hands,
        tracer=tracer if context.config.telemetry.traces is not None else None,
        opt_out_service=OperatorLists(questions),
        directory=directory,
        config=context.config,
        clock=context.clock,
        fabric=fabric,
        spending=spending,
        capacity=capacity(context),
        metrics=CallMetrics(context.registry),
        recorder=recordings.recorder,
        refusals=refusals,
    )
    return registered, node, spending, recordings


async def _registered(context: RoleContext, store: Store) -> Node:
    node = await store.register_node(
        context.node_name, NodeRole.VOICE, context.clock.now(), place=context.place
    )
    if node.name != context.node_name:
        log.error(
            "another machine is %s: this one is %s until cluster.name or its host name is changed",
            *(context.node_name, node.name),
        )
    await introduce(context, store, node.name, capacity=capacity(context))
    return node


async def _open_recordings(
    context: RoleContext, stack: AsyncExitStack, foundation: Foundation, reports: WebhookReports
) -> RecordingDuties:
    recordings = RecordingDuties(
        config=context.config,
        store=foundation.store,
        reports=reports,
        sub_account=foundation.directory.sub_account,
        clock=context.clock,
        wake_outbox=lambda: foundation.fabric.publish("outbox"),
    )
    await recordings.open(stack)
    return recordings


async def _read_spending(context: RoleContext, foundation: Foundation) -> SpendingWatch:
    spending = spending_watch(context, foundation.store, foundation.directory)
    await spending.read()
    return spending


def _follow_reloads(
    context: RoleContext,
    directory: Directory,
    line: Line,
    node: VoiceNode,
    registering: RegistrationDuty,
) -> None:
    def reload(config: Config) -> None:
        directory.use(config)
        line.use(
            trunks_of(config), users=users_of(config), media_timeout=config.limits.media_timeout
        )
        registering.look()
        node.reload(config)
        log.info("the configuration was read again")

    context.reloads.append(reload)


def _ready(context: RoleContext) -> None:
    collector.keep()
    context.supervisor.ready(ReadyFacts(sip=context.config.sip.listen))


def shared_port(context: RoleContext) -> SharedPort | None:
    """This worker's part of the SIP port; None: the port is this worker's alone."""
    link = context.supervisor
    if link.sip_fd is None or link.front is None:
        return None
    return SharedPort(link.sip_fd, link.front, context.worker)


def open_speech(
    context: RoleContext, stack: AsyncExitStack, store: Store, directory: Directory
) -> tuple[HttpClient, SpeechService]:
    """What fetches customers' files, and what makes prompts of them and of texts."""
    section = context.config.webhooks
    files = HttpClient(allow_private=section.opens_private, allow_loopback=section.opens_loopback)
    stack.push_async_callback(files.close)
    speech = SpeechService.embedded(
        files,
        settings=context.config.voices,
        disk=open_prompts(context.config),
        run=context.supervisor.snapshot or "",
        library=store,
        metrics=SpeechMetrics(context.registry),
        wide=wide_encoder(
            context.config.media.engine,
            {Codec(name) for trunk in context.config.trunks for name in trunk.codecs},
        ),
        budget=voice_budget(context.config, directory),
    )
    stack.push_async_callback(speech.close)
    speech.warm()
    return files, speech


def voice_budget(config: Config, directory: Directory) -> VoiceBudget:
    """A sub-account's own budget for voices in the cloud, else that of all."""

    def most_of(owner: str) -> int | None:
        sub_account = directory.sub_account(owner)
        own = sub_account.voice_characters_per_day if sub_account is not None else None
        return own if own is not None else config.voices.characters_per_day

    section = config.speech
    folder = Path(section.cache_folder) if section.cache_folder else cache_folder(os.environ)
    return VoiceBudget(most_of, folder / "spoken.sqlite")


def relay_client(context: RoleContext) -> RelayClient | None:
    """This worker's way to the addresses that the front holds; None: it has its own."""
    link = context.supervisor
    if link.sip_fd is None or link.front is None:
        return None
    return RelayClient(relay_path(link.front), context.worker)


def open_prompts(config: Config) -> PromptDisk | None:
    """The folder with the prompts that all workers share; None, with a warning: it cannot be used."""
    section = config.speech
    if not section.cache_megabytes:
        return None
    folder = Path(section.cache_folder) if section.cache_folder else cache_folder(os.environ)
    try:
        return PromptDisk(folder, limit=section.cache_megabytes << 20)
    except OSError as error:
        log.warning("workers do not share prompts: %s: %s", folder, error.strerror or error)
        return None


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where this user's programs keep what can be made again."""
    if given := environ.get("CACHE_DIRECTORY"):  # systemd; several are separated by colons
        return Path(given.partition(":")[0])
    base = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "offhook")
