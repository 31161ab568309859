"""SIP: a user agent as a protocol engine without I/O.

RFC 3261, 3262, 3264, 3311, 3515, 3581, 4028, 6026, 6086, 8760.
"""

from offhook.sip.agent import UserAgent
from offhook.sip.agent_events import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    ContactWish,
    Credentials,
    Ended,
    EndedBy,
    Event,
    ForeignRequest,
    IncomingInvite,
    IncomingRegister,
    Info,
    OptionsAnswered,
    Provisional,
    Referred,
    RefreshDue,
    RegistrationChanged,
    Rejected,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
    dtmf_of_info,
)
from offhook.sip.auth import DigestVerdict, ServerAuth
from offhook.sip.screen import Admitted, Ignored, Judgement, OpenScreen, Screen, ScreenedOut
from offhook.sip.timers import Timers

__all__ = [
    "Address",
    "Admitted",
    "Answered",
    "AnyEvent",
    "Canceled",
    "Confirmed",
    "ContactWish",
    "Credentials",
    "DigestVerdict",
    "Ended",
    "EndedBy",
    "Event",
    "ForeignRequest",
    "Ignored",
    "IncomingInvite",
    "IncomingRegister",
    "Info",
    "Judgement",
    "OpenScreen",
    "OptionsAnswered",
    "Provisional",
    "Referred",
    "RefreshDue",
    "RegistrationChanged",
    "Rejected",
    "Reoffer",
    "ReofferAnswered",
    "ReofferRejected",
    "Screen",
    "ScreenedOut",
    "ServerAuth",
    "Timers",
    "UserAgent",
    "dtmf_of_info",
]
