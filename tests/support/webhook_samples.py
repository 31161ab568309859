"""One body of every webhook, as the documentation shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.flow.actions import Callflow, Hangup
from offhook.session.session import CallQuality, Direction, Leg, Session, SessionError
from offhook.webhooks import payloads
from offhook.webhooks.payloads import CallActionStatus, CallEventStatus, NumberStatus

AT = datetime(2024, 7, 3, 5, 59, 32, 226_000, tzinfo=UTC)

LEG = Leg(
    call_id="01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e57",
    direction=Direction.OUTBOUND,
    source="+6568332048",
    destination="+639171234567",
    reference_id="PSTN1",
    initiated_at=AT + timedelta(seconds=1),
    connected_at=AT + timedelta(seconds=5),
    disconnected_at=AT + timedelta(seconds=12.9),
    status=CallStatus.COMPLETED,
    sip_code=200,
    quality=CallQuality(mos=4.4, packet_loss_rate=0.0, jitter=2),
)
UP = msgspec.structs.replace(LEG, disconnected_at=None, status=None, sip_code=None, quality=None)

SESSION = Session(
    session_id="01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e56",
    sub_account_id="acme_corp",
    call_flow_request_id="01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e55",
    status=SessionStatus.COMPLETED,
    callflow=Callflow(
        actions=(Hangup(),), client_request_id="order-4711", client_batch_id="july-3"
    ),
    created_at=AT,
    ended_at=AT + timedelta(seconds=13),
    last_action="SAY_AND_CAPTURE",
    legs=(LEG,),
)
EVENT_ID = "01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e58"
ERROR = SessionError(code=RuntimeCode.SYNTHESIS_FAILED, action="SAY")

SAMPLES: Mapping[str, bytes] = {
    "VCA": payloads.call_action(
        SESSION,
        UP,
        event_id=EVENT_ID,
        status=CallActionStatus.ACTION_COMPLETED,
        at=AT + timedelta(seconds=8),
        digits="1",
        client_action_id="menu",
    ),
    "VCS": payloads.call_status(
        SESSION,
        UP,
        event_id=EVENT_ID,
        status=CallEventStatus.DTMF_RECEIVED,
        at=AT + timedelta(seconds=8),
        sip_code=200,
        digits="1",
        client_action_id="menu",
    ),
    "VSS": payloads.session_summary(SESSION),
    "VSS-error": payloads.session_summary(
        msgspec.structs.replace(SESSION, status=SessionStatus.ERROR, error=ERROR, last_action="SAY")
    ),
    "VRU": payloads.recording_status(
        session_id=SESSION.session_id,
        recording_id="01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e59",
        duration_seconds=7,
        file_path="recordings/01906f5b.mp3",
        uploaded=True,
    ),
    "VNU": payloads.numbers_update(
        "acme_corp",
        [
            NumberStatus(
                msisdn="+6568332048",
                updated_timestamp="2024-07-03T05:59:32Z",
                country_code="SG",
                operational_status="Active",
                reference_id="PSTN1",
                rental_price=5.0,
                incoming_rate=0.015,
                billing_unit=60,
                billing_currency="EUR",
                number_health_check_enabled=True,
                update_status="UPDATED",
            )
        ],
        total=1,
        snapshot=False,
    ),
    "DTMF": payloads.dtmf_callback(SESSION, UP, digits="1", at=AT + timedelta(seconds=8)),
}
"""By webhook type; ``DTMF`` is the legacy callback."""
