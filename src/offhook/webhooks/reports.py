"""Makes the webhooks for a session's events (:class:`offhook.session.ports.webhooks.Reports`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import final

from offhook.clock import iso_seconds, new_id
from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallReceived,
    CallUpdated,
    DigitsCaptured,
)
from offhook.session.ports.record import OutboxEntry, OutboxType
from offhook.session.ports.recording import RecordingRecord, RecordingState
from offhook.session.ports.tenants import SubAccounts
from offhook.session.ports.webhooks import NumberNews, NumberReports, RecordingReports, Reports
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhooks import payloads
from offhook.webhooks.payloads import CallEventStatus, NumberStatus
from offhook.webhooks.retry import GIVE_UP_AFTER
from offhook.webhooks.sip_codes import sip_code_of

MOST_NUMBERS = 1000
"""Numbers in one VNU delivery."""
STATUSES: dict[type[AnyEvent], CallEventStatus] = {
    CallInitiated: CallEventStatus.CALL_INITIATED,
    CallReceived: CallEventStatus.CALL_RECEIVED,
    CallUpdated: CallEventStatus.CALL_UPDATED,
    CallConnected: CallEventStatus.CALL_CONNECTED,
    DigitsCaptured: CallEventStatus.DTMF_RECEIVED,
    CallDisconnected: CallEventStatus.CALL_DISCONNECTED,
}
"""The session events that are call status events, with their names."""


@final
class WebhookReports(Reports, RecordingReports, NumberReports):
    """Makes outbox entries for the webhooks that the sub-account has at this moment."""

    def __init__(self, directory: SubAccounts) -> None:
        self._directory = directory

    def happened(
        self, session: Session, events: Sequence[AnyEvent], client_action_id: str | None
    ) -> list[OutboxEntry]:
        if len(events) == 1 and type(events[0]) not in STATUSES:
            return []
        told = [event for event in events if type(event) in STATUSES]
        if not told or self._webhook(session, WebhookType.VCS) is None:
            return []
        return [self._call_event(session, event, client_action_id) for event in told]

    def captured(
        self, session: Session, url: str, digits: str | None, at: datetime
    ) -> list[OutboxEntry]:
        payload = payloads.dtmf_callback(session, session.legs[0], digits=digits, at=at)
        return [_entry(session, OutboxType.DTMF, payload, at, url=url)]

    def session_ended(self, session: Session) -> list[OutboxEntry]:
        if self._webhook(session, WebhookType.VSS) is None or session.ended_at is None:
            return []
        payload = payloads.session_summary(session)
        return [_entry(session, OutboxType.VSS, payload, session.ended_at)]

    def recording_status(self, record: RecordingRecord, at: datetime) -> list[OutboxEntry]:
        uploaded = record.state in (RecordingState.UPLOADED, RecordingState.KEPT)
        if not uploaded and record.state not in (RecordingState.FAILED, RecordingState.UNUSABLE):
            return []
        if self._webhook_of(record.sub_account_id, WebhookType.VRU) is None:
            return []
        payload = payloads.recording_status(
            session_id=record.session_id,
            recording_id=record.recording_id,
            duration_seconds=round(record.duration),
            file_path=record.location or record.path,
            uploaded=uploaded,
        )
        return [
            OutboxEntry(
                delivery_id=new_id(),
                sub_account_id=record.sub_account_id,
                type=OutboxType.VRU,
                payload=payload,
                created_at=at,
                give_up_at=at + GIVE_UP_AFTER[OutboxType.VRU],
                session_id=record.session_id,
            )
        ]

    def receiver(self, sub_account: SubAccount) -> str | None:
        webhook = sub_account.webhooks.get(WebhookType.VNU)
        if webhook is None or not webhook.enabled:
            return None
        return sha256(webhook.url.encode()).hexdigest()[:16]

    def all_numbers(
        self, sub_account_id: str, numbers: Sequence[NumberNews], at: datetime
    ) -> list[OutboxEntry]:
        return _numbers_entries(sub_account_id, numbers, at, total=len(numbers), snapshot=True)

    def changed_numbers(
        self, sub_account_id: str, numbers: Sequence[NumberNews], at: datetime, *, total: int
    ) -> list[OutboxEntry]:
        return _numbers_entries(sub_account_id, numbers, at, total=total, snapshot=False)

    def _webhook(self, session: Session, type_: WebhookType) -> Webhook | None:
        return self._webhook_of(session.sub_account_id, type_)

    def _webhook_of(self, sub_account_id: str, type_: WebhookType) -> Webhook | None:
        sub_account = self._directory.sub_account(sub_account_id)
        webhook = sub_account.webhooks.get(type_) if sub_account else None
        return webhook if webhook is not None and webhook.enabled else None

    def _call_event(
        self, session: Session, event: AnyEvent, client_action_id: str | None
    ) -> OutboxEntry:
        call_id = getattr(event, "call_id", None)
        leg = next(leg for leg in session.legs if leg.call_id == call_id)
        sub_account = self._directory.sub_account(session.sub_account_id)
        delivery_id = new_id()
        payload = payloads.call_status(
            session,
            leg,
            event_id=delivery_id,
            status=STATUSES[type(event)],
            at=event.at,
            digits=event.digits if isinstance(event, DigitsCaptured) else None,
            sip_code=sip_code_of(event, leg),
            client_action_id=client_action_id,
            dtmf_event_data=sub_account.dtmf_event_data if sub_account else "object",
        )
        return _entry(session, OutboxType.VCS, payload, event.at, delivery_id=delivery_id)


def _entry(
    session: Session,
    type_: OutboxType,
    payload: bytes,
    at: datetime,
    *,
    delivery_id: str | None = None,
    url: str | None = None,
) -> OutboxEntry:
    return OutboxEntry(
        delivery_id=delivery_id or new_id(),
        sub_account_id=session.sub_account_id,
        type=type_,
        payload=payload,
        created_at=at,
        give_up_at=at + GIVE_UP_AFTER[type_],
        session_id=session.session_id,
        url=url,
    )


def _numbers_entries(
    sub_account_id: str,
    numbers: Sequence[NumberNews],
    at: datetime,
    *,
    total: int,
    snapshot: bool,
) -> list[OutboxEntry]:
    statuses = [_number_status(news) for news in numbers]
    return [
        OutboxEntry(
            delivery_id=new_id(),
            sub_account_id=sub_account_id,
            type=OutboxType.VNU,
            payload=payloads.numbers_update(
                sub_account_id,
                statuses[first : first + MOST_NUMBERS],
                total=total,
                snapshot=snapshot,
            ),
            created_at=at,
            give_up_at=at + GIVE_UP_AFTER[OutboxType.VNU],
        )
        for first in range(0, max(1, len(statuses)), MOST_NUMBERS)
    ]


def _number_status(news: NumberNews) -> NumberStatus:
    facts = news.facts
    return NumberStatus(
        msisdn=facts.msisdn,
        updated_timestamp=iso_seconds(news.updated_at),
        country_code=facts.country_code,
        operational_status=facts.operational_status.value,
        reference_id=facts.reference_id,
        rental_price=float(facts.rental_price),
        incoming_rate=float(facts.incoming_rate),
        billing_unit=facts.billing_unit,
        billing_currency=facts.billing_currency,
        number_health_check_enabled=facts.health_check_enabled,
        update_status="UPDATED" if news.changed else "NO_CHANGE",
    )
