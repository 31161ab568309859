"""Facts about a session, in the order they happened: its timeline.

Each is frozen, knows when it happened (UTC) and is stored as JSON tagged by ``event``. They are what
``GET …/sessions/{id}`` lists, what the event stream sends, and what the demo prints.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class SessionEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="event", rename="camel", omit_defaults=True
):
    """The base of all events."""

    at: datetime


class SessionQueued(SessionEvent, frozen=True, kw_only=True, tag="SESSION_QUEUED"):
    """The callflow was accepted and is durable."""


class SessionStarted(SessionEvent, frozen=True, kw_only=True, tag="SESSION_STARTED"):
    """A voice node claimed the session."""

    node: str


class CallInitiated(SessionEvent, frozen=True, kw_only=True, tag="CALL_INITIATED"):
    """An INVITE is about to leave."""

    call_id: str
    destination: str
    trunk: str


class Side(StrEnum):
    """Who ended a leg."""

    CALLEE = "callee"
    CALLER = "caller"
    SERVER = "server"


class Attestation(StrEnum):
    """How well the caller's provider knows the caller (RFC 8588 §4)."""

    A = "A"
    """It knows the customer, and that the number is the customer's."""
    B = "B"
    """It knows the customer."""
    C = "C"
    """It only passes the call on."""


class Verstat(StrEnum):
    """What STIR/SHAKEN says about a caller's number, by the names of 3GPP TS 24.229 §7.2A.20."""

    PASSED = "TN-Validation-Passed"
    FAILED = "TN-Validation-Failed"
    NONE = "No-TN-Validation"
    """The call has no Identity header."""


class CallerVerification(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The verdict on the Identity header of a call from outside."""

    result: Verstat
    attestation: Attestation | None = None
    """Of a signature that holds."""
    reason: str | None = None
    """Why a signature does not hold, in words."""


class Diverted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One forwarding of a call before it came to us (RFC 5806, RFC 7044)."""

    number: str
    """Who it was meant for."""
    reason: str | None = None
    """Why it was forwarded, as received: ``no-answer``, ``SIP;cause=302``."""


class CallReceived(SessionEvent, frozen=True, kw_only=True, tag="CALL_RECEIVED"):
    """An INVITE from outside started the session."""

    call_id: str
    source: str
    destination: str
    diverted: tuple[Diverted, ...] = ()
    """The forwardings before, the latest first."""
    verification: CallerVerification | None = None
    """Of the caller's number; None: it is not verified here."""


class CallUpdated(SessionEvent, frozen=True, kw_only=True, tag="CALL_UPDATED"):
    """The far end rings (18x), or the leg was bridged."""

    call_id: str
    sip_code: int | None = None
    bridged_with: str | None = None


class CallConnected(SessionEvent, frozen=True, kw_only=True, tag="CALL_CONNECTED"):
    """The far end answered (200)."""

    call_id: str


class CallDisconnected(SessionEvent, frozen=True, kw_only=True, tag="CALL_DISCONNECTED"):
    """The leg is over."""

    call_id: str
    call_status: str
    sip_code: int | None = None
    by: str | None = None
    """``callee``, ``caller`` or ``server``."""
    reason: str | None = None
    """Why, in words: the far end's ``Reason`` header (RFC 3326), or what we found."""
    q850_cause: int | None = None
    """Q.850 cause, 0 to 127, of the far end's ``Reason``."""


class QualityMeasured(SessionEvent, frozen=True, kw_only=True, tag="QUALITY_MEASURED"):
    """How the audio of a leg that is over arrived, in steps of time from its answer on."""

    call_id: str
    every: float
    """Seconds of a step."""
    mos: tuple[float | None, ...]
    """None: nothing arrived in this step; so below."""
    packet_loss_rate: tuple[float | None, ...]
    """0..1."""
    jitter: tuple[int | None, ...]
    """Whole milliseconds."""


class ActionStarted(SessionEvent, frozen=True, kw_only=True, tag="ACTION_STARTED"):
    """An action of the callflow began."""

    index: int
    action: str


class ActionEnded(SessionEvent, frozen=True, kw_only=True, tag="ACTION_ENDED"):
    """An action ended; ``result`` in a word or two, for a person."""

    index: int
    action: str
    result: str


class DigitsCaptured(SessionEvent, frozen=True, kw_only=True, tag="DTMF_RECEIVED"):
    """A sayAndCapture ended; ``digits`` is None when no digits, or too few, were pressed."""

    call_id: str
    digits: str | None


class DecisionAsked(SessionEvent, frozen=True, kw_only=True, tag="DECISION_ASKED"):
    """A question was sent to the VCA webhook."""

    event_id: str


class DecisionMade(SessionEvent, frozen=True, kw_only=True, tag="DECISION_MADE"):
    """The VCA webhook answered; ``problem`` says what was wrong with it, and at which path."""

    event_id: str
    question: str | None = None
    """The JSON that was sent."""
    http_status: int | None = None
    body: str | None = None
    problem: str | None = None


class NumberListed(SessionEvent, frozen=True, kw_only=True, tag="NUMBER_LISTED"):
    """The called person opted out; ``problem`` says why the operator's list did not take the number."""

    number: str
    problem: str | None = None


class RecordingStarted(SessionEvent, frozen=True, kw_only=True, tag="RECORDING_STARTED"):
    """The session is recorded from now on."""

    recording_id: str


class RecordingEnded(SessionEvent, frozen=True, kw_only=True, tag="RECORDING_ENDED"):
    """The recording is over; it is mixed, and uploaded if the sub-account wants that."""

    recording_id: str


class MenuFollowed(SessionEvent, frozen=True, kw_only=True, tag="MENU_FOLLOWED"):
    """The table of a stored menu led to a callflow; ``digits``: of the one before."""

    menu: str
    callflow: str
    digits: str | None = None


class SessionEnded(SessionEvent, frozen=True, kw_only=True, tag="SESSION_ENDED"):
    """The final status."""

    status: str
    error_code: int | None = None
    detail: str | None = None


class LateFact(SessionEvent, frozen=True, kw_only=True, tag="LATE_FACT"):
    """An event of a node that was cut off from the store, after another node had ended its session."""

    fact: str


AnyEvent = (
    SessionQueued
    | SessionStarted
    | CallInitiated
    | CallReceived
    | CallUpdated
    | CallConnected
    | CallDisconnected
    | QualityMeasured
    | ActionStarted
    | ActionEnded
    | DigitsCaptured
    | DecisionAsked
    | DecisionMade
    | NumberListed
    | MenuFollowed
    | RecordingStarted
    | RecordingEnded
    | SessionEnded
    | LateFact
)
