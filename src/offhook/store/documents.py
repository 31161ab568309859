"""What the columns hold: sessions, events and tenancy as JSON text, times as microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from offhook.codes import SessionStatus
from offhook.events import AnyEvent, LateFact
from offhook.session.session import Session

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


_encoder = msgspec.json.Encoder()
_sessions = msgspec.json.Decoder(Session)
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(value: object) -> str:
    """The JSON text of a record."""
    return _encoder.encode(value).decode()


def encode_session(session: Session) -> str:
    """A session's document."""
    return encode(session)


def decode_session(document: str) -> Session:
    """The inverse of :func:`encode_session`."""
    return _sessions.decode(document)


def known_session(document: str) -> Session | None:
    """As :func:`decode_session`; None: a newer version wrote what this one cannot read."""
    try:
        return _sessions.decode(document)
    except msgspec.ValidationError:
        return None


def known_event(document: str) -> AnyEvent | None:
    """The inverse of :func:`encode` for an event; None: of a newer version, not readable by this one."""
    try:
        return _events.decode(document)
    except msgspec.ValidationError:
        return None


def late(events: Sequence[AnyEvent]) -> list[str]:
    """The documents of events that came after another node had ended their session."""
    return [encode(LateFact(at=event.at, fact=encode(event))) for event in events]


def held_channels(session: Session) -> str:
    """``sessions.channels``: the trunks on which the session's live legs hold channels."""
    if session.status is not SessionStatus.RUNNING:
        return "[]"
    held = sorted(leg.trunk for leg in session.legs if leg.trunk and leg.status is None)
    return encode(held) if held else "[]"
