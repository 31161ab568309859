"""SIP: a user agent as a protocol engine without I/O (RFC 3261, 3264, 3311, 3581, 6026, 6086, 8760)."""

from offhook.sip.agent import UserAgent
from offhook.sip.auth import ServerAuth, Verdict
from offhook.sip.events import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    Credentials,
    Ended,
    EndedBy,
    Event,
    IncomingInvite,
    Info,
    Provisional,
    Rejected,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
    dtmf_of_info,
)
from offhook.sip.timers import Timers

__all__ = [
    "Address",
    "Answered",
    "AnyEvent",
    "Canceled",
    "Confirmed",
    "Credentials",
    "Ended",
    "EndedBy",
    "Event",
    "IncomingInvite",
    "Info",
    "Provisional",
    "Rejected",
    "Reoffer",
    "ReofferAnswered",
    "ReofferRejected",
    "ServerAuth",
    "Timers",
    "UserAgent",
    "Verdict",
    "dtmf_of_info",
]
