"""What the server sends to a customer's webhooks, as the OpenAPI document tells it (``spec/webhooks.md``).

The bodies themselves are built in :mod:`offhook.webhooks`; a test holds each against its type here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import CallerVerification
from offhook.http.openapi.parts import Json
from offhook.session.session import Direction


class WebhookPart(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all bodies share: an absent member has no value."""


class Digits(WebhookPart, frozen=True, kw_only=True):
    """The DTMF digits of a sayAndCapture."""

    dtmf: str | None
    """The digits; null when none were captured."""


class CallParties(WebhookPart, frozen=True, kw_only=True):
    """Who calls whom."""

    call_direction: Direction
    call_type: Literal["PSTN", "VOIP"]
    source: str
    destination: str
    source_format: Literal["MSISDN"] | None = None
    """Absent where the caller is withheld."""
    destination_format: Literal["MSISDN"] | None = None
    """How `destination` is written."""
    source_country_code: str | None = None
    destination_country_code: str | None = None
    source_ref_id: str | None = None
    """Outbound: reference id of the number used."""
    destination_ref_id: str | None = None
    """Inbound: reference id of the number called."""


class CallEventPayload(CallParties, frozen=True, kw_only=True):
    """A call event."""

    event_id: str
    """Also the header `webhook-id`; the same over retries."""
    call_id: str
    """Of the call (leg) that the event is about."""
    session_id: str
    sub_account_id: str
    call_duration: int
    """Whole seconds connected."""
    sip_code: int
    """SIP status of the call that the event is about."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    client_action_id: str | None = None
    """Of the callflow that runs (VCS) or that has just ended (VCA), if it had one."""
    client_request_id: str | None = None
    client_batch_id: str | None = None


class CallActionPayload(CallEventPayload, frozen=True, kw_only=True):
    """A question: what shall the call do next?"""

    call_status: Literal["ACTION_COMPLETED", "CALL_RECEIVED"]
    """`CALL_RECEIVED` for a new inbound call."""
    event_data: Digits | str | None
    """The digits; a bare string where the sub-account's `dtmfEventData` is `string`."""
    dtmf: str | None
    """The digits again; null when none were captured."""
    caller_verification: CallerVerification | None = None
    """Of a call from outside, where the operator verifies callers (STIR/SHAKEN)."""


class CallStatusPayload(CallEventPayload, frozen=True, kw_only=True):
    """Something happened to a call."""

    call_status: Literal[
        "CALL_INITIATED",
        "CALL_RECEIVED",
        "CALL_UPDATED",
        "CALL_CONNECTED",
        "DTMF_RECEIVED",
        "CALL_DISCONNECTED",
    ]
    """What happened; `CALL_UPDATED` is ringing, or bridged."""
    event_data: Digits | str | None = None
    """Of `DTMF_RECEIVED`: the digits."""


class SummaryError(WebhookPart, frozen=True, kw_only=True):
    """Why a session ended `ERROR`."""

    error_msg: str
    """The code's text."""
    error_code: RuntimeCode
    """From the table of runtime codes."""
    action: str | None = None
    """In which action."""
    call_flow_request_id: str | None = None
    reason: str | None = None
    """Of -2010: which limit or rule kept it from dialling."""


class SummaryQuality(WebhookPart, frozen=True, kw_only=True):
    """How well the call could be heard, the worse direction."""

    mos: float
    """1 to 4.4, by the E-model."""
    packet_loss_rate: float
    """0 to 1: 0.01 is 1 %."""
    jitter: int
    """Whole milliseconds."""


class SummaryCall(CallParties, frozen=True, kw_only=True):
    """One call (leg) of the session."""

    call_id: str
    initiated_timestamp: str | None = None
    connected_timestamp: str | None = None
    """Only if it was connected."""
    disconnected_timestamp: str | None = None
    call_status: CallStatus | None = None
    call_duration: int
    """Whole seconds connected."""
    call_quality: SummaryQuality | None = None
    """Only if media flowed."""


class SessionSummaryPayload(WebhookPart, frozen=True, kw_only=True):
    """A session has ended."""

    session_id: str
    sub_account_id: str
    session_status: SessionStatus
    """Final."""
    start_time: str
    """ISO 8601, UTC, whole seconds."""
    end_time: str | None = None
    """ISO 8601, UTC, whole seconds."""
    last_action: str | None = None
    call_count: int
    """How many calls (legs) it made and took."""
    client_request_id: str | None = None
    client_batch_id: str | None = None
    error_details: SummaryError | None = None
    """Only with `ERROR`."""
    details: dict[str, SummaryCall]
    """One member for each call, in the order they were made: `callA` to `callJ`."""


class RecordingPayload(WebhookPart, frozen=True, kw_only=True):
    """A recording was put where it belongs, or could not be."""

    session_id: str
    recording_id: str
    """Also part of the file's name."""
    duration_seconds: int
    """Whole seconds."""
    file_path: str
    """Where it was put."""
    status: Literal["UPLOAD_COMPLETED", "UPLOAD_FAILED"]
    """What became of it."""


class NumberChange(WebhookPart, frozen=True, kw_only=True):
    """One virtual number."""

    msisdn: str
    updated_timestamp: str
    """ISO 8601."""
    country_code: str | None = None
    operational_status: Literal["Active", "Unhealthy", "Expiring", "Inactive"] | None = None
    reference_id: str | None = None
    rental_price: float | None = None
    incoming_rate: float | None = None
    billing_unit: int | None = None
    """Seconds."""
    billing_currency: str | None = None
    number_health_check_enabled: bool | None = None
    update_status: Literal["UPDATED", "NO_CHANGE"] | None = None
    """Whether this number has changed."""


class NumbersPayload(WebhookPart, frozen=True, kw_only=True):
    """Virtual numbers have changed."""

    sub_account_id: str
    total_numbers: int
    """Of the sub-account."""
    update_event_type: Literal["SNAPSHOT", "UPDATES"]
    """All numbers, or those that have changed."""
    virtual_numbers: list[NumberChange]
    """The numbers."""


BODIES: tuple[tuple[str, str, str, type[WebhookPart]], ...] = (
    ("VCA", "CALL_ACTION", "Action request of a call", CallActionPayload),
    ("VCS", "CALL_STATUS", "Status update of a call", CallStatusPayload),
    ("VSS", "SESSION_SUMMARY", "Summary of a completed call session", SessionSummaryPayload),
    ("VRU", "CALL_RECORDING_STATUS", "Call recording status updated", RecordingPayload),
    (
        "VNU",
        "VIRTUAL_NUMBER_UPDATE",
        "Status of account virtual number(s) updated",
        NumbersPayload,
    ),
)
"""Type, `eventType`, description and payload of each."""

_ANSWERED: Json = {
    "200": {"description": "Received; any 2xx within 10 seconds counts"},
    "410": {"description": "Not wanted any more: the webhook is disabled"},
}
_DECIDED: Json = {
    "200": {
        "description": "What the call does next",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/CallflowDecision"}}
        },
    },
    "204": {"description": "Nothing more: the session ends"},
}


def webhook_schemas() -> Json:
    """The envelopes; their payloads are types of this module."""
    return {
        _event_name(type_): {
            "type": "object",
            "description": f"The body of a {type_} request.",
            "required": ["namespace", "eventType", "description", "version", "payload"],
            "properties": {
                "namespace": {"type": "string", "const": "VOICE", "description": "`VOICE`."},
                "eventType": {"type": "string", "const": event, "description": f"`{event}`."},
                "description": {"type": "string", "description": f"`{about}`."},
                "version": {"type": "integer", "description": "5."},
                "payload": {"$ref": f"#/components/schemas/{payload.__name__}"},
            },
        }
        for type_, event, about, payload in BODIES
    }


def webhook_operations() -> Json:
    """The document's ``webhooks``."""
    return {
        type_: {
            "post": {
                "operationId": f"on{type_.capitalize()}",
                "summary": about,
                "tags": ["Your webhooks"],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": f"#/components/schemas/{_event_name(type_)}"}
                        }
                    },
                },
                "responses": _DECIDED if type_ == "VCA" else _ANSWERED,
            }
        }
        for type_, _, about, _ in BODIES
    }


def _event_name(type_: str) -> str:
    return f"{type_.capitalize()}Event"
