"""Our registrations with carriers: refresh, challenges, failover, and the way out (RFC 3261 §10.2)."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import PEER, Sent, Wire, answer

from offhook.sip import Address, Credentials, RegistrationChanged

SECOND = Address("udp", "192.0.2.3", 5060)
CONTACT = "<sip:token@192.0.2.1:5060>"
CHALLENGE = 'WWW-Authenticate: Digest realm="carrier", nonce="{}", qop="auth", algorithm={}{}\r\n'


class Carrier:
    """A registrar in the test's hands, and the agent that registers with it."""

    def __init__(self, *registrars: Address, expires: int = 600) -> None:
        self.wire = Wire()
        self.handle = self.wire.agent.register(
            self.wire.now,
            registrars=registrars or (PEER,),
            registrar_uri="sip:carrier.example",
            aor="sip:line1@carrier.example",
            contact_user="token",
            credentials=Credentials("line1", "secret"),
            expires=expires,
        )
        self.wire.collect()

    @property
    def asked(self) -> Sent:
        """The last REGISTER."""
        return self.wire.last("REGISTER")

    def says(self, status: int, headers: str = "", contact: str = CONTACT) -> None:
        self.wire.receive(answer(self.asked.request, status, headers=headers, contact=contact))

    def takes_it(self, seconds: int) -> None:
        self.says(200, contact=f"{CONTACT};expires={seconds}")

    def changes(self) -> list[RegistrationChanged]:
        events = self.wire.took()
        assert all(isinstance(event, RegistrationChanged) for event in events)
        return [event for event in events if isinstance(event, RegistrationChanged)]

    def waits_until_asked(self, most: float) -> float:
        """Seconds until the next REGISTER, which comes within ``most``."""
        begun, count = self.wire.now, len(self.wire.sent)
        while len(self.wire.sent) == count:
            assert self.wire.now - begun <= most
            self.wire.advance(1.0)
        return self.wire.now - begun


def test_a_register_names_the_line_and_where_to_call_it() -> None:
    asked = Carrier().asked.request
    assert asked.uri == "sip:carrier.example"
    assert (asked.get("from") or "").startswith("<sip:line1@carrier.example>;tag=")
    assert asked.get("to") == "<sip:line1@carrier.example>"
    assert asked.get("contact") == f"{CONTACT};expires=600"
    assert asked.get("expires") == "600"
    assert asked.cseq == (1, "REGISTER")


@pytest.mark.parametrize("granted", [60, 600, 3600])
def test_it_is_refreshed_before_the_granted_time_is_over(granted: int) -> None:
    carrier = Carrier()
    first = carrier.asked.request
    carrier.takes_it(granted)
    [change] = carrier.changes()
    assert (change.granted, change.problem, change.source) == (granted, None, PEER)
    waited = carrier.waits_until_asked(granted)
    assert 0.74 * granted <= waited <= 0.86 * granted + 1
    again = carrier.asked.request
    assert again.call_id == first.call_id
    assert again.cseq == (2, "REGISTER")


@pytest.mark.parametrize(
    ("headers", "contact", "granted"),
    [
        ("Expires: 120\r\n", CONTACT, 120),
        ("Expires: 120\r\n", "<sip:other@198.51.100.1>;expires=30", 120),
        ("", "<sip:TOKEN@192.0.2.1:5060;transport=udp>;expires=90", 90),
        ("Expires: soon\r\n", f"{CONTACT};expires=never", 600),
    ],
    ids=["Expires", "another's contact", "a changed contact", "nonsense"],
)
def test_the_time_is_that_of_our_contact_or_of_expires(
    headers: str, contact: str, granted: int
) -> None:
    carrier = Carrier()
    carrier.says(200, headers, contact)
    assert carrier.changes()[0].granted == granted


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_challenge_is_answered(algorithm: str) -> None:
    carrier = Carrier()
    carrier.says(401, CHALLENGE.format("n1", algorithm, ""))
    proof = carrier.asked.request.get("authorization") or ""
    assert 'username="line1"' in proof
    assert 'uri="sip:carrier.example"' in proof
    assert f"algorithm={algorithm}" in proof
    carrier.takes_it(600)
    assert carrier.changes()[0].granted == 600


def test_a_stale_nonce_is_followed_by_the_new_one() -> None:
    carrier = Carrier()
    carrier.says(401, CHALLENGE.format("old", "MD5", ""))
    carrier.takes_it(60)
    carrier.waits_until_asked(60)
    assert 'nonce="old"' in (carrier.asked.request.get("authorization") or "")
    carrier.says(401, CHALLENGE.format("new", "MD5", ", stale=true"))
    assert 'nonce="new"' in (carrier.asked.request.get("authorization") or "")
    carrier.takes_it(60)
    assert [change.problem for change in carrier.changes()] == [None, None]


def test_wrong_credentials_are_told_and_tried_again_much_later() -> None:
    carrier = Carrier()
    carrier.says(401, CHALLENGE.format("n1", "MD5", ""))
    carrier.says(401, CHALLENGE.format("n1", "MD5", ""))
    [change] = carrier.changes()
    assert change.granted is None
    assert change.problem is not None
    assert "does not accept the trunk's username and password" in change.problem
    waits = []
    for _ in range(8):
        waits.append(carrier.waits_until_asked(1801))
        carrier.says(403)
    assert 15 <= waits[0] <= 31
    assert 900 <= waits[-1] <= 1801


def test_an_interval_that_is_too_brief_becomes_longer() -> None:
    carrier = Carrier(expires=60)
    carrier.says(423, "Min-Expires: 1800\r\n")
    assert carrier.asked.request.get("expires") == "1800"
    carrier.takes_it(1800)
    assert carrier.changes()[0].granted == 1800


@pytest.mark.parametrize("headers", ["", "Min-Expires: 30\r\n", "Min-Expires: 999999999\r\n"])
def test_a_423_that_asks_for_nothing_longer_is_a_refusal(headers: str) -> None:
    carrier = Carrier(expires=60)
    carrier.says(423, headers)
    [change] = carrier.changes()
    assert change.problem == "423 Whatever"


@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_registrar_that_fails_is_followed_by_the_next_at_once(status: int) -> None:
    carrier = Carrier(PEER, SECOND)
    assert carrier.asked.to == PEER
    carrier.says(status)
    assert carrier.asked.to == SECOND
    carrier.takes_it(600)
    assert [change.granted for change in carrier.changes()] == [600]
    carrier.waits_until_asked(600)
    assert carrier.asked.to == SECOND


def test_a_silent_registrar_is_followed_by_the_next() -> None:
    carrier = Carrier(PEER, SECOND)
    carrier.wire.advance(32.0)
    assert carrier.asked.to == SECOND


def test_an_unreachable_registrar_is_followed_by_the_next() -> None:
    carrier = Carrier(PEER, SECOND)
    carrier.wire.agent.unreachable(PEER, carrier.wire.now, "no route to host")
    assert carrier.asked.to == SECOND
    carrier.wire.agent.unreachable(SECOND, carrier.wire.now, "no route to host")
    assert [change.problem for change in carrier.changes()] == ["no route to host"]
    assert carrier.waits_until_asked(31) >= 15


def test_retry_after_is_respected() -> None:
    carrier = Carrier()
    carrier.says(503, "Retry-After: 240\r\n")
    assert carrier.waits_until_asked(300) >= 239


def test_a_refusal_does_not_go_to_the_next_registrar() -> None:
    carrier = Carrier(PEER, SECOND)
    carrier.says(403)
    assert carrier.changes()[0].problem == "403 Whatever"
    assert carrier.asked.to == PEER


def test_stopping_takes_the_binding_back_with_credentials() -> None:
    carrier = Carrier()
    carrier.says(401, CHALLENGE.format("n1", "MD5", ""))
    carrier.takes_it(600)
    carrier.wire.took()
    carrier.wire.agent.unregister(carrier.handle, carrier.wire.now)
    assert carrier.asked.request.get("contact") == f"{CONTACT};expires=0"
    assert carrier.asked.request.get("expires") == "0"
    assert carrier.asked.request.get("authorization") is not None
    assert carrier.wire.agent.hanging_up == 1
    carrier.says(200)
    assert carrier.wire.agent.hanging_up == 0
    [change] = carrier.changes()
    assert (change.granted, change.ended) == (None, True)
    carrier.wire.advance(3600)
    assert carrier.wire.empty()


def test_stopping_answers_a_challenge_too() -> None:
    carrier = Carrier()
    carrier.takes_it(600)
    carrier.wire.agent.unregister(carrier.handle, carrier.wire.now)
    carrier.says(401, CHALLENGE.format("n2", "SHA-256", ""))
    assert carrier.asked.request.get("expires") == "0"
    assert carrier.asked.request.get("authorization") is not None


def test_stopping_what_is_not_registered_asks_nothing() -> None:
    carrier = Carrier()
    carrier.says(403)
    carrier.wire.sent.clear()
    carrier.wire.agent.unregister(carrier.handle, carrier.wire.now)
    assert carrier.wire.words() == []
    carrier.wire.advance(7200)
    assert carrier.wire.words() == []


def test_an_answer_to_an_earlier_request_changes_nothing() -> None:
    carrier = Carrier()
    early = carrier.asked.request
    carrier.takes_it(60)
    carrier.waits_until_asked(60)
    carrier.wire.took()
    carrier.wire.receive(answer(early, 403, contact=CONTACT))
    assert carrier.changes() == []
