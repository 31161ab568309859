"""A customer's receiver is down for an hour, comes and goes, or is slow: nothing is lost, nobody waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from tests.support.net import free_port
from tests.support.outbox import WatchedOutbox, entry
from tests.support.receiver import Receiver, Reply

from offhook.clock import Clock
from offhook.net.http_client import HttpClient
from offhook.session.ports.record import OutboxEntry
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhooks.delivery import DeliveryWorker

BEGIN = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
HOUR = 3600
SESSIONS = 20


class PassedClock(Clock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class World:
    """A delivery worker whose hours pass in moments; two customers, ``acme_corp`` and ``other``."""

    def __init__(self, urls: dict[str, str]) -> None:
        self.clock = PassedClock()
        self.outbox = WatchedOutbox()
        self.client = HttpClient(allow_private=True)
        hooks = {name: Webhook(type=WebhookType.VSS, url=url) for name, url in urls.items()}
        self.worker = DeliveryWorker(
            self.outbox,
            self.client,
            lambda sub_account, _type: hooks.get(sub_account),
            owner="test",
            disable=_never,
            clock=self.clock,
        )

    def tell(self, sub_account: str, count: int = 1) -> list[OutboxEntry]:
        """Summaries that are due now."""
        told = [
            entry(sub_account=sub_account, at=self.clock.now(), session=f"{sub_account} {number}")
            for number in range(count)
        ]
        self.outbox.add(*told)
        return told

    async def settle(self) -> None:
        """Let everything be tried that is due."""
        self.worker.wake()
        await self.outbox.wait_for(lambda: not self.outbox.due(self.clock.now()), timeout=30)

    async def pass_time(self, seconds: int, step: int = 20) -> None:
        """Let so much time pass, with all attempts that fall into it."""
        for _ in range(0, seconds, step):
            self.clock.seconds += step
            await self.settle()


async def _never(_sub_account: str, _type: WebhookType) -> None:
    raise AssertionError("no receiver answers 410")


@asynccontextmanager
async def world(**urls: str) -> AsyncIterator[World]:
    made = World(urls)
    made.worker.start()
    try:
        yield made
    finally:
        await made.worker.close(1)
        await made.client.close()


def taken(receiver: Receiver) -> Counter[str]:
    """How often each delivery was taken."""
    return Counter(one.headers["webhook-id"] for one in receiver.received if one.http_status == 200)


async def test_an_hour_without_the_receiver_loses_and_doubles_nothing() -> None:
    port = free_port()
    async with (
        Receiver() as good,
        world(acme_corp=f"http://127.0.0.1:{port}/vss", other=good.url("/vss")) as hour,
    ):
        told = hour.tell("acme_corp", SESSIONS)
        for minute in range(0, 60, 10):
            hour.tell("other")
            await hour.settle()
            assert len(good.received) == minute // 10 + 1
            told += hour.tell("acme_corp")
            await hour.pass_time(HOUR // 6)
        tries = len(hour.outbox.results)
        assert tries < SESSIONS * 30
        assert set(hour.outbox.pending) == {one.delivery_id for one in told}
        async with Receiver(port) as back:
            await hour.pass_time(HOUR)
            assert taken(back) == {one.delivery_id: 1 for one in told}
        assert not hour.outbox.pending
        assert "dead" not in hour.outbox.states().values()


async def test_a_receiver_that_comes_and_goes_gets_everything_once() -> None:
    async with Receiver() as receiver, world(acme_corp=receiver.url("/vss")) as flapping:
        receiver.on(
            "/vss",
            lambda request, body: Reply(status=503 if flapping.clock.seconds % 120 < 60 else 200),
        )
        told = []
        for _ in range(20):
            told += flapping.tell("acme_corp", 5)
            await flapping.pass_time(100)
        await flapping.pass_time(2 * HOUR, 30)
        assert taken(receiver) == {one.delivery_id: 1 for one in told}
        assert not flapping.outbox.pending


async def test_a_slow_receiver_gets_its_own_and_nobody_else_waits() -> None:
    hold = asyncio.Event()

    async def slow(request: object, body: bytes) -> Reply:
        await hold.wait()
        return Reply()

    async with (
        Receiver() as receiver,
        world(acme_corp=receiver.url("/slow"), other=receiver.url("/quick")) as both,
    ):
        receiver.on("/slow", slow)
        late = both.tell("acme_corp", 40)
        await receiver.wait_for(lambda: receiver.begun >= 8)
        both.tell("other", 40)
        both.worker.wake()
        await receiver.wait_for(lambda: len(receiver.at("/quick")) == 40)
        assert not receiver.at("/slow")
        hold.set()
        await both.settle()
        assert taken(receiver) | {one.delivery_id: 1 for one in late} == taken(receiver)
