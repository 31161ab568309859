"""How sessions and requests look from outside: the names of ``spec/webhooks.md``, absent values left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from offhook.clock import iso_milliseconds
from offhook.events import ActionEnded, ActionStarted, AnyEvent, CallerVerification
from offhook.net.shown_url import shown_url
from offhook.session.ports.record import (
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryState,
    OutboxType,
    RequestRecord,
)
from offhook.session.session import CallQuality, Leg, LegFailure, Session, TrunkTry
from offhook.session.tenancy import SubAccount, WebhookType


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all of them share."""


class QualityView(View, frozen=True, kw_only=True):
    """``callQuality``."""

    mos: float
    packet_loss_rate: float
    jitter: int


class TrunkTriedView(View, frozen=True, kw_only=True):
    """One trunk that a leg was tried over, and what came back."""

    trunk: str
    sip_code: int | None = None
    """Absent: the far end gave no final response."""
    sip_reason: str | None = None
    detail: str | None = None
    """In words where there is no code: ``no response from udp:192.0.2.1:5060 for 32 s``."""


class LegView(View, frozen=True, kw_only=True):
    """One call of a session."""

    call_id: str
    call_direction: str
    call_type: str
    source: str
    destination: str
    trunk: str | None = None
    initiated_timestamp: str | None = None
    connected_timestamp: str | None = None
    disconnected_timestamp: str | None = None
    call_status: str | None = None
    """Absent while the leg is up or being tried."""
    sip_code: int | None = None
    caller_verification: CallerVerification | None = None
    """Of a call from outside, where callers are verified (STIR/SHAKEN)."""
    sip_reason: str | None = None
    """Of a leg that did not connect, as the three below: the far end's reason phrase."""
    q850_cause: int | None = None
    warning: str | None = None
    detail: str | None = None
    """Why the leg did not connect, or what was wrong with its audio, in words."""
    trunks_tried: tuple[TrunkTriedView, ...] = ()
    call_duration: int | None = None
    """Whole seconds connected; absent while it is up."""
    call_quality: QualityView | None = None


class ActionView(View, frozen=True, kw_only=True):
    """One action that was begun."""

    index: int
    """Its place in the callflow it came in, from 0."""
    action: str
    started: str
    ended: str | None = None
    result: str | None = None


class ErrorView(View, frozen=True, kw_only=True):
    """``errorDetails``."""

    error_code: int
    error_msg: str
    action: str | None = None
    call_flow_request_id: str
    reason: str | None = None
    """Of -2010: which limit or rule kept it from dialling."""
    detail: str | None = None
    """What exactly was wrong, and where; only here, never on the webhook."""


class SessionView(View, frozen=True, kw_only=True):
    """One session, as a list shows it."""

    session_id: str
    sub_account_id: str
    call_flow_request_id: str
    session_status: str
    created_timestamp: str
    start_time: str | None = None
    end_time: str | None = None
    last_action: str | None = None
    call_count: int
    client_request_id: str | None = None
    client_batch_id: str | None = None
    valid_until: str | None = None
    error_details: ErrorView | None = None
    legs: list[LegView] = msgspec.field(default_factory=list)


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One webhook delivery."""

    delivery_id: str
    """Also the header `webhook-id` and the payload's `eventId`."""
    type: OutboxType
    """The webhook's type; `DTMF` for a `dtmfCallbackUrl`."""
    url: str | None
    """Where it goes: the webhook's URL as it is now, or that of the action; null when there is none now."""
    state: DeliveryState
    """`pending`, `delivered`, `dead` (given up, can be sent again) or `dropped` (too old)."""
    created_at: datetime
    """When the event happened."""
    next_at: datetime | None
    """When it is tried next."""
    attempts: list[DeliveryAttempt]
    """What was sent and what came back, oldest first."""
    payload: msgspec.Raw
    """The JSON body."""


class SessionAnswer(SessionView, frozen=True, kw_only=True):
    """One session with all that is known of it."""

    actions: list[ActionView]
    events: list[dict[str, Any]]
    """Every event with its ``number`` and ``timestamp``, in order."""
    deliveries: list[DeliveryView]
    """Every webhook delivery with its attempts."""
    status_code: int
    status_message: str


class SessionList(View, frozen=True, kw_only=True):
    """A page of sessions, newest first."""

    sessions: list[SessionView]
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    status_message: str


class RequestAnswer(View, frozen=True, kw_only=True):
    """What was asked and what was answered."""

    call_flow_request_id: str
    sub_account_id: str
    timestamp: str
    request: str
    """The body as received (inflated); bytes that are no UTF-8 are shown as U+FFFD."""
    http_status: int
    answer: dict[str, Any]
    session_id: str | None = None
    idempotency_key: str | None = None
    status_code: int
    status_message: str


class EndedAnswer(View, frozen=True, kw_only=True):
    """What became of an order to end a session."""

    session_id: str
    session_status: str
    """Final, or ``RUNNING`` while the phone is still being hung up (HTTP 202)."""
    status_code: int
    status_message: str


OK_CODE = 0
OK_MESSAGE = "ok"


def leg_view(leg: Leg) -> LegView:
    """One leg."""
    failure = leg.failure or LegFailure()
    return LegView(
        call_id=leg.call_id,
        call_direction=leg.direction,
        call_type=leg.call_type,
        source=leg.source,
        destination=leg.destination,
        trunk=leg.trunk,
        initiated_timestamp=_time(leg.initiated_at),
        connected_timestamp=_time(leg.connected_at),
        disconnected_timestamp=_time(leg.disconnected_at),
        call_status=leg.status,
        sip_code=leg.sip_code,
        caller_verification=leg.verification,
        sip_reason=failure.sip_reason,
        q850_cause=failure.q850_cause,
        warning=failure.warning,
        detail=failure.detail,
        trunks_tried=tuple(_trunk_tried(one) for one in failure.tries),
        call_duration=_seconds_connected(leg),
        call_quality=_quality_view(leg.quality) if leg.quality is not None else None,
    )


def _trunk_tried(one: TrunkTry) -> TrunkTriedView:
    return TrunkTriedView(
        trunk=one.trunk, sip_code=one.sip_code, sip_reason=one.sip_reason, detail=one.detail
    )


def _seconds_connected(leg: Leg) -> int | None:
    """Whole ones; None while the leg is up or being tried."""
    if leg.disconnected_at is None:
        return None
    if leg.connected_at is None:
        return 0
    return int((leg.disconnected_at - leg.connected_at).total_seconds())


def _quality_view(quality: CallQuality) -> QualityView:
    return QualityView(
        mos=quality.mos, packet_loss_rate=quality.packet_loss_rate, jitter=quality.jitter
    )


def session_view(session: Session) -> SessionView:
    """One session of a list."""
    return SessionView(**_session_fields(session))


def session_list(sessions: Sequence[Session], next_cursor: str | None) -> SessionList:
    """One page of a list."""
    return SessionList(
        sessions=[session_view(session) for session in sessions],
        next_cursor=next_cursor,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def session_answer(
    session: Session,
    events: Sequence[tuple[int, AnyEvent]],
    deliveries: Sequence[DeliveryRecord],
    owner: SubAccount | None,
) -> SessionAnswer:
    """One session of ``owner`` with its timeline."""
    return SessionAnswer(
        **_session_fields(session),
        actions=action_views([event for _, event in events]),
        events=[event_view(number, event) for number, event in events],
        deliveries=[delivery_view(delivery, owner) for delivery in deliveries],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def delivery_view(delivery: DeliveryRecord, owner: SubAccount | None) -> DeliveryView:
    """One webhook delivery of ``owner`` with its attempts and its payload as JSON."""
    url = delivery.url
    if url is None and owner is not None and delivery.type is not OutboxType.DTMF:
        webhook = owner.webhooks.get(WebhookType(delivery.type))
        url = webhook.url if webhook is not None else None
    return DeliveryView(
        delivery_id=delivery.delivery_id,
        type=delivery.type,
        url=shown_url(url) if url is not None else None,
        state=delivery.state,
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        attempts=list(delivery.attempts),
        payload=msgspec.Raw(delivery.payload),
    )


def request_answer(record: RequestRecord) -> RequestAnswer:
    """One recorded request."""
    return RequestAnswer(
        call_flow_request_id=record.call_flow_request_id,
        sub_account_id=record.sub_account_id,
        timestamp=iso_milliseconds(record.at),
        request=record.body.decode("utf-8", errors="replace"),
        http_status=record.http_status,
        answer=msgspec.json.decode(record.answer),
        session_id=record.session_id,
        idempotency_key=record.idempotency_key,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def action_views(events: Sequence[AnyEvent]) -> list[ActionView]:
    """Every action begun, in order, each joined with its end."""
    views: list[ActionView] = []
    for event in events:
        if isinstance(event, ActionStarted):
            views.append(
                ActionView(
                    index=event.index, action=event.action, started=iso_milliseconds(event.at)
                )
            )
        elif isinstance(event, ActionEnded):
            for position in range(len(views) - 1, -1, -1):
                view = views[position]
                if view.index == event.index and view.ended is None:
                    views[position] = msgspec.structs.replace(
                        view, ended=iso_milliseconds(event.at), result=event.result
                    )
                    break
    return views


def event_view(number: int, event: AnyEvent) -> dict[str, Any]:
    """One event of the timeline."""
    members: dict[str, Any] = msgspec.to_builtins(event)
    members.pop("at")
    return {
        "number": number,
        "event": members.pop("event"),
        "timestamp": iso_milliseconds(event.at),
        **members,
    }


def _session_fields(session: Session) -> dict[str, Any]:
    error = session.error
    return {
        "session_id": session.session_id,
        "sub_account_id": session.sub_account_id,
        "call_flow_request_id": session.call_flow_request_id,
        "session_status": session.status,
        "created_timestamp": iso_milliseconds(session.created_at),
        "start_time": _time(session.started_at),
        "end_time": _time(session.ended_at),
        "last_action": session.last_action,
        "call_count": len(session.legs),
        "client_request_id": session.client_request_id,
        "client_batch_id": session.client_batch_id,
        "valid_until": _time(session.valid_until),
        "error_details": ErrorView(
            error_code=error.code,
            error_msg=error.code.message,
            action=error.action,
            call_flow_request_id=session.call_flow_request_id,
            reason=error.reason,
            detail=error.detail,
        )
        if error is not None
        else None,
        "legs": [leg_view(leg) for leg in session.legs],
    }


def iso_or_none(at: datetime | None) -> str | None:
    """ISO 8601 with milliseconds; None for None."""
    return _time(at)


def _time(at: datetime | None) -> str | None:
    return iso_milliseconds(at) if at is not None else None
