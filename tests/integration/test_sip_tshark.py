"""tshark reads what we send for PRACK, session timers, transfers and signatures, field by field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.captures import ask_tshark, write_capture
from tests.support.stir_certificates import certificate
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.events import Attestation
from offhook.telephony.stir.passports import sign

TSHARK = shutil.which("tshark")
FIELDS = (
    *("sip.Method", "sip.Status-Code", "sip.RSeq", "sip.RAck.RSeq.seq", "sip.RAck.CSeq.seq"),
    *("sip.Session-Expires", "sip.Min-SE", "sip.Require", "sip.Event", "sip.Identity"),
    *("_ws.malformed", "_ws.expert.severity"),
)


def called(wire: Wire) -> None:
    """We are called, ring reliably, answer, refresh, and are transferred."""
    asks = "Require: 100rel\r\nSupported: timer, 100rel\r\nAllow: UPDATE\r\nSession-Expires: 90\r\n"
    wire.receive(request(headers=asks))
    handle = wire.took()[-1].handle
    wire.agent.ring(handle, wire.now, 183, SDP)
    rack = f"RAck: {wire.last('183 INVITE').response.get('rseq')} 1 INVITE\r\n"
    wire.receive(request("PRACK", cseq=2, branch="z9hG4bK-p", to_tag=handle, headers=rack))
    wire.agent.accept(handle, wire.now, SDP)
    wire.receive(request("ACK", branch="z9hG4bK-a", to_tag=handle))
    wire.advance(45.1)
    to = "Refer-To: <sip:+6512345678@192.0.2.2>\r\n"
    wire.receive(request("REFER", cseq=3, branch="z9hG4bK-r", to_tag=handle, headers=to))
    wire.agent.accept_refer(handle, wire.now)
    wire.collect()


def calling(wire: Wire, identity: str) -> None:
    """We call with a signature; the callee wants a longer session, and rings reliably."""
    wire.agent.invite(
        wire.now,
        target=PEER,
        request_uri="sip:bob@192.0.2.2:5070",
        from_uri="sip:alice@example.org",
        to_uri="sip:bob@example.org",
        sdp=SDP,
        headers=[("Identity", identity)],
        session_expires=1800,
    )
    wire.receive(answer(wire.last("INVITE").request, 422, headers="Min-SE: 3600\r\n"))
    rel = "Require: 100rel\r\nRSeq: 4711\r\n"
    wire.receive(answer(wire.last("INVITE").request, 180, headers=rel))


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
async def test_another_reader_finds_the_same_in_our_messages(tmp_path: Path) -> None:
    assert TSHARK is not None
    identity = sign(
        certificate("provider").key,
        "https://certificates.example/shaken.pem",
        attest=Attestation.A,
        orig="+12025550123",
        dest=["+6568332048"],
        iat=1_795_847_669,
        origid="1f2a7d5e-7a0c-4b6e-9f43-5f2f7f1d7c11",
    )
    first, second = Wire(), Wire(seed=2)
    called(first)
    calling(second, identity)
    sent = first.sent + second.sent
    capture = tmp_path / "sent.pcap"
    write_capture(capture, [(one.at, one.data) for one in sent], 5060)
    wanted = [argument for field in FIELDS for argument in ("-e", field)]
    out = await ask_tshark(
        TSHARK, "-r", str(capture), "-T", "fields", "-E", "separator=|", "-Y", "sip", *wanted
    )
    rows = [dict(zip(FIELDS, line.split("|"), strict=True)) for line in out.splitlines()]
    assert len(rows) == len(sent)
    assert {row["_ws.malformed"] for row in rows} == {""}

    def of(method: str, status: str = "") -> dict[str, str]:
        found = [r for r in rows if (r["sip.Method"], r["sip.Status-Code"]) == (method, status)]
        return found[-1]

    early = of("", "183")
    assert (early["sip.Require"], early["sip.RSeq"].isdigit()) == ("100rel", True)
    assert of("UPDATE")["sip.Session-Expires"].startswith("90")
    assert of("NOTIFY")["sip.Event"] == "refer;id=3"
    prack = of("PRACK")
    assert (prack["sip.RAck.RSeq.seq"], prack["sip.RAck.CSeq.seq"]) == ("4711", "2")
    invite = of("INVITE")
    assert invite["sip.Session-Expires"].startswith("3600")
    assert invite["sip.Min-SE"] == "3600"
    assert invite["sip.Identity"] == identity
