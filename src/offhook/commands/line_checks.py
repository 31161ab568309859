"""What ``offhook doctor`` looks at on the network: ports, the advertised address, the trunks."""

from __future__ import annotations

import asyncio
import errno
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from offhook.commands.findings import DoctorFinding, doubt, fine, wrong
from offhook.config import Config, TrunkSection, host_and_port, port_range, sip_address
from offhook.config.server_checks import AUTO
from offhook.net.listening import bind_error
from offhook.sip import AnyEvent, OptionsAnswered
from offhook.sip.encoding import host_port
from offhook.sip.transport import Protocol
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.locator import CannotLocate
from offhook.telephony.transports.sip_transport import SipTransport
from offhook.telephony.transports.sockets import own_address, unspecified
from offhook.telephony.transports.stream_transport import StreamTransport
from offhook.telephony.transports.udp import UdpTransport
from offhook.telephony.trunk_health import ask
from offhook.telephony.trunks import trunk_of

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
NAME_ADVICE = "check the name in [[trunks]] and the name server (/etc/resolv.conf)"
RTP_SAMPLES = 20
"""Ports of the range that are tried."""


def ports(config: Config) -> Iterator[DoctorFinding]:
    """Whether the configured addresses can be listened on, or a server listens there already."""
    running = _answers_http(config)
    wanted = [("http.listen", config.http.listen, socket.SOCK_STREAM)]
    for address in config.sip.listen:
        transport, _, rest = address.partition(":")
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        wanted.append(("sip.listen", rest, kind))
    for key, endpoint, kind in wanted:
        error = bind_error(endpoint, kind)
        if error is None:
            yield fine(key, f"{endpoint} is free")
        elif error.errno == errno.EADDRINUSE and running:
            yield fine(key, f"{endpoint} is in use, by Offhook that runs here")
        elif error.errno == errno.EADDRINUSE:
            port = endpoint.rpartition(":")[2]
            advice = f"end the other program (ss -lnp | grep {port}), or set another {key}"
            yield wrong(key, f"{endpoint} is used by another program", advice)
        else:
            advice = f"set {key} to an address of this machine (ip address)"
            yield wrong(key, f"cannot listen on {endpoint}: {error.strerror or error}", advice)
    yield from _rtp_ports(config, running=running)


def _rtp_ports(config: Config, *, running: bool) -> Iterator[DoctorFinding]:
    span = port_range(config.sip.rtp_ports)
    first, last = span[0], span[-1]
    host = sip_address(config.sip.listen[0])[1]
    step = max(2, (last - first) // RTP_SAMPLES // 2 * 2)
    taken = [
        port
        for port in range(first, last, step)
        if bind_error(host_port(host, port), socket.SOCK_DGRAM) is not None
    ]
    legs = (last - first + 1) // 2
    found = f"{first} to {last}: {legs} legs at once"
    if taken and not running:
        shown = ", ".join(map(str, taken[:3]))
        advice = "choose a range that no other program uses"
        yield doubt("sip.rtp_ports", f"{found}; in use: {shown}", advice)
    elif _overlaps_ephemeral(first, last):
        yield doubt(
            "sip.rtp_ports",
            f"{found}; the system gives ports of this range to other programs",
            f"sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}",
        )
    else:
        yield fine("sip.rtp_ports", found)


def _overlaps_ephemeral(first: int, last: int) -> bool:
    try:
        low, high = map(int, _EPHEMERAL.read_text().split())
        reserved = _RESERVED.read_text().strip()
    except (OSError, ValueError):
        return False
    return first <= high and last >= low and f"{first}-{last}" not in reserved


def _answers_http(config: Config) -> bool:
    """Whether an Offhook answers at ``http.listen``."""
    scheme = "http" if config.http.tls_certificate is None else "https"
    host, port = host_and_port(config.http.listen)
    host = "127.0.0.1" if unspecified(host) else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{scheme}://{host_port(host, port)}/healthz", timeout=2) as answer:
            return b"readiness" in answer.read(1000)
    except urllib.error.URLError as error:
        return "CERTIFICATE_VERIFY_FAILED" in str(error.reason)
    except (OSError, ValueError):
        return False


def advertised(config: Config) -> DoctorFinding:
    """Whether the address that we give in SIP and SDP can be reached by the trunks."""
    what = "address in SIP and SDP"
    _, host, _ = sip_address(config.sip.listen[0])
    if config.sip.advertise == AUTO:
        return fine(what, f"asked of the STUN server {config.sip.stun}")
    shown = config.sip.advertise or (own_address() if unspecified(host) else host)
    outside = [trunk.name for trunk in config.trunks if not _is_private(trunk_of(trunk).host)]
    if _is_private(shown) and outside:
        return wrong(
            what,
            f"{shown} is private, and trunk {outside[0]} is on the Internet: one-way audio",
            "set sip.advertise to the public address, and forward the SIP port and sip.rtp_ports",
        )
    set_by = "sip.advertise" if config.sip.advertise else "sip.listen"
    return fine(what, f"{shown} ({set_by})")


def _is_private(host: str) -> bool:
    """Whether a literal address is not of the Internet; a name counts as public."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost"


async def trunks(config: Config, timeout: float) -> list[DoctorFinding]:
    """Whether each trunk answers an OPTIONS within ``timeout`` seconds."""
    if not config.trunks:
        return [doubt("trunks", "there are none", "without [[trunks]] only built-in phones ring")]
    _, host, _ = sip_address(config.sip.listen[0])
    advertise = None if config.sip.advertise == AUTO else config.sip.advertise
    transports: list[SipTransport] = [
        UdpTransport(host, 0, advertise_host=advertise),
        StreamTransport(Protocol.TCP, host, 0, advertise_host=advertise),
    ]
    endpoint = SipEndpoint(transports)
    await endpoint.start()
    try:
        return list(
            await asyncio.gather(*(_trunk(endpoint, trunk, timeout) for trunk in config.trunks))
        )
    finally:
        await endpoint.close()


async def _trunk(endpoint: SipEndpoint, section: TrunkSection, timeout: float) -> DoctorFinding:
    trunk, what = trunk_of(section), f"trunk {section.name}"
    if trunk.transport == "tls":
        return doubt(what, f"{section.address} is not asked", "trunks over TLS are not asked")
    answer: asyncio.Future[OptionsAnswered] = asyncio.get_running_loop().create_future()

    def answered(event: AnyEvent) -> None:
        if isinstance(event, OptionsAnswered) and not answer.done():
            answer.set_result(event)

    try:
        servers = await endpoint.locator.find(trunk.place)
    except CannotLocate as error:
        return wrong(what, str(error), NAME_ADVICE)
    ask(endpoint, trunk, servers[0], answered)
    try:
        async with asyncio.timeout(timeout):
            event = await answer
    except TimeoutError:
        advice = (
            "check the address, the firewall, and that the carrier knows this machine's address"
        )
        return wrong(what, trunk.silence(timeout), advice)
    if event.status is None:
        return wrong(what, event.problem or trunk.silence(timeout), NAME_ADVICE)
    return fine(what, f"{section.address} answers OPTIONS with {event.status}")
