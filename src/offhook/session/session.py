"""The session record and its legs: frozen; a change makes a new one (:mod:`.states` says which)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import CallerVerification
from offhook.flow.actions import Callflow


class Direction(StrEnum):
    """``callDirection``."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class CallQuality(msgspec.Struct, frozen=True, kw_only=True):
    """``callQuality`` of a leg (``spec/execution.md``, "Call quality")."""

    mos: float
    """One decimal, 1.0..4.4."""
    packet_loss_rate: float
    """0..1 (0.01 is 1 %)."""
    jitter: int
    """Whole milliseconds."""


class TrunkTry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One INVITE of a leg that was not answered, and what came back."""

    trunk: str
    sip_code: int | None = None
    """None: the far end gave no final response."""
    sip_reason: str | None = None
    """The far end's reason phrase."""
    detail: str | None = None
    """In words where the code does not say it: ``no response from udp:192.0.2.1:5060 for 32 s``."""


class LegFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a leg did not connect, in words and numbers, or in ``detail`` what was wrong with the media of one
    that did: for the session record, never sent to a webhook."""

    detail: str | None = None
    sip_reason: str | None = None
    """The reason phrase of the far end's refusal."""
    q850_cause: int | None = None
    """From its ``Reason`` header (RFC 3326), 0..127."""
    warning: str | None = None
    """Its first ``Warning``."""
    tries: tuple[TrunkTry, ...] = ()
    """Each trunk that was tried, in order."""


class Charge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call costs (:mod:`offhook.session.billing`)."""

    increment: str
    """``60+60``."""
    billable_seconds: int
    currency: str | None = None
    """None: there was no rate for it."""
    unit_price: Decimal | None = None
    """Per minute."""
    total: Decimal | None = None


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a session."""

    call_id: str
    direction: Direction
    source: str
    destination: str
    call_type: str = "PSTN"
    trunk: str | None = None
    """Name of a trunk. The leg holds a channel of it while it has no ``status``."""
    reference_id: str | None = None
    """``sourceRefId`` (outbound) or ``destinationRefId`` (inbound)."""
    initiated_at: datetime | None = None
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    status: CallStatus | None = None
    """None while the leg is up or being tried."""
    sip_code: int | None = None
    verification: CallerVerification | None = None
    """Of the caller's number, of a call from outside; None: not verified here."""
    failure: LegFailure | None = None
    """Of a leg that ended without an answer, or that had one-way audio."""
    quality: CallQuality | None = None
    charge: Charge | None = None
    """Of a call that was connected, once its session has ended."""

    @property
    def connected_seconds(self) -> int:
        """Whole seconds connected, of a leg that is over; else 0."""
        if self.connected_at is None or self.disconnected_at is None:
            return 0
        passed = self.disconnected_at.astimezone(UTC) - self.connected_at
        return max(0, int(passed.total_seconds()))


class SessionError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a session ended ``ERROR``."""

    code: RuntimeCode
    action: str | None = None
    """``lastAction`` name of the action it happened in."""
    detail: str | None = None
    """For the operator (log, session record), never sent to a webhook."""
    reason: str | None = None
    """For the customer, where the code says too little: ``errorDetails.reason``."""


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One conversation (``spec/execution.md``)."""

    session_id: str
    sub_account_id: str
    call_flow_request_id: str
    status: SessionStatus
    callflow: Callflow
    created_at: datetime
    started_at: datetime | None = None
    """When a node claimed it."""
    ended_at: datetime | None = None
    last_action: str | None = None
    legs: tuple[Leg, ...] = ()
    error: SessionError | None = None
    tts_length: int = 0
    """Characters of text that were spoken."""

    @property
    def valid_until(self) -> datetime | None:
        """The time after which it is not dialled."""
        return self.callflow.valid_until

    @property
    def client_request_id(self) -> str | None:
        """The customer's own id of the request."""
        return self.callflow.client_request_id

    @property
    def client_batch_id(self) -> str | None:
        """The customer's own id of the batch that the request belongs to."""
        return self.callflow.client_batch_id
