"""Captures of sessions: which session an order means, and the bounds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.support.stores import waiting

from offhook.clock import Clock, SystemClock
from offhook.execution import capturing
from offhook.execution.capturing import MOST_ARMED, MOST_RUNNING, CaptureDesk, SessionCapture
from offhook.media.tap_frames import TapFrameKind, frame
from offhook.negotiated import Codec
from offhook.session.pcap import packets_of
from offhook.session.ports.capture_orders import CaptureOrder
from offhook.session.ports.telephony import Call
from offhook.session.session import Direction, Leg, Session
from offhook.store.memory.memory_store import MemoryStore

NUMBER = "+12025550101"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def session(destination: str = NUMBER) -> Session:
    leg = Leg(
        call_id="a", direction=Direction.OUTBOUND, source="+6512341234", destination=destination
    )
    return msgspec.structs.replace(waiting(destination=destination), legs=(leg,))


def order(**facts: Any) -> CaptureOrder:
    fields = {"capture_id": "c", "number": NUMBER, "until": NOW + timedelta(hours=1), **facts}
    return CaptureOrder(**fields)


class TappedCall:
    """A call whose tap has some frames."""

    call_id = "a"
    ended = None

    def __init__(self, frames: int = 3) -> None:
        self.stopped = False
        self._octets = b"".join(
            frame(
                TapFrameKind.RECEIVED, Codec.PCMU, 7, 160 * number, 1.0 + number / 50, b"\xff" * 160
            )
            for number in range(frames)
        )

    def media_ends(self) -> tuple[str, str]:
        return "udp:192.0.2.7:20000", "udp:192.0.2.1:30000"

    def tap(self) -> TappedCall:
        return self

    def take(self) -> bytes:
        octets, self._octets = self._octets, b""
        return octets

    def stop(self) -> None:
        self.stopped = True


class World:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = NOW
        clock = SimpleNamespace(now=lambda: self.now, monotonic=SystemClock().monotonic)
        self.desk = CaptureDesk(self.store, cast(Clock, clock))

    def look(self, call: TappedCall, of: Session, *, recorded: bool = False) -> SessionCapture:
        capture = SessionCapture(self.desk)
        capture.look(of, [cast(Call, call)], recorded=recorded)
        return capture


async def test_the_frames_of_a_leg_become_rtp_packets_of_a_file() -> None:
    world, call, of = World(), TappedCall(), session()
    world.desk.arm(order())
    capture = world.look(call, of)
    assert capture.taken
    await capture.finish(of.session_id)
    assert call.stopped
    file = await world.store.capture(of.session_id)
    assert file is not None
    packets = [packet.octets[28:] for packet in packets_of(file)]
    assert [packet[:12].hex() for packet in packets] == [
        "800000000000000000000007",
        "80000001000000a000000007",
        "800000020000014000000007",
    ]
    assert world.desk.running == 0


@pytest.mark.parametrize(
    ("facts", "destination"),
    [
        ({"number": "+12025550102"}, NUMBER),
        ({"number": None, "session_id": "another"}, NUMBER),
        ({"until": NOW}, NUMBER),
    ],
    ids=["another number", "another session", "void"],
)
async def test_an_order_that_means_no_session_captures_none(
    facts: dict[str, Any], destination: str
) -> None:
    world, call = World(), TappedCall()
    world.desk.arm(order(**facts))
    of = session(destination)
    capture = world.look(call, of)
    await capture.finish(of.session_id)
    assert not capture.taken
    assert await world.store.capture(of.session_id) is None


async def test_an_order_is_for_one_session_only() -> None:
    world = World()
    world.desk.arm(order())
    first, second = session(), session()
    captures = [world.look(TappedCall(), of) for of in (first, second)]
    assert [capture.taken for capture in captures] == [True, False]
    await captures[0].finish(first.session_id)


async def test_a_session_that_is_recorded_keeps_its_tap() -> None:
    world, call, of = World(), TappedCall(), session()
    world.desk.arm(order())
    capture = world.look(call, of, recorded=True)
    await capture.finish(of.session_id)
    assert capture.taken, "its SIP messages are kept"
    assert await world.store.capture(of.session_id) is None


async def test_a_capture_is_bounded_in_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "MOST_OCTETS", 500)
    world, of = World(), session()
    world.desk.arm(order())
    capture = world.look(TappedCall(frames=100), of)
    await capture.finish(of.session_id)
    file = await world.store.capture(of.session_id)
    assert file is not None
    assert len(list(packets_of(file))) == 3


async def test_a_capture_ends_with_its_time() -> None:
    world, call, of = World(), TappedCall(), session()
    world.desk.arm(order(seconds=0.01))
    capture = world.look(call, of)
    async with asyncio.timeout(20):
        while not call.stopped:
            await asyncio.sleep(0.02)
    assert world.desk.running == 0
    await capture.finish(of.session_id)
    assert await world.store.capture(of.session_id) is not None


def test_orders_without_end_drop_the_oldest() -> None:
    world = World()
    for number in range(MOST_ARMED + 1):
        world.desk.arm(order(number=f"+1202555{number:04}"))
    assert world.desk.take(session("+12025550000")) is None
    assert world.desk.take(session("+12025550001")) is not None


async def test_only_so_many_captures_run_at_once_and_an_end_makes_room() -> None:
    world = World()
    sessions = [session() for _ in range(MOST_RUNNING + 1)]
    for _ in sessions:
        world.desk.arm(order())
    captures = [world.look(TappedCall(), of) for of in sessions]
    assert [capture.taken for capture in captures] == [True] * MOST_RUNNING + [False]
    await captures[0].finish(sessions[0].session_id)
    assert world.look(TappedCall(), sessions[-1]).taken
    for capture, of in zip(captures[1:-1], sessions[1:], strict=False):
        await capture.finish(of.session_id)
