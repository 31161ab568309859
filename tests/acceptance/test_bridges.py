"""Two legs in one session: number masking on the wire, and who ends what (spec/execution.md)."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp
from tests.support.telephone import Telephone

OURS, A_NUMBER, B_NUMBER = "+6568332048", "+14155550123", "+447700900123"
ANSWERS, LEAVES, BUSY, SILENT = "+12025550100", "+12025550107", "+12025550102", "+12025550103"
SLOW = "+12025550108"


def make_call(destination: str, source: str = SOURCE) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": source, "destination": destination}}


HELLO = {"action": "say", "params": {"text": "Hello.", "language": "en-US"}}
HANGUP = {"action": "hangup"}


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_number_masking_shows_neither_side_the_other(tmp_path: Path) -> None:
    """Both legs are SIPp; what each saw on the wire, SDP included, holds only virtual numbers."""
    async with Receiver() as receiver, Sipp("answer", tmp_path, log_messages=True) as phone_b:
        answers = [{"callflow": [make_call(B_NUMBER, OURS)]}, {}]
        receiver.on("/vca", lambda _request, _body: Reply(body=json.dumps(answers.pop(0)).encode()))
        config = configuration(
            {"": phone_b.address},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        async with (
            Server(tmp_path / "server", config) as server,
            Sipp(
                "call",
                tmp_path,
                keys={"caller_number": A_NUMBER},
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service=OURS,
                log_messages=True,
            ) as phone_a,
        ):
            counts = await phone_a.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
        assert (counts.successful, counts.failed) == (1, 0)
        told = receiver.at("/vss")[0].payload
    assert told["sessionStatus"] == "COMPLETED"
    assert told["details"]["callA"]["source"] == A_NUMBER
    assert told["details"]["callB"]["destination"] == B_NUMBER
    seen_by_a, seen_by_b = phone_a.messages(), phone_b.messages()
    assert f"INVITE sip:{B_NUMBER}" in seen_by_b
    assert OURS in seen_by_b
    assert A_NUMBER.strip("+") not in seen_by_b
    assert A_NUMBER in seen_by_a
    assert B_NUMBER.strip("+") not in seen_by_a
    ports_a = {line.split()[1] for line in seen_by_a.splitlines() if line.startswith("m=audio")}
    ports_b = {line.split()[1] for line in seen_by_b.splitlines() if line.startswith("m=audio")}
    assert ports_a & ports_b <= {"9"}  # the phones never learn each other's media address


OUTGOING: list[tuple[str, list[dict[str, Any]], str, dict[str, str], str]] = [
    (
        "b hangs up",
        [make_call(ANSWERS), make_call(LEAVES)],
        "COMPLETED",
        {"callA": "COMPLETED", "callB": "COMPLETED"},
        "MAKE_CALL",
    ),
    (
        "actions follow the bridge",
        [make_call(ANSWERS), make_call(LEAVES), HELLO],
        "COMPLETED",
        {"callA": "COMPLETED", "callB": "COMPLETED"},
        "SAY",
    ),
    (
        "b is busy",
        [make_call(ANSWERS), make_call(BUSY)],
        "BUSY",
        {"callA": "COMPLETED", "callB": "BUSY"},
        "MAKE_CALL",
    ),
    (
        "b is busy and actions follow",
        [make_call(ANSWERS), make_call(BUSY), HELLO, HANGUP],
        "BUSY",
        {"callA": "COMPLETED", "callB": "BUSY"},
        "HANGUP",
    ),
    (
        "b does not answer",
        [make_call(ANSWERS), make_call(SILENT)],
        "NO_ANSWER",
        {"callA": "COMPLETED", "callB": "NO_ANSWER"},
        "MAKE_CALL",
    ),
    (
        "a leaves while b rings",
        [make_call(LEAVES), make_call(SLOW)],
        "COMPLETED",
        {"callA": "COMPLETED", "callB": "CANCELED"},
        "MAKE_CALL",
    ),
    (
        "a leaves the bridge",
        [make_call(LEAVES), make_call(ANSWERS)],
        "COMPLETED",
        {"callA": "COMPLETED", "callB": "COMPLETED"},
        "MAKE_CALL",
    ),
    (
        "no route to b",
        [make_call(ANSWERS), make_call("+33123456789")],
        "ERROR",
        {"callA": "COMPLETED", "callB": "ERROR"},
        "MAKE_CALL",
    ),
]


async def test_who_ends_what(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        config = configuration(
            {"+999": "udp:127.0.0.1:9"},
            webhooks={"VSS": receiver.url("/vss")},
            limits={"ring_timeout": 3.0},
        )
        config["testbed"] = {
            "phones": [
                {"number": ANSWERS, "answer_after": 0.1},
                {"number": LEAVES, "answer_after": 0.1, "hangup_after": 1.0},
                {"number": BUSY, "outcome": "busy"},
                {"number": SILENT, "outcome": "no-answer"},
                {"number": SLOW, "answer_after": 2.0},
            ]
        }
        async with Server(tmp_path, config) as server:
            placed = {name: await server.place({"callflow": flow}) for name, flow, *_ in OUTGOING}
            await receiver.wait_for(lambda: len(receiver.at("/vss")) >= len(OUTGOING), 30)
            assert await server.stop() == 0
        told = {one.payload["sessionId"]: one.payload for one in receiver.at("/vss")}
    assert len(receiver.at("/vss")) == len(OUTGOING)
    for name, _, status, legs, last_action in OUTGOING:
        summary = told[placed[name]]
        found = {call: leg["callStatus"] for call, leg in summary["details"].items()}
        assert (summary["sessionStatus"], found) == (status, legs), name
        assert summary["lastAction"] == last_action, name
        assert summary["callCount"] == 2, name
    assert told[placed["no route to b"]]["errorDetails"]["errorCode"] == -2004


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_hears_ringback_while_b_s_early_media_is_only_announced(tmp_path: Path) -> None:
    """An SDP in a 183 alone stops no ringback: only packets do (spec/execution.md, makeCall)."""
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, calls=1) as phone_a,
        Sipp("silent_early_media", tmp_path, calls=1) as phone_b,
    ):
        config = configuration(
            {"+1202": phone_a.address, "+4420": phone_b.address},
            webhooks={"VSS": receiver.url("/vss")},
        )
        async with Server(tmp_path / "server", config) as server:
            flow = [make_call("+12025550100"), make_call("+442071234567")]
            await server.place({"callflow": flow})
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
            await phone_a.finished()
        told = receiver.at("/vss")[0].payload
    assert told["sessionStatus"] == "BUSY"
    (heard,) = ear.streams.values()
    assert heard.loud >= 60  # most of the first two seconds of the tone


EARLY = b"\x10" * 160
"""A packet of B before it answers."""


class Masked:
    """An inbound call that is not answered, and the leg B that rings for it with early media."""

    def __init__(self, wire_a: str, ear: Telephone) -> None:
        self.provisional = re.findall(r"^SIP/2.0 (1(?!00)\d\d) ", wire_a, flags=re.MULTILINE)
        """The provisional statuses that A received, without 100."""
        self.descriptions = wire_a.count("o=offhook ")
        """How often A received a description of our media."""
        self.heard = [packet.payload for packet in ear.packets]


async def masked(folder: Path, *, early_media: bool) -> Masked:
    """A calls, B rings with early media until the session is deleted.

    That is once A has heard 25 packets, and without ``early_media`` after 50 of B's.
    """
    async with (
        Receiver() as receiver,
        Telephone() as ear_of_a,
        Telephone() as mouth_of_b,
        Sipp(
            "early_media_canceled",
            folder,
            keys={"rtp_port": mouth_of_b.port},
            calls=1,
            log_messages=True,
        ) as phone_b,
    ):
        answer = json.dumps({"callflow": [make_call(B_NUMBER, OURS)]}).encode()
        receiver.on("/vca", Reply(body=answer))
        config = configuration(
            {"": phone_b.address},
            webhooks={kind: receiver.url(f"/{kind.lower()}") for kind in ("VCA", "VCS", "VSS")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        if early_media:
            config["trunks"][0]["early_media"] = True
        async with (
            Server(folder / "server", config) as server,
            Sipp(
                "call_refused",
                folder,
                keys={"rtp_port": ear_of_a.port, "caller_number": A_NUMBER, "status": 480},
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service=OURS,
                log_messages=True,
            ) as phone_a,
        ):
            await receiver.wait_for(
                lambda: [one["sipCode"] for one in events(receiver, "CALL_UPDATED")] == [183]
            )
            mouth_of_b.target = offered(phone_b)
            await talk(mouth_of_b, 500 if early_media else 50, ear_of_a)
            (session,) = {one["sessionId"] for one in events(receiver, "CALL_RECEIVED")}
            assert await server.delete_session(session) in (200, 202, 204)
            await phone_a.finished()
            await phone_b.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1)
        return Masked(phone_a.messages(), ear_of_a)


def offered(phone: Sipp) -> tuple[str, int]:
    """Where the server listens, as the INVITE that the phone received says."""
    (port,) = re.findall(r"^m=audio (\d+) ", phone.messages().partition("SIP/2.0 183 ")[0], re.M)
    return "127.0.0.1", int(port)


async def talk(mouth: Telephone, packets: int, ear: Telephone) -> None:
    """Send so many packets, and none more once 25 have been heard."""
    for _ in range(packets):
        if len(ear.packets) >= 25:
            return
        mouth.say(EARLY)
        await asyncio.sleep(0.02)  # the pace of the packets


def events(receiver: Receiver, status: str) -> list[dict[str, Any]]:
    return [one.payload for one in receiver.at("/vcs") if one.payload["callStatus"] == status]


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_an_unanswered_caller_hears_b_s_early_media_where_its_trunk_allows_it(
    tmp_path: Path,
) -> None:
    """183 with our description, and B's packets at A (spec/execution.md, makeCall)."""
    call = await masked(tmp_path, early_media=True)
    assert call.provisional == ["180", "183"]
    assert call.descriptions == 1
    assert call.heard.count(EARLY) >= 20


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_an_unanswered_caller_over_another_trunk_gets_180_and_no_early_media(
    tmp_path: Path,
) -> None:
    call = await masked(tmp_path, early_media=False)
    assert call.provisional == ["180"]
    assert (call.descriptions, call.heard) == (0, [])
