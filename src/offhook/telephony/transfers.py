"""Whether a peer's REFER is followed, and the answer that it gets where it is not."""

from __future__ import annotations

import logging

from offhook.sip import Referred
from offhook.sip.grammar import GrammarError, parse_uri, unescape
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.line_call import LineCall
from offhook.telephony.number_formats import Party

log = logging.getLogger(__name__)


def answer_refer(endpoint: SipEndpoint, event: Referred, call: LineCall) -> None:
    """Follow a REFER where the call's trunk allows it and the session takes it; else refuse it, with the
    reason."""
    refusal = _refusal(event, call)
    if refusal is not None:
        log.info("call %s: its peer's transfer (REFER) is refused: %s", call.call_id, refusal)
    with endpoint.command() as (agent, now):
        if refusal is None:
            agent.accept_refer(event.handle, now)
        else:
            agent.reject_refer(event.handle, now, warning=refusal)


def _refusal(event: Referred, call: LineCall) -> str | None:
    """Why a REFER is not followed, for the people who read the answer; None: it is."""
    listener, trunk = call.transfer_listener, call.leg_media.trunk
    if trunk is None or not trunk.follows_refer:
        return "transfers over this trunk are not followed"
    if event.replaces:
        return "attended transfers (Replaces) are not followed"
    if listener is None:
        return "only the second party of a bridged call may transfer it"
    try:
        user = unescape(parse_uri(event.target).user.partition(";")[0])
    except GrammarError:
        user = ""
    if not listener(trunk.numbers.read(user, Party.CALLED)):
        return "the session may not call this number"
    return None
