"""The test buttons of the console, and usage: who may use them, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.support.console_world import AnsweredTrial, running_console, running_record_console
from tests.support.http_world import KEY, OPERATOR_KEY, READER_KEY

from offhook.config import Admin, Config, TrunkSection
from offhook.session.ports.metering import UsageRecord
from offhook.session.ports.record import NodeRole
from offhook.session.ports.trunk_probes import PROBE_ORDERS, ProbeAnswer, ProbeOrder, probe_topic
from offhook.session.ports.webhooks import Reply
from offhook.session.session import Direction
from offhook.session.tenancy import SubAccount, Webhook
from offhook.store.memory import MemoryStore


async def test_a_test_event_tells_what_the_webhook_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []
    real = AnsweredTrial.send

    async def send(trial: AnsweredTrial, owner: SubAccount, webhook: Webhook) -> Reply:
        tried.append(webhook.url)
        return await real(trial, owner, webhook)

    monkeypatch.setattr(AnsweredTrial, "send", send)
    async with running_console() as world, world.signed_in() as client:
        await client.get("/console/webhooks")
        told = await client.post("/console/webhooks/VCA/test", account="acme_corp")
        page = await client.get(told.headers["location"])
        assert "A test event was sent: the webhook VCA answered HTTP 204." in page.text
        assert len(tried) == 1
        answer = await client.post("/console/webhooks/VSS/test", account="acme_corp")
        assert answer.status == 404
        answer = await client.post("/console/webhooks/VCA/test", account="other_corp")
        assert answer.status == 404
        async with world.signed_in(READER_KEY) as reader:
            await reader.get("/console/webhooks")
            answer = await reader.post("/console/webhooks/VCA/test", account="acme_corp")
            assert answer.status in (403, 404)
        assert len(tried) == 1


async def test_a_number_is_rung_with_the_rights_of_the_visitor(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in(OPERATOR_KEY) as client:
        await client.get("/console/numbers?account=acme_corp")
        told = await client.post(
            "/console/numbers/ring", account="acme_corp", number="+12025550123"
        )
        assert told.headers["location"].startswith("/console/sessions/")
        page = await client.get(told.headers["location"])
        assert "This is a test call of Offhook." in page.text
        told = await client.post("/console/numbers/ring", account="acme_corp", number="x")
        assert "problem=" in told.headers["location"]


async def test_a_trunk_is_asked_by_every_voice_process_for_operators_only() -> None:
    trunk = TrunkSection(name="carrier", address="udp:127.0.0.1:9")
    settings = Config(admin=Admin(api_keys=(OPERATOR_KEY,)), trunks=(trunk,))
    async with running_console(config=settings) as world:
        for name in ("v1", "v2"):
            await world.store.register_node(name, NodeRole.VOICE, world.clock.now())

        def obey(_topic: str, message: bytes) -> None:
            order = msgspec.json.decode(message, type=ProbeOrder)
            found = (
                ProbeAnswer(node="v1", status=200, milliseconds=12),
                ProbeAnswer(node="v2", status=None, problem="nothing came", milliseconds=5000),
            )
            for answer in found:
                world.deps.fabric.publish(probe_topic(order.probe_id), msgspec.json.encode(answer))

        world.deps.fabric.subscribe(PROBE_ORDERS, obey)
        async with world.signed_in(OPERATOR_KEY) as client:
            await client.get("/console/trunks")
            told = await client.post("/console/trunks/probe", name="carrier")
            page = (await client.get(told.headers["location"])).text
            assert "v1: OPTIONS answered with 200 after 12 ms." in page
            assert "v2: no answer to OPTIONS: nothing came." in page
            assert (await client.post("/console/trunks/probe", name="none")).status == 404
        async with world.signed_in(KEY) as client:
            await client.get("/console/now")
            assert (await client.post("/console/trunks/probe", name="carrier")).status == 403


async def test_usage_is_shown_and_exported_to_those_whose_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def usage(
        _store: MemoryStore, since: date, until: date, *, sub_account_id: str | None = None
    ) -> Sequence[UsageRecord]:
        return [
            UsageRecord(
                day=until,
                sub_account_id=owner,
                direction=Direction.OUTBOUND,
                country="SG",
                currency="USD",
                calls=3,
                answered=2,
                seconds=90,
                billable_seconds=120,
                cost=Decimal("1.25"),
            )
            for owner in ("acme_corp", "other_corp")
            if sub_account_id in (None, owner)
        ]

    monkeypatch.setattr(MemoryStore, "usage", usage)
    async with running_console() as world:
        async with world.signed_in() as client:
            page = (await client.get("/console/usage")).text
            assert "1.25 USD" in page
            assert "other_corp" not in page
            exported = await client.get("/console/usage.csv?period=7d")
            assert exported.headers["content-type"].startswith("text/csv")
            assert "attachment" in exported.headers["content-disposition"]
            assert exported.text.count("\r\n") == 2
            assert (await client.get("/console/usage?period=9d")).status == 422
            assert (await client.get("/console/usage.csv?account=other_corp")).status == 404
        async with world.signed_in(OPERATOR_KEY) as operator:
            assert "2.5 USD" in (await operator.get("/console/usage")).text
