"""The gateway over real SIP: a node that registers all phones and calls; browsers are messages here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.unit.webphone.browser_offers import CHROMIUM

from offhook import sip
from offhook.aio import end_all
from offhook.config import SipUserSection
from offhook.fabric.memory import MemoryFabric
from offhook.media.python.port_pool import PortPool
from offhook.session.ports.browser_phones import ORDERS, PhoneNews, PhoneState, news_topic
from offhook.sip import Address
from offhook.sip.message import Request
from offhook.sip.sdp import make_offer
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.sip_users import sip_user_of
from offhook.webphone.gateway import KEPT_FOR, Gateway
from offhook.webphone.secure_stream import SecureStream
from offhook.webphone.web_call import Surroundings

LOCAL = "127.0.0.1"
ANN, BEN = "a" * 32, "b" * 32
OWNER, OTHER = "1" * 32, "2" * 32
PASSWORD = "long-enough"
USERS = {
    section.username: sip_user_of(section)
    for section in (
        SipUserSection(username="alice", password=PASSWORD, max_phones=1),
        SipUserSection(username="bob", password=PASSWORD),
        SipUserSection(username="secret", password=PASSWORD, srtp="required"),
    )
}


class Registrar(sip.Screen):
    """Admits all."""

    @property
    def takes_registers(self) -> bool:
        return True

    def ignores(self, request: Request, source: Address) -> bool:
        return False

    def judge(self, invite: Request, source: Address) -> sip.Judgement:
        return sip.Admitted()

    def judge_register(self, request: Request, source: Address) -> sip.Judgement:
        return sip.Admitted()


class World:
    """A node, a gateway, and what the browsers were told."""

    def __init__(self) -> None:
        self.fabric = MemoryFabric()
        self.node = udp_endpoint(LOCAL, 0)
        self.endpoint = udp_endpoint(LOCAL, 0)
        self.now = 1000.0
        self.contacts: list[str] = []
        self.events: dict[str, list[sip.AnyEvent]] = {}
        self.news: dict[str, list[PhoneNews]] = {ANN: [], BEN: []}
        self.pool = PortPool(LOCAL, (15_000, 15_040))

    async def start(self) -> None:
        await self.fabric.start()
        await self.node.start()
        await self.endpoint.start()
        self.node.screen(Registrar())
        self.node.on_register(self._register)
        for phone in self.news:
            self.fabric.subscribe(news_topic(phone), self._told)
        around = Surroundings(
            self.endpoint,
            Address("udp", LOCAL, self.node.local_address[1]),
            self.pool,
            lambda on_packet: SecureStream(LOCAL, on_packet),
        )
        self.gateway = Gateway(
            around, self.fabric, lambda: self.now, name="here", users=lambda: USERS
        )
        self.duty = asyncio.create_task(self.gateway.run())

    async def close(self) -> None:
        await end_all(self.duty)
        await self.gateway.close()
        await self.endpoint.close()
        await self.node.close()
        await self.fabric.close()

    def _told(self, topic: str, message: bytes) -> None:
        news = msgspec.json.decode(message, type=PhoneNews)
        self.news[topic.rpartition(".")[2]].append(news)

    def _register(self, wish: sip.IncomingRegister) -> None:
        contacts = [(f"<{one.uri}>;expires={one.expires}", one) for one in wish.contacts]
        self.contacts = [one.uri for _, one in contacts if one.expires]
        with self.node.command() as (agent, now):
            headers = [("Contact", value) for value, _ in contacts]
            agent.answer_register(wish.handle, now, 200, headers)

    def order(self, wish: str, phone: str = ANN, user: str = "alice", **more: Any) -> None:
        fields = {"phone": phone, "owner": OWNER, "user": user, "wish": wish, **more}
        self.fabric.publish(ORDERS, msgspec.json.encode(fields))

    async def until(self, state: PhoneState, phone: str = ANN) -> PhoneNews:
        async with asyncio.timeout(10):
            while not self.news[phone] or self.news[phone][-1].state is not state:
                await asyncio.sleep(0.01)
        return self.news[phone][-1]

    async def ready(self) -> None:
        """Keep the phone, and wait for it."""
        told = len(self.news[ANN])
        self.order("keep", gateway="here")
        async with asyncio.timeout(10):
            while len(self.news[ANN]) == told:
                await asyncio.sleep(0.01)
        await self.until(PhoneState.READY)

    async def described(self) -> None:
        """Wait for the answer to the browser's offer."""
        async with asyncio.timeout(10):
            while not self.news[ANN][-1].sdp.startswith("v=0"):
                await asyncio.sleep(0.01)

    async def gone(self) -> None:
        """Wait until no phone is registered."""
        async with asyncio.timeout(10):
            while self.contacts:
                await asyncio.sleep(0.01)

    def call(self, contact: str | None = None, *, codecs: bytes | None = None) -> str:
        """The node calls; the handle."""
        target = contact or self.contacts[0]
        with self.node.command() as (agent, now):
            handle = agent.invite(
                now,
                target=Address("udp", LOCAL, self.endpoint.local_address[1]),
                request_uri=target,
                from_uri="sip:+6512341234@node",
                to_uri="sip:alice@node",
                sdp=codecs or make_offer(host=LOCAL, port=15_100),
            )
            self.node.listen(handle, self.events.setdefault(handle, []).append)
        return handle

    async def refused(self, handle: str) -> int:
        async with asyncio.timeout(10):
            while not any(isinstance(one, sip.Rejected) for one in self.events[handle]):
                await asyncio.sleep(0.01)
        return next(one.status for one in self.events[handle] if isinstance(one, sip.Rejected))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    await made.close()


async def test_a_gateway_says_that_it_has_room_and_takes_the_phone_that_names_it(
    world: World,
) -> None:
    world.order("keep")
    assert (await world.until(PhoneState.FREE)).gateway == "here"
    assert world.contacts == []
    world.order("keep", gateway="elsewhere")
    await world.ready()
    assert "keep" not in world.contacts[0]
    assert len(world.contacts) == 1


async def test_a_phone_that_nobody_keeps_or_that_leaves_is_unregistered(world: World) -> None:
    await world.ready()
    world.now += KEPT_FOR / 2
    await world.ready()
    world.now += KEPT_FOR / 2 + 1
    assert world.contacts
    world.now += KEPT_FOR
    world.order("hangup")  # no sign of life
    await world.gone()
    await world.ready()
    world.order("leave")
    await world.gone()


async def test_other_sign_ins_and_other_users_give_a_phone_no_orders(world: World) -> None:
    await world.ready()
    handle = world.call()
    await world.until(PhoneState.RINGING)
    world.order("hangup", owner=OTHER)
    world.order("hangup", user="bob")
    world.order("leave", owner=OTHER)
    world.order("keep", owner=OTHER, gateway="here")
    assert (await world.until(PhoneState.RINGING)).peer == "+6512341234"
    world.order("hangup")
    assert await world.refused(handle) == 486
    assert (await world.until(PhoneState.READY)).text == "You hung up"


async def test_a_second_call_meets_a_busy_phone_and_a_guessed_address_nobody(world: World) -> None:
    await world.ready()
    world.call()
    await world.until(PhoneState.RINGING)
    assert await world.refused(world.call()) == 486
    guessed = f"sip:alice@{LOCAL}:{world.endpoint.local_address[1]}"
    assert await world.refused(world.call(guessed)) == 404


@pytest.mark.parametrize(
    ("user", "why"),
    [("nobody", "no such user"), ("secret", "srtp"), ("alice", "As many browsers")],
)
async def test_why_there_is_no_phone_is_said(world: World, user: str, why: str) -> None:
    await world.ready()
    world.order("keep", phone=BEN, user=user)
    assert why in (await world.until(PhoneState.REFUSED, BEN)).text


async def test_an_offer_that_cannot_be_used_ends_the_call_and_nothing_else(world: World) -> None:
    await world.ready()
    handle = world.call()
    await world.until(PhoneState.RINGING)
    world.order("answer", sdp="v=0\r\nm=audio 9 RTP/AVP 0\r\n")
    assert await world.refused(handle) == 486
    told = await world.until(PhoneState.READY)
    assert "offer cannot be used" in told.text
    world.order("call", number="+6568332048", sdp=CHROMIUM.replace(" 0 8 ", " "))
    async with asyncio.timeout(10):
        while "no codec" not in world.news[ANN][-1].text:
            await asyncio.sleep(0.01)
    world.call()
    await world.until(PhoneState.RINGING)


async def test_a_browser_without_a_codec_of_the_caller_cannot_answer(world: World) -> None:
    await world.ready()
    wide = make_offer(host=LOCAL, port=15_100).replace(b"0 8 101", b"8 101")
    handle = world.call(codecs=wide)
    await world.until(PhoneState.RINGING)
    world.order("answer", sdp=CHROMIUM.replace(" 0 8 ", " 0 "))
    assert await world.refused(handle) == 486
    assert "no common codec" in (await world.until(PhoneState.READY)).text


async def test_a_caller_who_gives_up_while_the_sound_is_on_its_way_leaves_nothing(
    world: World,
) -> None:
    await world.ready()
    free = len(world.pool._free)
    handle = world.call()
    await world.until(PhoneState.RINGING)
    world.order("answer", sdp=CHROMIUM)
    await world.described()
    with world.node.command() as (agent, now):
        agent.cancel(handle, now)
    assert (await world.until(PhoneState.READY)).text == "The caller gave up"
    async with asyncio.timeout(10):
        while len(world.pool._free) < free:
            await asyncio.sleep(0.01)


async def test_the_server_stops_while_a_call_waits_for_its_sound(world: World) -> None:
    await world.ready()
    handle = world.call()
    await world.until(PhoneState.RINGING)
    world.order("answer", sdp=CHROMIUM)
    await world.described()
    await world.gateway.close()
    assert await world.refused(handle) == 480
    await world.gone()


@pytest.mark.parametrize(
    "message",
    [b"", b"\xff", b"[]", b'{"phone":"x"}', b'{"wish":"keep"}' * 1000],
)
async def test_messages_that_are_no_orders_do_nothing(world: World, message: bytes) -> None:
    world.fabric.publish(ORDERS, message)
    await world.ready()
