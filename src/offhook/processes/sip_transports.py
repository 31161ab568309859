"""The transports of ``[sip] listen``, with their certificates."""

from __future__ import annotations

from offhook.config import Config, sip_address
from offhook.config.checks import AUTO
from offhook.sip.transport import Protocol
from offhook.telephony.transports.datagram_port import SharedPort
from offhook.telephony.transports.sip_transport import SipTransport
from offhook.telephony.transports.stream import StreamTransport
from offhook.telephony.transports.tls import CertificateFiles, SipTls, TlsFiles
from offhook.telephony.transports.udp import UdpTransport

LOOPBACK = "127.0.0.1"


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


def sip_transports(
    config: Config, tls: SipTls | None, shared: SharedPort | None
) -> list[SipTransport]:
    """One for each address; ``shared`` is this worker's part of the first one.

    The built-in phones speak UDP: where nothing listens for that, loopback does.
    """
    advertise = None if config.sip.advertise == AUTO else config.sip.advertise
    transports: list[SipTransport] = []
    for address in config.sip.listen:
        name, host, port = sip_address(address)
        protocol = Protocol(name)
        if protocol is Protocol.UDP:
            part, shared = shared, None
            transports.append(UdpTransport(host, port, advertise_host=advertise, shared=part))
        else:
            transports.append(
                StreamTransport(
                    protocol,
                    host,
                    port,
                    advertise_host=advertise,
                    tls=tls if protocol.secure else None,
                )
            )
    if all(each.protocol is not Protocol.UDP for each in transports):
        transports.append(UdpTransport(LOOPBACK, 0))
    return transports
