"""RFC 4475: what the user agent answers to every one of the torture messages."""

from __future__ import annotations

import pytest
from tests.unit.sip.torture import MESSAGES

from offhook.sip import Address, IncomingInvite, UserAgent
from offhook.sip.message import Response, parse
from offhook.sip.transport import Transport

CALL = "a new call"
DROPPED = "dropped"
VERDICTS: dict[str, str | int] = {
    # 3.1.1: well formed
    "wsinv": 481,  # it has a To tag, of a dialog that we do not know
    "intmeth": 501,
    "esc01": CALL,
    "escnull": 405,
    "esc02": 501,
    "lwsdisp": 200,
    "longreq": CALL,
    "dblreq": 405,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "unreason": DROPPED,  # valid, but answers nothing that we sent
    "noreason": DROPPED,
    # 3.1.2: malformed
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": DROPPED,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "baddate": CALL,  # we do not use Date, and may be liberal then
    "regbadct": 405,
    "badaspec": 200,  # the white space inside <> may be ignored
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": DROPPED,
    # 3.2: transaction layer
    "badbranch": 200,
    # 3.3: application layer
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 405,
    "bext01": 420,
    "invut": 415,
    "regaut01": 405,
    "multi01": 400,
    "mcl01": 400,
    "bcast": DROPPED,
    "zeromf": 200,  # an endpoint answers; only a proxy says 483
    "cparam01": 405,
    "cparam02": 405,
    "regescrt": 405,
    "sdp01": 406,
    "inv2543": CALL,
}
BY_NAME = {message.name: message.data for message in MESSAGES}
SOURCE = Address("udp", "192.0.2.250", 5060)


def take(data: bytes) -> tuple[str | int, str]:
    """The verdict on a message, and the whole answer."""
    agent = UserAgent(transports=[Transport(Address("udp", "192.0.2.1", 5060))])
    agent.receive(data, SOURCE, 0.0)
    events = agent.take_events()
    output = agent.take_output()
    if events:
        assert not output
        assert len(events) == 1
        assert isinstance(events[0], IncomingInvite)
        return CALL, ""
    if not output:
        return DROPPED, ""
    assert len(output) == 1
    answer = parse(output[0][0])
    assert isinstance(answer, Response)
    return answer.status, output[0][0].decode()


def test_all_messages_of_the_rfc_are_here() -> None:
    assert len(MESSAGES) == 49
    assert set(VERDICTS) == set(BY_NAME)


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_is_the_rfcs(name: str) -> None:
    assert take(BY_NAME[name])[0] == VERDICTS[name]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("bext01", "Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"),
        ("intmeth", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER\r\n"),
        ("escnull", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER\r\n"),
        ("invut", "Accept: application/sdp\r\n"),
        ("semiuri", "Accept: application/sdp\r\n"),
        ("badbranch", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK;received=192.0.2.250\r\n"),
    ],
)
def test_an_answer_says_what_it_must(name: str, header: str) -> None:
    assert header in take(BY_NAME[name])[1]


@pytest.mark.parametrize("name", ["unreason", "noreason"])
def test_a_valid_response_is_understood(name: str) -> None:
    response = parse(BY_NAME[name])
    assert isinstance(response, Response)
    assert response.check() is None
    assert response.status == (200 if name == "unreason" else 100)
    assert response.reason == (
        "= 2**3 * 5**2 но сто девяносто девять - простое" * (name == "unreason")
    )


def test_a_tortuous_invite_is_read_rightly() -> None:
    request = parse(BY_NAME["wsinv"])
    assert request.to_tag == "1918181833n"
    assert request.from_tag == "98asjd8"
    assert request.cseq == (9, "INVITE")
    assert (request.via.host, request.via.branch) == ("192.0.2.2", "390skdjuw")
    assert len(request.values("via")) == 3
    assert request.contact_uri == "sip:jdrosen@example.com"
    assert request.get("newfangledheader") == "newfangled value continued newfangled value"
    assert request.get("subject") == ""
    assert len(request.body) == 150


def test_only_the_first_of_two_requests_in_a_datagram_counts() -> None:
    request = parse(BY_NAME["dblreq"])
    assert request.body == b""
