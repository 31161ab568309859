"""The operator's alert webhook: an endpoint fails, a trunk is down, webhooks are given up.

Each alert is a POST in the form of Standard Webhooks: ``{"type", "timestamp", "data"}``. What goes on is told
once when it begins and once when it ends; webhooks that are given up are counted, and told at most every
:data:`DEAD_EVERY` seconds. Every API process tells what it sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter, deque
from enum import StrEnum
from typing import final

import msgspec

from offhook.clock import Clock, iso_milliseconds, new_id
from offhook.config import AlertsSection
from offhook.net.http_client import HttpRequester
from offhook.net.outgoing_errors import OutgoingError
from offhook.session.ports.operating import Operating
from offhook.session.ports.record import StoreUnavailable
from offhook.webhooks.delivery_watch import DeliveryWatch
from offhook.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks at trunks and waiting alerts."""
DEAD_EVERY = 600.0
MOST_WAITING = 200
TRIES = 20
TIMEOUT = 10.0


class AlertKind(StrEnum):
    """What an alert is about."""

    ENDPOINT_FAILING = "endpoint.failing"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    DEAD_LETTERS = "deliveries.dead"
    TRUNK_DOWN = "trunk.down"
    TRUNK_UP = "trunk.up"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that waits to be sent."""

    alert_id: str
    body: bytes
    tries: int = 0


@final
class OperatorAlerts(DeliveryWatch):
    """Collects alerts and posts them. Without a URL in ``[alerts]`` nothing is sent."""

    def __init__(self, client: HttpRequester, clock: Clock, section: AlertsSection) -> None:
        self._client = client
        self._clock = clock
        self._section = section
        self._waiting: deque[Alert] = deque(maxlen=MOST_WAITING)
        self._down: set[tuple[str, str]] = set()
        """Trunks that are down, with the node that says so."""
        self._dead: Counter[tuple[str, str]] = Counter()
        self._dead_told_at: float | None = None

    def use(self, section: AlertsSection) -> None:
        """Take over a reload."""
        self._section = section

    def failing(self, sub_account_id: str, type_: str, host: str, detail: str) -> None:
        self._note(
            AlertKind.ENDPOINT_FAILING,
            {"subAccountId": sub_account_id, "type": type_, "host": host, "detail": detail},
        )

    def recovered(self, sub_account_id: str, type_: str) -> None:
        data: dict[str, object] = {"subAccountId": sub_account_id, "type": type_}
        self._note(AlertKind.ENDPOINT_RECOVERED, data)

    def gave_up(self, sub_account_id: str, type_: str) -> None:
        if len(self._dead) < MOST_WAITING or (sub_account_id, type_) in self._dead:
            self._dead[sub_account_id, type_] += 1

    async def run(self, store: Operating) -> None:
        """Look at trunks and send what waits, until cancelled."""
        while True:
            if self._section.url is not None:
                await self.look(store)
                await self.send()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self, store: Operating) -> None:
        """Note trunks whose state has changed, and webhooks that were given up."""
        with contextlib.suppress(StoreUnavailable):
            for node, state in await store.trunk_states():
                place = (state.trunk, node)
                if state.up is (place in self._down):
                    (self._down.discard if state.up else self._down.add)(place)
                    kind = AlertKind.TRUNK_UP if state.up else AlertKind.TRUNK_DOWN
                    self._note(kind, {"trunk": state.trunk, "node": node, "detail": state.detail})
        now = self._clock.monotonic()
        if self._dead and (self._dead_told_at is None or now - self._dead_told_at >= DEAD_EVERY):
            self._dead_told_at = now
            for (owner, type_), count in self._dead.items():
                data: dict[str, object] = {"subAccountId": owner, "type": type_, "count": count}
                self._note(AlertKind.DEAD_LETTERS, data)
            self._dead.clear()

    async def send(self) -> None:
        """Post what waits, in order; stop at one that fails, which is tried again later."""
        while self._waiting and self._section.url is not None:
            alert = self._waiting[0]
            failure = await self._post(self._section.url, alert)
            if failure is None:
                self._waiting.popleft()
                continue
            if alert.tries == 0:
                log.warning("an alert could not be sent to alerts.url: %s", failure)
            self._waiting[0] = msgspec.structs.replace(alert, tries=alert.tries + 1)
            if alert.tries + 1 >= TRIES:
                self._waiting.popleft()
            return

    async def _post(self, url: str, alert: Alert) -> str | None:
        """Why it failed; None: it was taken."""
        section = self._section
        headers = signed_headers(
            () if section.secret is None else (section.secret,),
            delivery_id=alert.alert_id,
            timestamp=int(self._clock.now().timestamp()),
            body=alert.body,
        )
        headers["content-type"] = "application/json"
        if section.http_auth_header is not None:
            headers["authorization"] = section.http_auth_header
        try:
            answer = await self._client.request(
                "POST",
                url,
                headers=headers,
                body=alert.body,
                timeout=TIMEOUT,
                max_body=4096,
                truncate=True,
            )
        except OutgoingError as error:
            return str(error)
        return None if 200 <= answer.status <= 299 else f"HTTP {answer.status}"

    def _note(self, kind: AlertKind, data: dict[str, object]) -> None:
        if self._section.url is None:
            return
        known = {name: value for name, value in data.items() if value is not None}
        at = iso_milliseconds(self._clock.now())
        body = json.dumps({"type": kind.value, "timestamp": at, "data": known}).encode()
        self._waiting.append(Alert(alert_id=new_id(), body=body))
