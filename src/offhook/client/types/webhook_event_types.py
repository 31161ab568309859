"""Webhook events: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet
from offhook.client.types.number_types import OperationalStatus
from offhook.client.types.session_types import CallerVerification, SessionStatus

__all__ = [
    "CallActionPayload",
    "CallEventStatus",
    "CallStatus",
    "CallStatusPayload",
    "CallType",
    "DestinationFormat",
    "Digits",
    "Direction",
    "NumberChange",
    "NumbersPayload",
    "QuestionStatus",
    "RecordingPayload",
    "SessionSummaryPayload",
    "SourceFormat",
    "SummaryCall",
    "SummaryError",
    "SummaryQuality",
    "UpdateEventType",
    "UpdateStatus",
    "UploadStatus",
    "VcaEvent",
    "VcsEvent",
    "VnuEvent",
    "VruEvent",
    "VssEvent",
]


class CallType(OpenSet):
    """Call type."""

    PSTN = "PSTN"
    VOIP = "VOIP"


class SourceFormat(OpenSet):
    """Source format."""

    MSISDN = "MSISDN"


class DestinationFormat(OpenSet):
    """Destination format."""

    MSISDN = "MSISDN"


class QuestionStatus(OpenSet):
    """Question status."""

    ACTION_COMPLETED = "ACTION_COMPLETED"
    CALL_RECEIVED = "CALL_RECEIVED"


class CallEventStatus(OpenSet):
    """Call event status."""

    CALL_CONNECTED = "CALL_CONNECTED"
    CALL_DISCONNECTED = "CALL_DISCONNECTED"
    CALL_INITIATED = "CALL_INITIATED"
    CALL_RECEIVED = "CALL_RECEIVED"
    CALL_UPDATED = "CALL_UPDATED"
    DTMF_RECEIVED = "DTMF_RECEIVED"


class UploadStatus(OpenSet):
    """Upload status."""

    UPLOAD_COMPLETED = "UPLOAD_COMPLETED"
    UPLOAD_FAILED = "UPLOAD_FAILED"


class UpdateStatus(OpenSet):
    """Update status."""

    NO_CHANGE = "NO_CHANGE"
    UPDATED = "UPDATED"


class UpdateEventType(OpenSet):
    """Update event type."""

    SNAPSHOT = "SNAPSHOT"
    UPDATES = "UPDATES"


class Direction(OpenSet):
    """``callDirection``."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class Digits(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The DTMF digits of a sayAndCapture."""

    dtmf: str | None
    """The digits; null when none were captured."""


class CallActionPayload(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A question: what shall the call do next?."""

    call_direction: Direction
    """``INBOUND`` or ``OUTBOUND``."""
    call_type: CallType
    """``PSTN``, or ``VOIP`` for a user of this server."""
    source: str
    """The calling number, E.164 with ``+``, or ``anonymous``."""
    destination: str
    """The called number, E.164 with ``+``."""
    source_format: SourceFormat | None = None
    """Absent where the caller is withheld."""
    destination_format: DestinationFormat | None = None
    """How ``destination`` is written."""
    source_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    destination_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    source_ref_id: str | None = None
    """Outbound: reference id of the number used."""
    destination_ref_id: str | None = None
    """Inbound: reference id of the number called."""
    event_id: str
    """Also the header ``webhook-id``; the same over retries."""
    call_id: str
    """Of the call (leg) that the event is about."""
    session_id: str
    """The session's id."""
    sub_account_id: str
    """The sub-account's id."""
    call_duration: int
    """Whole seconds connected."""
    sip_code: int
    """SIP status of the call that the event is about."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    client_action_id: str | None = None
    """Of the callflow that runs (VCS) or that has just ended (VCA), if it had one."""
    client_request_id: str | None = None
    """As the request gave it."""
    client_batch_id: str | None = None
    """As the request gave it."""
    call_status: QuestionStatus
    """``CALL_RECEIVED`` for a new inbound call."""
    event_data: str | Digits | None
    """The digits; a bare string where the sub-account's ``dtmfEventData`` is ``string``."""
    dtmf: str | None
    """The digits again; null when none were captured."""
    caller_verification: CallerVerification | None = None
    """Of a call from outside, where the operator verifies callers (STIR/SHAKEN)."""


class VcaEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="eventType",
    tag="CALL_ACTION",
):
    """The body of a VCA request."""

    namespace: str
    """``VOICE``."""
    description: str
    """``Action request of a call``."""
    version: int
    """5."""
    payload: CallActionPayload


class CallStatusPayload(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Something happened to a call."""

    call_direction: Direction
    """``INBOUND`` or ``OUTBOUND``."""
    call_type: CallType
    """``PSTN``, or ``VOIP`` for a user of this server."""
    source: str
    """The calling number, E.164 with ``+``, or ``anonymous``."""
    destination: str
    """The called number, E.164 with ``+``."""
    source_format: SourceFormat | None = None
    """Absent where the caller is withheld."""
    destination_format: DestinationFormat | None = None
    """How ``destination`` is written."""
    source_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    destination_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    source_ref_id: str | None = None
    """Outbound: reference id of the number used."""
    destination_ref_id: str | None = None
    """Inbound: reference id of the number called."""
    event_id: str
    """Also the header ``webhook-id``; the same over retries."""
    call_id: str
    """Of the call (leg) that the event is about."""
    session_id: str
    """The session's id."""
    sub_account_id: str
    """The sub-account's id."""
    call_duration: int
    """Whole seconds connected."""
    sip_code: int
    """SIP status of the call that the event is about."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    client_action_id: str | None = None
    """Of the callflow that runs (VCS) or that has just ended (VCA), if it had one."""
    client_request_id: str | None = None
    """As the request gave it."""
    client_batch_id: str | None = None
    """As the request gave it."""
    call_status: CallEventStatus
    """What happened; ``CALL_UPDATED`` is ringing, or bridged."""
    event_data: str | Digits | None = None
    """Of ``DTMF_RECEIVED``: the digits."""


class VcsEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="eventType",
    tag="CALL_STATUS",
):
    """The body of a VCS request."""

    namespace: str
    """``VOICE``."""
    description: str
    """``Status update of a call``."""
    version: int
    """5."""
    payload: CallStatusPayload


class SummaryError(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why a session ended ``ERROR``."""

    error_msg: str
    """The code's text."""
    error_code: int
    """From the table of runtime codes."""
    action: str | None = None
    """In which action."""
    call_flow_request_id: str | None = None
    """Of the request that started it."""
    reason: str | None = None
    """Of -2010: which limit or rule kept it from dialling."""


class CallStatus(OpenSet):
    """Outcome of one leg (``spec/execution.md``, 'How it ends')."""

    BUSY = "BUSY"
    CANCELED = "CANCELED"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    FAILED = "FAILED"
    NO_ANSWER = "NO_ANSWER"


class SummaryQuality(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How well the call could be heard, the worse direction."""

    mos: float
    """1 to 4.4, by the E-model."""
    packet_loss_rate: float
    """0 to 1: 0.01 is 1 %."""
    jitter: int
    """Whole milliseconds."""


class SummaryCall(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One call (leg) of the session."""

    call_direction: Direction
    """``INBOUND`` or ``OUTBOUND``."""
    call_type: CallType
    """``PSTN``, or ``VOIP`` for a user of this server."""
    source: str
    """The calling number, E.164 with ``+``, or ``anonymous``."""
    destination: str
    """The called number, E.164 with ``+``."""
    source_format: SourceFormat | None = None
    """Absent where the caller is withheld."""
    destination_format: DestinationFormat | None = None
    """How ``destination`` is written."""
    source_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    destination_country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    source_ref_id: str | None = None
    """Outbound: reference id of the number used."""
    destination_ref_id: str | None = None
    """Inbound: reference id of the number called."""
    call_id: str
    """The call's (leg's) id."""
    initiated_timestamp: str | None = None
    """When it was dialled or came: ISO 8601, UTC."""
    connected_timestamp: str | None = None
    """Only if it was connected."""
    disconnected_timestamp: str | None = None
    """When it ended: ISO 8601, UTC."""
    call_status: CallStatus | None = None
    """How the call ended."""
    call_duration: int
    """Whole seconds connected."""
    call_quality: SummaryQuality | None = None
    """Only if media flowed."""


class SessionSummaryPayload(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A session has ended."""

    session_id: str
    """The session's id."""
    sub_account_id: str
    """The sub-account's id."""
    session_status: SessionStatus
    """Final."""
    start_time: str
    """ISO 8601, UTC, whole seconds."""
    end_time: str | None = None
    """ISO 8601, UTC, whole seconds."""
    last_action: str | None = None
    """The action that was begun last."""
    call_count: int
    """How many calls (legs) it made and took."""
    client_request_id: str | None = None
    """As the request gave it."""
    client_batch_id: str | None = None
    """As the request gave it."""
    error_details: SummaryError | None = None
    """Only with ``ERROR``."""
    details: dict[str, SummaryCall]
    """One member for each call, in the order they were made: ``callA`` to ``callJ``."""


class VssEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="eventType",
    tag="SESSION_SUMMARY",
):
    """The body of a VSS request."""

    namespace: str
    """``VOICE``."""
    description: str
    """``Summary of a completed call session``."""
    version: int
    """5."""
    payload: SessionSummaryPayload


class RecordingPayload(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A recording was put where it belongs, or could not be."""

    session_id: str
    """The session's id."""
    recording_id: str
    """Also part of the file's name."""
    duration_seconds: int
    """Whole seconds."""
    file_path: str
    """Where it was put."""
    status: UploadStatus
    """What became of it."""


class VruEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="eventType",
    tag="CALL_RECORDING_STATUS",
):
    """The body of a VRU request."""

    namespace: str
    """``VOICE``."""
    description: str
    """``Call recording status updated``."""
    version: int
    """5."""
    payload: RecordingPayload


class NumberChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One virtual number."""

    msisdn: str
    """The number, E.164 with ``+``."""
    updated_timestamp: str
    """ISO 8601."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    operational_status: OperationalStatus | None = None
    """Status of the number."""
    reference_id: str | None = None
    """The operator's id of the number."""
    rental_price: float | None = None
    """Price of the number."""
    incoming_rate: float | None = None
    """Price of a billing unit of an incoming call."""
    billing_unit: int | None = None
    """Seconds."""
    billing_currency: str | None = None
    """ISO 4217 code."""
    number_health_check_enabled: bool | None = None
    """Whether its health is checked."""
    update_status: UpdateStatus | None = None
    """Whether this number has changed."""


class NumbersPayload(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Virtual numbers have changed."""

    sub_account_id: str
    """The sub-account's id."""
    total_numbers: int
    """Of the sub-account."""
    update_event_type: UpdateEventType
    """All numbers, or those that have changed."""
    virtual_numbers: list[NumberChange]
    """The numbers."""


class VnuEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="eventType",
    tag="VIRTUAL_NUMBER_UPDATE",
):
    """The body of a VNU request."""

    namespace: str
    """``VOICE``."""
    description: str
    """``Status of account virtual number(s) updated``."""
    version: int
    """5."""
    payload: NumbersPayload
