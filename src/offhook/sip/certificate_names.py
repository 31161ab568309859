"""Whether a certificate belongs to a SIP domain (RFC 5922 §7). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from offhook.sip.grammar import GrammarError, parse_uri
from offhook.sip.hosts import is_ip

Certificate = Mapping[str, Any]
"""As :meth:`ssl.SSLSocket.getpeercert` gives it."""


def identities(certificate: Certificate) -> tuple[str, ...]:
    """The domains of a certificate, lower case (§7.1).

    They are its ``sip:`` URIs without a user part; where it has none its DNS names; and its common name only
    where it has no alternative names at all.
    """
    alternative: Iterable[tuple[str, str]] = certificate.get("subjectAltName", ())
    domains = [domain for kind, value in alternative if kind == "URI" and (domain := _of(value))]
    if not domains:
        domains = [value.lower() for kind, value in alternative if kind == "DNS"]
    if not domains and not alternative:
        domains = [
            value.lower()
            for relative in certificate.get("subject", ())
            for key, value in relative
            if key == "commonName"
        ]
    return tuple(domains)


def belongs_to(certificate: Certificate, domain: str) -> bool:
    """Whether it is the certificate of ``domain``, a name or an address literal.

    A name with ``*`` in it is only itself: ``*.example.com`` does not stand for ``a.example.com`` (§7.2).
    """
    if is_ip(domain):
        wanted = ip_address(domain)
        alternative: Iterable[tuple[str, str]] = certificate.get("subjectAltName", ())
        return any(
            kind == "IP Address" and is_ip(value.strip()) and ip_address(value.strip()) == wanted
            for kind, value in alternative
        )
    return domain.lower() in identities(certificate)


def _of(uri: str) -> str:
    """The domain of a ``sip:`` URI without a user; empty for all others."""
    try:
        parsed = parse_uri(uri)
    except GrammarError:
        return ""
    return parsed.host if parsed.scheme in ("sip", "sips") and not parsed.user else ""
