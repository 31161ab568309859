"""What a carrier sees: identities, BYEs and CANCELs that must come, and what odd octets are answered."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp

NUMBER = "+12025550100"
OURS = "+6568332048"

needs_sipp = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")


async def summary_of(receiver: Receiver) -> Any:
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 30)
    return receiver.at("/vss")[0].payload


# --- identities


@needs_sipp
@pytest.mark.parametrize("trusted", [False, True])
async def test_a_withheld_caller_id_stays_withheld(tmp_path: Path, trusted: bool) -> None:
    async with (
        Receiver() as receiver,
        Sipp("answer", tmp_path, log_messages=True) as carrier,
    ):
        config = configuration(
            {"": carrier.address},
            webhooks={"VSS": receiver.url("/vss")},
            sub_account={"withheld_caller_id": True, "numbers": [{"msisdn": OURS}]},
        )
        config["trunks"][0]["trusted"] = trusted
        callflow = voice_message(NUMBER, "Hello.")
        callflow["callflow"][0]["params"]["source"] = "private"
        async with Server(tmp_path / "server", config) as server:
            await server.place(callflow)
            assert (await summary_of(receiver))["sessionStatus"] == "COMPLETED"
            await carrier.succeeded(1)
        seen = carrier.messages()
    (invite,) = [part for part in seen.split("\n\n") if f"INVITE sip:{NUMBER}@" in part][:1]
    assert "From: <sip:anonymous@anonymous.invalid>;tag=" in invite
    assert "Privacy: id" in invite
    identity = f"P-Asserted-Identity: <sip:{OURS}@127.0.0.1>"
    assert (identity in invite) == trusted
    everything = seen.replace(identity, "")
    assert OURS.strip("+") not in everything
    assert SOURCE.strip("+") not in everything


@needs_sipp
async def test_a_shown_caller_id_is_in_from_and_asserted(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        Sipp("answer", tmp_path, log_messages=True) as carrier,
    ):
        config = configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")})
        async with Server(tmp_path / "server", config) as server:
            await server.place(voice_message(NUMBER, "Hello."))
            await summary_of(receiver)
        seen = carrier.messages()
    assert f"From: <sip:{SOURCE}@127.0.0.1>;tag=" in seen
    assert f"P-Asserted-Identity: <sip:{SOURCE}@127.0.0.1>" in seen
    assert "Privacy:" not in seen


# --- calls that must be ended


@needs_sipp
@pytest.mark.parametrize(
    "connection", ["IP6 2001:db8::1", "IP4 224.2.1.1/127", "IP4 no-such-host.invalid"]
)
async def test_a_200_without_usable_media_gets_its_bye(tmp_path: Path, connection: str) -> None:
    phone = Sipp("answer_with", tmp_path, keys={"connection": connection})
    async with Receiver() as receiver, phone:
        config = configuration({"": phone.address}, webhooks={"VSS": receiver.url("/vss")})
        async with Server(tmp_path / "server", config) as server:
            await server.place(voice_message(NUMBER, "Hello."))
            told = await summary_of(receiver)
            await phone.succeeded(1)
    assert told["sessionStatus"] == "FAILED"
    assert told["details"]["callA"]["callStatus"] == "FAILED"


@needs_sipp
async def test_a_phone_that_rings_too_long_gets_its_cancel(tmp_path: Path) -> None:
    async with Receiver() as receiver, Sipp("ring", tmp_path) as phone:
        config = configuration(
            {"": phone.address},
            webhooks={"VSS": receiver.url("/vss")},
            limits={"ring_timeout": 1.0},
        )
        async with Server(tmp_path / "server", config) as server:
            await server.place(voice_message(NUMBER, "Hello."))
            assert (await summary_of(receiver))["sessionStatus"] == "NO_ANSWER"
            await phone.succeeded(1)


@needs_sipp
async def test_a_foreign_caller_is_answered_and_hung_up_by_us(tmp_path: Path) -> None:
    """SIPp judges our side of an inbound call: 180, 200 with an answer, media, and our 200 to its BYE."""
    async with Receiver() as receiver:
        say = {"action": "say", "params": {"text": "Hello to you. " * 20, "language": "en-US"}}
        receiver.on("/vca", Reply(body=json.dumps({"callflow": [say]}).encode()))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        async with (
            Server(tmp_path / "server", config) as server,
            Sipp(
                "call",
                tmp_path,
                keys={"caller_number": NUMBER},
                calls=5,
                target=f"127.0.0.1:{server.sip_port}",
                service="%2B6568332%3048",
            ) as caller,
        ):
            counts = await caller.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 5, 15)
        assert (counts.successful, counts.failed) == (5, 0)
    for one in receiver.at("/vss"):
        assert one.payload["details"]["callA"]["source"] == NUMBER
        assert one.payload["details"]["callA"]["destination"] == OURS


# --- why a call did not connect


@needs_sipp
async def test_the_record_says_why_a_call_did_not_connect(tmp_path: Path) -> None:
    refusing = Sipp("refuse", tmp_path, keys={"status": 503, "reason": "No Circuit"})
    async with Receiver() as receiver, refusing:
        silent = free_port()
        config = configuration(
            {"": refusing.address, "+44": f"udp:127.0.0.1:{silent}"},
            webhooks={"VSS": receiver.url("/vss")},
        )
        config["routes"][0]["trunks"] = ["carrier-1", "carrier-0"]
        config["trunks"][1]["response_timeout"] = 3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", silent))
            async with Server(tmp_path / "server", config) as server:
                session = await server.place(voice_message(NUMBER, "Hello."))
                await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 60)
                (leg,) = (await server.session(session))["legs"]
    assert (leg["sipCode"], leg["sipReason"]) == (503, "No Circuit")
    first, second = leg["trunksTried"]
    assert first["detail"].startswith(f"no response from udp:127.0.0.1:{silent} for 3 s")
    assert second == {"trunk": "carrier-0", "sipCode": 503, "sipReason": "No Circuit"}
    assert "sipReason" not in receiver.at("/vss")[0].payload["details"]["callA"]


# --- odd octets


class RawPeer:
    """A UDP socket of the carrier: sends octets and hears responses."""

    def __init__(self, server_port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._server = ("127.0.0.1", server_port)
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def invite(self, name: str, header: bytes = b"") -> bytes:
        """Send an INVITE for our number; returns it."""
        sdp = (
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            b"m=audio 9 RTP/AVP 0\r\n"
        )
        data = (
            f"INVITE sip:{OURS}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK-{name}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{NUMBER}@127.0.0.1>;tag={name}\r\n"
            f"To: <sip:{OURS}@127.0.0.1>\r\nCall-ID: {name}\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:x@127.0.0.1:{self.port}>\r\nContent-Type: application/sdp\r\n"
        ).encode()
        data += header + f"Content-Length: {len(sdp)}\r\n\r\n".encode() + sdp
        self._socket.sendto(data, self._server)
        return data

    async def response(self, timeout: float = 10.0) -> bytes:
        """The next response."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            return await loop.sock_recv(self._socket, 65_535)

    async def final(self) -> bytes:
        """The next final response."""
        while True:
            response = await self.response()
            if response[8:9] != b"1":
                return response


async def test_octets_that_are_no_utf_8_in_an_identity_cost_nothing(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        hangup = json.dumps({"callflow": [{"action": "hangup"}]}).encode()
        receiver.on("/vca", Reply(body=hangup))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        async with Server(tmp_path, config) as server:
            with RawPeer(server.sip_port) as peer:
                peer.invite("pai", b"P-Asserted-Identity: <sip:\xff\xfe@127.0.0.1>\r\n")
                assert (await peer.final()).startswith(b"SIP/2.0 603 ")
            told = await summary_of(receiver)
    assert told["sessionStatus"] == "COMPLETED"
    assert told["details"]["callA"]["source"] == "\ufffd\ufffd"


async def test_an_unknown_caller_with_an_odd_nonce_gets_one_short_answer(tmp_path: Path) -> None:
    config = configuration({"": "udp:192.0.2.1:5060"}, sub_account={"numbers": [{"msisdn": OURS}]})
    config["trunks"][0] |= {"username": "carrier", "password": "s3cret", "inbound_from": []}
    async with Server(tmp_path, config) as server:
        with RawPeer(server.sip_port) as peer:
            header = b'Authorization: Digest realm="offhook", nonce="\x80\xff", username="u"\r\n'
            sent = peer.invite("nonce", header)
            answer = await peer.response()
            assert answer.startswith(b"SIP/2.0 401 ")
            assert len(answer) <= 1.5 * len(sent)
            with pytest.raises(TimeoutError):
                await peer.response(1.5)  # a transaction would repeat a final response
        assert "Traceback" not in server.log()
