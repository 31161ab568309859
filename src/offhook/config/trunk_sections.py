"""The sections of telephony: trunks, routes, the built-in phones, and what a call costs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from offhook.config.section import Section
from offhook.config.stir_section import Attest
from offhook.config.value_types import (
    BillingIncrement,
    Count,
    Country,
    Currency,
    Delay,
    DialledPrefix,
    Host,
    Keys,
    Money,
    Msisdn,
    Name,
    Network,
    Prefix,
    Rate,
    RegisterSeconds,
    Seconds,
    SessionInterval,
    SipUsername,
    SubAccountId,
    TlsName,
    TrunkAddress,
)


class NumberRule(Section, frozen=True, kw_only=True):
    """``[[trunks.number_rules]]``: changes the beginning of numbers as they stand in SIP."""

    direction: Literal["out", "in"]
    party: Literal["called", "caller", "both"] = "both"
    prefix: DialledPrefix = ""
    """The longest one that fits counts."""
    replace: DialledPrefix = ""


class TrunkSection(Section, frozen=True, kw_only=True):
    """``[[trunks]]``"""

    name: Name
    address: TrunkAddress
    tls_name: TlsName | None = None
    """Whose certificate it shows, where that is not its host's."""
    username: str | None = None
    password: str | None = None
    register: bool = False
    registrars: tuple[TrunkAddress, ...] = ()
    """Asked in order; none: the trunk's own address."""
    register_expires: RegisterSeconds = 600
    register_on: Literal["each", "one"] = "each"
    """Machines with the same database that register."""
    domain: Host | None = None
    """In From, To and Request-URI; None: addresses."""
    channels: Count | None = None
    cps: Rate | None = None
    inbound_cps: Rate | None = None
    inbound_from: tuple[Network, ...] = ()
    trusted: bool = False
    early_media: bool = False
    options_every: Delay = 0
    response_timeout: Seconds | None = None
    session_timer: SessionInterval = 1800
    attest: Attest | None = None
    refer: Literal["refused", "followed"] = "refused"
    redirects: Annotated[int, Meta(ge=0, le=5, description="a whole number from 0 to 5")] = 0
    media_from: tuple[Network, ...] = ()
    codecs: tuple[Literal["PCMU", "PCMA", "G722", "opus"], ...] = ("PCMU", "PCMA")
    srtp: Literal["off", "accepted", "required"] = "off"
    from_user: Literal["number", "username"] = "number"
    """What stands in From."""
    numbers: Literal["e164", "digits", "national"] = "e164"
    """``+6512341234``, ``6512341234``, or as within ``country``."""
    country: Country | None = None
    number_rules: tuple[NumberRule, ...] = ()


class SipUserSection(Section, frozen=True, kw_only=True):
    """``[[sip_users]]``"""

    username: SipUsername
    password: str
    number: Msisdn | None = None
    """A destination equal to it rings this user; None: the user only calls in."""
    subaccounts: tuple[SubAccountId, ...] | None = None
    """Only these ring it; None: all."""
    digest: tuple[Literal["SHA-256", "MD5"], ...] = ("SHA-256", "MD5")
    """What its phones are asked for."""
    max_phones: Annotated[int, Meta(ge=1, le=20, description="a whole number from 1 to 20")] = 5
    codecs: tuple[Literal["PCMU", "PCMA", "G722", "opus"], ...] = ("PCMU", "PCMA")
    srtp: Literal["off", "accepted", "required"] = "off"


class RouteSection(Section, frozen=True, kw_only=True):
    """``[[routes]]``"""

    prefix: Prefix = ""
    trunks: tuple[Name, ...]
    subaccounts: tuple[SubAccountId, ...] | None = None
    """Open to these only; absent: to all."""


TESTBED_TRUNK = "testbed"
"""The trunk name that means the built-in carrier; a route may name it without a ``[[trunks]]``."""


class TestbedPhone(Section, frozen=True, kw_only=True):
    """``[[testbed.phones]]``; seconds."""

    number: Msisdn
    answer_after: Delay = 0.5
    outcome: Literal["answer", "busy", "no-answer", "decline", "unreachable", "error"] = "answer"
    press: Keys = ""
    hangup_after: Seconds | None = None


DEFAULT_PHONES: tuple[TestbedPhone, ...] = (
    TestbedPhone(number="+12025550100"),
    TestbedPhone(number="+12025550101", press="1"),
    TestbedPhone(number="+12025550102", outcome="busy"),
    TestbedPhone(number="+12025550103", outcome="no-answer"),
    TestbedPhone(number="+12025550104", outcome="decline"),
    TestbedPhone(number="+12025550105", outcome="unreachable"),
    TestbedPhone(number="+12025550106", outcome="error"),
    TestbedPhone(number="+12025550107", hangup_after=2.0),
    TestbedPhone(number="+12025550108", press="123#"),
    TestbedPhone(number="+12025550109", answer_after=0.0),
)
"""The built-in phones of the embedded default, for ``demo`` and for tests: numbers reserved for fiction
(555-01xx), so that no real phone is called."""


class Testbed(Section, frozen=True, kw_only=True):
    """``[testbed]``"""

    phones: tuple[TestbedPhone, ...] = ()
    recordings: str | None = None
    """Folder for a WAV of what each phone heard; absent: not recorded."""


class RatePrice(Section, frozen=True, kw_only=True):
    """``[[rates.prices]]``"""

    prefix: Prefix = ""
    price: Money
    """Per minute."""
    direction: Literal["outbound", "inbound"] = "outbound"
    increment: BillingIncrement | None = None
    currency: Currency | None = None
    subaccounts: tuple[SubAccountId, ...] | None = None
    """Of these only; absent: of all."""


class RatesSection(Section, frozen=True, kw_only=True):
    """``[rates]``"""

    currency: Currency = "USD"
    increment: BillingIncrement = "1+1"
    decimals: Annotated[int, Meta(ge=0, le=6, description="a whole number from 0 to 6")] = 6
    """Of the price of a call."""
    prices: tuple[RatePrice, ...] = ()
