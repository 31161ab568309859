"""Asks the customer's server what to do next (VCA), while the caller waits on the phone."""

from __future__ import annotations

import asyncio
import codecs
import logging
import random
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.clock import Clock, SystemClock
from offhook.net.http_client import HttpRequester, HttpResponse
from offhook.net.outgoing_errors import ConnectFailed, OutgoingError, UnreadableAnswer
from offhook.session.ports.tracing import NoTraces, Tracer, question_key
from offhook.session.ports.webhooks import Asker, Question, Reply
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhook_secrets import BadSecret
from offhook.webhooks.payloads import CallActionStatus, call_action
from offhook.webhooks.retry import retry_after_seconds
from offhook.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

BUDGET = 10.0
"""Seconds for everything, retries included (``spec/webhooks.md``)."""

FIRST_SHARE = 0.6
"""The part of the budget after which the fallback is asked, where there is one."""

MAX_ANSWER = 256 * 1024
"""Bytes of an answer's body, as of a submitted callflow."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


def asker(client: HttpRequester, clock: Clock, tracer: Tracer | None = None) -> Asker:
    """Asks over HTTP, through ``client``; the webhook gets the context of a traced session."""
    tracer = tracer or NoTraces()

    async def ask(sub_account: SubAccount, question: Question) -> Reply:
        payload = question_payload(sub_account, question, clock.now())
        webhook = sub_account.webhooks[WebhookType.VCA]
        reply = await ask_webhook(
            client,
            webhook,
            payload,
            event_id=question.event_id,
            clock=clock,
            context=tracer.headers(question.session.session_id, question_key(question.event_id)),
        )
        return msgspec.structs.replace(reply, question=payload)

    return ask


def question_payload(sub_account: SubAccount, question: Question, at: datetime) -> bytes:
    """The JSON of a question."""
    received = question.received
    status = CallActionStatus.CALL_RECEIVED if received else CallActionStatus.ACTION_COMPLETED
    return call_action(
        question.session,
        question.leg,
        event_id=question.event_id,
        status=status,
        at=at,
        digits=question.digits,
        client_action_id=question.client_action_id,
        dtmf_event_data=sub_account.dtmf_event_data,
    )


async def ask_webhook(
    client: HttpRequester,
    webhook: Webhook,
    payload: bytes,
    *,
    event_id: str,
    clock: Clock | None = None,
    budget: float = BUDGET,
    context: Mapping[str, str] | None = None,
) -> Reply:
    """POST ``payload`` (:func:`.payloads.call_action`) and wait for the answer. ``context``: headers of
    the trace.

    Asked again, with the same ``event_id``, only after a connection error, a 5xx or a 429, and only
    within ``budget`` seconds from the start. A webhook with a fallback has 60 % of the budget; the
    fallback has the rest, and is asked as soon as no answer of the webhook will come. Never raises for
    errors of the far end.
    """
    clock = clock or SystemClock()
    request = _Request(client, webhook, payload, event_id, clock, context or {})
    if webhook.fallback_url is None:
        return await request.until_answered(webhook.url, budget)
    began = clock.monotonic()
    first = await request.until_answered(webhook.url, budget * FIRST_SHARE)
    if first.body is not None:
        return first
    log.info("the VCA webhook did not answer (%s): its fallback is asked", first.detail)
    left = budget - (clock.monotonic() - began)
    second = await request.until_answered(webhook.fallback_url, left)
    if second.body is not None:
        return second
    detail = f"{first.detail}; the fallback: {second.detail}"
    return msgspec.structs.replace(second, detail=detail)


async def ask_once(
    client: HttpRequester,
    webhook: Webhook,
    payload: bytes,
    *,
    event_id: str,
    clock: Clock,
    timeout: float,
) -> Reply:
    """POST ``payload`` a single time; no fallback is asked."""
    request = _Request(client, webhook, payload, event_id, clock, {})
    outcome = await request.once(webhook.url, timeout)
    return outcome.meanwhile if isinstance(outcome, _TryAgain) else outcome


class _TryAgain(msgspec.Struct, frozen=True):
    """The outcome if no later attempt succeeds in time, and the minimum seconds to wait."""

    meanwhile: Reply
    retry_after: float = 0.0


class _Request(NamedTuple):
    """A question as it is sent, to the webhook or to its fallback."""

    client: HttpRequester
    webhook: Webhook
    payload: bytes
    event_id: str
    clock: Clock
    context: Mapping[str, str]
    """Headers of the trace."""

    async def until_answered(self, url: str, budget: float) -> Reply:
        """Ask one URL until it answers or ``budget`` seconds are over."""
        deadline = self.clock.monotonic() + budget
        last = Reply(body=None, detail="no time was left to ask")
        pause = _FIRST_PAUSE
        while (left := deadline - self.clock.monotonic()) > 0:
            outcome = await self.once(url, left)
            if not isinstance(outcome, _TryAgain):
                return outcome
            last = outcome.meanwhile
            wait = max(pause * (0.5 + 0.5 * random.random()), outcome.retry_after)  # noqa: S311
            if self.clock.monotonic() + wait >= deadline:
                return last
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return last

    async def once(self, url: str, timeout: float) -> Reply | _TryAgain:
        """Ask one URL a single time."""
        try:
            headers = _headers(self.webhook, self.payload, self.event_id, self.clock)
            response = await self.client.request(
                "POST",
                url,
                headers={**headers, **self.context},
                body=self.payload,
                timeout=timeout,
                max_body=MAX_ANSWER + 1,
                truncate=True,
            )
        except ConnectFailed as error:
            return _TryAgain(Reply(body=None, detail=str(error)))
        except UnreadableAnswer as error:
            return Reply(body=b"", detail=str(error), unreadable=True)
        except (OutgoingError, BadSecret) as error:
            return Reply(body=None, detail=str(error))
        return _judge(response, self.clock)


def _judge(response: HttpResponse, clock: Clock) -> Reply | _TryAgain:
    status = response.status
    if 200 <= status <= 299:
        body = response.body.removeprefix(codecs.BOM_UTF8)
        too_long = len(body) > MAX_ANSWER
        return Reply(http_status=status, body=body[:MAX_ANSWER], too_long=too_long)
    failed = Reply(body=None, detail=f"HTTP {status}", http_status=status)
    if status == 429 or status >= 500:
        wait = retry_after_seconds(response.headers.get("retry-after"), clock.now())
        return _TryAgain(failed, wait or 0.0)
    return failed


def _headers(webhook: Webhook, payload: bytes, event_id: str, clock: Clock) -> dict[str, str]:
    now = clock.now()
    headers = signed_headers(
        webhook.secrets(now),
        delivery_id=event_id,
        timestamp=int(now.timestamp()),
        body=payload,
    )
    headers["content-type"] = "application/json"
    if webhook.http_auth_header is not None:
        headers["authorization"] = webhook.http_auth_header
    return headers
