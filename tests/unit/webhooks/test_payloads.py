"""Every payload against the text of ``spec/webhooks.md``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.flow.actions import Callflow, Hangup
from offhook.session.session import CallQuality, Direction, Leg, Session, SessionError
from offhook.webhooks import payloads
from offhook.webhooks.payloads import CallActionStatus, CallEventStatus, NumberStatus

BEGIN = datetime(2024, 7, 3, 5, 59, 32, 226_000, tzinfo=UTC)

LEG = Leg(
    call_id="call-1",
    direction=Direction.OUTBOUND,
    source="+6568332048",
    destination="+639171234567",
    reference_id="PSTN1",
    initiated_at=BEGIN + timedelta(seconds=1),
    connected_at=BEGIN + timedelta(seconds=5),
    disconnected_at=BEGIN + timedelta(seconds=12.9),
    status=CallStatus.COMPLETED,
    sip_code=200,
    quality=CallQuality(mos=4.4, packet_loss_rate=0.01, jitter=2),
)

SESSION = Session(
    session_id="session-1",
    sub_account_id="acme_corp",
    call_flow_request_id="request-1",
    status=SessionStatus.COMPLETED,
    callflow=Callflow(actions=(Hangup(),), client_request_id="mine-7", client_batch_id="batch-3"),
    created_at=BEGIN,
    ended_at=BEGIN + timedelta(seconds=13),
    last_action="SAY",
    legs=(LEG,),
)


def parsed(body: bytes) -> Any:
    return json.loads(body)


def changed(session: Session, **changes: Any) -> Session:
    return msgspec.structs.replace(session, **changes)


def test_a_summary_is_exactly_what_the_contract_says() -> None:
    assert parsed(payloads.session_summary(SESSION)) == {
        "namespace": "VOICE",
        "eventType": "SESSION_SUMMARY",
        "description": "Summary of a completed call session",
        "version": 5,
        "payload": {
            "sessionId": "session-1",
            "subAccountId": "acme_corp",
            "sessionStatus": "COMPLETED",
            "startTime": "2024-07-03T05:59:32Z",
            "endTime": "2024-07-03T05:59:45Z",
            "lastAction": "SAY",
            "callCount": 1,
            "clientRequestId": "mine-7",
            "clientBatchId": "batch-3",
            "details": {
                "callA": {
                    "callId": "call-1",
                    "callDirection": "OUTBOUND",
                    "callType": "PSTN",
                    "initiatedTimestamp": "2024-07-03T05:59:33Z",
                    "connectedTimestamp": "2024-07-03T05:59:37Z",
                    "disconnectedTimestamp": "2024-07-03T05:59:45Z",
                    "source": "+6568332048",
                    "destination": "+639171234567",
                    "sourceFormat": "MSISDN",
                    "destinationFormat": "MSISDN",
                    "sourceCountryCode": "SG",
                    "destinationCountryCode": "PH",
                    "sourceRefId": "PSTN1",
                    "callStatus": "COMPLETED",
                    "callDuration": 7,
                    "callQuality": {"mos": 4.4, "packetLossRate": 0.01, "jitter": 2},
                }
            },
        },
    }


def test_a_leg_that_never_connected_has_no_connected_time_and_no_quality() -> None:
    leg = msgspec.structs.replace(
        LEG, connected_at=None, quality=None, status=CallStatus.BUSY, sip_code=486
    )
    body = parsed(payloads.session_summary(changed(SESSION, legs=(leg,))))
    call = body["payload"]["details"]["callA"]
    assert call["callStatus"] == "BUSY"
    assert call["callDuration"] == 0
    assert not {"connectedTimestamp", "callQuality"} & call.keys()


@pytest.mark.parametrize(
    ("quality", "encoded"),
    [
        ((4.4, 0.01, 2), '{"mos":4.4,"packetLossRate":0.01,"jitter":2}'),
        ((4.0, 0.0, 0), '{"mos":4,"packetLossRate":0,"jitter":0}'),
        ((1.0, 1.0, 250), '{"mos":1,"packetLossRate":1,"jitter":250}'),
        ((4.1, 0.0001, 1), '{"mos":4.1,"packetLossRate":0.0001,"jitter":1}'),
    ],
)
def test_numbers_stand_in_their_shortest_form(
    quality: tuple[float, float, int], encoded: str
) -> None:
    mos, loss, jitter = quality
    measured = CallQuality(mos=mos, packet_loss_rate=loss, jitter=jitter)
    leg = msgspec.structs.replace(LEG, quality=measured)
    assert f'"callQuality":{encoded}'.encode() in payloads.session_summary(
        changed(SESSION, legs=(leg,))
    )


def test_an_inbound_leg_carries_the_reference_of_the_number_called() -> None:
    leg = msgspec.structs.replace(LEG, direction=Direction.INBOUND)
    body = parsed(payloads.session_summary(changed(SESSION, legs=(leg,))))
    call = body["payload"]["details"]["callA"]
    assert call["destinationRefId"] == "PSTN1"
    assert "sourceRefId" not in call


def test_legs_are_lettered_in_order_without_an_end() -> None:
    body = parsed(payloads.session_summary(changed(SESSION, legs=(LEG,) * 28)))
    assert body["payload"]["callCount"] == 28
    names = list(body["payload"]["details"])
    assert names[:3] == ["callA", "callB", "callC"]
    assert names[25:] == ["callZ", "callAA", "callAB"]


def test_only_an_error_has_details_and_never_our_own_notes() -> None:
    error = SessionError(code=RuntimeCode.SYNTHESIS_FAILED, action="SAY", detail="espeak died")
    body = payloads.session_summary(changed(SESSION, status=SessionStatus.ERROR, error=error))
    assert parsed(body)["payload"]["errorDetails"] == {
        "errorMsg": "Unable to synthesize text to speech",
        "errorCode": -2005,
        "action": "SAY",
        "callFlowRequestId": "request-1",
    }
    assert b"espeak" not in body


def test_a_session_that_never_dialled_leaves_out_what_it_has_not() -> None:
    bare = changed(SESSION, callflow=Callflow(actions=()), legs=(), last_action=None)
    payload = parsed(payloads.session_summary(bare))["payload"]
    assert payload["callCount"] == 0
    assert payload["details"] == {}
    assert not {"lastAction", "clientRequestId", "errorDetails"} & payload.keys()


def test_a_withheld_source_has_neither_format_nor_country() -> None:
    leg = msgspec.structs.replace(LEG, source="private", reference_id=None)
    call = parsed(payloads.session_summary(changed(SESSION, legs=(leg,))))["payload"]["details"][
        "callA"
    ]
    assert call["source"] == "private"
    assert not {"sourceFormat", "sourceCountryCode", "sourceRefId"} & call.keys()


def action(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "event_id": "event-1",
        "status": CallActionStatus.ACTION_COMPLETED,
        "at": BEGIN + timedelta(seconds=8),
        "digits": "12",
        "client_action_id": "ivr1",
    } | changes
    leg = msgspec.structs.replace(LEG, disconnected_at=None, status=None, sip_code=None)
    return parsed(payloads.call_action(SESSION, leg, **given))


def test_a_call_action_is_exactly_what_the_contract_says() -> None:
    assert action() == {
        "namespace": "VOICE",
        "eventType": "CALL_ACTION",
        "description": "Action request of a call",
        "version": 5,
        "payload": {
            "eventId": "event-1",
            "callId": "call-1",
            "sessionId": "session-1",
            "subAccountId": "acme_corp",
            "callStatus": "ACTION_COMPLETED",
            "callDirection": "OUTBOUND",
            "callType": "PSTN",
            "source": "+6568332048",
            "destination": "+639171234567",
            "sourceFormat": "MSISDN",
            "destinationFormat": "MSISDN",
            "sourceCountryCode": "SG",
            "destinationCountryCode": "PH",
            "sourceRefId": "PSTN1",
            "callDuration": 3,
            "eventData": {"dtmf": "12"},
            "dtmf": "12",
            "sipCode": 200,
            "timestamp": "2024-07-03T05:59:40.226Z",
            "clientActionId": "ivr1",
            "clientRequestId": "mine-7",
            "clientBatchId": "batch-3",
        },
    }


def test_a_call_action_without_digits_says_null_at_both_places() -> None:
    payload = action(digits=None)["payload"]
    assert payload["eventData"] == {"dtmf": None}
    assert payload["dtmf"] is None


@pytest.mark.parametrize("digits", ["1", None])
def test_a_sub_account_may_want_the_digits_bare(digits: str | None) -> None:
    payload = action(digits=digits, dtmf_event_data="string")["payload"]
    assert payload["eventData"] == digits
    assert payload["dtmf"] == digits


@pytest.mark.parametrize("status", list(CallEventStatus))
def test_a_call_status_has_event_data_for_keys_only(status: CallEventStatus) -> None:
    body = parsed(
        payloads.call_status(
            SESSION, LEG, event_id="e", status=status, at=BEGIN, sip_code=180, digits="5"
        )
    )
    assert body["eventType"] == "CALL_STATUS"
    assert body["description"] == "Status update of a call"
    assert body["payload"]["callStatus"] == status.value
    assert "dtmf" not in body["payload"]
    expected = {"dtmf": "5"} if status is CallEventStatus.DTMF_RECEIVED else None
    assert body["payload"].get("eventData") == expected


def test_ringing_carries_its_own_sip_code() -> None:
    body = payloads.call_status(
        SESSION, LEG, event_id="e", status=CallEventStatus.CALL_UPDATED, at=BEGIN, sip_code=183
    )
    assert parsed(body)["payload"]["sipCode"] == 183


def test_the_legacy_callback_is_exactly_what_the_contract_says() -> None:
    assert parsed(payloads.dtmf_callback(SESSION, LEG, digits="42", at=BEGIN)) == {
        "uid": "session-1",
        "status": {"code": "DTMF", "timestamp": "2024-07-03T05:59:32.226Z"},
        "destination": "+639171234567",
        "clientRequestId": "mine-7",
        "actionDetails": {"dtmf": "42"},
    }


@pytest.mark.parametrize(
    ("uploaded", "status"), [(True, "UPLOAD_COMPLETED"), (False, "UPLOAD_FAILED")]
)
def test_a_recording_status_is_exactly_what_the_contract_says(uploaded: bool, status: str) -> None:
    body = payloads.recording_status(
        session_id="s", recording_id="r", duration_seconds=9, file_path="a/b.mp3", uploaded=uploaded
    )
    assert parsed(body) == {
        "namespace": "VOICE",
        "eventType": "CALL_RECORDING_STATUS",
        "description": "Call recording status updated",
        "version": 5,
        "payload": {
            "sessionId": "s",
            "recordingId": "r",
            "durationSeconds": 9,
            "filePath": "a/b.mp3",
            "status": status,
        },
    }


def test_a_numbers_update_is_exactly_what_the_contract_says() -> None:
    number = NumberStatus(
        msisdn="+6568332048",
        updated_timestamp="2024-07-03T05:59:32Z",
        country_code="SG",
        operational_status="Active",
        number_health_check_enabled=False,
        update_status="UPDATED",
        rental_price=5.0,
        incoming_rate=0.015,
    )
    body = payloads.numbers_update("acme_corp", [number], total=3, snapshot=False)
    assert b'"rentalPrice":5,' in body
    assert parsed(body) == {
        "namespace": "VOICE",
        "eventType": "VIRTUAL_NUMBER_UPDATE",
        "description": "Status of account virtual number(s) updated",
        "version": 5,
        "payload": {
            "subAccountId": "acme_corp",
            "totalNumbers": 3,
            "updateEventType": "UPDATES",
            "virtualNumbers": [
                {
                    "msisdn": "+6568332048",
                    "updatedTimestamp": "2024-07-03T05:59:32Z",
                    "countryCode": "SG",
                    "operationalStatus": "Active",
                    "rentalPrice": 5,
                    "incomingRate": 0.015,
                    "numberHealthCheckEnabled": False,
                    "updateStatus": "UPDATED",
                }
            ],
        },
    }


def test_a_reason_for_the_customer_stands_in_error_details() -> None:
    error = SessionError(code=RuntimeCode.CAPACITY_EXCEEDED, detail="for us", reason="for you")
    ended = changed(SESSION, status=SessionStatus.ERROR, error=error)
    details = parsed(payloads.session_summary(ended))["payload"]["errorDetails"]
    assert details["reason"] == "for you"
    assert "for us" not in str(details)
