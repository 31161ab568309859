"""Sessions: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

from offhook.client.open_set import OpenSet

__all__ = [
    "ActionView",
    "Attestation",
    "CallerVerification",
    "DeliveryAttempt",
    "DeliveryState",
    "DeliveryView",
    "EndedAnswer",
    "ErrorView",
    "LegView",
    "OutboxType",
    "QualityView",
    "SessionAnswer",
    "SessionList",
    "SessionStatus",
    "SessionView",
    "TrunkTriedView",
    "Verstat",
]


class ErrorView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """``errorDetails``."""

    error_code: int
    """From the table of runtime codes."""
    error_msg: str
    """The code's text."""
    action: str | None = None
    """The action's name."""
    call_flow_request_id: str
    """Of the request that started it."""
    reason: str | None = None
    """Of -2010: which limit or rule kept it from dialling."""
    detail: str | None = None
    """What exactly was wrong, and where; only here, never on the webhook."""


class Verstat(OpenSet):
    """What STIR/SHAKEN says about a caller's number, by the names of 3GPP TS 24.229 §7.2A.20."""

    NO_TN_VALIDATION = "No-TN-Validation"
    TN_VALIDATION_FAILED = "TN-Validation-Failed"
    TN_VALIDATION_PASSED = "TN-Validation-Passed"


class Attestation(OpenSet):
    """How well the caller's provider knows the caller (RFC 8588 §4)."""

    A = "A"
    B = "B"
    C = "C"


class CallerVerification(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The verdict on the Identity header of a call from outside."""

    result: Verstat
    """How it ended; absent while it runs."""
    attestation: Attestation | None = None
    """Of a signature that holds."""
    reason: str | None = None
    """Why a signature does not hold, in words."""


class TrunkTriedView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One trunk that a leg was tried over, and what came back."""

    trunk: str
    """Name of the trunk it used."""
    sip_code: int | None = None
    """Absent: the far end gave no final response."""
    sip_reason: str | None = None
    """The far end's reason phrase, where the call did not connect."""
    detail: str | None = None
    """In words where there is no code: ``no response from udp:192.0.2.1:5060 for 32 s``."""


class QualityView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """``callQuality``."""

    mos: float
    """1 to 4.4, by the E-model."""
    packet_loss_rate: float
    """0 to 1: 0.01 is 1 %."""
    jitter: int
    """Whole milliseconds."""


class LegView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One call of a session."""

    call_id: str
    """The call's (leg's) id."""
    call_direction: str
    """``INBOUND`` or ``OUTBOUND``."""
    call_type: str
    """``PSTN``, or ``VOIP`` for a user of this server."""
    source: str
    """The calling number, E.164 with ``+``, or ``anonymous``."""
    destination: str
    """The called number, E.164 with ``+``."""
    trunk: str | None = None
    """Name of the trunk it used."""
    initiated_timestamp: str | None = None
    """When it was dialled or came: ISO 8601, UTC."""
    connected_timestamp: str | None = None
    """When it was answered: ISO 8601, UTC."""
    disconnected_timestamp: str | None = None
    """When it ended: ISO 8601, UTC."""
    call_status: str | None = None
    """Absent while the leg is up or being tried."""
    sip_code: int | None = None
    """SIP status of the call."""
    caller_verification: CallerVerification | None = None
    """Of a call from outside, where callers are verified (STIR/SHAKEN)."""
    sip_reason: str | None = None
    """Of a leg that did not connect, as the three below: the far end's reason phrase."""
    q850_cause: int | None = None
    """Q.850 cause of the refusal, from its Reason header (RFC 3326)."""
    warning: str | None = None
    """The first Warning header of the refusal."""
    detail: str | None = None
    """Why the leg did not connect, or what was wrong with its audio, in words."""
    trunks_tried: list[TrunkTriedView] | None = None
    """Each trunk that was tried without an answer, and what came back."""
    call_duration: int | None = None
    """Whole seconds connected; absent while it is up."""
    call_quality: QualityView | None = None
    """How well it could be heard, the worse direction; absent where no media flowed."""


class SessionView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One session, as a list shows it."""

    session_id: str
    """The session's id."""
    sub_account_id: str
    """The sub-account's id."""
    call_flow_request_id: str
    """Of the request that started it."""
    session_status: str
    """Status of the session."""
    created_timestamp: str
    """When the request was accepted: ISO 8601, UTC."""
    start_time: str | None = None
    """When a voice node took it: ISO 8601, UTC."""
    end_time: str | None = None
    """When the session ended: ISO 8601, UTC."""
    last_action: str | None = None
    """The action that was begun last."""
    call_count: int
    """How many calls (legs) it has."""
    client_request_id: str | None = None
    """As the request gave it."""
    client_batch_id: str | None = None
    """As the request gave it."""
    valid_until: str | None = None
    """When it is too late to call: ISO 8601."""
    error_details: ErrorView | None = None
    """Why the session ended ``ERROR``."""
    legs: list[LegView] | None = None
    """The session's calls, in the order they were made."""


class SessionList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A page of sessions, newest first."""

    sessions: list[SessionView]
    """The sessions."""
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class SessionStatus(OpenSet):
    """Life of a session (``spec/execution.md``, 'Session and legs')."""

    BUSY = "BUSY"
    CANCELED = "CANCELED"
    COMPLETED = "COMPLETED"
    COMPLETED_UNSUBSCRIBED = "COMPLETED_UNSUBSCRIBED"
    COMPLETED_UNSUB_ERROR = "COMPLETED_UNSUB_ERROR"
    ERROR = "ERROR"
    FAILED = "FAILED"
    NO_ANSWER = "NO_ANSWER"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    UNSUBSCRIBED_CONTACT = "UNSUBSCRIBED_CONTACT"


class ActionView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One action that was begun."""

    index: int
    """Its place in the callflow it came in, from 0."""
    action: str
    """The action's name."""
    started: str
    """When it began: ISO 8601, UTC."""
    ended: str | None = None
    """When it ended: ISO 8601, UTC; absent while it runs."""
    result: str | None = None
    """How it ended; absent while it runs."""


class OutboxType(OpenSet):
    """What a webhook delivery carries."""

    VCS = "VCS"
    VSS = "VSS"
    VRU = "VRU"
    VNU = "VNU"
    DTMF = "DTMF"


class DeliveryState(OpenSet):
    """Where a webhook delivery stands."""

    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class DeliveryAttempt(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One attempt of a delivery."""

    at: str
    """When: ISO 8601, UTC."""
    http_status: int | None
    """None: no answer."""
    detail: str
    """What exactly was wrong."""


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One webhook delivery."""

    delivery_id: str
    """Also the header ``webhook-id`` and the payload's ``eventId``."""
    type: OutboxType
    """The webhook's type; ``DTMF`` for a ``dtmfCallbackUrl``."""
    url: str | None
    """Where it goes: the webhook's URL as it is now, or that of the action; null when there is none
    now.
    """
    state: DeliveryState
    """``pending``, ``delivered``, ``dead`` (given up, can be sent again) or ``dropped`` (too old).
    """
    created_at: str
    """When the event happened."""
    next_at: str | None
    """When it is tried next."""
    attempts: list[DeliveryAttempt]
    """What was sent and what came back, oldest first."""
    payload: Any
    """The JSON body."""


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One session with all that is known of it."""

    session_id: str
    """The session's id."""
    sub_account_id: str
    """The sub-account's id."""
    call_flow_request_id: str
    """Of the request that started it."""
    session_status: str
    """Status of the session."""
    created_timestamp: str
    """When the request was accepted: ISO 8601, UTC."""
    start_time: str | None = None
    """When a voice node took it: ISO 8601, UTC."""
    end_time: str | None = None
    """When the session ended: ISO 8601, UTC."""
    last_action: str | None = None
    """The action that was begun last."""
    call_count: int
    """How many calls (legs) it has."""
    client_request_id: str | None = None
    """As the request gave it."""
    client_batch_id: str | None = None
    """As the request gave it."""
    valid_until: str | None = None
    """When it is too late to call: ISO 8601."""
    error_details: ErrorView | None = None
    """Why the session ended ``ERROR``."""
    legs: list[LegView] | None = None
    """The session's calls, in the order they were made."""
    actions: list[ActionView]
    """Every action that was begun, in order."""
    events: list[dict[str, Any]]
    """Every event with its ``number`` and ``timestamp``, in order."""
    deliveries: list[DeliveryView]
    """Every webhook delivery with its attempts."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class EndedAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of an order to end a session."""

    session_id: str
    """The session's id."""
    session_status: str
    """Final, or ``RUNNING`` while the phone is still being hung up (HTTP 202)."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
