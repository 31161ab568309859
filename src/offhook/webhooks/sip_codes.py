"""``sipCode`` of a call status event: the SIP status of the leg that the event is about.

The rules are ``spec/webhooks.md``, "Call events". The event has the far end's answer, or our answer to
it. Without an answer of either side, the status follows from the leg's outcome.
"""

from __future__ import annotations

from collections.abc import Mapping

from offhook.codes import CallStatus
from offhook.events import (
    AnyEvent,
    CallDisconnected,
    CallInitiated,
    CallUpdated,
    Side,
)
from offhook.session.session import Leg

TRYING = 100
OK = 200
REQUEST_TIMEOUT = 408
REQUEST_TERMINATED = 487

WITHOUT_ANSWER: Mapping[CallStatus, int] = {
    CallStatus.COMPLETED: 603,
    CallStatus.NO_ANSWER: REQUEST_TIMEOUT,
    CallStatus.BUSY: 486,
    CallStatus.CANCELED: REQUEST_TERMINATED,
    CallStatus.FAILED: REQUEST_TIMEOUT,
    CallStatus.ERROR: 503,
}
"""For a leg that ended unanswered without a final status of either side."""


def sip_code_of(event: AnyEvent, leg: Leg) -> int:
    """The ``sipCode`` of a call event of ``leg``, which is as it was after the event."""
    match event:
        case CallInitiated():
            return TRYING
        case CallUpdated(sip_code=int(ringing)):
            return ringing
        case CallDisconnected() if leg.connected_at is None:
            return _unanswered(event)
        case _:
            return OK


def _unanswered(event: CallDisconnected) -> int:
    status = CallStatus(event.call_status)
    if status is CallStatus.CANCELED:
        return REQUEST_TERMINATED
    if status is CallStatus.NO_ANSWER and event.by == Side.SERVER:
        return REQUEST_TIMEOUT  # our ring timeout: the far end answers our CANCEL with 487
    return WITHOUT_ANSWER[status] if event.sip_code is None else event.sip_code
