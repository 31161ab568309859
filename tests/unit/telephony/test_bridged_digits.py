"""DTMF digits by SIP INFO cross a bridge, once, also when the phone sends them as events too."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from tests.support.virtual import in_virtual_time

from offhook.clock import SystemClock
from offhook.media.engine import DigitReceived, MediaLeg
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.session.ports.telephony import CallEnd
from offhook.sip import Address, AnyEvent
from offhook.telephony.leg_media import LegMedia
from offhook.telephony.line_call import LineCall
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.sip_trace import SipTraces


class Leg:
    """A media leg that remembers the digits it was told to send."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_digit(self, digit: str) -> None:
        self.sent.append(digit)

    def relay(self, other: MediaLeg | None) -> None:
        """Nothing is relayed here."""


class State:
    """The negotiated state, with or without telephone-event."""

    def __init__(self, dtmf: int | None) -> None:
        self.settled = NegotiatedMedia(
            remote_host="192.0.2.1",
            remote_port=4000,
            codec=Codec.PCMU,
            payload_type=0,
            dtmf_payload_type=dtmf,
        )


class SilentCall(LineCall):
    """A call without SIP."""

    def _on_sip(self, event: AnyEvent) -> None:
        raise NotImplementedError

    def _abandon(self) -> None:
        raise NotImplementedError

    def _hang_up_now(self, detail: str) -> None:
        raise NotImplementedError

    async def hang_up(self) -> CallEnd:
        raise NotImplementedError


def leg(dtmf: int | None) -> LineCall:
    call = SilentCall(
        "c1",
        SystemClock(),
        SipTraces(lambda far: Address("udp", "127.0.0.1", 5060), SystemClock().now),
    )
    call.media = cast(MediaLeg, Leg())
    call.leg_media = cast(LegMedia, State(dtmf))
    call.metrics = LineMetrics()
    return call


def info(call: LineCall, digit: str) -> None:
    call._on_info("application/dtmf-relay", f"Signal={digit}\r\nDuration=160\r\n".encode())


@pytest.mark.parametrize("dtmf", [None, 101])
@in_virtual_time
async def test_a_digit_by_info_crosses_the_bridge(dtmf: int | None) -> None:
    a, b = leg(dtmf), leg(101)
    a.relay(b)
    info(a, "5")
    await asyncio.sleep(0.4)
    assert cast(Leg, b.media).sent == ["5"]


@in_virtual_time
async def test_a_digit_that_also_came_as_event_crosses_once() -> None:
    a, b = leg(101), leg(101)
    heard: list[str] = []
    a.on_digit(lambda digit, _at: heard.append(digit))
    a.relay(b)
    info(a, "5")
    a._on_media(DigitReceived(at=SystemClock().monotonic(), digit="5"))  # relayed by the engine
    a._on_media(DigitReceived(at=SystemClock().monotonic(), digit="6"))
    info(a, "6")
    await asyncio.sleep(0.4)
    assert heard == ["5", "6"]
    assert cast(Leg, b.media).sent == []
