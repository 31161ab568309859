"""What only the native engine can show: handles that cannot be misused, and sounds that are freed in time."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.integration.media_peer import (
    PORTS,
    Events,
    Peer,
    UnderTest,
    connected,
    eventually,
    running_engine,
)

from offhook.config.server_checks import NATIVE_MODULE
from offhook.media import make_engine
from offhook.media.engine import MediaEngine, PlaybackEnded
from offhook.negotiated import LAWS, Codec

if TYPE_CHECKING or NATIVE_MODULE.exists():
    from offhook.media.native import _core

pytestmark = pytest.mark.skipif(not NATIVE_MODULE.exists(), reason="the native engine is not built")

LOOPBACK = b"\x7f\0\0\1"
NO_TYPES = bytes(128)


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


@asynccontextmanager
async def core_leg() -> AsyncIterator[tuple[_core.Engine, _core.Leg]]:
    """The bare module, without the classes around it."""
    engine = _core.make_engine(LOOPBACK, b"", *PORTS, 5.0)
    engine.start()
    try:
        yield engine, engine.open_leg(1, 0.0, 0)
    finally:
        engine.close()


def freed(buffer: bytearray) -> bool:
    """Whether nothing looks at the octets any more: only then they can be resized."""
    try:
        buffer.append(0)
    except BufferError:
        return False
    return True


async def test_a_sound_stays_until_its_last_playback_ends_and_no_longer() -> None:
    octets = {codec: bytearray(b"s" * 1600) for codec in LAWS}
    async with (
        running_engine() as engine,
        connected(engine) as (leg, peer, events),
        connected(engine) as (other, _, other_events),
    ):
        sound = engine.load({codec: memoryview(each) for codec, each in octets.items()})
        assert sound.samples == 1600
        leg.play(sound)
        endless = other.play(sound, repetition=100_000, pause=0.0)
        del sound
        gc.collect()
        packets = await peer.packets(10)
        assert b"".join(packet.payload for packet in packets) == b"s" * 1600
        await events.wait(PlaybackEnded)
        assert not freed(octets[Codec.PCMU])
        other.stop(endless)
        await other_events.wait(PlaybackEnded)
        await eventually(lambda: all(freed(each) for each in octets.values()))


@pytest.mark.parametrize("how", ["stopped", "leg closed", "engine closed", "engine dropped"])
async def test_a_sound_is_freed_however_its_playback_ends(how: str) -> None:
    octets = bytearray(b"s" * 160_000)
    engine: MediaEngine | None = make_engine("native", host="127.0.0.1", ports=PORTS)
    assert engine is not None
    engine.start()
    peer, events = Peer(), Events()
    leg = engine.open_leg(events)
    leg.connect(peer.media())
    leg.play(engine.load(dict.fromkeys(LAWS, memoryview(octets))))
    leg.play_below(engine.load(dict.fromkeys(LAWS, memoryview(octets))))
    await peer.packets(2)
    if how == "stopped":
        leg.stop()
        leg.play_below(None)
    elif how == "leg closed":
        leg.close()
    elif how == "engine closed":
        engine.close()
    else:
        engine.close()
        del leg
        engine = None
    await eventually(lambda: freed(octets))
    peer.close()
    if engine is not None:
        engine.close()


async def test_sounds_and_legs_of_another_engine_are_refused() -> None:
    async with core_leg() as (engine, leg), core_leg() as (other, other_leg):
        foreign, own = other.load(b"a", b"a"), engine.load(b"a", b"a")
        leg.play(own, 1, 1, 0)
        misuses: tuple[Callable[[], None], ...] = (
            lambda: leg.play(foreign, 1, 1, 0),
            lambda: leg.play_below(foreign, 0),
            lambda: leg.relay(other_leg),
            lambda: leg.relay(own),  # type: ignore[arg-type]
            lambda: leg.play(leg, 1, 1, 0),  # type: ignore[arg-type]
            lambda: leg.play(object(), 1, 1, 0),  # type: ignore[arg-type]
        )
        for misuse in misuses:
            with pytest.raises(TypeError):
                misuse()


@pytest.mark.parametrize("kind", ["Engine", "Leg", "Sound"])
def test_handles_are_made_by_the_module_only(kind: str) -> None:
    made = getattr(_core, kind)
    with pytest.raises(TypeError):
        made()
    with pytest.raises(TypeError):
        object.__new__(made)
    with pytest.raises(TypeError):
        type("Mine", (made,), {})
    with pytest.raises((TypeError, AttributeError)):
        made.close = None


async def test_arguments_out_of_range_are_refused() -> None:
    async with core_leg() as (engine, leg):
        ok = (LOOPBACK, 4000, 0, 0, 0, 0, -1, -1, True, True, False, NO_TYPES, b"", 0, b"", b"")
        leg.connect(*ok)

        def wrong(place: int, value: object) -> Callable[[], None]:
            return lambda: leg.connect(*ok[:place], value, *ok[place + 1 :])  # type: ignore[arg-type, call-arg]

        for place, value in (
            *((0, b""), (0, b"\0" * 16), (0, b"\0" * 5), (1, 0), (1, 65536), (1, -1), (2, 65536)),
            *(
                (3, 4),
                (3, -1),
                (4, 128),
                (5, 25),
                (5, 70),
                (5, -1),
                (6, 128),
                (7, -2),
                (11, b"\7" * 128),
                (11, b""),
                (12, b"x"),
            ),
            *((13, 1), (13, 7), (13, -1), (14, b"x"), (15, bytes(30))),
            (12, bytes((4, 33)) + bytes(16)),
            (12, (bytes((4, 32)) + bytes(16)) * 5000),
        ):
            with pytest.raises(ValueError):
                wrong(place, value)()
        sound = engine.load(b"a", b"a")
        for misuse in (
            lambda: leg.play(sound, 0, 1, 0),
            lambda: leg.play(sound, 2**32, 1, 0),
            lambda: leg.send_digit("x", 0.1),
            lambda: leg.send_digit("\u20ac", 0.1),
            lambda: engine.load(b"a", b"ab"),
            lambda: _core.make_engine(b"123", b"", 20000, 20010, 5.0),
            lambda: _core.make_engine(LOOPBACK, b"", 20000, 20000, 5.0),
            lambda: _core.make_engine(LOOPBACK, b"", 0, 70000, 5.0),
            lambda: _core.make_engine(LOOPBACK, b"", 20000, 20010, float("nan")),
            lambda: _core.make_engine(LOOPBACK, LOOPBACK, 20000, 20010, 5.0),
            lambda: _core.make_engine(LOOPBACK, b"12345", 20000, 20010, 5.0),
            lambda: engine.open_leg(9, 0.0, 6),
            lambda: engine.open_leg(9, 0.0, 5),
        ):
            with pytest.raises(ValueError):
                misuse()


async def test_handles_that_outlive_their_engine_do_nothing() -> None:
    async with core_leg() as (engine, leg):
        sound = engine.load(b"a" * 160, b"a" * 160)
    engine.close()
    leg.play(sound, 1, 1, 0)
    leg.relay(leg)
    leg.start_tap()
    leg.keep_sending()
    assert leg.statistics()[0] == 0
    leg.close()
    leg.close()
    with pytest.raises(RuntimeError, match="not running"):
        engine.open_leg(2, 0.0, 0)
    descriptor = engine.event_fd()
    os.fstat(descriptor)
    del engine, sound
    leg.send_digit("1", 0.1)
    assert leg.take_frames() == b""
    del leg
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(descriptor)


async def test_an_engine_starts_once() -> None:
    async with core_leg() as (engine, _):
        with pytest.raises(ValueError):
            engine.start()


async def test_a_dropped_leg_gives_its_port_back() -> None:
    engine = _core.make_engine(LOOPBACK, b"", 21000, 21001, 5.0)
    engine.start()
    try:
        leg = engine.open_leg(1, 0.0, 0)
        with pytest.raises(LookupError):
            engine.open_leg(2, 0.0, 0)
        del leg
        async with asyncio.timeout(5):
            while True:
                try:
                    engine.open_leg(3, 0.0, 0)
                except LookupError:
                    await asyncio.sleep(0.002)
                    continue
                break
    finally:
        engine.close()
