"""What only the Python engine can show: faults put into it, and a sink that blocks its thread."""

from __future__ import annotations

import threading

import pytest
from tests.integration.media_peer import connected, eventually, in_all, running_engine

from offhook.media.engine import LegFailed
from offhook.media.python.python_leg import PythonLeg


@pytest.mark.parametrize("where", ["packet", "command", "tick"])
async def test_a_fault_ends_its_own_leg_only(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with (
        running_engine() as engine,
        connected(engine) as (leg, phone, events),
        connected(engine) as (other, other_phone, _),
    ):
        assert isinstance(leg, PythonLeg)
        worker = leg._worker
        # Commands given before are carried out by now.
        phone.send()
        await eventually(lambda: leg.statistics().packets_received == 1)
        if where == "packet":
            worker.receiver.audio = broken
            phone.send()
        elif where == "command":
            monkeypatch.setattr(type(worker.sender), "play_below", broken)
            leg.play_below(in_all(b"a"))
        else:
            worker.sender.own_tap = broken
            leg.play(in_all(b"a" * 1600))
        (failed,) = await events.wait(LegFailed)
        assert failed.detail == "ZeroDivisionError: a bug"
        other.play(in_all(b"b" * 160))
        assert bytes((await other_phone.packet()).payload) == b"b" * 160
        leg.play(in_all(b"a" * 160))
    assert len([record for record in caplog.records if record.exc_info]) == 1


async def test_a_failed_leg_that_cannot_be_closed_lets_its_listener_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with running_engine() as engine, connected(engine) as (leg, phone, events):
        assert isinstance(leg, PythonLeg)
        phone.send()
        await eventually(lambda: leg.statistics().packets_received == 1)
        monkeypatch.setattr(type(leg._worker), "close", broken)
        leg._worker.receiver.audio = broken
        phone.send()
        await events.wait(LegFailed)
        await eventually(lambda: leg._on_event is not events)


async def test_after_a_standstill_packets_do_not_come_in_a_burst() -> None:
    def block() -> None:
        """What no command does."""
        threading.Event().wait(0.4)

    async with running_engine() as engine, connected(engine) as (leg, peer, _):
        assert isinstance(leg, PythonLeg)
        leg.play(in_all(b"a" * 160 * 1000))
        _, before = await peer.packets(2)
        leg._post(block)
        packet = await peer.packet()
        while (packet.timestamp - before.timestamp) & 0xFFFFFFFF < 1600:
            before, packet = packet, await peer.packet()
        assert packet.marker
