"""The transports of ``[sip] listen``, with their certificates."""

from __future__ import annotations

from offhook.config import Config, sip_address
from offhook.config.server_checks import AUTO
from offhook.processes.shared_sip import LOOPBACK, shared_index
from offhook.sip.transport import Protocol
from offhook.telephony.transports.datagram_port import SharedPort
from offhook.telephony.transports.relayed_stream import RelayClient, RelayedTransport
from offhook.telephony.transports.sip_transport import SipTransport
from offhook.telephony.transports.stream_transport import StreamTransport
from offhook.telephony.transports.tls import CertificateFiles, SipTls, TlsFiles
from offhook.telephony.transports.udp import UdpTransport


def open_tls(config: Config) -> SipTls | None:
    """The certificates; None: there are none. Raises OSError for files that cannot be used."""
    files = tls_files(config)
    return None if files is None else SipTls(files)


def tls_files(config: Config) -> TlsFiles | None:
    """The files of ``[sip]``; None: it has no certificate."""
    sip = config.sip
    if sip.tls_certificate is None or sip.tls_key is None:
        return None
    more = tuple(CertificateFiles(each.certificate, each.key) for each in sip.certificates)
    first = CertificateFiles(sip.tls_certificate, sip.tls_key)
    return TlsFiles((first, *more), sip.tls_ca, sip.tls_client_ca)


def advertised(config: Config, host: str) -> str | None:
    """The public address of a transport at ``host``: ``sip.advertise``, where that is of its IP version."""
    public = config.sip.advertise
    if public is None or public == AUTO or (":" in public) != (":" in host):
        return None
    return public


def own_transports(config: Config, tls: SipTls | None) -> dict[int, SipTransport]:
    """The transports that bind the addresses of ``sip.listen``, by their place in it."""
    transports: dict[int, SipTransport] = {}
    for index, address in enumerate(config.sip.listen):
        name, host, port = sip_address(address)
        protocol = Protocol(name)
        if protocol is Protocol.UDP:
            transports[index] = UdpTransport(host, port, advertise_host=advertised(config, host))
        else:
            used = tls if protocol.secure else None
            transports[index] = StreamTransport(
                protocol, host, port, advertise_host=advertised(config, host), tls=used
            )
    return transports


def sip_transports(
    config: Config, tls: SipTls | None, shared: SharedPort | None, relay: RelayClient | None
) -> list[SipTransport]:
    """One for each address. ``shared`` is this worker's part of the first UDP address, ``relay`` its
    way to the others; None: it has all for itself.

    The built-in phones speak UDP: where nothing listens for that, loopback does.
    """
    transports: list[SipTransport]
    if shared is None or relay is None:
        transports = list(own_transports(config, tls).values())
    else:
        transports = _shared_transports(config, shared, relay)
        shared = None if shared_index(config) is not None else shared
    if all(each.protocol is not Protocol.UDP for each in transports):
        transports.append(UdpTransport(LOOPBACK, 0, shared=shared))
    return transports


def _shared_transports(
    config: Config, shared: SharedPort, relay: RelayClient
) -> list[SipTransport]:
    first = shared_index(config)
    transports: list[SipTransport] = []
    for index, address in enumerate(config.sip.listen):
        name, host, port = sip_address(address)
        if index == first:
            public = advertised(config, host)
            transports.append(UdpTransport(host, port, advertise_host=public, shared=shared))
        else:
            transports.append(
                RelayedTransport(
                    Protocol(name),
                    host,
                    port,
                    client=relay,
                    listener=index,
                    advertise_host=advertised(config, host),
                )
            )
    return transports
