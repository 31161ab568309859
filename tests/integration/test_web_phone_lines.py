"""The console's side of phones in browsers: who may be whose phone, and the stream of its news."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tests.support.console_world import ConsoleClient, ConsoleWorld, running_console
from tests.support.http_world import KEY, OPERATOR_KEY, OTHER_KEY, READER_KEY

from offhook.config import Admin, BrowserPhone, Config, SipUserSection
from offhook.console import web_phone_lines
from offhook.session.ports.browser_phones import (
    ORDERS,
    PhoneNews,
    PhoneOrder,
    PhoneState,
    PhoneWish,
    news_topic,
)

PHONE = "a" * 32
USERS = (
    SipUserSection(username="ann", password="long-enough", subaccounts=("acme_corp",)),
    SipUserSection(username="open", password="long-enough"),
)


def settings(**changes: Any) -> Config:
    given = {"browser_phone": BrowserPhone(enabled=True), "sip_users": USERS, **changes}
    return Config(admin=Admin(api_keys=(OPERATOR_KEY,)), **given)


def orders_of(world: ConsoleWorld) -> list[PhoneOrder]:
    """What the console orders from now on."""
    heard: list[PhoneOrder] = []
    world.deps.fabric.subscribe(
        ORDERS,
        lambda _topic, message: heard.append(msgspec.json.decode(message, type=PhoneOrder)),
    )
    return heard


async def ordered(client: ConsoleClient, path: str, body: bytes = b"{}", token: str = "") -> int:
    url = client.world.url(f"/console/phone/order/{path}")
    headers = {"x-form-token": token or client.token}
    async with client.session.post(
        url, data=body, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status


async def test_the_page_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def shown(config: Config) -> str:
        async with running_console(config=config) as world, world.signed_in() as client:
            return (await client.get("/console/phone")).text

    assert "enabled = true" in await shown(settings(browser_phone=BrowserPhone()))
    assert "[[sip_users]]" in await shown(settings(sip_users=()))
    assert "ann" in (page := await shown(settings()))
    assert "phone.js" in page
    monkeypatch.setattr(web_phone_lines, "find_spec", lambda _name: None)
    assert "pip install" in await shown(settings())


async def test_whose_phone_a_key_may_be() -> None:
    config = settings()
    options = {
        KEY: ["ann"],
        OTHER_KEY: [],
        READER_KEY: [],
        OPERATOR_KEY: ["ann", "open"],
    }
    async with running_console(config=config) as world:
        heard = orders_of(world)
        for key, mine in options.items():
            async with world.signed_in(key) as client:
                page = (await client.get("/console/phone")).text
                assert [u.username for u in USERS if f'value="{u.username}"' in page] == mine
                for user in USERS:
                    status = await ordered(client, f"{user.username}/{PHONE}/hangup")
                    refused = 403 if key == READER_KEY else 404
                    assert status == (204 if user.username in mine else refused)
        assert len(heard) == 3


async def test_orders_carry_who_is_signed_in_and_only_what_a_browser_may_say() -> None:
    async with running_console(config=settings()) as world:
        heard = orders_of(world)
        async with world.signed_in() as client, world.signed_in() as other:
            await client.get("/console/phone")
            await other.get("/console/phone")
            call = json.dumps({"number": "+6568332048", "sdp": "v=0", "gateway": "x"}).encode()
            assert await ordered(client, f"ann/{PHONE}/call", call) == 204
            assert await ordered(other, f"ann/{PHONE}/hangup") == 204
            assert (heard[0].number, heard[0].sdp, heard[0].gateway) == ("+6568332048", "v=0", None)
            assert heard[0].owner != heard[1].owner
            assert await ordered(client, f"ann/{PHONE}/hangup", token=other.token) == 403
            for path in (f"ann/{PHONE}/keep", f"ann/{PHONE}/leave", f"ann/{PHONE}/x", "ann/b/call"):
                assert await ordered(client, path) == 422
            for body in (b"[]", b"{", b'{"sdp": 1}', b'{"number": "12; DROP"}', b'{"owner": "x"}'):
                assert await ordered(client, f"ann/{PHONE}/call", body) in (204, 422)
            long = json.dumps({"sdp": "v" * 40_000}).encode()
            assert await ordered(client, f"ann/{PHONE}/call", long) == 422
            assert all(one.owner == heard[0].owner for one in heard if one is not heard[1])
            await client.post("/console/sign-out")
            assert await ordered(client, f"ann/{PHONE}/hangup") in (401, 303)
        assert {one.wish for one in heard} == {PhoneWish.CALL, PhoneWish.HANG_UP}


async def test_a_browser_finds_a_gateway_and_hears_of_its_phone_until_it_leaves() -> None:
    async with running_console(config=settings()) as world, world.signed_in() as client:
        heard = orders_of(world)
        fabric = world.deps.fabric

        def gateway(_topic: str, message: bytes) -> None:
            order = msgspec.json.decode(message, type=PhoneOrder)
            if order.wish is PhoneWish.KEEP:
                state = PhoneState.READY if order.gateway == "there" else PhoneState.FREE
                news = PhoneNews(state=state, gateway="there", text="<b>")
                fabric.publish(news_topic(order.phone), msgspec.json.encode(news))
                fabric.publish(news_topic(order.phone), b"no news\n\nevent: x")

        fabric.subscribe(ORDERS, gateway)
        await client.get("/console/phone")
        url = world.url(f"/console/phone/line/ann/{PHONE}")
        async with client.session.get(url) as stream:
            read = b""
            while b"ready" not in read:
                read += await asyncio.wait_for(stream.content.readline(), 10)
            assert b"no news" not in read
            assert b'"free"' not in read
        async with asyncio.timeout(10):
            while heard[-1].wish is not PhoneWish.LEAVE:
                await asyncio.sleep(0.02)
        assert [one.gateway for one in heard[:2]] == [None, "there"]


async def test_without_a_gateway_the_browser_is_told_and_a_revoked_key_ends_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_phone_lines, "KEEP_EVERY", 0.05)
    async with running_console(config=settings()) as world, world.signed_in() as client:
        await client.get("/console/phone")
        url = world.url(f"/console/phone/line/ann/{PHONE}")
        async with client.session.get(url) as stream:
            read = b""
            while b"does not answer" not in read:
                read += await asyncio.wait_for(stream.content.readline(), 10)
            del world.directory.keys[KEY]
            await asyncio.wait_for(stream.content.read(), 10)
            assert stream.content.at_eof()


async def test_streams_are_bounded_and_need_a_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    off = settings(browser_phone=BrowserPhone())
    async with running_console(config=off) as world, world.signed_in() as client:
        assert (await client.get(f"/console/phone/line/ann/{PHONE}")).status == 404
    monkeypatch.setattr(web_phone_lines, "MOST_STREAMS", 0)
    async with running_console(config=settings()) as world, world.signed_in() as client:
        assert (await client.get(f"/console/phone/line/ann/{PHONE}")).status == 503
        assert (await client.get(f"/console/phone/line/open/{PHONE}")).status == 404
        assert (await client.get("/console/phone/line/ann/short")).status == 422
