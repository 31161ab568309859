"""TLS of the SIP transports: our certificates, read again without a restart, and whom we trust.

A connection keeps the certificate it began with. Where several certificates are configured, the name that a
peer asks for (SNI) chooses; without a name, or with another, it gets the first one. A file that cannot be
used stops the start; at a reload it is logged, and the certificates in use stay.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, final

from offhook.sip.certificate_names import Certificate, belongs_to, identities

log = logging.getLogger(__name__)

SOON: Final = 14 * 86_400.0
"""Seconds before a certificate expires, from which on each start and reload says so."""
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x20_0000)
"""``X509_V_FLAG_NO_CHECK_TIME`` of OpenSSL."""
_TURNS: Final = 4
"""Of a handshake, at the most."""


class CertificateFiles(NamedTuple):
    """Two PEM files."""

    certificate: str
    """With its chain."""
    key: str


class TlsFiles(NamedTuple):
    """What TLS needs."""

    own: tuple[CertificateFiles, ...]
    """Ours; the first one is the default, and shown to the trunks that ask for one."""
    trusted: str | None = None
    """PEM file of the authorities that sign trunks' certificates; None: those of the system."""
    clients: str | None = None
    """PEM file of the authorities that sign the certificates of those who connect; None: they need none."""


@final
class SipTls:
    """The contexts of handshakes, TLS 1.2 and newer."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises OSError, of which :class:`ssl.SSLError` is one, for files that cannot be used."""
        self._files = files
        self.server, self.client = _read(files)

    def reload(self, files: TlsFiles) -> None:
        """Use ``files``, read again, for new connections."""
        try:
            self.server, self.client = _read(files)
        except OSError as error:
            log.error("SIP over TLS: the old certificates stay in use: %s", error)
        else:
            self._files = files
            log.info("SIP over TLS: the certificates were read again")


def mismatch(certificate: Certificate | None, domains: Sequence[str]) -> str | None:
    """Why a certificate is that of none of ``domains``; None: it is of one (RFC 5922 §7)."""
    if certificate is None:
        return "it shows no certificate"
    if any(belongs_to(certificate, domain) for domain in domains):
        return None
    names = ", ".join(identities(certificate)[:5]) or "no domain"
    return f"its certificate is for {names}, not for {domains[0]}"


def _read(files: TlsFiles) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    contexts = [_server_context(own, files.clients) for own in files.own]
    first = contexts[0]
    by_name = {
        name: context
        for own, context in zip(reversed(files.own), reversed(contexts), strict=True)
        for name in _names_of(own)
    }

    def choose(handshake: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = by_name.get((name or "").lower(), first)

    first.sni_callback = choose
    client = ssl.create_default_context(cafile=files.trusted)
    client.check_hostname = False  # RFC 5922 differs; see mismatch
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(client, files.own[0])
    return first, client


def _server_context(own: CertificateFiles, clients: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load(context, own)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load(context: ssl.SSLContext, own: CertificateFiles) -> None:
    context.load_cert_chain(own.certificate, own.key, password=_needs_none)


def _needs_none() -> str:
    """Refuse a key with a passphrase, because a server has no terminal to ask at."""
    raise OSError("the key has a passphrase; a server needs one without")


def _names_of(own: CertificateFiles) -> list[str]:
    """The DNS names of a certificate; warns when it is too old."""
    found = _decoded(own)
    if "notAfter" in found:
        left = ssl.cert_time_to_seconds(found["notAfter"]) - time.time()
        if left < 0:
            log.error("%s: expired on %s: peers refuse it", own.certificate, found["notAfter"])
        elif left < SOON:
            log.warning("%s: expires on %s", own.certificate, found["notAfter"])
    alternative: Iterable[tuple[str, str]] = found.get("subjectAltName", ())
    return [value.lower() for kind, value in alternative if kind == "DNS"]


def _decoded(own: CertificateFiles) -> Certificate:
    """What a certificate says; empty where it cannot be one of a server.

    Python decodes only certificates that a peer has shown, so this shows it to itself.
    """
    showing, seeing = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    _load(showing, own)
    seeing.check_hostname = False
    seeing.load_verify_locations(own.certificate)
    seeing.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        seeing.wrap_bio(back, there),
        showing.wrap_bio(there, back, server_side=True),
    ]
    try:
        for _ in range(_TURNS):
            for end in ends:
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return ends[0].getpeercert() or {}
    except (ssl.SSLError, ValueError):
        return {}
