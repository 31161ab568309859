"""The sections of a customer: its numbers, webhooks, scenarios, menus, opt-out."""

from __future__ import annotations

from typing import Literal

from offhook.config.section import Section
from offhook.config.stir_section import UnverifiedCallers
from offhook.config.value_types import (
    ApiKey,
    Area,
    BillingSeconds,
    CallerId,
    ClockTime,
    Count,
    Currency,
    Day,
    HeaderValue,
    HttpUrl,
    Money,
    Msisdn,
    Name,
    NumberType,
    OptOutKey,
    Rate,
    ScenarioName,
    SpokenText,
    SubAccountId,
    TestCallSeconds,
    WeekDays,
)


class Number(Section, frozen=True, kw_only=True):
    """``[[subaccounts.numbers]]``"""

    msisdn: Msisdn
    reference_id: str | None = None
    active: bool = True
    record_inbound: bool = False
    number_type: NumberType | None = None
    """None: as the numbering plan of its country says."""
    expires: Day | None = None
    """The first day (UTC) on which it is not the sub-account's any more."""
    rental_price: Money = "0"
    """For a month."""
    incoming_rate: Money | None = None
    """For a minute of a call to it; None: that of ``[rates]``."""
    billing_unit: BillingSeconds | None = None
    billing_currency: Currency | None = None
    trunk: Name | None = None
    """Over which it is reached; None: the trunks of the route to it."""
    health_check: bool = True
    test_call_every: TestCallSeconds | None = None
    unverified_callers: UnverifiedCallers = UnverifiedCallers.ACCEPT


class SubAccountWebhook(Section, frozen=True, kw_only=True):
    """``[[subaccounts.webhooks]]``"""

    type: Literal["VCA", "VCS", "VSS", "VRU", "VNU"]
    url: HttpUrl
    enabled: bool = True
    http_auth_header: HeaderValue | None = None
    secret: str | None = None
    previous_secret: str | None = None
    """Signed with as well, while receivers learn the new one."""
    fallback_url: HttpUrl | None = None
    """VCA only."""


class ScenarioParameterSection(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios.parameters]]``"""

    name: Name
    required: bool = False
    default: str | None = None
    pattern: str | None = None


class ScenarioFile(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios]]``"""

    name: ScenarioName
    file: str
    """Relative to the configuration file; absolute once loaded."""
    parameters: tuple[ScenarioParameterSection, ...] = ()


class CallingWindowSection(Section, frozen=True, kw_only=True):
    """``[[subaccounts.calling_hours]]``, in the callee's own time zone."""

    days: tuple[WeekDays, ...] = ("mon-sun",)
    opens: ClockTime
    closes: ClockTime
    """At or before ``opens``: on the next day."""


class MenuFile(Section, frozen=True, kw_only=True):
    """``[[subaccounts.menus]]``"""

    name: Name
    file: str
    """Relative to the configuration file; absolute once loaded."""
    numbers: tuple[Msisdn, ...] = ()


class OptOutSection(Section, frozen=True, kw_only=True):
    """``[subaccounts.opt_out]``"""

    key: OptOutKey
    prompt: SpokenText | None = None
    confirmation: SpokenText | None = None
    voice_profile: str | None = None
    language: str = "en-US"
    """Of the texts, without ``voice_profile``."""
    file: str | None = None
    """Relative to the configuration file; absolute once loaded."""
    webhook: HttpUrl | None = None
    http_auth_header: HeaderValue | None = None


class SubAccountSection(Section, frozen=True, kw_only=True):
    """``[[subaccounts]]``"""

    id: SubAccountId
    account: Name
    api_keys: tuple[ApiKey, ...] = ()
    caller_ids: tuple[CallerId, ...] = ()
    coverage: tuple[Area, ...] | None = None
    max_calls: Count | None = None
    cps: Rate | None = None
    withheld_caller_id: bool = False
    dtmf_event_data: Literal["object", "string"] = "object"
    daily_minutes: Count | None = None
    daily_cost: Money | None = None
    voice_characters_per_day: Count | None = None
    """In ``rates.currency``."""
    calling_hours: tuple[CallingWindowSection, ...] = ()
    """Absent: at any time."""
    outside_hours: Literal["queue", "refuse"] = "queue"
    last_resort: str | None = None
    """A callflow's file, relative to the configuration file; absolute once loaded."""
    numbers: tuple[Number, ...] = ()
    webhooks: tuple[SubAccountWebhook, ...] = ()
    scenarios: tuple[ScenarioFile, ...] = ()
    menus: tuple[MenuFile, ...] = ()
    opt_out: OptOutSection | None = None
