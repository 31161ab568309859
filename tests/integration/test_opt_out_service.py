"""The operator's own opt-out list: a real file, and a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support.receiver import Receiver, Reply

from offhook.net.http_client import HttpClient
from offhook.session.ports.opt_out_lists import OptOut, OptOutWay
from offhook.session.tenancy import OptOutSettings, SubAccount
from offhook.webhooks.opt_out_service import OperatorLists

ENTRY = OptOut(
    sub_account_id="acme_corp",
    number="+6590000001",
    at=datetime(2026, 7, 3, 5, 59, 32, 226000, tzinfo=UTC),
    way=OptOutWay.KEY,
    session_id="0193c2a4-7d1e-7000-8000-000000000000",
)


def owner(**members: str) -> SubAccount:
    settings = OptOutSettings(key="9", **members)
    return SubAccount(sub_account_id="acme_corp", account_id="acme", opt_out=settings)


@pytest.fixture
async def lists() -> AsyncIterator[OperatorLists]:
    client = HttpClient(allow_private=True)
    yield OperatorLists(client)
    await client.close()


async def test_the_file_gets_a_line_for_each_number(lists: OperatorLists, tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    account = owner(file=str(path))
    second = msgspec.structs.replace(ENTRY, number="+6590000002", session_id=None)
    assert [await lists.tell(account, each) for each in (ENTRY, second)] == [None, None]
    assert path.read_text().splitlines() == [
        "+6590000001,2026-07-03T05:59:32.226Z,acme_corp,0193c2a4-7d1e-7000-8000-000000000000",
        "+6590000002,2026-07-03T05:59:32.226Z,acme_corp,",
    ]


async def test_a_file_that_cannot_be_written_is_named(lists: OperatorLists, tmp_path: Path) -> None:
    problem = await lists.tell(owner(file=str(tmp_path)), ENTRY)
    assert problem == f"{tmp_path}: Is a directory"


async def test_the_webhook_gets_the_number(lists: OperatorLists) -> None:
    async with Receiver() as receiver:
        account = owner(webhook=receiver.url("/gone"), http_auth_header="Basic abc")
        assert await lists.tell(account, ENTRY) is None
        (got,) = receiver.at("/gone")
    assert json.loads(got.body) == {
        "subAccountId": "acme_corp",
        "number": "+6590000001",
        "sessionId": "0193c2a4-7d1e-7000-8000-000000000000",
        "timestamp": "2026-07-03T05:59:32.226Z",
    }
    assert got.headers["authorization"] == "Basic abc"
    assert got.headers["webhook-id"] == ENTRY.session_id


async def test_a_webhook_that_fails_once_is_asked_again(lists: OperatorLists) -> None:
    async with Receiver() as receiver:
        answers = iter((Reply(status=503), Reply(status=200)))
        receiver.on("/gone", lambda _request, _body: next(answers))
        assert await lists.tell(owner(webhook=receiver.url("/gone")), ENTRY) is None


async def test_a_refusal_is_told(lists: OperatorLists) -> None:
    async with Receiver() as receiver:
        receiver.on("/gone", lambda _request, _body: Reply(status=404))
        assert await lists.tell(owner(webhook=receiver.url("/gone")), ENTRY) == "HTTP 404"


async def test_without_a_service_nothing_is_told(lists: OperatorLists) -> None:
    assert await lists.tell(owner(), ENTRY) is None
    bare = SubAccount(sub_account_id="acme_corp", account_id="acme")
    assert await lists.tell(bare, ENTRY) is None
