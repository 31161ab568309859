"""The phone lines of a voice process: SIP endpoint, media engine, trunks and registered phones."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from offhook.aio import end_all
from offhook.config import Config, host_and_port, sip_address
from offhook.config.server_checks import AUTO
from offhook.execution.node import VoiceNode
from offhook.media import make_engine
from offhook.media.engine import MediaEngine
from offhook.net.http_client import HttpClient
from offhook.processes import descriptors
from offhook.processes.role_context import CannotServe, RoleContext
from offhook.processes.sip_transports import open_tls, sip_transports, tls_files
from offhook.sip.demux import mark_of
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.hep import HepExport
from offhook.telephony.inbound_refusals import InboundRefusals
from offhook.telephony.line import Line, PhonesOf
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.phone_book import PhoneBook
from offhook.telephony.public_address import PublicAddress
from offhook.telephony.registrar import Registrar
from offhook.telephony.screening import InboundScreening, Received
from offhook.telephony.sip_users import SipUser, sip_user_of
from offhook.telephony.stir_service import StirError, StirService, open_stir
from offhook.telephony.transports.datagram_port import SharedPort
from offhook.telephony.transports.relayed_stream import RelayClient
from offhook.telephony.transports.tls import SipTls
from offhook.telephony.trunk_health import StateListener
from offhook.telephony.trunks import split_address, trunks_of

log = logging.getLogger(__name__)

FIRST_AGENT = 2001
"""The capture agent's number of the first worker, in HEP."""
MOST_SESSIONS = 2000
"""Sessions a worker runs at once at the most."""


def reload_tls(tls: SipTls, config: Config) -> None:
    """Read the certificates again."""
    files = tls_files(config)
    if files is not None:
        tls.reload(files)


async def open_line(
    context: RoleContext,
    stack: AsyncExitStack,
    shared: SharedPort | None,
    relay: RelayClient | None,
    *,
    phones: PhonesOf,
    on_trunk_change: StateListener,
) -> Line:
    """The SIP endpoint and the media engine of this worker."""
    config = context.config
    endpoint = await _open_endpoint(context, stack, shared, relay)
    other = other_host(config)
    line = Line(
        endpoint=endpoint,
        media=_open_engine(context, stack, other),
        media_host=endpoint.advertised_host,
        other_media_host=None if other is None else endpoint.advertised_by(wide=":" in other),
        trunks=trunks_of(config),
        users=users_of(config),
        media_timeout=config.limits.media_timeout,
        clock=context.clock,
        metrics=LineMetrics(context.registry),
        stir=open_verification(context, stack),
        phones=phones,
        on_trunk_change=on_trunk_change,
    )
    if config.sip.hep is not None:
        line.watch_sip(open_hep(context, stack, endpoint).tap)
    if config.sip.advertise == AUTO:
        await follow_public_address(config, stack, line)
    return line


async def _open_endpoint(
    context: RoleContext,
    stack: AsyncExitStack,
    shared: SharedPort | None,
    relay: RelayClient | None,
) -> SipEndpoint:
    config = context.config
    try:
        tls = None if relay is not None else open_tls(config)
    except OSError as error:
        raise CannotServe(f"sip: the certificates cannot be used: {error}") from None
    if tls is not None:
        context.reloads.append(lambda config: reload_tls(tls, config))
    endpoint = SipEndpoint(
        sip_transports(config, tls, shared, relay),
        max_dialogs=2 * capacity(context),
        mark=mark_of(context.worker) if shared is not None else "",
    )
    await endpoint.start()
    stack.push_async_callback(endpoint.close)
    return endpoint


def _open_engine(context: RoleContext, stack: AsyncExitStack, other: str | None) -> MediaEngine:
    """``other``: the address of the other IP version, where there is one."""
    config = context.config
    host = sip_address(config.sip.listen[0]).host
    engine = make_engine(config.media.engine, host=host, other=other, ports=port_range(context))
    for trunk in trunks_of(config).values():
        if (lacking := trunk.beyond(engine.capabilities)) is not None:
            raise CannotServe(lacking)
    engine.start()
    stack.callback(engine.close)
    return engine


def other_host(config: Config) -> str | None:
    """The first address of ``sip.listen`` that is of another IP version than the first of all."""
    hosts = [sip_address(address).host for address in config.sip.listen]
    return next((host for host in hosts if (":" in host) != (":" in hosts[0])), None)


async def follow_public_address(config: Config, stack: AsyncExitStack, line: Line) -> None:
    """Advertise what the STUN server says, now and whenever it says something else."""
    assert config.sip.stun is not None
    public = PublicAddress(host_and_port(config.sip.stun), line.advertise)
    if not await public.ask():
        log.warning("sip.advertise: until the STUN server answers it is %s", line.media_hosts.of(4))
    task = asyncio.get_running_loop().create_task(public.run(), name="public-address")
    stack.push_async_callback(end_all, task)


def open_verification(context: RoleContext, stack: AsyncExitStack) -> StirService:
    """What signs our calls and verifies callers. Raises :class:`CannotServe`."""
    section = context.config.webhooks
    # Whoever calls names the URL of the certificate: https only, and no private addresses.
    http = HttpClient(
        allow_private=section.opens_private,
        allow_loopback=section.opens_loopback,
        allow_http=section.opens_private or section.opens_loopback,
    )
    stack.push_async_callback(http.close)
    try:
        return open_stir(context.config.stir, http, context.clock)
    except StirError as error:
        raise CannotServe(str(error)) from None


def open_hep(context: RoleContext, stack: AsyncExitStack, endpoint: SipEndpoint) -> HepExport:
    """Where a capture server gets every SIP message. Raises :class:`CannotServe`."""
    address = context.config.sip.hep
    assert address is not None
    _, host, port = split_address(address)
    try:
        export = HepExport.resolved(
            host,
            port,
            endpoint.near,
            context.clock.now,
            agent=FIRST_AGENT + context.worker,
        )
    except OSError as error:
        raise CannotServe(f"sip.hep: cannot look up {host}: {error.strerror or error}") from None
    stack.callback(export.close)
    return export


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


def users_of(config: Config) -> dict[str, SipUser]:
    """The users whose phones may register, by name."""
    return {section.username: sip_user_of(section) for section in config.sip_users}


def take_phones(context: RoleContext, stack: AsyncExitStack, book: PhoneBook, line: Line) -> None:
    """Let phones register in ``book``."""
    registrar = Registrar(
        line.endpoint, book, context.clock, node=context.node_name, users=lambda: line.users
    )
    registrar.start()
    stack.push_async_callback(registrar.close)


def take_calls(
    line: Line, node: VoiceNode, refusals: InboundRefusals | None = None
) -> InboundScreening:
    """Let calls from outside begin sessions."""

    def take(got: Received) -> None:
        node.take(got.call, trunk=got.trunk, caller=got.caller, called=got.called)

    screening = InboundScreening(line, take, knows=node.owns, refusals=refusals)
    screening.start()
    return screening
