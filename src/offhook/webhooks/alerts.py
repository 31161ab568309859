"""The operator's alert webhook: an endpoint fails, a trunk is down, a node is silent, webhooks are given up.

Each alert is a POST in the form of Standard Webhooks: ``{"type", "timestamp", "data"}``. What goes on is told
once when it begins and once when it ends, by the process that notes it first in the store; what goes on for a
day is told again. Webhooks that are given up are counted by each process, and told at most every
:data:`DEAD_EVERY` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter, deque
from enum import StrEnum
from typing import NamedTuple, final

import msgspec

from offhook.clock import Clock, iso_milliseconds, new_id
from offhook.config import AlertsSection
from offhook.net.http_client import HttpRequester
from offhook.net.outgoing_errors import OutgoingError
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.webhooks.delivery_watch import DeliveryWatch
from offhook.webhooks.node_watch import NodeWatch
from offhook.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks at trunks and waiting alerts."""
DEAD_EVERY = 600.0
AGAIN_AFTER = 86_400.0
"""Seconds after which a trouble that goes on is told again."""
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
    NODE_SILENT = "node.silent"
    NODE_BACK = "node.back"
    FIRST_CALL = "country.first_call"
    """A sub-account calls a country for the first time."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that waits to be sent."""

    alert_id: str
    body: bytes
    tries: int = 0


class _Sighting(NamedTuple):
    """What this process sees, before it is known whether another one has told it."""

    kind: AlertKind
    subject: str
    begins: bool
    data: dict[str, object]


@final
class OperatorAlerts(DeliveryWatch):
    """Collects alerts and posts them. Without a URL in ``[alerts]`` nothing is sent."""

    def __init__(self, client: HttpRequester, clock: Clock, section: AlertsSection) -> None:
        self._client = client
        self._clock = clock
        self._section = section
        self._seen: deque[_Sighting] = deque(maxlen=MOST_WAITING)
        self._waiting: deque[Alert] = deque(maxlen=MOST_WAITING)
        self._wrong: dict[str, bool] = {}
        """Whether each trunk was down and each node silent at the last look."""
        self._nodes = NodeWatch()
        self._first_calls_since = clock.now()
        self._dead: Counter[tuple[str, str]] = Counter()
        self._dead_told_at: float | None = None

    def use(self, section: AlertsSection) -> None:
        """Take over a reload."""
        self._section = section

    def failing(self, sub_account_id: str, type_: str, host: str, detail: str) -> None:
        data: dict[str, object] = {"subAccountId": sub_account_id, "type": type_}
        data |= {"host": host, "detail": detail}
        subject = _endpoint(sub_account_id, type_)
        self._see(AlertKind.ENDPOINT_FAILING, subject, data, begins=True)

    def recovered(self, sub_account_id: str, type_: str) -> None:
        data: dict[str, object] = {"subAccountId": sub_account_id, "type": type_}
        subject = _endpoint(sub_account_id, type_)
        self._see(AlertKind.ENDPOINT_RECOVERED, subject, data, begins=False)

    def gave_up(self, sub_account_id: str, type_: str) -> None:
        if len(self._dead) < MOST_WAITING or (sub_account_id, type_) in self._dead:
            self._dead[sub_account_id, type_] += 1

    async def run(self, store: Store) -> None:
        """Look at trunks and nodes and send what waits, until cancelled."""
        while True:
            if self._section.url is not None:
                await self.look(store)
                await self.send()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self, store: Store) -> None:
        """Note what has begun and ended since the last look, and webhooks that were given up."""
        with contextlib.suppress(StoreUnavailable):
            await self._look_at_trunks(store)
            await self._look_at_nodes(store)
            await self._look_at_first_calls(store)
            while self._seen:
                await self._tell(store, self._seen[0])
                self._seen.popleft()
        now = self._clock.monotonic()
        if self._dead and (self._dead_told_at is None or now - self._dead_told_at >= DEAD_EVERY):
            self._dead_told_at = now
            for (owner, type_), count in self._dead.items():
                data: dict[str, object] = {"subAccountId": owner, "type": type_, "count": count}
                self._note(AlertKind.DEAD_LETTERS, data)
            self._dead.clear()

    async def _look_at_trunks(self, store: Store) -> None:
        for node, state in await store.trunk_states():
            data: dict[str, object] = {"trunk": state.trunk, "node": node, "detail": state.detail}
            kind = AlertKind.TRUNK_UP if state.up else AlertKind.TRUNK_DOWN
            self._goes(kind, f"trunk {state.trunk} {node}", data, wrong=not state.up)

    async def _look_at_first_calls(self, store: Store) -> None:
        for call in await store.first_calls(self._first_calls_since):
            owner, country = call.sub_account_id, call.country
            data: dict[str, object] = {"subAccountId": owner, "country": country}
            data["sessionId"] = call.session_id
            self._see(AlertKind.FIRST_CALL, f"country {owner} {country}", data, begins=True)
            self._first_calls_since = call.at

    async def _look_at_nodes(self, store: Store) -> None:
        nodes = (await store.installation()).nodes
        for news in self._nodes.look(nodes, self._clock.now(), self._clock.monotonic()):
            node = news.node
            data: dict[str, object] = {"node": node.name, "role": node.role.value}
            if news.silent and node.heartbeat_at is not None:
                data["lastHeartbeat"] = iso_milliseconds(node.heartbeat_at)
            kind = AlertKind.NODE_SILENT if news.silent else AlertKind.NODE_BACK
            self._goes(kind, f"node {node.name}", data, wrong=news.silent)

    def _goes(self, kind: AlertKind, subject: str, data: dict[str, object], *, wrong: bool) -> None:
        """How something goes at this look; the first time, and each change of it, is a sighting."""
        if self._wrong.get(subject) is not wrong:
            self._wrong[subject] = wrong
            self._see(kind, subject, data, begins=wrong)

    async def _tell(self, store: Store, seen: _Sighting) -> None:
        """Make it an alert, if no other process has."""
        if seen.begins:
            now = self._clock.now()
            first = await store.begin_trouble(seen.subject, now, again_after=AGAIN_AFTER)
        else:
            first = await store.end_trouble(seen.subject)
        if first:
            self._note(seen.kind, seen.data)

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

    def _see(self, kind: AlertKind, subject: str, data: dict[str, object], *, begins: bool) -> None:
        if self._section.url is not None:
            self._seen.append(_Sighting(kind, subject, begins, data))

    def _note(self, kind: AlertKind, data: dict[str, object]) -> None:
        if self._section.url is None:
            return
        known = {name: value for name, value in data.items() if value is not None}
        at = iso_milliseconds(self._clock.now())
        body = json.dumps({"type": kind.value, "timestamp": at, "data": known}).encode()
        self._waiting.append(Alert(alert_id=new_id(), body=body))


def _endpoint(sub_account_id: str, type_: str) -> str:
    return f"endpoint {sub_account_id} {type_}"
