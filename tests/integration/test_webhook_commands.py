"""``offhook webhooks`` against the real API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.http_world import KEY, RecordWorld, now, running_record_world

from offhook.cli import main
from offhook.clock import new_id
from offhook.session.ports.record import (
    DeliveryResult,
    DeliveryState,
    NodeRole,
    OutboxEntry,
    OutboxType,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


async def run(world: RecordWorld, *words: str) -> int:
    where = ("--url", world.url("").partition("/api/")[0], "--subaccount", "acme_corp")
    return await asyncio.to_thread(main, ["webhooks", *words, *where, "--api-key", KEY])


async def give_up(world: RecordWorld, count: int) -> list[str]:
    """Dead deliveries; returns their ids, oldest first."""
    at = now()
    entries = [
        OutboxEntry(
            delivery_id=new_id(),
            sub_account_id="acme_corp",
            type=OutboxType.VSS,
            payload=b"{}",
            created_at=at + timedelta(seconds=n),
            give_up_at=at,
        )
        for n in range(count)
    ]
    await put(world, entries)
    await world.store.lease_deliveries("t", at + timedelta(hours=1), lease=60, limit=count)
    await world.store.finish_deliveries(
        [
            DeliveryResult(
                delivery_id=entry.delivery_id,
                at=at,
                http_status=503,
                detail="HTTP 503",
                state=DeliveryState.DEAD,
            )
            for entry in entries
        ]
    )
    return [entry.delivery_id for entry in entries]


async def put(world: RecordWorld, entries: list[OutboxEntry]) -> None:
    session_id = await queued(world)
    node = await world.store.register_node("t", NodeRole.VOICE, now())
    session = await world.store.session("acme_corp", session_id)
    assert session is not None
    ended, events, _ = world.deps.cancel(session, world.deps.directory.sub_accounts()[0], now())
    assert await world.store.cancel_queued(ended, events, entries)
    await world.store.retire_node(node)


async def queued(world: RecordWorld) -> str:
    action: dict[str, Any] = {
        "action": "makeCall",
        "params": {"source": "+6512341234", "destination": "+12025550101"},
    }
    async with (
        world.client() as client,
        client.post(world.url("callflows"), json={"callflow": [action]}) as response,
    ):
        return str((await response.json())["sessionId"])


async def test_all_dead_letters_are_listed_and_sent_again(
    world: RecordWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook = {"type": "VSS", "url": "https://acme.example/vss"}
    async with world.client() as client, client.post(world.url("webhooks"), json=webhook):
        ids = await give_up(world, 205)  # more than one page
    capsys.readouterr()
    assert await run(world, "deliveries", "VSS", "--state", "dead", "--limit", "2") == 0
    shown = capsys.readouterr().out
    assert ids[-1] in shown
    assert "HTTP 503" in shown
    assert "https://acme.example/vss" in shown
    assert "More: --cursor" in shown
    assert await run(world, "redeliver", "VSS", "--dead", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"redelivered": ids}
    due = await world.store.lease_deliveries("t", now(), lease=60, limit=500)
    assert {each.entry.delivery_id for each in due} <= set(ids)
    assert due
    found, _ = await world.store.deliveries_of_type(
        "acme_corp", OutboxType.VSS, state=DeliveryState.DEAD
    )
    assert found == []


async def test_one_delivery_is_sent_again_by_its_id(
    world: RecordWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = await give_up(world, 2)
    assert await run(world, "redeliver", "VSS", first) == 0
    assert "1 delivery is sent again." in capsys.readouterr().out
    assert await run(world, "redeliver", "VSS", "unknown") == 1
    assert "No finished delivery of this id" in capsys.readouterr().err
    assert await run(world, "redeliver", "VSS") == 2


async def test_a_secret_is_rotated_and_shown_once(
    world: RecordWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(world, "rotate", "VCA") == 0
    secret = capsys.readouterr().out.split()[6]
    [(_, stored)] = await world.store.webhooks()
    assert stored.secret == secret
    assert await run(world, "list") == 0
    listed = capsys.readouterr().out
    assert stored.url in listed
    assert secret not in listed
