"""Administration: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

from offhook.client.open_set import OpenSet
from offhook.client.types.campaign_types import CallingWindowBody

__all__ = [
    "AdminDone",
    "AssignedNumber",
    "AssignedNumbers",
    "CaptureAnswer",
    "ClusterNode",
    "ClusterNodes",
    "DtmfEventData",
    "ErasureAnswer",
    "KeyList",
    "KeyMade",
    "KeyView",
    "LogLineView",
    "NodeRole",
    "NodeView",
    "NumberBody",
    "NumberType",
    "OptOutBody",
    "OutsideHours",
    "RegisteredPhone",
    "RegisteredPhones",
    "Scope",
    "SessionLogAnswer",
    "SipMessageView",
    "SipTraceAnswer",
    "StatusAnswer",
    "SubAccountAnswer",
    "SubAccountList",
    "SubAccountView",
    "TrunkView",
    "UnverifiedCallers",
]


class NumberType(OpenSet):
    """Number type."""

    FIXED_LINE = "FIXED_LINE"
    MOBILE = "MOBILE"
    FIXED_LINE_OR_MOBILE = "FIXED_LINE_OR_MOBILE"
    TOLL_FREE = "TOLL_FREE"
    PREMIUM_RATE = "PREMIUM_RATE"
    SHARED_COST = "SHARED_COST"
    VOIP = "VOIP"
    PERSONAL_NUMBER = "PERSONAL_NUMBER"
    UAN = "UAN"
    UNKNOWN = "UNKNOWN"


class DtmfEventData(OpenSet):
    """Dtmf event data."""

    OBJECT = "object"
    STRING = "string"


class UnverifiedCallers(OpenSet):
    """What becomes of calls with a caller that STIR/SHAKEN does not vouch for."""

    ACCEPT = "accept"
    REFUSE_FAILED = "refuse_failed"
    REFUSE = "refuse"


class NumberBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A number the sub-account owns."""

    reference_id: str | None = None
    """The operator's id of the number."""
    active: bool = True
    """The same as ``enabled``."""
    record_inbound: bool = False
    """Record every session that begins with a call to this number."""
    number_type: NumberType | None = None
    """Absent: as the numbering plan of its country says."""
    expires: str | None = None
    """a day such as '2027-01-31'."""
    rental_price: str = "0"
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    incoming_rate: str | None = None
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    billing_unit: int | None = None
    """a whole number of seconds, 1 to 3600."""
    billing_currency: str | None = None
    """a currency of ISO 4217, such as 'EUR'."""
    trunk: str | None = None
    """a name of 1 to 64 letters, digits, . _ - &."""
    health_check: bool = True
    """Whether the state of its trunk counts for its status."""
    test_call_every: int | None = None
    """a whole number of seconds, 60 to 604800."""
    unverified_callers: UnverifiedCallers | None = None
    """Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the
    signature does not hold, or refused without a signature too.
    """
    msisdn: str
    """a phone number in E.164, such as '+6512341234'."""


class OutsideHours(OpenSet):
    """What happens to a callflow outside of the calling hours."""

    QUEUE = "queue"
    REFUSE = "refuse"


class OptOutBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The key that opts out of voice messages, and what is said about it."""

    key: str
    """one key of a phone, such as '9'."""
    prompt: str | None = None
    """a text of 1 to 3000 characters."""
    confirmation: str | None = None
    """a text of 1 to 3000 characters."""
    voice_profile: str | None = None
    """Of both texts."""
    language: str | None = None
    """a language such as 'en' or 'en-GB'."""
    webhook: str | None = None
    """an http or https URL."""
    http_auth_header: str | None = None
    """Sent as ``Authorization`` with it; never shown."""
    http_auth_header_available: bool = False
    """Whether there is one; true without ``httpAuthHeader`` in a request: the stored one stays, if
    the webhook stays.
    """


class SubAccountView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A sub-account as it stands."""

    account_id: str
    """a name of 1 to 64 letters, digits, . _ - &."""
    numbers: list[NumberBody] | None = None
    """The numbers."""
    caller_ids: list[str] | None = None
    """Allowed caller IDs beside the numbers, E.164 with ``+``."""
    coverage: list[str] | None = None
    """Countries or prefixes; absent: everywhere a route leads."""
    max_calls: int | None = None
    """a whole number, 1 to 2,000,000,000."""
    cps: float | None = None
    """a number above 0, up to 1,000,000."""
    withheld_caller_id: bool = False
    """Whether calls may withhold the caller ID."""
    dtmf_event_data: DtmfEventData | None = None
    """How webhooks carry captured digits; absent: ``object``."""
    daily_minutes: int | None = None
    """a whole number, 1 to 2,000,000,000."""
    daily_cost: str | None = None
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    calling_hours: list[CallingWindowBody] | None = None
    """Empty: at any time."""
    outside_hours: OutsideHours | None = None
    """Whether callflows outside of the calling hours wait, or end ``ERROR`` -2010."""
    last_resort: dict[str, Any] | None = None
    """``{'callflow': […]}`` of say, playFile and hangup: heard when the VCA webhook did not answer.
    """
    opt_out: OptOutBody | None = None
    """How called persons opt out of voice messages; absent: they cannot, and no list counts."""
    sub_account_id: str
    """The sub-account's id."""


class SubAccountList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All sub-accounts."""

    sub_accounts: list[SubAccountView]
    """The sub-accounts."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class SubAccountAnswer(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One sub-account."""

    account_id: str
    """a name of 1 to 64 letters, digits, . _ - &."""
    numbers: list[NumberBody] | None = None
    """The numbers."""
    caller_ids: list[str] | None = None
    """Allowed caller IDs beside the numbers, E.164 with ``+``."""
    coverage: list[str] | None = None
    """Countries or prefixes; absent: everywhere a route leads."""
    max_calls: int | None = None
    """a whole number, 1 to 2,000,000,000."""
    cps: float | None = None
    """a number above 0, up to 1,000,000."""
    withheld_caller_id: bool = False
    """Whether calls may withhold the caller ID."""
    dtmf_event_data: DtmfEventData | None = None
    """How webhooks carry captured digits; absent: ``object``."""
    daily_minutes: int | None = None
    """a whole number, 1 to 2,000,000,000."""
    daily_cost: str | None = None
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    calling_hours: list[CallingWindowBody] | None = None
    """Empty: at any time."""
    outside_hours: OutsideHours | None = None
    """Whether callflows outside of the calling hours wait, or end ``ERROR`` -2010."""
    last_resort: dict[str, Any] | None = None
    """``{'callflow': […]}`` of say, playFile and hangup: heard when the VCA webhook did not answer.
    """
    opt_out: OptOutBody | None = None
    """How called persons opt out of voice messages; absent: they cannot, and no list counts."""
    sub_account_id: str
    """The sub-account's id."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class AdminDone(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """It was done."""

    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key without its secret."""

    key_id: str
    """The key's id."""
    name: str
    """The name."""
    account_id: str
    """The account that the sub-account or key belongs to."""
    sub_account_ids: list[str] | None = None
    """The sub-accounts that the key opens; absent: all of the account."""
    scopes: list[str]
    """What the key may do; ``*`` is everything."""
    created_at: str
    """ISO 8601, UTC."""
    expires_at: str | None = None
    """When the key stops working: ISO 8601; absent: never."""
    last_used_at: str | None = None
    """When the key was last used: ISO 8601, UTC, to the minute."""
    revoked_at: str | None = None
    """When it was revoked: ISO 8601, UTC."""


class KeyList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All stored keys, revoked and expired ones included."""

    keys: list[KeyView]
    """The keys."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class KeyMade(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A new key: the only answer that shows it."""

    key: str
    """The key itself; it is shown this once."""
    key_id: str
    """The key's id."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class Scope(OpenSet):
    """What a key may be limited to; ``*`` is all of them."""

    CALLFLOWS_WRITE = "callflows:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"


class ErasureAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was erased."""

    sessions: int
    """With timelines, requests, webhooks, SIP messages and recordings."""
    requests: int
    """Requests without a session that named the number."""
    requests_looked_at: int
    """Requests, of all sub-accounts, that were looked through for it."""
    campaign_targets: int
    """Places in lists of campaigns."""
    left: list[str]
    """Sessions that stay: they have not ended, or a webhook of theirs is still tried."""
    recordings_elsewhere: int
    """Recordings on other machines, which delete them within an hour."""
    next_cursor: str | None = None
    """Absent: everything was looked at."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class NodeRole(OpenSet):
    """What a registered process does."""

    VOICE = "voice"
    API = "api"


class ClusterNode(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One process of the installation."""

    name: str
    """Machine, SIP address and worker; of an API process, with ``/api``."""
    role: NodeRole
    up: bool
    """Whether its heartbeats come."""
    version: str | None = None
    """Of Offhook; absent: it has said nothing of itself."""
    since: str | None = None
    """When it started."""
    sessions: int
    """Sessions that run there."""
    capacity: int | None = None
    """How many may run there at once."""
    drained_since: str | None = None
    """When it was told to begin no sessions; absent: it begins them."""


class ClusterNodes(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All of them, by name."""

    nodes: list[ClusterNode]
    """The processes."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class RegisteredPhone(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One registered phone of a user of ``[[sip_users]]``."""

    user: str
    """Its name in the configuration."""
    number: str | None = None
    """That rings it, with ``+``; absent: the user has none, or is not configured here any more."""
    address: str
    """Where its REGISTER came from, and where calls go: ``udp:198.51.100.7:5060``."""
    contact: str
    """The URI that it gives."""
    user_agent: str
    """What it calls itself; may be empty."""
    registered_at: str
    """First, without a break since."""
    expires_at: str
    """When the key stops working: ISO 8601; absent: never."""
    node: str
    """The node that it registered with."""


class RegisteredPhones(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """All of them, by user, the newest first."""

    phones: list[RegisteredPhone]
    """Empty when none is registered."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class AssignedNumbers(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The numbers of a sub-account."""

    numbers: list[NumberBody]
    """The numbers."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class AssignedNumber(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number, as it is assigned now."""

    reference_id: str | None = None
    """The operator's id of the number."""
    active: bool = True
    """The same as ``enabled``."""
    record_inbound: bool = False
    """Record every session that begins with a call to this number."""
    number_type: NumberType | None = None
    """Absent: as the numbering plan of its country says."""
    expires: str | None = None
    """a day such as '2027-01-31'."""
    rental_price: str = "0"
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    incoming_rate: str | None = None
    """an amount in quotes, up to 6 decimals, such as '0.035'."""
    billing_unit: int | None = None
    """a whole number of seconds, 1 to 3600."""
    billing_currency: str | None = None
    """a currency of ISO 4217, such as 'EUR'."""
    trunk: str | None = None
    """a name of 1 to 64 letters, digits, . _ - &."""
    health_check: bool = True
    """Whether the state of its trunk counts for its status."""
    test_call_every: int | None = None
    """a whole number of seconds, 60 to 604800."""
    unverified_callers: UnverifiedCallers | None = None
    """Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the
    signature does not hold, or refused without a signature too.
    """
    msisdn: str
    """a phone number in E.164, such as '+6512341234'."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class NodeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A process of the installation."""

    name: str
    """Machine, SIP address and worker; of an API process, with ``/api``."""
    role: NodeRole
    """``voice`` runs calls, ``api`` answers requests."""
    up: bool
    """Whether its heartbeats come."""
    epoch: int
    """It grows with each start."""
    heartbeat_at: str | None = None
    """Absent: it has ended in an orderly way."""
    sessions: int
    """Sessions that run there."""


class TrunkView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A trunk and its use."""

    name: str
    """As the configuration names it."""
    address: str
    """Where its calls go."""
    channels_used: int
    """By calls of all nodes."""
    channels: int | None = None
    """The limit; absent: none."""
    cps: float | None = None
    """Calls a second at most; absent: no limit."""
    up: bool | None = None
    """Whether it answers calls and OPTIONS, on every node; absent: it was not called or asked yet.
    """
    since: str | None = None
    """Since when it is so."""
    detail: str | None = None
    """Why it counts as down, in words."""


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The installation at a glance."""

    version: str
    """Of the process that answers."""
    nodes: list[NodeView]
    """By name."""
    trunks: list[TrunkView]
    """Of the configuration."""
    sessions_running: int
    """On all nodes."""
    sessions_queued: int
    """Those that wait to be dialled."""
    oldest_queued_at: str | None = None
    """Since when the first of them waits."""
    sessions_passed_over: int
    """Waiting sessions that a node leaves to others: it does not know their sub-account or route.
    """
    webhooks_pending: int
    """Deliveries that wait for an attempt; counted to 100,000."""
    oldest_webhook_at: str | None = None
    """When the first of them fell due, or falls due."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class SipMessageView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One SIP message, without digests and media keys."""

    at: str
    """When it went or came: ISO 8601, UTC."""
    sent: bool
    """False: received."""
    near: str
    """Our own address."""
    far: str
    """The other side's address."""
    text: str
    """The message, head and body."""


class SipTraceAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was said on the wire."""

    session_id: str
    """Of the session they belong to."""
    messages: list[SipMessageView]
    """In order."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class LogLineView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line that a process logged about a session."""

    at: str
    """ISO 8601, UTC."""
    process: str
    """``api``, ``voice-0`` …."""
    level: str
    """``info``, ``warning``, ``error`` …."""
    text: str
    """Without credentials, phone numbers and spoken texts."""


class SessionLogAnswer(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """What was logged about a session."""

    session_id: str
    """Of the session that the lines are about."""
    lines: list[LogLineView]
    """In the order of time; none: nothing worth a line happened."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class CaptureAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An order that waits for its session on every voice node."""

    capture_id: str
    """Of the order."""
    expires_at: str
    """When an order that found no session is void."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
