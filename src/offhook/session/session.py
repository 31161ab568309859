"""The session record and its legs: frozen; a change makes a new one (:mod:`.states` says which)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
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


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a session."""

    call_id: str
    direction: Direction
    source: str
    destination: str
    call_type: str = "PSTN"
    trunk: str | None = None
    """Name of the trunk whose channel this leg holds while it has no ``status``."""
    reference_id: str | None = None
    """``sourceRefId`` (outbound) or ``destinationRefId`` (inbound)."""
    initiated_at: datetime | None = None
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    status: CallStatus | None = None
    """None while the leg is up or being tried."""
    sip_code: int | None = None
    quality: CallQuality | None = None


class SessionError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a session ended ``ERROR``."""

    code: RuntimeCode
    action: str | None = None
    """``lastAction`` name of the action it happened in."""
    detail: str | None = None
    """For the operator's eyes (log, session record), never on the webhook."""


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

    @property
    def valid_until(self) -> datetime | None:
        """When it is too late to dial."""
        return self.callflow.valid_until

    @property
    def client_request_id(self) -> str | None:
        """The customer's own id of the request."""
        return self.callflow.client_request_id

    @property
    def client_batch_id(self) -> str | None:
        """The customer's own id of the batch that the request belongs to."""
        return self.callflow.client_batch_id
