"""Checks of a configuration on the machine that serves it, and warnings about settings that are legal but
probably a mistake.

A command that only reads a configuration (``offhook simulate`` on a laptop, say) does not ask for this.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import IPv4Address, ip_address
from urllib.parse import urlsplit

from offhook.config import Config, SubAccountSection, TrunkSection, Voices
from offhook.config.certificate_checks import certificate_findings
from offhook.config.mistakes import did_you_mean
from offhook.config.recording_key import encryption_key
from offhook.config.server_checks import Finding

_SQLITE = "sqlite:///"


def findings(config: Config) -> Iterator[Finding]:
    """Files and folders that cannot be written, certificates that cannot be loaded, missing extras."""
    yield from certificate_findings(config)
    if config.telemetry.traces is not None and not _has_package("opentelemetry.exporter.otlp"):
        why = "needs OpenTelemetry, which is not installed: pip install 'offhook[otel]'"
        yield ("telemetry", "traces"), why
    yield from _not_writable_places(config)
    try:
        encryption_key(config.recording)
    except ValueError as error:
        yield ("recording", "encryption_key"), str(error)


def _not_writable_places(config: Config) -> Iterator[Finding]:
    if (path := sqlite_path(config.database.url)) is not None:
        if os.path.isdir(path):
            yield ("database", "url"), f"{path} is a folder"
        elif problem := _not_writable(path):
            yield ("database", "url"), problem
    if (folder := config.testbed.recordings) is not None and (
        problem := _not_writable(os.path.join(folder, "call.wav"), may_be_made=True)
    ):
        yield ("testbed", "recordings"), problem
    if (folder := config.speech.cache_folder) is not None and (
        problem := _not_writable(os.path.join(folder, "prompt"), may_be_made=True)
    ):
        yield ("speech", "cache_folder"), problem
    for number, account in enumerate(config.subaccounts):
        list_file = account.opt_out.file if account.opt_out is not None else None
        if list_file is not None and (problem := _not_writable(list_file)):
            yield ("subaccounts", number, "opt_out", "file"), problem
    if problem := _not_writable(os.path.join(config.recording.folder, "live"), may_be_made=True):
        yield ("recording", "directory"), problem


def warnings(config: Config) -> Iterator[Finding]:
    """Settings that work, but hardly as intended."""
    routed = {name for route in config.routes for name in route.trunks}
    for index, trunk in enumerate(config.trunks):
        if trunk.name not in routed and not trunk.inbound_from and not trunk.register:
            yield (
                ("trunks", index, "name"),
                f"no route leads to {trunk.name!r}, and without inbound_from it brings no calls in: "
                "it is not used",
            )
        if trunk.srtp == "required" and not trunk.address.startswith("tls:"):
            yield (
                ("trunks", index, "srtp"),
                "the keys of SRTP travel in SIP messages that are not encrypted: anyone who reads "
                "them can hear the calls",
            )
    if config.browser_phone.enabled and find_spec("aiortc") is None:
        why = "needs the extra: pip install 'offhook[webrtc]'; there are no phones in browsers"
        yield ("browser_phone", "enabled"), why
    yield from _unknown_sub_accounts(config)
    yield from _without_effect(config)
    if not config.webhooks.opens_loopback:
        for number, account in enumerate(config.subaccounts):
            yield from _closed_addresses(("subaccounts", number), account)


def _unknown_sub_accounts(config: Config) -> Iterator[Finding]:
    """Sub-accounts that the file does not have; an operator may have made them over the API."""
    known = {account.id for account in config.subaccounts}
    named = [
        *((("routes", index), route.subaccounts) for index, route in enumerate(config.routes)),
        *((("sip_users", index), user.subaccounts) for index, user in enumerate(config.sip_users)),
        *(
            (("rates", "prices", index), price.subaccounts)
            for index, price in enumerate(config.rates.prices)
        ),
    ]
    for path, sub_accounts in named:
        for position, name in enumerate(sub_accounts or ()):
            if name not in known:
                near = did_you_mean(name, known)
                why = f"this file has no sub-account {name!r}{'; ' if near else ''}{near}"
                yield (*path, "subaccounts", position), why


def _without_effect(config: Config) -> Iterator[Finding]:
    """Settings of something that is not used."""
    for index, trunk in enumerate(config.trunks):
        yield from _trunk_without_effect(("trunks", index), trunk)
    if config.sip.stun is not None and config.sip.advertise != "auto":
        yield ("sip", "stun"), 'has no effect: it is asked only with advertise = "auto"'
    if config.recording.consent_language is not None and config.recording.consent_prompt is None:
        yield ("recording", "consent_language"), "has no effect without consent_prompt"
    if config.alerts.url is None:
        for key in ("http_auth_header", "secret"):
            if getattr(config.alerts, key) is not None:
                yield ("alerts", key), "has no effect without alerts.url: no alerts are sent"
    yield from _voices_not_asked(config.voices)
    if not config.webhooks.allow_http:
        for number, account in enumerate(config.subaccounts):
            yield from _plain_addresses(("subaccounts", number), account)


def _trunk_without_effect(path: tuple[str | int, ...], trunk: TrunkSection) -> Iterator[Finding]:
    if trunk.tls_name is not None and not trunk.address.startswith(("tls:", "sip:")):
        yield (*path, "tls_name"), "has no effect: the address is not tls: or sip:"
    if trunk.username and trunk.password is None and trunk.from_user != "username":
        why = "has no effect without a password: a challenge cannot be answered"
        yield (*path, "username"), why


def _voices_not_asked(voices: Voices) -> Iterator[Finding]:
    """Engines and a folder of voices that are named and not there."""
    for position, engine in enumerate(voices.order if voices.order != Voices().order else ()):
        if hasattr(voices, engine) and getattr(voices, engine) is None:
            yield ("voices", "order", position), f"there is no [voices.{engine}]: it is not asked"
    if voices.folder is not None and not os.path.isdir(voices.folder):
        yield (
            ("voices", "folder"),
            f"there is no folder {voices.folder}: no voice is installed there",
        )


def _plain_addresses(path: tuple[str | int, ...], account: SubAccountSection) -> Iterator[Finding]:
    """Addresses of plain http, to which nothing is sent."""
    why = "is plain http: nothing is sent there while webhooks.allow_http is false"
    for index, webhook in enumerate(account.webhooks):
        for key in ("url", "fallback_url"):
            if (getattr(webhook, key) or "").startswith("http:"):
                yield (*path, "webhooks", index, key), why


def _has_package(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _closed_addresses(path: tuple[str | int, ...], account: SubAccountSection) -> Iterator[Finding]:
    """Private addresses to which nothing is sent."""
    why = "is a loopback or private address: nothing is sent there while "
    why += "webhooks.allow_private is false"
    for index, webhook in enumerate(account.webhooks):
        for key in ("url", "fallback_url"):
            if _is_private(getattr(webhook, key) or ""):
                yield (*path, "webhooks", index, key), why
    if account.opt_out is not None and _is_private(account.opt_out.webhook or ""):
        yield (*path, "opt_out", "webhook"), why


def sqlite_path(url: str) -> str | None:
    """The file of an embedded database; None for a server's."""
    return url.removeprefix(_SQLITE) if url.startswith(_SQLITE) else None


def _not_writable(path: str, *, may_be_made: bool = False) -> str | None:
    """Why a file cannot be written in its folder; ``may_be_made``: the folder need not be there yet."""
    folder = os.path.dirname(os.path.abspath(path))
    while may_be_made and not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if not os.path.exists(folder):
        return f"there is no folder {folder}"
    if not os.path.isdir(folder):
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {folder} cannot be written"
    if os.path.exists(path) and not os.access(path, os.W_OK):
        return f"{path} cannot be written"
    return None


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        try:
            address = IPv4Address(
                socket.inet_aton(host)
            )  # 127.1 and 2130706433, as resolvers read it
        except (OSError, ValueError):
            return host == "localhost" or host.endswith(".localhost")
    return not address.is_global
