"""The states of a call at either end, and of a dialog, as tables (RFC 3261 §9, §12, §13, §15).

A transaction ends by itself; a call is what the application holds, from the INVITE to the last BYE. Its
last event for the application leaves when it becomes OVER, never before and never twice.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from offhook.sip.machine import StateMachine


class CallState(IntEnum):
    """Life of a call; it never goes back."""

    EARLY = 0
    """The INVITE was sent or received and is not answered."""
    CANCELING = 1
    """We canceled our INVITE and wait for its final response."""
    UP = 2
    ENDING = 3
    """Our BYE is sent, or waits for the ACK of our 2xx."""
    OVER = 4


class CallEvent(StrEnum):
    """What moves a call. The value is its text in the diagrams."""

    ANSWERED = "2xx"
    REFUSED = "300-699 or no answer"
    CANCEL = "we give up"
    PEER_GAVE_UP = "CANCEL or BYE received"
    HANG_UP = "we hang up"
    BYE_RECEIVED = "BYE received"
    BYE_ANSWERED = "BYE answered, or not in time"
    LOST = "no ACK, or 481, 408 or no answer inside the dialog"
    ABANDON = "internal error"


_S, _E = CallState, CallEvent
_ESTABLISHED = {
    _S.UP: {
        _E.HANG_UP: _S.ENDING,
        _E.BYE_RECEIVED: _S.OVER,
        _E.LOST: _S.OVER,
        _E.ABANDON: _S.OVER,
    },
    _S.ENDING: {
        _E.BYE_ANSWERED: _S.OVER,
        _E.BYE_RECEIVED: _S.OVER,
        _E.ABANDON: _S.OVER,
    },
    _S.OVER: {},
}

OUTBOUND_CALL: StateMachine[CallState, CallEvent] = StateMachine(
    "call that we make",
    "RFC 3261 §9.1, §13.2, §15",
    [_S.EARLY],
    {
        _S.EARLY: {
            _E.ANSWERED: _S.UP,
            _E.REFUSED: _S.OVER,
            _E.CANCEL: _S.CANCELING,
            _E.ABANDON: _S.OVER,
        },
        _S.CANCELING: {
            _E.ANSWERED: _S.OVER,  # a 200 crossed our CANCEL: we send ACK and BYE
            _E.REFUSED: _S.OVER,
            _E.ABANDON: _S.OVER,
        },
        **_ESTABLISHED,
    },
)
INBOUND_CALL: StateMachine[CallState, CallEvent] = StateMachine(
    "call that we receive",
    "RFC 3261 §9.2, §13.3, §15",
    [_S.EARLY],
    {
        _S.EARLY: {
            _E.ANSWERED: _S.UP,
            _E.REFUSED: _S.OVER,
            _E.PEER_GAVE_UP: _S.OVER,
            _E.ABANDON: _S.OVER,
        },
        **_ESTABLISHED,
    },
)


class DialogState(IntEnum):
    """Life of a dialog (RFC 3261 §12)."""

    EARLY = 0
    CONFIRMED = 1
    TERMINATED = 2


class DialogEvent(StrEnum):
    """What moves a dialog. The value is its text in the diagrams."""

    PROVISIONAL = "101-199 with a To tag"
    ANSWERED = "2xx"
    ENDED = "300-699, BYE, or the end of the call"


_D, _DE = DialogState, DialogEvent

DIALOG: StateMachine[DialogState, DialogEvent] = StateMachine(
    "dialog",
    "RFC 3261 §12.1, §12.3",
    [_D.EARLY, _D.CONFIRMED],
    {
        _D.EARLY: {
            _DE.PROVISIONAL: _D.EARLY,
            _DE.ANSWERED: _D.CONFIRMED,
            _DE.ENDED: _D.TERMINATED,
        },
        _D.CONFIRMED: {_DE.ENDED: _D.TERMINATED},
        _D.TERMINATED: {},
    },
)
