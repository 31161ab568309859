"""The delivery worker: sends the entries of the outbox, each at least once.

Theory of operation. Due entries are *leased* from the store in batches, so that a worker that dies
delays them by the lease and loses none. A leased delivery waits in the line of its endpoint
(:mod:`.endpoints`) and is posted; :mod:`.retry` judges the attempt, and :mod:`.results` stores the
result. A dead endpoint holds a few sockets and no memory, and does not delay other endpoints.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from offhook.aio import wait_or
from offhook.clock import Clock, SystemClock
from offhook.log import about
from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import OutgoingError
from offhook.session.ports.delivery_outbox import Outbox
from offhook.session.ports.record import Delivery, DeliveryState, OutboxType, StoreUnavailable
from offhook.session.ports.tracing import NoTraces, Tracer
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhook_secrets import BadSecret
from offhook.webhooks.attempt_notes import attempt_span, say, span_key
from offhook.webhooks.delivery_watch import DeliveryWatch, NoDeliveryWatch
from offhook.webhooks.endpoints import DeliveryTarget, Endpoint, Endpoints, Held
from offhook.webhooks.metrics import DeliveryMetrics
from offhook.webhooks.results import Results
from offhook.webhooks.retry import decide, given_up, retry_after_seconds
from offhook.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

ATTEMPT_TIMEOUT = 10.0
"""Seconds a receiver has for its 2xx (``spec/webhooks.md``)."""

LEASE = 60.0
_USABLE_LEASE = LEASE - 2 * ATTEMPT_TIMEOUT
_BATCH = 500
_MOST_HELD = 4000
_MOST_RUNNING = 1024
_POLL = 1.0
_LINGER = 0.025
"""Seconds between two leases at least, so that a trickle of events is leased in batches too."""

_SHORTEST_LEAVE, _LONGEST_LEAVE = 1.0, 60.0
"""Seconds for which a delivery is left to other API processes."""

_MAX_ANSWER = 4096
"""Bytes read of a receiver's answer; its body is ignored."""


DELIVERED = (OutboxType.VCS, OutboxType.VSS, OutboxType.VRU, OutboxType.VNU)
"""The types with a webhook of the sub-account. VCA is asked, not delivered; it may have the same URL."""

Lookup = Callable[[str, WebhookType], Webhook | None]
"""The webhook of a sub-account for a type, as configured at this moment."""

Disable = Callable[[str, WebhookType], Awaitable[None]]
"""Disables the webhook of a sub-account for a type: its receiver answered 410 Gone."""


class DeliveryWorker:
    """Delivers the outbox until closed. One per API process; any number may share a store.

    ``client`` should allow at least :data:`.endpoints.PER_ENDPOINT` connections to one host. ``knows``
    says whether this process knows a sub-account: deliveries of unknown ones are left to other processes.
    """

    def __init__(
        self,
        outbox: Outbox,
        client: HttpClient,
        lookup: Lookup,
        *,
        owner: str,
        disable: Disable,
        knows: Callable[[str], bool] = lambda _sub_account_id: True,
        metrics: DeliveryMetrics | None = None,
        watch: DeliveryWatch | None = None,
        tracer: Tracer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._lookup = lookup
        self._owner = owner
        self._knows = knows
        self._disable = disable
        self._metrics = metrics or DeliveryMetrics()
        self._watch = watch or NoDeliveryWatch()
        self._tracer = tracer or NoTraces()
        self._clock = clock or SystemClock()
        self._endpoints = Endpoints()
        self._results = Results(outbox, self._metrics, self.wake)
        self._running: dict[asyncio.Task[None], Held] = {}
        self._held = 0
        self._leased_at = 0.0
        self._wake = asyncio.Event()
        self._stopping = False
        self._grace = ATTEMPT_TIMEOUT
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run in a task of our own until :meth:`close`."""
        self._task = asyncio.create_task(self.run(), name="webhook-delivery")

    def wake(self) -> None:
        """Look for due deliveries now (the fabric's ``outbox`` topic), without the usual wait."""
        self._wake.set()

    async def close(self, grace: float = ATTEMPT_TIMEOUT) -> None:
        """Lease nothing more, let attempts under way end within ``grace`` seconds, give back the rest.

        Raises the exception that ended :meth:`run`, if there was one.
        """
        self._stopping = True
        self._grace = grace
        self._wake.set()
        if self._task is not None:
            await self._task

    async def run(self) -> None:
        """Deliver until :meth:`close` is called."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._results.run(), name="webhook-results")
            while not self._stopping:
                await self._lease(group)
            for held in self._endpoints.clear():
                self._settle(held.delivery, DeliveryState.PENDING, "given back at the stop")
            if self._running:
                await asyncio.wait(self._running, timeout=self._grace)
            for task, held in list(self._running.items()):
                task.cancel()
                detail = "stopped before an answer came"
                self._results.put(
                    held.delivery, DeliveryState.PENDING, self._clock.now(), detail=detail
                )
            self._results.end()

    # --- leasing

    async def _lease(self, group: asyncio.TaskGroup) -> None:
        """One round: lease as many deliveries as there is room for, then wait for a reason to look
        again."""
        self._wake.clear()
        self._leased_at = self._clock.monotonic()
        room = min(_BATCH, _MOST_HELD - self._held)
        deliveries: Sequence[Delivery] = ()
        if room > 0:
            send_before = self._leased_at + _USABLE_LEASE
            try:
                deliveries = await self._outbox.lease_deliveries(
                    self._owner, self._clock.now(), lease=LEASE, limit=room
                )
            except StoreUnavailable as error:
                log.warning("webhook deliveries wait: the store is unavailable (%s)", error)
            for delivery in deliveries:
                self._admit(delivery, send_before)
            self._pump(group)
        if not deliveries or len(deliveries) < room:
            await wait_or(self._wake.wait(), _POLL)
        early = self._leased_at + _LINGER - self._clock.monotonic()
        if early > 0 and not self._stopping:
            await asyncio.sleep(early)

    def _admit(self, delivery: Delivery, send_before: float) -> None:
        """Put a leased delivery into its endpoint's line, or end it unsent."""
        entry = delivery.entry
        target = self._target(delivery)
        if target is None and not self._knows(entry.sub_account_id):
            self._leave(delivery)
        elif target is None:
            self._settle(delivery, DeliveryState.DROPPED, "no webhook of this type is enabled")
        elif delivery.attempts > 0 and self._clock.now() >= entry.give_up_at:
            self._settle(delivery, given_up(entry.type), "its time ran out")
        else:
            endpoint = self._endpoints.get(entry.sub_account_id, target.url)
            if endpoint.takes(_USABLE_LEASE):
                self._endpoints.queue(endpoint, Held(delivery, target, send_before))
                self._hold(+1)
            else:
                self._postpone(delivery, endpoint)

    def _target(self, delivery: Delivery) -> DeliveryTarget | None:
        entry = delivery.entry
        if entry.url is not None:
            return DeliveryTarget(entry.url)
        webhook = self._lookup(entry.sub_account_id, WebhookType(entry.type))
        if webhook is None or not webhook.enabled:
            return None
        secrets = webhook.secrets(self._clock.now())
        return DeliveryTarget(webhook.url, webhook.http_auth_header, secrets)

    def _leave(self, delivery: Delivery) -> None:
        """Give back a delivery for an unknown sub-account, so that another API process may send it; give
        up when its time ends."""
        entry, now = delivery.entry, self._clock.now()
        age = (now - entry.created_at).total_seconds()
        wait = min(max(age / 2, _SHORTEST_LEAVE), _LONGEST_LEAVE)
        too_late = now + timedelta(seconds=wait) >= entry.give_up_at
        state = given_up(entry.type) if too_late else DeliveryState.PENDING
        self._settle(delivery, state, "its sub-account is not known here", wait)

    def _postpone(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Give back a delivery that its endpoint cannot take now; give up one that would come too late."""
        wait = endpoint.postpone(self._clock.monotonic())
        due = self._clock.now() + timedelta(seconds=wait)
        too_late = due >= delivery.entry.give_up_at
        state = given_up(delivery.entry.type) if too_late else DeliveryState.PENDING
        self._settle(delivery, state, "its receiver is too slow for what it is sent", wait)

    def _settle(
        self, delivery: Delivery, state: DeliveryState, detail: str, wait: float = 0.0
    ) -> None:
        """Note a result without an attempt."""
        now = self._clock.now()
        self._results.put(delivery, state, now, detail=detail, wait=wait, attempted=False)

    def _hold(self, change: int) -> None:
        self._held += change
        self._metrics.hold(change)

    # --- sending

    def _pump(self, group: asyncio.TaskGroup) -> None:
        """Start attempts, one per endpoint in turn, while there is room."""
        while len(self._running) < _MOST_RUNNING and (found := self._endpoints.next()):
            endpoint, held = found
            if self._clock.monotonic() >= held.send_before:
                self._postpone(held.delivery, endpoint)
                self._endpoints.ended(endpoint, held)
                self._hold(-1)
            else:
                task = group.create_task(self._attempt(group, endpoint, held))
                self._running[task] = held
                task.add_done_callback(self._running.pop)

    async def _attempt(self, group: asyncio.TaskGroup, endpoint: Endpoint, held: Held) -> None:
        """One POST, judged, its result noted."""
        began, began_at = self._clock.monotonic(), self._clock.now()
        try:
            status, retry_after, detail = await self._post(held)
            seconds = self._clock.monotonic() - began
            endpoint.learn(seconds, answered=status is not None)
            self._metrics.answered(seconds)
            self._trace(held.delivery, began_at, status)
            await self._conclude(endpoint, held, status, retry_after, detail)
        except Exception:  # it is leased again; an internal error stops no other delivery
            log.exception("the result of webhook %s was lost", held.delivery.entry.delivery_id)
        finally:
            self._endpoints.ended(endpoint, held)
            self._hold(-1)
        if not self._stopping:
            self._pump(group)

    def _trace(self, delivery: Delivery, began_at: datetime, status: int | None) -> None:
        """Hand over the span of an attempt."""
        entry = delivery.entry
        if not entry.session_id or not self._tracer.follows(entry.session_id):
            return
        self._tracer.emit(attempt_span(delivery, began_at, self._clock.now(), status))

    async def _post(self, held: Held) -> tuple[int | None, str | None, str]:
        """Send it; returns the HTTP status (None: no answer), Retry-After, and a text for people."""
        entry, target = held.delivery.entry, held.target
        try:
            response = await self._client.request(
                "POST",
                target.url,
                headers=self._headers(held),
                body=entry.payload,
                timeout=ATTEMPT_TIMEOUT,
                max_body=_MAX_ANSWER,
                truncate=True,
            )
        except (OutgoingError, BadSecret) as error:
            return None, None, str(error)
        except Exception:
            # An unexpected error of one delivery does not stop the other ones.
            log.exception("webhook %s %s could not be sent", entry.type, entry.delivery_id)
            return None, None, "could not be sent, see the log"
        return response.status, response.headers.get("retry-after"), f"HTTP {response.status}"

    def _headers(self, held: Held) -> dict[str, str]:
        headers = signed_headers(
            held.target.secrets,
            delivery_id=held.delivery.entry.delivery_id,
            timestamp=int(self._clock.now().timestamp()),
            body=held.delivery.entry.payload,
        )
        headers["content-type"] = "application/json"
        if session_id := held.delivery.entry.session_id:
            headers.update(self._tracer.headers(session_id, span_key(held.delivery)))
        if held.target.http_auth_header is not None:
            headers["authorization"] = held.target.http_auth_header
        return headers

    async def _conclude(
        self,
        endpoint: Endpoint,
        held: Held,
        status: int | None,
        retry_after: str | None,
        detail: str,
    ) -> None:
        entry, now = held.delivery.entry, self._clock.now()
        pause = retry_after_seconds(retry_after, now)
        verdict = decide(
            entry.type,
            attempts=held.delivery.attempts + 1,
            http_status=status,
            retry_after=pause,
            now=now,
            give_up_at=entry.give_up_at,
            luck=random.random(),  # noqa: S311 (jitter, not a secret)
        )
        self._results.put(
            held.delivery,
            verdict.state,
            now,
            detail=detail,
            http_status=status,
            wait=0.0 if verdict.next_at is None else (verdict.next_at - now).total_seconds(),
        )
        if verdict.state is not DeliveryState.DELIVERED:
            endpoint.failed(self._clock.monotonic(), pause)
        elif endpoint.succeeded(self._clock.monotonic()):
            self._catch_up(held, now)
        with about(entry.session_id):
            say(endpoint, held, verdict.state, detail, self._watch)
        if verdict.disable and entry.url is None:
            log.warning("webhook %s of %s is disabled: 410 Gone", entry.type, entry.sub_account_id)
            try:
                await self._disable(entry.sub_account_id, WebhookType(entry.type))
            except StoreUnavailable as error:
                log.warning("it could not be disabled: the store is unavailable (%s)", error)

    def _catch_up(self, held: Held, now: datetime) -> None:
        """The endpoint answers again: make all its waiting deliveries due, of all types."""
        entry = held.delivery.entry
        if entry.url is not None:
            self._results.make_due(entry.sub_account_id, entry.type, entry.url, now)
            return
        for type_ in DELIVERED:
            webhook = self._lookup(entry.sub_account_id, WebhookType(type_))
            if webhook is not None and webhook.enabled and webhook.url == held.target.url:
                self._results.make_due(entry.sub_account_id, type_, None, now)
