"""Rules between the keys of the server's own sections: what it listens on, certificates, voices."""

from __future__ import annotations

import ipaddress
import os
import pathlib
from collections.abc import Iterator, Sequence

from offhook.config import Config, port_range
from offhook.config.mistakes import key_name
from offhook.config.toml_lines import Path
from offhook.webhook_secrets import BadSecret, secret_key

AUTO = "auto"
"""``sip.advertise``: asked of a STUN server."""
NATIVE_MODULE = (
    pathlib.Path(__file__).resolve().parent.parent / "media" / "native" / "_core.abi3.so"
)
"""The native media engine, which the installation builds where there is a C compiler."""

Finding = tuple[Path, str]
"""A key and its mistake."""


def server_findings(config: Config) -> Iterator[Finding]:
    """The mistakes, each with its key."""
    yield from _not_yet(config)
    yield from _addresses(config)
    yield from _listeners(config)
    yield from _certificates(config)
    yield from _retention_and_alerts(config)
    yield from _stir(config)
    yield from _voices(config)
    yield from _consent(config)


def is_secret(secret: str) -> bool:
    """Whether webhooks can be signed with it."""
    try:
        secret_key(secret)
    except BadSecret:
        return False
    return True


def _not_yet(config: Config) -> Iterator[Finding]:
    """Settings that the file format allows and this version does not support; they are refused, not
    ignored."""
    if config.media.engine == "native" and not NATIVE_MODULE.exists():
        hint = "python -m offhook.media.native.build says why"
        yield ("media", "engine"), f"the native media engine is not built; {hint}"


def _addresses(config: Config) -> Iterator[Finding]:
    if not config.sip.listen:
        yield ("sip", "listen"), "expected at least one address"
    address = config.sip.advertise
    if address == AUTO:
        if config.sip.stun is None:
            yield ("sip", "stun"), 'is missing: advertise = "auto" needs a STUN server'
    elif address is not None and not _is_unicast(address):
        yield ("sip", "advertise"), f"expected an IP address of one host, found {address!r}"
    elif address is not None and not _family_is_served(address, config.sip.listen):
        version = ipaddress.ip_address(address).version
        yield (
            ("sip", "advertise"),
            f"sip.listen has no IPv{version} address that it could stand for",
        )
    try:
        ports = port_range(config.sip.rtp_ports)
    except ValueError:
        yield ("sip", "rtp_ports"), "expected the lower port first, both from 1 to 65535"
        return
    if len(ports) < 4:
        yield ("sip", "rtp_ports"), "expected at least 4 ports: each leg takes two"


def _listeners(config: Config) -> Iterator[Finding]:
    """Two listeners cannot have one address; port 0 is a free one for each."""
    taken = {config.http.listen: "http.listen"}
    wanted: list[tuple[Path, str]] = []
    if config.metrics.listen is not None:
        wanted.append((("metrics", "listen"), config.metrics.listen))
    for index, address in enumerate(config.sip.listen):
        transport, _, endpoint = address.partition(":")
        if transport != "udp":
            wanted.append((("sip", "listen", index), endpoint))
    for path, endpoint in wanted:
        if endpoint in taken and not endpoint.endswith(":0") and taken[endpoint] != key_name(path):
            yield path, f"{taken[endpoint]} has the address {endpoint!r} already"
        taken.setdefault(endpoint, key_name(path))


def _certificates(config: Config) -> Iterator[Finding]:
    http = config.http
    if (http.tls_certificate is None) != (http.tls_key is None):
        missing = "tls_key" if http.tls_key is None else "tls_certificate"
        yield ("http", missing), "is missing: https needs tls_certificate and tls_key"
        return
    for key in ("tls_certificate", "tls_key"):
        file = getattr(http, key)
        if file is not None and not os.access(file, os.R_OK):
            yield ("http", key), f"cannot be read: {file}"


def _stir(config: Config) -> Iterator[Finding]:
    stir = config.stir
    if (stir.key is None) != (stir.certificate_url is None):
        missing = "certificate_url" if stir.certificate_url is None else "key"
        yield ("stir", missing), "is missing: signing needs key and certificate_url"
    for key in ("key", "roots"):
        file = getattr(stir, key)
        if file is not None and not os.access(file, os.R_OK):
            yield ("stir", key), f"cannot be read: {file}"


def _retention_and_alerts(config: Config) -> Iterator[Finding]:
    secret = config.alerts.secret
    if secret is not None and not is_secret(secret):
        yield ("alerts", "secret"), "expected whsec_ and the base64 of 24 to 64 bytes"
    keep = config.retention
    for key in ("events", "deliveries"):
        days = getattr(keep, key)
        if days is not None and days > keep.sessions:
            yield ("retention", key), f"expected at most retention.sessions ({keep.sessions})"


def _voices(config: Config) -> Iterator[Finding]:
    voices = config.voices
    if not voices.order:
        yield ("voices", "order"), "expected at least one engine"
    for index, engine in enumerate(voices.order):
        if engine in voices.order[:index]:
            yield ("voices", "order", index), f"{engine!r} appears twice"
    if voices.openai is not None and voices.openai.key is None and voices.openai.endpoint is None:
        yield ("voices", "openai", "key"), "is missing: only an endpoint of your own needs none"
    for name in ("openai", "elevenlabs"):
        named = getattr(voices, name)
        for index, voice in enumerate(named.voices if named is not None else ()):
            if not voice.languages:
                path = ("voices", name, "voices", index, "languages")
                yield path, "expected at least one language"


def _consent(config: Config) -> Iterator[Finding]:
    if config.recording.consent_prompt is not None and config.recording.consent_language is None:
        yield ("recording", "consent_language"), "is missing: consent_prompt is spoken in it"


def _is_unicast(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_unspecified or found.is_multicast)


def _family_is_served(advertised: str, listen: Sequence[str]) -> bool:
    """Whether a socket can speak to those who are told this address; a host name may be of any family."""
    hosts = [address.partition(":")[2].rpartition(":")[0].strip("[]") for address in listen]
    try:
        versions = {ipaddress.ip_address(host).version for host in hosts}
    except ValueError:
        return True
    return not versions or ipaddress.ip_address(advertised).version in versions
