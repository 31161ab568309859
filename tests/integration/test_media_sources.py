"""Whose packets a leg takes (spec/execution.md, "Media"), on real sockets of several addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import msgspec
import pytest
from tests.integration.media_peer import Events, Peer, connected, eventually, in_all, running_engine

from offhook.media import make_engine
from offhook.media.engine import (
    DigitReceived,
    MediaLeg,
    MediaSources,
    PortsExhausted,
    SourceRefused,
)

pytestmark = pytest.mark.usefixtures("each_engine")

SIGNALLED, ELSEWHERE = "127.0.0.1", "127.0.0.2"


class From(Peer):
    """A telephone whose packets come from another address of loopback."""

    def __init__(self, host: str, target: tuple[str, int]) -> None:
        super().__init__()
        self.rtp.close()
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind((host, 0))
        self.rtp.setblocking(False)
        self.target = target


@asynccontextmanager
async def leg_and_phone(
    sources: MediaSources,
) -> AsyncIterator[tuple[MediaLeg, Peer, Events]]:
    async with running_engine() as engine, connected(engine) as (leg, phone, events):
        leg.connect(phone.media(), sources)
        yield leg, phone, events


async def taken(leg: MediaLeg, phone: Peer, count: int = 3) -> int:
    """How many of ``count`` packets of ``phone`` the leg takes."""
    before = leg.statistics()
    for _ in range(count):
        phone.send()
    await eventually(
        lambda: (
            leg.statistics().packets_received
            + leg.statistics().packets_refused
            - before.packets_received
            - before.packets_refused
            >= count
        )
    )
    return leg.statistics().packets_received - before.packets_received


@pytest.mark.parametrize(
    ("sources", "all_taken"),
    [
        (MediaSources(), False),
        (MediaSources(hosts=frozenset({"127.0.0.3"})), False),
        (MediaSources(hosts=frozenset({ELSEWHERE})), True),
        (MediaSources(networks=(ip_network("127.0.0.0/30"),)), True),
        (MediaSources(networks=(ip_network("127.0.0.4/30"), ip_network("::/0"))), False),
        (MediaSources(networks=(ip_network("0.0.0.0/0"),)), True),
    ],
    ids=["nothing named", "another host", "the host", "its network", "another network", "all"],
)
async def test_the_first_packet_counts_only_from_a_named_address(
    sources: MediaSources, all_taken: bool
) -> None:
    async with leg_and_phone(sources) as (leg, phone, events):
        other = From(ELSEWHERE, phone.target)
        assert await taken(leg, other) == (3 if all_taken else 0)
        if all_taken:
            leg.play(in_all(b"a" * 160))
            assert bytes((await other.packet()).payload) == b"a" * 160
            assert not events.of(SourceRefused)
        else:
            (told,) = await events.wait(SourceRefused)
            assert told.host == ELSEWHERE
            assert await taken(leg, phone) == 3
            await taken(leg, other)
            assert len(events.of(SourceRefused)) == 1
        other.close()


async def test_any_port_of_the_signalled_address_is_taken() -> None:
    async with leg_and_phone(MediaSources()) as (leg, phone, _):
        behind_nat = From(SIGNALLED, phone.target)
        assert await taken(leg, behind_nat) == 3
        leg.play(in_all(b"a" * 160))
        assert bytes((await behind_nat.packet()).payload) == b"a" * 160
        behind_nat.close()


async def test_a_source_that_moves_is_followed_once_the_old_one_is_silent() -> None:
    async with leg_and_phone(MediaSources()) as (leg, phone, _):
        moved = From(ELSEWHERE, phone.target)
        assert await taken(leg, phone) == 3
        before = leg.statistics()
        phone.send()  # no moment before the other one
        moved.sequence, moved.timestamp = phone.sequence, phone.timestamp
        moved.send()
        await eventually(lambda: leg.statistics().packets_refused > before.packets_refused)
        assert leg.statistics().packets_received == before.packets_received + 1
        moved.sequence = phone.sequence
        async with asyncio.timeout(20):
            while not await taken(leg, moved, 1):
                await asyncio.sleep(0.02)
        leg.play(in_all(b"a" * 160))
        assert bytes((await moved.packet()).payload) == b"a" * 160
        moved.close()


@pytest.mark.parametrize(
    ("ssrc", "ahead"), [(0x1234, 500), (0x9999, 0)], ids=["sequence far off", "another SSRC"]
)
async def test_nothing_else_is_followed_to_an_address_that_nothing_names(
    ssrc: int, ahead: int
) -> None:
    async with leg_and_phone(MediaSources()) as (leg, phone, _):
        assert await taken(leg, phone) == 3
        stranger = From(ELSEWHERE, phone.target)
        stranger.ssrc, stranger.sequence = ssrc, phone.sequence + ahead
        stopped = asyncio.get_running_loop().time()
        async with asyncio.timeout(20):
            while asyncio.get_running_loop().time() < stopped + 0.4:
                assert await taken(leg, stranger, 1) == 0
                await asyncio.sleep(0.02)
        leg.play(in_all(b"a" * 160))
        assert bytes((await phone.packet()).payload) == b"a" * 160
        stranger.close()


async def test_audio_of_another_type_of_the_answer_is_heard() -> None:
    """The answer was "0 8 101", and the phone changes from type 0 to type 8 in its stream."""
    async with (
        running_engine() as engine,
        connected(engine) as (leg, phone, _),
        connected(engine) as (other, other_phone, _),
    ):
        leg.relay(other)
        phone.send(b"\x55" * 160)
        assert bytes((await other_phone.packet()).payload) == b"\x55" * 160
        phone.send(b"\xd5" * 160, payload_type=8)
        assert bytes((await other_phone.packet()).payload) == b"\xfe" * 160
        assert leg.statistics().packets_lost == 0


async def test_events_may_come_on_an_ssrc_of_their_own() -> None:
    async with running_engine() as engine, connected(engine) as (leg, phone, events):
        audio = phone.ssrc, phone.sequence
        own = 0x7777, 30000
        sent = 0
        for event in (1, 2, 3, 4):
            for flags, duration in ((0x0A, 160), (0x0A, 320), (0x8A, 480), (0x8A, 480)):
                phone.ssrc, phone.sequence = audio
                phone.send()
                audio = phone.ssrc, phone.sequence
                phone.ssrc, phone.sequence = own
                payload = bytes([event, flags]) + duration.to_bytes(2, "big")
                stamp, phone.timestamp = phone.timestamp, 40_000 * event
                phone.send(payload, payload_type=96, step=0)
                phone.timestamp = stamp
                own = phone.ssrc, phone.sequence
                sent += 2
            # As many packets as on a line, so that the socket's buffer never decides.
            await eventually(lambda: leg.statistics().packets_received == sent)  # noqa: B023
        digits = await events.wait(DigitReceived, 4)
        assert [one.digit for one in digits] == ["1", "2", "3", "4"]
        assert leg.statistics().packets_lost == 0


async def test_more_than_25_digits_are_heard_when_they_are_not_one_flood() -> None:
    async with running_engine() as engine, connected(engine) as (_, phone, events):
        loop = asyncio.get_running_loop()
        for round_ in range(2):
            for index in range(20):
                phone.press(index % 10, 10_000 + (20 * round_ + index) * 4000, ends=1)
            await events.wait(DigitReceived, 20 * (round_ + 1))
            began = loop.time()
            while round_ == 0 and loop.time() < began + 1.05:
                await asyncio.sleep(0.05)
        assert len(events.of(DigitReceived)) == 40


async def test_after_a_new_offer_the_new_address_counts_at_once() -> None:
    async with leg_and_phone(MediaSources()) as (leg, phone, _):
        assert await taken(leg, phone) == 3
        moved = Peer()
        moved.target = phone.target
        moved.ssrc = 0x4321
        leg.connect(msgspec.structs.replace(moved.media()))
        leg.play(in_all(b"a" * 160))
        assert bytes((await moved.packet()).payload) == b"a" * 160
        assert await taken(leg, moved) == 3
        moved.close()


def test_out_of_descriptors_is_not_out_of_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_one() -> None:
        engine = make_engine("python", host="127.0.0.1", ports=(20000, 29999))
        engine.start()
        try:

            def none_left(*_: object) -> socket.socket:
                raise OSError(24, "Too many open files")

            monkeypatch.setattr("offhook.media.python.port_pool.socket.socket", none_left)
            with pytest.raises(PortsExhausted, match="out of file descriptors"):
                engine.open_leg(Events())
        finally:
            monkeypatch.undo()
            engine.close()

    asyncio.run(open_one())
