"""Rules between the keys of ``[sip]`` and the trunks: addresses, transports, certificates."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator

from offhook.config import Config, trunk_address
from offhook.config.toml_lines import Path

SECURE = ("tls", "wss")
"""Transports that need a certificate."""


def sip_findings(config: Config) -> Iterator[tuple[Path, str]]:
    """The mistakes, each with its key."""
    sip = config.sip
    for index, address in enumerate(sip.listen):
        if address in sip.listen[:index]:
            yield ("sip", "listen", index), f"{address!r} appears twice"
    yield from _transports(config)
    yield from _files(config)
    yield from _browser_phone(config)


def _transports(config: Config) -> Iterator[tuple[Path, str]]:
    """A trunk's transport must be listened on too: its requests inside calls come there."""
    sip = config.sip
    served = {transport_of(address) for address in sip.listen}
    for transport in SECURE:
        if transport in served and sip.tls_certificate is None:
            yield ("sip", "tls_certificate"), f"is missing: {transport}: in sip.listen needs it"
    for index, trunk in enumerate(config.trunks):
        here = ("trunks", index)
        wanted: list[tuple[Path, str]] = [((*here, "address"), trunk.address)]
        wanted += [((*here, "registrars", i), each) for i, each in enumerate(trunk.registrars)]
        for path, address in wanted:
            try:
                place = trunk_address(address)
            except ValueError:
                yield path, f"expected a port up to 65535, found {address!r}"
                continue
            if place.port == 0:
                yield path, "expected the port of the trunk, found 0"
            transport = transport_of(address)
            if transport not in served and transport != "sip":
                port = 5061 if transport in SECURE else 5060
                like = f'"{transport}:0.0.0.0:{port}"'
                yield path, f"sip.listen has no {transport}: address, such as {like}"


def _files(config: Config) -> Iterator[tuple[Path, str]]:
    sip = config.sip
    if (sip.tls_certificate is None) != (sip.tls_key is None):
        missing = "tls_key" if sip.tls_key is None else "tls_certificate"
        yield ("sip", missing), "is missing: TLS needs tls_certificate and tls_key"
        return
    named: list[tuple[Path, str | None]] = [
        (("sip", key), getattr(sip, key))
        for key in ("tls_certificate", "tls_key", "tls_ca", "tls_client_ca")
    ]
    for index, each in enumerate(sip.certificates):
        named += [
            (("sip", "certificates", index, key), getattr(each, key))
            for key in ("certificate", "key")
        ]
    for path, file in named:
        if file is not None and not os.access(file, os.R_OK):
            yield path, f"cannot be read: {file}"


def transport_of(address: str) -> str:
    """``udp`` of ``udp:192.0.2.1:5060``."""
    return address.partition(":")[0]


def _browser_phone(config: Config) -> Iterator[tuple[Path, str]]:
    """Phones of browsers reach the voice node over UDP."""
    section = config.browser_phone
    if not section.enabled:
        return
    if not any(address.startswith("udp:") for address in config.sip.listen):
        yield ("browser_phone", "enabled"), "needs a udp: address in sip.listen"
    try:
        address = ipaddress.ip_address(section.address)
    except ValueError:
        yield ("browser_phone", "address"), f"expected an IP address, found {section.address!r}"
        return
    if section.advertise is not None and not _is_ip(section.advertise):
        wrong = f"expected an IP address, found {section.advertise!r}"
        yield ("browser_phone", "advertise"), wrong
    if address.is_unspecified:
        yield ("browser_phone", "address"), "expected one address that browsers reach"


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
