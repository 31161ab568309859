"""What the operator hears of attempts: log lines, and the spans of traces."""

from __future__ import annotations

import logging
from datetime import datetime
from urllib.parse import urlsplit

from offhook.session.ports.record import Delivery, DeliveryState
from offhook.session.ports.tracing import Span, SpanKind
from offhook.webhooks.delivery_watch import DeliveryWatch
from offhook.webhooks.endpoints import Endpoint, Held

log = logging.getLogger(__name__)


def span_key(delivery: Delivery) -> str:
    """The name of an attempt's span in its session."""
    return f"delivery:{delivery.entry.delivery_id}:{delivery.attempts}"


def attempt_span(delivery: Delivery, began: datetime, ended: datetime, status: int | None) -> Span:
    """The span of an attempt that was answered with ``status``; None: it was not answered."""
    good = status is not None and 200 <= status <= 299
    return Span(
        session_id=delivery.entry.session_id or "",
        key=span_key(delivery),
        name=f"POST {delivery.entry.type} webhook",
        kind=SpanKind.CLIENT,
        began=began,
        ended=ended,
        facts={
            "http.request.method": "POST",
            "http.request.resend_count": delivery.attempts,
            **({"http.response.status_code": status} if status is not None else {}),
        },
        problem=None if good else "not delivered",
    )


def say(
    endpoint: Endpoint, held: Held, state: DeliveryState, detail: str, watch: DeliveryWatch
) -> None:
    """Log one line when an endpoint begins to fail, one when it works again, and one per delivery given
    up."""
    entry = held.delivery.entry
    if state == DeliveryState.DELIVERED:
        if endpoint.failing:
            log.info("webhook %s of %s is delivered again", entry.type, entry.sub_account_id)
            watch.recovered(entry.sub_account_id, entry.type)
        endpoint.failing = False
        return
    if not endpoint.failing:
        endpoint.failing = True
        host = urlsplit(held.target.url).netloc.rpartition("@")[2]
        text = "webhook %s of %s cannot be delivered to %s: %s"
        log.warning(text, entry.type, entry.sub_account_id, host, detail)
        watch.failing(entry.sub_account_id, entry.type, host, detail)
    if state == DeliveryState.DEAD:
        watch.gave_up(entry.sub_account_id, entry.type)
        log.warning(
            "gave up webhook %s of %s for session %s after %d attempts: %s",
            entry.type,
            entry.sub_account_id,
            entry.session_id,
            held.delivery.attempts + 1,
            detail,
        )
