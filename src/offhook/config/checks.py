"""Rules between the keys of a configuration, beyond the type of each."""

from __future__ import annotations

import difflib
import ipaddress
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import phonenumbers

from offhook.config import (
    TESTBED_TRUNK,
    Config,
    SubAccountSection,
    SubAccountWebhook,
    api_key_digest,
    host_and_port,
    port_range,
)
from offhook.config.sip_checks import sip_findings
from offhook.config.toml_lines import Path
from offhook.patterns import InvalidPattern, check_pattern
from offhook.webhook_secrets import BadSecret, secret_key

AUTO = "auto"
"""``sip.advertise``: asked of a STUN server."""
MIN_SESSION_TIMER = 90
"""Seconds (RFC 4028 §4)."""
NATIVE_MODULE = (
    pathlib.Path(__file__).resolve().parent.parent / "media" / "native" / "_core.abi3.so"
)
"""The native media engine, which the installation builds where there is a C compiler."""

Finding = tuple[Path, str]
"""A key and its mistake."""


def findings(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """All mistakes, in the order of the sections."""
    yield from _not_yet(config)
    yield from _addresses(config)
    yield from _certificates(config)
    yield from sip_findings(config)
    yield from _retention_and_alerts(config)
    yield from _stir(config)
    yield from _trunks_and_routes(config)
    yield from _registrations(config)
    yield from _sip_users(config)
    yield from _keys(("admin", "api_keys"), config.admin.api_keys, environ)
    yield from _unique(("subaccounts",), "id", [s.id for s in config.subaccounts])
    for index, sub_account in enumerate(config.subaccounts):
        yield from _sub_account(("subaccounts", index), sub_account, environ)
    yield from _numbers(config)
    yield from _unique(("testbed", "phones"), "number", [p.number for p in config.testbed.phones])


def _not_yet(config: Config) -> Iterator[Finding]:
    """Settings that the file format allows and this version does not support; they are refused, not
    ignored."""
    if config.media.engine == "native" and not NATIVE_MODULE.exists():
        hint = "python -m offhook.media.native.build says why"
        yield ("media", "engine"), f"the native media engine is not built; {hint}"


def _retention_and_alerts(config: Config) -> Iterator[Finding]:
    secret = config.alerts.secret
    if secret is not None and not _is_secret(secret):
        yield ("alerts", "secret"), "expected whsec_ and the base64 of 24 to 64 bytes"
    keep = config.retention
    for key in ("events", "deliveries"):
        days = getattr(keep, key)
        if days is not None and days > keep.sessions:
            yield ("retention", key), f"expected at most retention.sessions ({keep.sessions})"


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


def _addresses(config: Config) -> Iterator[Finding]:
    with_ports: list[tuple[Path, str]] = [(("http", "listen"), config.http.listen)]
    with_ports += [(("sip", "listen"), a.partition(":")[2]) for a in config.sip.listen]
    for path, endpoint in with_ports:
        try:
            host_and_port(endpoint)
        except ValueError:
            yield path, f"expected a port up to 65535, found {endpoint!r}"
            continue
    if not config.sip.listen:
        yield ("sip", "listen"), "expected at least one address"
    address = config.sip.advertise
    if address == AUTO:
        if config.sip.stun is None:
            yield ("sip", "stun"), 'is missing: advertise = "auto" needs a STUN server'
    elif address is not None and not _is_unicast(address):
        yield ("sip", "advertise"), f"expected an IP address of one host, found {address!r}"
    try:
        ports = port_range(config.sip.rtp_ports)
    except ValueError:
        yield ("sip", "rtp_ports"), "expected the lower port first, both from 1 to 65535"
        return
    if len(ports) < 4:
        yield ("sip", "rtp_ports"), "expected at least 4 ports: each leg takes two"


def _stir(config: Config) -> Iterator[Finding]:
    stir = config.stir
    if (stir.key is None) != (stir.certificate_url is None):
        missing = "certificate_url" if stir.certificate_url is None else "key"
        yield ("stir", missing), "is missing: signing needs key and certificate_url"
    for key in ("key", "roots"):
        file = getattr(stir, key)
        if file is not None and not os.access(file, os.R_OK):
            yield ("stir", key), f"cannot be read: {file}"


def _trunks_and_routes(config: Config) -> Iterator[Finding]:
    yield from _unique(("trunks",), "name", [t.name for t in config.trunks])
    for index, trunk in enumerate(config.trunks):
        if trunk.name == TESTBED_TRUNK:
            yield ("trunks", index, "name"), "means the built-in phones; expected another name"
        if trunk.password is not None and trunk.username is None:
            yield ("trunks", index, "username"), "missing: the password needs it"
        if 0 < trunk.session_timer < MIN_SESSION_TIMER:
            at_least = f"expected 0, or at least {MIN_SESSION_TIMER} seconds (RFC 4028)"
            yield ("trunks", index, "session_timer"), at_least
        if trunk.attest is not None and config.stir.key is None:
            yield ("trunks", index, "attest"), "needs stir.key and stir.certificate_url"
        for network in trunk.inbound_from:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                yield (
                    ("trunks", index, "inbound_from"),
                    f"expected IP addresses or networks, found {network!r}",
                )
    trunks = {t.name for t in config.trunks} | {TESTBED_TRUNK}
    for index, route in enumerate(config.routes):
        if not route.trunks:
            yield ("routes", index, "trunks"), "expected at least one trunk"
        for name in sorted(set(route.trunks) - trunks):
            yield ("routes", index, "trunks"), f"there is no trunk {name!r}"


def _registrations(config: Config) -> Iterator[Finding]:
    """Trunks that could not register, and number formats that lack a country."""
    for index, trunk in enumerate(config.trunks):
        path = ("trunks", index)
        if trunk.register and trunk.password is None:
            yield (*path, "register"), "needs username and password"
        if trunk.registrars and not trunk.register:
            yield (*path, "registrars"), "only a trunk with register = true has registrars"
        if trunk.register_on != "each" and not trunk.register:
            yield (*path, "register_on"), "only a trunk with register = true has it"
        if trunk.from_user == "username" and trunk.username is None:
            yield (*path, "username"), 'missing: from_user = "username" needs it'
        if trunk.numbers == "national" and trunk.country is None:
            yield (*path, "country"), 'missing: numbers = "national" needs it'
        if trunk.country is not None and trunk.country not in phonenumbers.SUPPORTED_REGIONS:
            yield (*path, "country"), _no_country(trunk.country)


SHORTEST_PASSWORD = 8
"""Characters of a user's password: one that anybody can try from the internet."""


def _sip_users(config: Config) -> Iterator[Finding]:
    yield from _unique(("sip_users",), "username", [user.username for user in config.sip_users])
    of_trunks = {trunk.username for trunk in config.trunks if trunk.username}
    numbers = {
        number.msisdn: account.id for account in config.subaccounts for number in account.numbers
    }
    taken: set[str] = set()
    for index, user in enumerate(config.sip_users):
        path = ("sip_users", index)
        if user.username in of_trunks:
            yield (*path, "username"), f"{user.username!r} is the username of a trunk"
        if len(user.password) < SHORTEST_PASSWORD:
            yield (*path, "password"), f"expected {SHORTEST_PASSWORD} characters or more"
        if not user.digest:
            yield (*path, "digest"), "expected at least one algorithm"
        if user.number is None:
            continue
        if user.number in numbers:
            owner = numbers[user.number]
            yield (*path, "number"), f"{user.number} belongs to the sub-account {owner!r}"
        if user.number in taken:
            yield (*path, "number"), f"{user.number} is another user's"
        taken.add(user.number)


def _keys(path: Path, keys: Iterable[str], environ: Mapping[str, str]) -> Iterator[Finding]:
    for key in keys:
        try:
            api_key_digest(key, environ)
        except KeyError as missing:
            yield path, f"the variable {missing.args[0]} is not set"


def _sub_account(
    path: Path, account: SubAccountSection, environ: Mapping[str, str]
) -> Iterator[Finding]:
    yield from _keys((*path, "api_keys"), account.api_keys, environ)
    yield from _unique((*path, "webhooks"), "type", [w.type for w in account.webhooks])
    yield from _unique((*path, "scenarios"), "name", [s.name for s in account.scenarios])
    for index, area in enumerate(account.coverage or ()):
        if not area.startswith("+") and area not in phonenumbers.SUPPORTED_REGIONS:
            yield (*path, "coverage", index), _no_country(area)
    for index, webhook in enumerate(account.webhooks):
        yield from _webhook((*path, "webhooks", index), webhook)
    for index, window in enumerate(account.calling_hours):
        if window.opens == "24:00":
            yield (*path, "calling_hours", index, "opens"), 'expected a time before "24:00"'
    if account.last_resort is not None and not os.path.isfile(account.last_resort):
        yield (*path, "last_resort"), f"there is no file {account.last_resort}"
    yield from _scenarios(path, account)
    yield from _menus(path, account)


def _webhook(path: Path, webhook: SubAccountWebhook) -> Iterator[Finding]:
    for key in ("secret", "previous_secret"):
        secret = getattr(webhook, key)
        if secret is not None and not _is_secret(secret):
            wrong = "expected whsec_ and the base64 of 24 to 64 bytes, found another string"
            yield (*path, key), wrong
    if webhook.fallback_url is not None and webhook.type != "VCA":
        yield (*path, "fallback_url"), "only a VCA webhook has a fallback"


def _menus(path: Path, account: SubAccountSection) -> Iterator[Finding]:
    """Menus that name no file, or numbers that are not the sub-account's."""
    yield from _unique((*path, "menus"), "name", [menu.name for menu in account.menus])
    own = {number.msisdn for number in account.numbers}
    answered: set[str] = set()
    for index, menu in enumerate(account.menus):
        here = (*path, "menus", index)
        if not os.path.isfile(menu.file):
            yield (*here, "file"), f"there is no file {menu.file}"
        for number in menu.numbers:
            if number not in own:
                yield (*here, "numbers"), f"{number} is no number of the sub-account"
            if number in answered:
                yield (*here, "numbers"), f"{number} has another menu"
            answered.add(number)


def _scenarios(path: Path, account: SubAccountSection) -> Iterator[Finding]:
    for index, scenario in enumerate(account.scenarios):
        here = (*path, "scenarios", index)
        if not os.path.isfile(scenario.file):
            yield (*here, "file"), f"there is no file {scenario.file}"
        yield from _unique((*here, "parameters"), "name", [p.name for p in scenario.parameters])
        for number, parameter in enumerate(scenario.parameters):
            try:
                check_pattern(parameter.pattern or "")
            except InvalidPattern as error:
                yield (*here, "parameters", number, "pattern"), str(error)


def _is_unicast(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_unspecified or found.is_multicast)


_NOT_COUNTRIES = {
    "UK": "GB",
    "EN": "GB",
    "EL": "GR",
    "SU": "RU",
    "YU": "RS",
    "KO": "KR",
    "JA": "JP",
}
"""Common mistakes for a country code of ISO 3166-1."""


def _no_country(area: str) -> str:
    if (meant := _NOT_COUNTRIES.get(area)) is not None:
        return f"{area!r} is no country of ISO 3166-1; did you mean {meant}?"
    near = did_you_mean(area, phonenumbers.SUPPORTED_REGIONS)
    return f"{area!r} is no country of ISO 3166-1{'; ' if near else ''}{near}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean ring_timeout?``; empty when no known name is similar."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else ""


def _is_secret(secret: str) -> bool:
    """Whether webhooks can be signed with it."""
    try:
        secret_key(secret)
    except BadSecret:
        return False
    return True


def _numbers(config: Config) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    trunks = {trunk.name for trunk in config.trunks} | {TESTBED_TRUNK}
    for index, account in enumerate(config.subaccounts):
        for position, number in enumerate(account.numbers):
            path = ("subaccounts", index, "numbers", position)
            if number.msisdn in owners:
                owner = owners[number.msisdn]
                yield (*path, "msisdn"), f"{number.msisdn} belongs to {owner!r} already"
            owners.setdefault(number.msisdn, account.id)
            if number.trunk is not None and number.trunk not in trunks:
                yield (*path, "trunk"), f"there is no trunk {number.trunk!r}"
            if number.expires is not None and not _is_day(number.expires):
                yield (*path, "expires"), f"{number.expires} is no day of the calendar"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unique(path: Path, key: str, values: list[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*path, index, key), f"{value!r} appears twice"
        seen.add(value)
