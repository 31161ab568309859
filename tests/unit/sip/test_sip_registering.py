"""REGISTERs of phones: what is read, refused, and answered (RFC 3261 §10.3)."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import PEER, Wire, request

from offhook.sip import (
    Address,
    Admitted,
    ContactWish,
    IncomingRegister,
    Judgement,
    Screen,
    ScreenedOut,
)
from offhook.sip.message import Request

CONTACT = b"Contact: <sip:alice@192.0.2.2:5070>\r\n"


class Registrars(Screen):
    """Admits phones that name themselves."""

    @property
    def takes_registers(self) -> bool:
        return True

    def ignores(self, request: Request, source: Address) -> bool:
        return False

    def judge(self, invite: Request, source: Address) -> Judgement:
        return ScreenedOut(403)

    def judge_register(self, request: Request, source: Address) -> Judgement:
        challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n"')
        return Admitted("alice") if request.get("authorization") else ScreenedOut(401, [challenge])


def register(lines: str = "", contact: bytes = CONTACT, *, proven: bool = True) -> bytes:
    headers = ("Authorization: Digest x=y\r\n" if proven else "") + lines
    return request("REGISTER", uri="sip:192.0.2.1", headers=headers).replace(CONTACT, contact)


def wire() -> Wire:
    made = Wire()
    made.agent.screen(Registrars())
    return made


def read(data: bytes) -> IncomingRegister:
    ours = wire()
    ours.receive(data)
    [event] = ours.took()
    assert isinstance(event, IncomingRegister)
    return event


def refused(data: bytes) -> str:
    ours = wire()
    ours.receive(data)
    assert ours.took() == []
    [word] = ours.words()
    return word


def test_without_a_registrar_it_is_not_allowed() -> None:
    ours = Wire()
    ours.receive(register())
    assert ours.words() == ["405 REGISTER"]


def test_an_unknown_phone_is_challenged_without_a_transaction() -> None:
    ours = wire()
    ours.receive(register(proven=False))
    assert ours.words() == ["401 REGISTER"]
    assert ours.agent.transactions == 0


def test_what_a_phone_wishes_is_read() -> None:
    event = read(
        register(
            "Expires: 300\r\nPath: <sip:edge.example;lr>\r\nUser-Agent: Zoiper\r\n",
            b"Contact: <sip:alice@192.0.2.2:5070;ob?x=y>;expires=90, <sip:alice@192.0.2.2:9>\r\n",
        )
    )
    assert event.contacts == (
        ContactWish("sip:alice@192.0.2.2:5070;ob", 90),
        ContactWish("sip:alice@192.0.2.2:9", 300),
    )
    assert (event.user, event.admitted_as, event.clears) == ("offhook", "alice", False)
    assert (event.source, event.cseq, event.call_id) == (PEER, 1, "call-1")
    assert (event.path, event.user_agent) == (("<sip:edge.example;lr>",), "Zoiper")


def test_a_lifetime_that_is_not_given_or_not_readable_is_an_hour() -> None:
    assert read(register()).contacts[0].expires == 3600
    assert read(register("Expires: soon\r\n")).contacts[0].expires == 3600


def test_a_star_clears_and_no_contact_asks() -> None:
    assert read(register("Expires: 0\r\n", b"Contact: *\r\n")).clears
    assert read(register("", b"")).contacts == ()


@pytest.mark.parametrize(
    "data",
    [
        register("", b"Contact: *\r\n"),
        register("Expires: 0\r\n", b"Contact: *, <sip:alice@192.0.2.2>\r\n"),
        register("", b"Contact: <tel:+6512341234>\r\n"),
        register("", b"Contact: <sip:" + b"a" * 600 + b"@192.0.2.2>\r\n"),
        register("", b"".join(b"Contact: <sip:a@192.0.2.%d>\r\n" % each for each in range(11))),
        register("", b'Contact: "never closed <sip:alice@192.0.2.2>\r\n'),
        register("Path: <nonsense\r\n"),
    ],
    ids=["star", "star and more", "tel", "long", "many", "unterminated", "path"],
)
def test_what_cannot_be_obeyed_is_400(data: bytes) -> None:
    assert refused(data) == "400 REGISTER"


def test_a_repetition_gets_the_same_answer_once_it_is_there() -> None:
    ours = wire()
    ours.receive(register())
    [event] = ours.took()
    ours.receive(register())
    assert ours.words() == []
    headers = [("Contact", "<sip:alice@192.0.2.2:5070>;expires=60")]
    ours.agent.answer_register(event.handle, ours.now, 200, headers)
    first = ours.last("200 REGISTER")
    assert first.response.get("contact") == "<sip:alice@192.0.2.2:5070>;expires=60"
    assert first.response.to_tag
    ours.receive(register())
    assert [sent.data for sent in ours.sent] == [first.data, first.data]
    ours.agent.answer_register(event.handle, ours.now, 403)
    ours.sent.clear()
    ours.advance(33)
    assert ours.empty()
