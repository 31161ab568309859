"""What the columns hold: sessions, events and tenancy as JSON text, times as microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from offhook.codes import RuntimeCode, SessionStatus
from offhook.events import AnyEvent, LateFact
from offhook.flow.actions import Callflow
from offhook.session.session import Leg, Session, SessionError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970 (UTC) of an aware time."""
    return (at - _EPOCH) // _MICROSECOND


def optional_micros(at: datetime | None) -> int | None:
    """:func:`micros`, None for None."""
    return None if at is None else micros(at)


def from_micros(value: int) -> datetime:
    """The inverse of :func:`micros`."""
    return _EPOCH + timedelta(microseconds=value)


def optional_from_micros(value: int | None) -> datetime | None:
    """The inverse of :func:`optional_micros`."""
    return None if value is None else from_micros(value)


class _Error(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A SessionError with its code as the number alone (msgspec cannot read RuntimeCode)."""

    code: int
    action: str | None = None
    detail: str | None = None


class _Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A Session as stored: the same members."""

    session_id: str
    sub_account_id: str
    call_flow_request_id: str
    status: SessionStatus
    callflow: Callflow
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_action: str | None = None
    legs: tuple[Leg, ...] = ()
    error: _Error | None = None


_encoder = msgspec.json.Encoder()
_documents = msgspec.json.Decoder(_Document)
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_codes = {member.code: member for member in RuntimeCode}


def encode(value: object) -> str:
    """The JSON text of a record."""
    return _encoder.encode(value).decode()


def encode_session(session: Session) -> str:
    """A session's document."""
    error = None
    if session.error is not None:
        error = _Error(
            code=session.error.code.code,
            action=session.error.action,
            detail=session.error.detail,
        )
    return encode(
        _Document(
            session_id=session.session_id,
            sub_account_id=session.sub_account_id,
            call_flow_request_id=session.call_flow_request_id,
            status=session.status,
            callflow=session.callflow,
            created_at=session.created_at,
            started_at=session.started_at,
            ended_at=session.ended_at,
            last_action=session.last_action,
            legs=session.legs,
            error=error,
        )
    )


def decode_session(document: str) -> Session:
    """The inverse of :func:`encode_session`."""
    stored = _documents.decode(document)
    error = None
    if stored.error is not None:
        error = SessionError(
            code=_codes.get(stored.error.code, RuntimeCode.UNKNOWN),
            action=stored.error.action,
            detail=stored.error.detail,
        )
    return Session(
        session_id=stored.session_id,
        sub_account_id=stored.sub_account_id,
        call_flow_request_id=stored.call_flow_request_id,
        status=stored.status,
        callflow=stored.callflow,
        created_at=stored.created_at,
        started_at=stored.started_at,
        ended_at=stored.ended_at,
        last_action=stored.last_action,
        legs=stored.legs,
        error=error,
    )


def decode_event(document: str) -> AnyEvent:
    """The inverse of :func:`encode` for an event."""
    return _events.decode(document)


def late(events: Sequence[AnyEvent]) -> list[str]:
    """The documents of events that came after others had ended their session."""
    return [encode(LateFact(at=event.at, fact=encode(event))) for event in events]


def held_channels(session: Session) -> str:
    """``sessions.channels``: the trunks whose channels the session's live legs hold."""
    if session.status is not SessionStatus.RUNNING:
        return "[]"
    held = sorted(leg.trunk for leg in session.legs if leg.trunk and leg.status is None)
    return encode(held) if held else "[]"
