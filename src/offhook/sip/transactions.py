"""The four transaction machines as tables (RFC 3261 §17, RFC 6026 §7 and §8).

What each event makes a transaction do (send, retransmit, tell the application) is in
:mod:`offhook.sip.client` and :mod:`offhook.sip.server`; which state it leads to is only here.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from offhook.sip.machine import StateMachine


class ClientState(IntEnum):
    """States of both client machines."""

    TRYING = 0
    """A request other than INVITE is sent, nothing has come back."""
    CALLING = 1
    """An INVITE is sent, nothing has come back."""
    PROCEEDING = 2
    ACCEPTED = 3
    """A 2xx came: further ones, of other forks too, go to the call (RFC 6026)."""
    COMPLETED = 4
    TERMINATED = 5


class ClientEvent(StrEnum):
    """What moves a client transaction. The value is its text in the diagrams."""

    RETRANSMIT = "timer A or E"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    REFUSAL = "300-699"
    TIMEOUT = "timer B or F"
    TRANSPORT_ERROR = "transport error"
    LINGERED = "timer D, K or M"
    ABANDON = "internal error"


_C, _CE = ClientState, ClientEvent

INVITE_CLIENT: StateMachine[ClientState, ClientEvent] = StateMachine(
    "INVITE client transaction",
    "RFC 3261 §17.1.1, RFC 6026 §7.2 and §8.4",
    [_C.CALLING],
    {
        _C.CALLING: {
            _CE.RETRANSMIT: _C.CALLING,
            _CE.PROVISIONAL: _C.PROCEEDING,
            _CE.SUCCESS: _C.ACCEPTED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.TIMEOUT: _C.TERMINATED,
            _CE.TRANSPORT_ERROR: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.PROCEEDING: {
            _CE.PROVISIONAL: _C.PROCEEDING,
            _CE.SUCCESS: _C.ACCEPTED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.TIMEOUT: _C.TERMINATED,  # 64*T1 after our CANCEL (§9.1)
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.ACCEPTED: {
            _CE.PROVISIONAL: _C.ACCEPTED,
            _CE.SUCCESS: _C.ACCEPTED,
            _CE.REFUSAL: _C.ACCEPTED,
            _CE.LINGERED: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.COMPLETED: {
            _CE.PROVISIONAL: _C.COMPLETED,
            _CE.SUCCESS: _C.COMPLETED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.LINGERED: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.TERMINATED: {},
    },
)
NON_INVITE_CLIENT: StateMachine[ClientState, ClientEvent] = StateMachine(
    "non-INVITE client transaction",
    "RFC 3261 §17.1.2",
    [_C.TRYING],
    {
        _C.TRYING: {
            _CE.RETRANSMIT: _C.TRYING,
            _CE.PROVISIONAL: _C.PROCEEDING,
            _CE.SUCCESS: _C.COMPLETED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.TIMEOUT: _C.TERMINATED,
            _CE.TRANSPORT_ERROR: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.PROCEEDING: {
            _CE.RETRANSMIT: _C.PROCEEDING,
            _CE.PROVISIONAL: _C.PROCEEDING,
            _CE.SUCCESS: _C.COMPLETED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.TIMEOUT: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.COMPLETED: {
            _CE.PROVISIONAL: _C.COMPLETED,
            _CE.SUCCESS: _C.COMPLETED,
            _CE.REFUSAL: _C.COMPLETED,
            _CE.LINGERED: _C.TERMINATED,
            _CE.ABANDON: _C.TERMINATED,
        },
        _C.TERMINATED: {},
    },
)


class ServerState(IntEnum):
    """States of both server machines."""

    TRYING = 0
    """A request other than INVITE came and has no response yet."""
    PROCEEDING = 1
    ACCEPTED = 2
    """A 2xx was sent; the call repeats it, the transaction absorbs the INVITE's repetitions."""
    COMPLETED = 3
    CONFIRMED = 4
    """The ACK of our 300-699 came."""
    TERMINATED = 5


class ServerEvent(StrEnum):
    """What moves a server transaction. The value is its text in the diagrams."""

    REQUEST = "request again"
    PROVISIONAL = "1xx sent"
    SUCCESS = "2xx sent"
    REFUSAL = "300-699 sent"
    RETRANSMIT = "timer G"
    ACK = "ACK"
    NO_ACK = "timer H"
    LINGERED = "timer I, J or L"
    ABANDON = "internal error"


_S, _SE = ServerState, ServerEvent

INVITE_SERVER: StateMachine[ServerState, ServerEvent] = StateMachine(
    "INVITE server transaction",
    "RFC 3261 §17.2.1, RFC 6026 §7.1 and §8.5",
    [_S.PROCEEDING],
    {
        _S.PROCEEDING: {
            _SE.REQUEST: _S.PROCEEDING,
            _SE.PROVISIONAL: _S.PROCEEDING,
            _SE.SUCCESS: _S.ACCEPTED,
            _SE.REFUSAL: _S.COMPLETED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.ACCEPTED: {
            _SE.REQUEST: _S.ACCEPTED,
            _SE.LINGERED: _S.TERMINATED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.COMPLETED: {
            _SE.REQUEST: _S.COMPLETED,
            _SE.RETRANSMIT: _S.COMPLETED,
            _SE.ACK: _S.CONFIRMED,
            _SE.NO_ACK: _S.TERMINATED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.CONFIRMED: {
            _SE.REQUEST: _S.CONFIRMED,
            _SE.ACK: _S.CONFIRMED,
            _SE.LINGERED: _S.TERMINATED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.TERMINATED: {},
    },
)
NON_INVITE_SERVER: StateMachine[ServerState, ServerEvent] = StateMachine(
    "non-INVITE server transaction",
    "RFC 3261 §17.2.2",
    [_S.TRYING],
    {
        _S.TRYING: {
            _SE.REQUEST: _S.TRYING,
            _SE.PROVISIONAL: _S.PROCEEDING,
            _SE.SUCCESS: _S.COMPLETED,
            _SE.REFUSAL: _S.COMPLETED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.PROCEEDING: {
            _SE.REQUEST: _S.PROCEEDING,
            _SE.PROVISIONAL: _S.PROCEEDING,
            _SE.SUCCESS: _S.COMPLETED,
            _SE.REFUSAL: _S.COMPLETED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.COMPLETED: {
            _SE.REQUEST: _S.COMPLETED,
            _SE.LINGERED: _S.TERMINATED,
            _SE.ABANDON: _S.TERMINATED,
        },
        _S.TERMINATED: {},
    },
)
