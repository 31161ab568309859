"""The owners of sessions: accounts and sub-accounts, with their numbers, limits and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from offhook.config import UnverifiedCallers
from offhook.flow.context import ANY_SOURCE, JudgingContext, Profiles
from offhook.flow.scenarios import ScenarioParameter
from offhook.session.calling_hours import CallingHours
from offhook.session.menus import Menu
from offhook.session.spending import Budget


class WebhookType(StrEnum):
    """The five webhook types (``spec/webhooks.md``)."""

    VCA = "VCA"
    VCS = "VCS"
    VSS = "VSS"
    VRU = "VRU"
    VNU = "VNU"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where events of one type go."""

    type: WebhookType
    url: str
    enabled: bool = True
    http_auth_header: str | None = None
    """Sent as ``Authorization``, exactly as configured; never shown or logged."""
    secret: str | None = None
    """Standard Webhooks signing secret, ``whsec_…``; never shown or logged."""
    previous_secret: str | None = None
    """The secret that :attr:`secret` has replaced; never shown or logged."""
    previous_until: datetime | None = None
    """Until when deliveries are signed with both; None: as long as :attr:`previous_secret` is there."""
    fallback_url: str | None = None
    """VCA: asked where :attr:`url` did not answer."""

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that deliveries are signed with at ``now``, the newest first."""
        previous = self.previous_secret
        if self.previous_until is not None and now >= self.previous_until:
            previous = None
        return tuple(each for each in (self.secret, previous) if each is not None)


class PushProtocol(StrEnum):
    """How recordings are uploaded."""

    S3 = "S3"
    SFTP = "SFTP"
    FTP = "FTP"
    FTPS = "FTPS"
    """FTP with TLS (RFC 4217, explicit)."""


DEFAULT_PORTS = {
    PushProtocol.S3: 443,
    PushProtocol.SFTP: 22,
    PushProtocol.FTP: 21,
    PushProtocol.FTPS: 21,
}


class PushConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sub-account's recordings are uploaded to (``spec/api.md``)."""

    protocol: PushProtocol
    host: str
    """S3: a region, or the URL of an endpoint."""
    port: int | None = None
    """None: the usual one."""
    username: str
    password: str
    """Never shown or logged."""
    path: str = "/"
    """A folder; S3: the bucket and then the prefix."""
    host_key: str | None = None
    """SFTP: the key of the server, ``SHA256:…`` or a line of OpenSSH's public key format. None: the key
    that the server shows first is kept here."""


class VirtualNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number the sub-account owns."""

    msisdn: str
    """E.164 with ``+``."""
    reference_id: str | None = None
    active: bool = True
    record_inbound: bool = False
    """Record every session that begins with a call to this number."""
    incoming_rate: Decimal | None = None
    """The price of a minute of a call to it; None: that of ``[rates]``."""
    billing_unit: int | None = None
    """Seconds in which calls to it are billed; None: the increment of ``[rates]``."""
    billing_currency: str | None = None
    """None: the currency of ``[rates]``."""
    rental_price: Decimal = Decimal(0)
    """For a month."""
    number_type: str | None = None
    """``FIXED_LINE``, ``MOBILE`` …; None: as the numbering plan of its country says."""
    expires: date | None = None
    """The first day (UTC) on which it is not the sub-account's any more; it is not active from then on."""
    trunk: str | None = None
    """Over which it is reached; None: the trunks of the route to it."""
    health_check: bool = True
    """Whether the state of its trunk counts for its status."""
    test_call_every: int | None = None
    """Seconds between two test calls to it; None: there are none."""
    unverified_callers: UnverifiedCallers = UnverifiedCallers.ACCEPT


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A named callflow template: a callflow whose strings may hold ``{{parameter}}``."""

    name: str
    callflow: str
    """The template's JSON text."""
    parameters: tuple[ScenarioParameter, ...] = ()


class OptOutSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How called persons opt out of a sub-account's voice messages (``spec/execution.md``)."""

    key: str
    """One of ``0-9*#``."""
    prompt: str | None = None
    """Spoken behind the message."""
    confirmation: str | None = None
    """Spoken after the key was pressed."""
    voice_profile: str | None = None
    language: str | None = "en-US"
    """Of both texts, where there is no ``voice_profile``."""
    file: str | None = None
    """A file of the operator; each number is appended as a line of CSV."""
    webhook: str | None = None
    """A URL of the operator; each number is posted to it."""
    http_auth_header: str | None = None
    """``Authorization`` of the webhook; never shown or logged."""


class SubAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a sub-account for the judgement and its sessions."""

    sub_account_id: str
    account_id: str
    numbers: tuple[VirtualNumber, ...] = ()
    caller_ids: frozenset[str] = frozenset()
    """Allowed caller IDs beside the numbers, E.164 with ``+``; ``*`` in it allows any
    (the embedded demo sub-account only)."""
    coverage: tuple[str, ...] | None = None
    """ISO country codes or ``+`` prefixes; None: everywhere a route leads."""
    max_calls: int | None = None
    """Live sessions at once; None: no limit."""
    cps: float | None = None
    """Calls started per second; None: no limit."""
    withheld_caller_id: bool = False
    calling_hours: CallingHours | None = None
    """When its callflows may dial; None: at any time."""
    budget: Budget | None = None
    """What it may spend a day; None: no limit."""
    voice_characters_per_day: int | None = None
    """Spoken by engines in the cloud; None: as ``voices.characters_per_day``."""
    dtmf_event_data: str = "object"
    """``object`` or ``string`` (``spec/webhooks.md``)."""
    webhooks: Mapping[WebhookType, Webhook] = {}
    scenarios: Mapping[str, Scenario] = {}
    menus: Mapping[str, Menu] = {}
    opt_out: OptOutSettings | None = None
    """None: called persons cannot opt out, and no opt-out list counts."""
    last_resort: str | None = None
    """The JSON of the callflow that runs when its VCA webhook did not answer (:mod:`.last_resort`)."""
    recording_push: PushConfig | None = None
    """Where its recordings are uploaded to; None: they stay here."""

    def menu_of(self, number: str) -> Menu | None:
        """The stored menu that answers a number of the sub-account."""
        return next((menu for menu in self.menus.values() if number in menu.numbers), None)

    @property
    def own_number(self) -> str | None:
        """The number that stands for the sub-account where a caller ID is withheld; None: it has none.

        Its first active number, else the first of its caller IDs in the order of digits.
        """
        numbers = [number.msisdn for number in self.numbers if number.active]
        return next(iter(numbers or sorted(self.caller_ids - {ANY_SOURCE})), None)


class KeyGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What an API key opens."""

    key_id: str
    account_id: str
    sub_account_ids: frozenset[str] | None = None
    """None: every sub-account of the account."""
    scopes: frozenset[str] = frozenset({"*"})
    expires_at: datetime | None = None

    def opens(self, sub_account: SubAccount) -> bool:
        """Whether this key may act for ``sub_account``."""
        return sub_account.account_id == self.account_id and (
            self.sub_account_ids is None or sub_account.sub_account_id in self.sub_account_ids
        )


def facts_of(sub_account: SubAccount, profiles: Profiles) -> JudgingContext:
    """What the judge must know of ``sub_account``."""
    numbers = {number.msisdn for number in sub_account.numbers if number.active}
    vca = sub_account.webhooks.get(WebhookType.VCA)
    return JudgingContext(
        profiles=profiles,
        sources=sub_account.caller_ids | numbers,
        withheld_allowed=sub_account.withheld_caller_id,
        has_vca=vca is not None and vca.enabled,
        scenarios=frozenset(sub_account.scenarios),
    )
