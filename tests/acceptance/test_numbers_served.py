"""Virtual numbers of a whole server: customers are told of them, operators assign them, test calls find a
number that cannot be reached."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import sipp
from tests.support.receiver import Receiver
from tests.support.server import SUB_ACCOUNT, Server, configuration
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

FIRST, SECOND = "+6568332048", "+6568332049"
ADMIN_KEY = "key-of-the-operator"


def told(receiver: Receiver) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each VNU delivery: its kind, and the status of each number in it."""
    payloads: list[dict[str, Any]] = [each.payload for each in receiver.at("/vnu")]
    return [
        (
            each["updateEventType"],
            [(number["msisdn"], number["operationalStatus"]) for number in each["virtualNumbers"]],
        )
        for each in payloads
    ]


async def test_customers_are_told_of_their_numbers_and_of_a_test_call_that_does_not_arrive(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        refused = {"status": 404, "reason": "Not Found"}
        carrier = await stack.enter_async_context(Sipp("refuse", tmp_path, keys=refused))
        config = configuration(
            {"+65": carrier.address},
            webhooks={"VNU": receiver.url("/vnu")},
            sub_account={"numbers": [{"msisdn": FIRST, "rental_price": "1.50"}]},
        )
        config["admin"] = {"api_keys": [ADMIN_KEY]}
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        await receiver.wait_for(lambda: len(receiver.at("/vnu")) >= 1, 30)
        assert told(receiver) == [("SNAPSHOT", [(FIRST, "Active")])]
        client = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        )
        url = f"{server.url}/admin/v1/subaccounts/{SUB_ACCOUNT}/numbers/{SECOND}"
        async with client.put(url, json={"testCallEvery": 600}) as response:
            assert response.status == 200
        await receiver.wait_for(lambda: len(receiver.at("/vnu")) >= 3, 60)
        assert told(receiver)[1:] == [
            ("UPDATES", [(SECOND, "Active")]),
            ("UPDATES", [(SECOND, "Unhealthy")]),
        ]
        shown = await server.must("GET", f"/numbers/{SECOND}")
        listed = await server.must("GET", "/sessions")
    health = shown["payload"]["numberHealth"]
    assert (health["isHealthy"], health["status"]) == (False, "TEST_CALL_FAILED")
    assert listed["sessions"] == []
