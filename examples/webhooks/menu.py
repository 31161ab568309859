"""What the server does, whatever its framework: answers a menu, and prints how sessions ended."""

from __future__ import annotations

from offhook.receiver import SignedDelivery, VcaEvent, VssEvent, answer, hangup, say

HOURS = {"1": "We are open from nine to six.", "2": "We are closed on Sundays."}


def decide(delivery: SignedDelivery) -> dict[str, object]:
    """The JSON to answer. Deliveries come at least once: a real server keeps ``delivery.id``."""
    match delivery.event:
        case VcaEvent(payload=call):
            text = HOURS.get(call.dtmf or "", "That is not one of our choices.")
            return answer([say(text, language="en-GB"), hangup()], client_action_id="told")
        case VssEvent(payload=session):
            print(session.session_id, session.session_status, flush=True)
    return {}
