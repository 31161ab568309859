"""Every webhook payload, one function each (``spec/webhooks.md``); nothing else builds one.

Each returns the whole UTF-8 JSON body, envelope included. Absent values are left out; exceptions are
noted at the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from offhook.clock import iso_milliseconds, iso_seconds
from offhook.flow.numbers import country_of
from offhook.session.session import CallQuality, Direction, Leg, Session, SessionError

_Json = dict[str, object]

_VERSION = 5

_OK = 200
"""``sipCode`` of every VCA request: the leg is up, or a call from outside has come."""


class CallActionStatus(StrEnum):
    """``callStatus`` of a VCA request."""

    ACTION_COMPLETED = "ACTION_COMPLETED"
    CALL_RECEIVED = "CALL_RECEIVED"


class CallEventStatus(StrEnum):
    """``callStatus`` of a VCS event."""

    CALL_INITIATED = "CALL_INITIATED"
    CALL_RECEIVED = "CALL_RECEIVED"
    CALL_UPDATED = "CALL_UPDATED"
    CALL_CONNECTED = "CALL_CONNECTED"
    DTMF_RECEIVED = "DTMF_RECEIVED"
    CALL_DISCONNECTED = "CALL_DISCONNECTED"


class NumberStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number of a VNU payload."""

    msisdn: str
    updated_timestamp: str
    """ISO 8601."""
    country_code: str | None = None
    operational_status: str | None = None
    """``Active``, ``Unhealthy``, ``Expiring`` or ``Inactive``."""
    reference_id: str | None = None
    rental_price: float | None = None
    incoming_rate: float | None = None
    billing_unit: int | None = None
    """Seconds."""
    billing_currency: str | None = None
    number_health_check_enabled: bool | None = None
    update_status: str | None = None
    """``UPDATED`` or ``NO_CHANGE``."""


def call_action(
    session: Session,
    leg: Leg,
    *,
    event_id: str,
    status: CallActionStatus,
    at: datetime,
    digits: str | None = None,
    client_action_id: str | None = None,
    dtmf_event_data: str = "object",
) -> bytes:
    """The VCA request: what is ``leg`` to do next? ``digits`` are those of the last sayAndCapture. They
    are in both places that clients read, null included. ``dtmf_event_data`` is the sub-account's setting,
    ``object`` or ``string``.
    """
    payload = _call_event(session, leg, event_id, status, at, _OK, client_action_id)
    payload["eventData"] = _event_data(digits, dtmf_event_data)
    payload["dtmf"] = digits
    if leg.verification is not None:
        payload["callerVerification"] = leg.verification
    return _envelope("CALL_ACTION", "Action request of a call", payload)


def call_status(
    session: Session,
    leg: Leg,
    *,
    event_id: str,
    status: CallEventStatus,
    at: datetime,
    sip_code: int,
    digits: str | None = None,
    client_action_id: str | None = None,
    dtmf_event_data: str = "object",
) -> bytes:
    """A VCS event; ``digits`` and ``eventData`` belong to ``DTMF_RECEIVED`` only.

    ``sip_code`` is the SIP status of the leg that the event is about (:mod:`.sip_codes`).
    """
    payload = _call_event(session, leg, event_id, status, at, sip_code, client_action_id)
    if status is CallEventStatus.DTMF_RECEIVED:
        payload["eventData"] = _event_data(digits, dtmf_event_data)
    return _envelope("CALL_STATUS", "Status update of a call", payload)


def session_summary(session: Session) -> bytes:
    """The VSS summary of a session that has ended."""
    payload = _present(
        sessionId=session.session_id,
        subAccountId=session.sub_account_id,
        sessionStatus=session.status.value,
        startTime=iso_seconds(session.created_at),
        endTime=_seconds(session.ended_at),
        lastAction=session.last_action,
        callCount=len(session.legs),
        clientRequestId=session.client_request_id,
        clientBatchId=session.client_batch_id,
        errorDetails=None if session.error is None else _error(session, session.error),
    )
    payload["details"] = {
        f"call{_letters(index)}": _leg(leg) for index, leg in enumerate(session.legs)
    }
    return _envelope("SESSION_SUMMARY", "Summary of a completed call session", payload)


def recording_status(
    *, session_id: str, recording_id: str, duration_seconds: int, file_path: str, uploaded: bool
) -> bytes:
    """A VRU event: a recording was put at ``file_path``, or could not be."""
    payload: _Json = {
        "sessionId": session_id,
        "recordingId": recording_id,
        "durationSeconds": duration_seconds,
        "filePath": file_path,
        "status": "UPLOAD_COMPLETED" if uploaded else "UPLOAD_FAILED",
    }
    return _envelope("CALL_RECORDING_STATUS", "Call recording status updated", payload)


def numbers_update(
    sub_account_id: str, numbers: Sequence[NumberStatus], *, total: int, snapshot: bool
) -> bytes:
    """A VNU event: all numbers of a sub-account (``SNAPSHOT``), or those that changed."""
    payload: _Json = {
        "subAccountId": sub_account_id,
        "totalNumbers": total,
        "updateEventType": "SNAPSHOT" if snapshot else "UPDATES",
        "virtualNumbers": [_number(number) for number in numbers],
    }
    description = "Status of account virtual number(s) updated"
    return _envelope("VIRTUAL_NUMBER_UPDATE", description, payload)


def _number(number: NumberStatus) -> NumberStatus:
    """The number with its prices in the shortest form."""
    prices = {
        name: _shortest(price)
        for name in ("rental_price", "incoming_rate")
        if (price := getattr(number, name)) is not None
    }
    return msgspec.structs.replace(number, **prices)


def dtmf_callback(session: Session, leg: Leg, *, digits: str | None, at: datetime) -> bytes:
    """The legacy body posted to a sayAndCapture's ``dtmfCallbackUrl``; it has no envelope."""
    body = _present(
        uid=session.session_id,
        status={"code": "DTMF", "timestamp": iso_milliseconds(at)},
        destination=leg.destination,
        clientRequestId=session.client_request_id,
    )
    body["actionDetails"] = {"dtmf": digits}
    return msgspec.json.encode(body)


def _envelope(event_type: str, description: str, payload: _Json) -> bytes:
    return msgspec.json.encode(
        {
            "namespace": "VOICE",
            "eventType": event_type,
            "description": description,
            "version": _VERSION,
            "payload": payload,
        }
    )


def _call_event(
    session: Session,
    leg: Leg,
    event_id: str,
    status: StrEnum,
    at: datetime,
    sip_code: int,
    client_action_id: str | None,
) -> _Json:
    return _present(
        eventId=event_id,
        callId=leg.call_id,
        sessionId=session.session_id,
        subAccountId=session.sub_account_id,
        callStatus=status.value,
        callDirection=leg.direction.value,
        callType=leg.call_type,
        **_parties(leg),
        callDuration=_connected_seconds(leg, at),
        sipCode=sip_code,
        timestamp=iso_milliseconds(at),
        clientActionId=client_action_id,
        clientRequestId=session.client_request_id,
        clientBatchId=session.client_batch_id,
    )


def _leg(leg: Leg) -> _Json:
    end = leg.disconnected_at
    return _present(
        callId=leg.call_id,
        callDirection=leg.direction.value,
        callType=leg.call_type,
        initiatedTimestamp=_seconds(leg.initiated_at),
        connectedTimestamp=_seconds(leg.connected_at),
        disconnectedTimestamp=_seconds(end),
        **_parties(leg),
        callStatus=None if leg.status is None else leg.status.value,
        callDuration=0 if end is None else _connected_seconds(leg, end),
        callQuality=None if leg.quality is None else _quality(leg.quality),
    )


def _parties(leg: Leg) -> _Json:
    """Source and destination; a withheld source is no number, so it has neither format nor country."""
    outbound = leg.direction is Direction.OUTBOUND
    return _present(
        source=leg.source,
        destination=leg.destination,
        sourceFormat=_format(leg.source),
        destinationFormat=_format(leg.destination),
        sourceCountryCode=_country(leg.source),
        destinationCountryCode=_country(leg.destination),
        sourceRefId=leg.reference_id if outbound else None,
        destinationRefId=None if outbound else leg.reference_id,
    )


def _error(session: Session, error: SessionError) -> _Json:
    return _present(
        errorMsg=error.code.message,
        errorCode=error.code,
        action=error.action,
        callFlowRequestId=session.call_flow_request_id or None,
        reason=error.reason,
    )


def _quality(quality: CallQuality) -> _Json:
    return {
        "mos": _shortest(quality.mos),
        "packetLossRate": _shortest(quality.packet_loss_rate),
        "jitter": _shortest(quality.jitter),
    }


def _shortest(number: float) -> float:
    """A number that encodes in the shortest JSON form: ``4``, not ``4.0``."""
    return int(number) if number == int(number) else number


def _event_data(digits: str | None, form: str) -> object:
    return digits if form == "string" else {"dtmf": digits}


def _present(**members: object) -> _Json:
    return {name: value for name, value in members.items() if value is not None}


def _seconds(at: datetime | None) -> str | None:
    return None if at is None else iso_seconds(at)


def _connected_seconds(leg: Leg, at: datetime) -> int:
    if leg.connected_at is None:
        return 0
    end = at if leg.disconnected_at is None else leg.disconnected_at
    return max(0, int((end.astimezone(UTC) - leg.connected_at).total_seconds()))


def _format(number: str) -> str | None:
    return "MSISDN" if number.startswith("+") else None


def _country(number: str) -> str | None:
    return country_of(number) if number.startswith("+") else None


def _letters(index: int) -> str:
    """A, B … Z, AA, AB …: the legs of a session are not limited to 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
