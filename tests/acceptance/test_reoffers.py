"""Offers and answers inside a call, judged by a telephone that decodes what it receives by its type.

SIPp is the carrier and changes the session in the middle of a tone that is played.
"""

from __future__ import annotations

import itertools
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Counts, Sipp
from tests.support.telephone import Packet, Telephone, tone_wav

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

TO = "+12025550100"


class Result:
    """What one call was for SIPp, for the telephone and for the customer."""

    def __init__(
        self, counts: Counts, packets: list[Packet], summary: dict[str, Any], wire: str
    ) -> None:
        self.counts = counts
        self.packets = packets
        self.summary = summary
        self.wire = wire

    @property
    def origins(self) -> list[tuple[str, int]]:
        """Session id and version of each description of ours, in order."""
        found = re.findall(r"^o=offhook (\d+) (\d+) ", self.wire, flags=re.MULTILINE)
        return [(one, int(version)) for one, version in found]

    def since_gap(self) -> list[Packet]:
        """The packets after the longest pause."""
        gaps = [
            (after.at - before.at, number)
            for number, (before, after) in enumerate(itertools.pairwise(self.packets), 1)
        ]
        return self.packets[max(gaps)[1] :]


def go_on(carrier: Sipp) -> None:
    """Tell a carrier that waits for a MESSAGE of its call that the tone has begun."""
    (call_id,) = carrier.invites()[TO]
    lines = [
        f"MESSAGE sip:peer@{carrier.address} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKtone",
        "From: <sip:test@127.0.0.1>;tag=test",
        "To: <sip:peer@127.0.0.1>",
        f"Call-ID: {call_id}",
        "CSeq: 1 MESSAGE",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), ("127.0.0.1", carrier.port))


async def call(scenario: str, folder: Path, *, waits: bool = True, **limits: float) -> Result:
    """One call over a carrier that follows the scenario, while 20 s of a tone are played.

    ``waits``: the carrier changes nothing before the tone has begun, which takes as long as the machine
    needs to decode it.
    """
    async with (
        Receiver() as receiver,
        Telephone() as telephone,
        Sipp(
            scenario, folder, keys={"rtp_port": telephone.port}, calls=1, log_messages=True
        ) as carrier,
    ):
        receiver.on("/tone.wav", lambda _request, _body: Reply(body=tone_wav(20)))
        config = configuration(
            {"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}, limits=limits
        )
        async with Server(folder / "server", config) as server:
            await server.place(
                {
                    "callflow": [
                        {"action": "makeCall", "params": {"source": SOURCE, "destination": TO}},
                        {"action": "playFile", "params": {"fileUrl": receiver.url("/tone.wav")}},
                        {"action": "hangup"},
                    ]
                }
            )
            if waits:
                await telephone.wait_for(
                    lambda: any(packet.level > 100 for packet in telephone.packets[-1:]), 60
                )
                go_on(carrier)
            counts = await carrier.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
            summary = receiver.at("/vss")[0].payload
        return Result(counts, telephone.packets, summary, carrier.messages())


def is_the_tone(packets: list[Packet]) -> bool:
    """Whether the packets hold the tone as their payload type says, once it has begun.

    A few may not: where the decoder of the file begins, and at a change.
    """
    heard = list(itertools.dropwhile(lambda packet: packet.level < 100, packets))
    others = [
        (place, round(packet.at - heard[0].at, 3), round(packet.level), round(packet.purity, 2))
        for place, packet in enumerate(heard)
        if packet.purity <= 0.9
    ]
    assert len(others) <= 3, f"place, time, level and purity of what is no tone: {others[:50]}"
    assert len(heard) > 43, f"of {len(packets)} packets only the last {len(heard)} hold a sound"
    return True


async def test_a_new_codec_also_encodes_the_prompt_that_plays(tmp_path: Path) -> None:
    result = await call("reinvite_pcma", tmp_path)
    assert result.counts.successful == 1
    types = [packet.payload_type for packet in result.packets]
    assert sorted(set(types)) == [0, 8]
    assert types == sorted(types)  # never back
    assert types.count(8) > 50
    assert is_the_tone([packet for packet in result.packets if packet.payload_type == 8])
    assert is_the_tone(result.packets)
    assert len({packet.ssrc for packet in result.packets}) == 1


async def test_a_refresh_in_another_order_keeps_the_codec(tmp_path: Path) -> None:
    result = await call("refresh_other_order", tmp_path)
    assert result.counts.successful == 1
    assert {packet.payload_type for packet in result.packets} == {0}
    assert len(result.packets) > 150
    assert is_the_tone(result.packets)
    ids, versions = zip(*result.origins, strict=True)
    assert len(set(ids)) == 1
    assert versions[0] == 1
    assert all(after - before in (0, 1) for before, after in itertools.pairwise(versions))


async def test_a_peer_that_holds_us_is_not_hung_up_for_its_silence(tmp_path: Path) -> None:
    result = await call("hold_sendonly_silent", tmp_path, waits=False, media_timeout=2.0)
    assert result.counts.successful == 1
    assert result.summary["sessionStatus"] == "COMPLETED"
    last = result.packets[-1].at - result.packets[0].at
    assert last < 3  # while it holds us nothing is sent


async def test_the_answer_in_the_ack_of_an_offerless_reinvite_counts(tmp_path: Path) -> None:
    result = await call("resume_offerless", tmp_path)
    assert result.counts.successful == 1
    resumed = result.since_gap()
    assert len(resumed) > 50
    assert is_the_tone(resumed)
    # The tone went on while nobody heard it.
    first, second = result.packets[-len(resumed) - 1], resumed[0]
    passed = ((second.timestamp - first.timestamp) & 0xFFFFFFFF) / 8000
    assert passed == pytest.approx(second.at - first.at, abs=0.2)


async def test_an_answer_of_another_address_family_ends_the_call_at_once(tmp_path: Path) -> None:
    result = await call("answer_ip6", tmp_path, waits=False)
    assert result.counts.successful == 1
    assert result.summary["sessionStatus"] == "FAILED"
    assert result.packets == []
