"""One budget for all attempts, whatever each of them took; with a clock by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from multidict import CIMultiDict

from offhook.clock import Clock
from offhook.net.http_client import HttpRequester, HttpResponse
from offhook.session.ports.webhooks import Reply
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhooks.vca import ask_webhook

HOOK = Webhook(type=WebhookType.VCA, url="http://vca.example/")


class HandClock(Clock):
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


class SlowlyUnavailable(HttpRequester):
    """Answers 503 after ``seconds``."""

    def __init__(self, clock: HandClock, seconds: float) -> None:
        self.timeouts: list[float] = []
        self._clock = clock
        self._seconds = seconds

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        **rest: Any,
    ) -> HttpResponse:
        """See :meth:`offhook.net.http_client.HttpClient.request`."""
        self.timeouts.append(timeout)
        self._clock.seconds += self._seconds
        return HttpResponse(status=503, headers=CIMultiDict[str](), body=b"", url=url)


async def test_each_attempt_has_only_what_is_left_of_the_budget() -> None:
    clock = HandClock()
    server = SlowlyUnavailable(clock, 4.0)
    outcome = await ask_webhook(server, HOOK, b"{}", event_id="e", clock=clock, budget=10.0)
    assert server.timeouts == [10.0, 6.0, 2.0]
    assert outcome == Reply(body=None, detail="HTTP 503", http_status=503)
