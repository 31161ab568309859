"""The SIP messages of a session, drawn."""

from __future__ import annotations

from offhook.commands.sip_ladder import ladder

NEAR, FAR = "udp:192.0.2.7:5060", "udp:192.0.2.1:5080"
INVITE = (
    "INVITE sip:+1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
REFUSED = INVITE.replace("INVITE sip:+1@192.0.2.1 SIP/2.0", "SIP/2.0 503 No Circuit", 1)


def message(text: str, *, sent: bool, at: str = "12.000", far: str = FAR) -> dict[str, object]:
    return {"at": f"2026-11-28T03:00:{at}Z", "sent": sent, "near": NEAR, "far": far, "text": text}


def test_each_message_is_an_arrow_with_its_time_and_what_it_says() -> None:
    drawn = ladder([message(INVITE, sent=True), message(REFUSED, sent=False, at="13.250")])
    assert drawn.splitlines() == [
        "2026-11-28 03:00:12.000+00:00",
        f"          {NEAR} ⇄ {FAR}",
        f"    0.000 │ INVITE {'─' * 24}▶│",
        f"    1.250 │◀{'─' * 7} 503 No Circuit (INVITE) │",
    ]


def test_a_second_trunk_is_named_where_it_begins() -> None:
    other = "udp:192.0.2.2:5080"
    drawn = ladder([message(INVITE, sent=True), message(INVITE, sent=True, far=other)])
    assert drawn.count("⇄") == 2
    assert f"⇄ {other}" in drawn


def test_control_characters_of_the_far_end_are_not_printed() -> None:
    drawn = ladder([message("SIP/2.0 200 \x1b[31mOK\r\nCSeq: 1 \x07BYE\r\n\r\n", sent=False)])
    assert "\x1b" not in drawn
    assert "\x07" not in drawn
