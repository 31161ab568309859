"""A call from outside, message by message: who is let in, as whom, and what they are answered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from prometheus_client import CollectorRegistry
from tests.support.held_line import HeldLine, held_line, trunk
from tests.unit.sip.wire import PEER, SDP, request

from offhook import config
from offhook.codes import CallStatus
from offhook.events import Side
from offhook.session.ports.telephony import CallEnd
from offhook.sip import Address
from offhook.sip.agent_events import Credentials
from offhook.sip.auth import ClientAuth
from offhook.sip.message import Request, parse
from offhook.sip.screen import OpenScreen
from offhook.telephony import screening
from offhook.telephony.inbound_refusals import InboundRefusals
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.number_formats import NumberFormat, NumberStyle
from offhook.telephony.screening import InboundScreening, Received
from offhook.telephony.sip_users import sip_user_of

OURS, CALLER = "+6568332048", "+12025550123"
OUTSIDE = Address("udp", "203.0.113.66", 5060)
CARRIER = trunk(
    inbound_from=(ip_network("192.0.2.2/32"), ip_network("198.51.100.0/28")), username="line1"
)
ALICE = config.SipUserSection(username="alice", password="alice-secret", number="+12025550199")
OLD = config.SipUserSection(username="old", password="old-secret", digest=("MD5",))


class World:
    """The server's side, with what it took."""

    def __init__(self, held: HeldLine) -> None:
        self.held = held
        self.taken: list[Received] = []
        self.registry = CollectorRegistry()
        users = {section.username: sip_user_of(section) for section in (ALICE, OLD)}
        held.line.use(held.line.trunks, users=users, media_timeout=60.0)
        self.screening = InboundScreening(
            held.line,
            self.taken.append,
            knows=lambda number: number == OURS,
            refusals=InboundRefusals(self.registry),
        )
        self.screening.start()
        self._calls = 0

    def invites(
        self,
        called: str = OURS,
        *,
        source: Address = PEER,
        headers: str = "",
        from_: str = CALLER,
        to: str = "offhook",
        sdp: bytes = SDP,
    ) -> Request:
        """An INVITE arrives; returns it."""
        self._calls += 1
        data = request(
            uri=f"sip:{called}@192.0.2.1",
            branch=f"z9hG4bK-{self._calls}",
            call_id=f"call-{self._calls}",
            headers=headers,
            body=sdp,
        )
        data = data.replace(b"<sip:alice@example.org>", f"<sip:{from_}@x>".encode())
        data = data.replace(b"To: <sip:offhook@", f"To: <sip:{to}@".encode())
        self.held.wire.receive(data, source)
        message = parse(data)
        assert isinstance(message, Request)
        return message

    def proves(
        self, username: str, password: str, *, headers: str = "", from_: str = CALLER
    ) -> None:
        """An INVITE from outside is challenged, and comes again with credentials."""
        self.invites(source=OUTSIDE, headers=headers, from_=from_)
        client = ClientAuth(Credentials(username, password), lambda: "cnonce")
        assert client.absorb(self.held.response("401 INVITE"))
        proof = client.lines("INVITE", f"sip:{OURS}@192.0.2.1", SDP)
        self.held.words()
        self.invites(source=OUTSIDE, headers=proof + headers, from_=from_)

    def refused(self, reason: str) -> float | None:
        """How many were refused for a reason."""
        name = "offhook_inbound_calls_refused_total"
        return self.registry.get_sample_value(name, {"reason": reason})

    def confirms(self, body: bytes = b"") -> None:
        """The caller acknowledges our 200."""
        answered = self.held.response("200 INVITE")
        ack = request(
            "ACK",
            branch="z9hG4bK-ack",
            call_id=answered.call_id,
            to_tag=answered.to_tag,
            body=body,
        )
        self.held.wire.receive(ack)

    def asks(self, method: str, source: Address = PEER) -> None:
        """The caller sends a request inside the latest call."""
        answered = next(s for s in reversed(self.held.wire.sent) if s.word.endswith(" INVITE"))
        data = request(
            method,
            cseq=2,
            branch=f"z9hG4bK-{method}",
            call_id=answered.response.call_id,
            to_tag=answered.response.to_tag,
        )
        self.held.wire.receive(data, source)


@asynccontextmanager
async def serving() -> AsyncIterator[World]:
    async with held_line(CARRIER) as held:
        yield World(held)


async def ended(call: IncomingCall) -> CallEnd:
    async with asyncio.timeout(10):
        return await call.wait_ended()


# --- who calls, and as whom


async def test_a_call_from_a_trunks_network_rings() -> None:
    async with serving() as world:
        world.invites()
        [received] = world.taken
        assert (received.trunk, received.caller, received.called) == ("carrier", CALLER, OURS)
        assert received.call.shown == (CALLER, OURS)
        assert "180 INVITE" in world.held.words()


async def test_the_credentials_of_a_trunk_make_a_call_its_own() -> None:
    async with held_line(trunk(username="line1", password="secret")) as held:
        world = World(held)
        world.proves("line1", "secret")
        [received] = world.taken
        assert (received.trunk, received.caller) == ("carrier", CALLER)


@pytest.mark.parametrize(
    ("privacy", "caller"), [("", ALICE.number), ("Privacy: id\r\n", "anonymous")]
)
async def test_a_users_call_has_the_users_number_unless_it_is_withheld(
    privacy: str, caller: str
) -> None:
    async with serving() as world:
        world.proves("alice", "alice-secret", headers=privacy)
        [received] = world.taken
        assert (received.trunk, received.caller) == ("user:alice", caller)
        assert received.call.shown is None


async def test_a_user_without_a_number_is_anonymous() -> None:
    async with serving() as world:
        world.proves("old", "old-secret", from_="old")
        assert world.taken[0].caller == "anonymous"


async def test_a_withheld_caller_of_a_trunk_is_shown_to_the_verification_only() -> None:
    async with serving() as world:
        world.invites(headers=f"P-Asserted-Identity: <tel:{CALLER}>\r\nPrivacy: id\r\n")
        [received] = world.taken
        assert received.caller == "anonymous"
        assert received.call.shown == (CALLER, OURS)


async def test_a_register_to_a_foreign_number_is_no_call_to_it() -> None:
    async with serving() as world:
        for number in range(20):
            data = request(
                "REGISTER", uri="sip:900442079460018@192.0.2.1", branch=f"z9hG4bK-{number}"
            )
            world.held.wire.receive(data, OUTSIDE)
        assert world.held.words() == ["401 REGISTER"] * 20


async def test_a_phone_with_few_algorithms_is_asked_for_these() -> None:
    async with serving() as world:
        world.invites(source=OUTSIDE, from_="old")
        world.invites(source=OUTSIDE, from_="alice")
        old, alice = [sent.response for sent in world.held.wire.sent]
        assert [value for value in old.lines("www-authenticate") if "SHA-256" in value] == []
        assert [value for value in alice.lines("www-authenticate") if "SHA-256" in value]


async def test_a_registrar_that_writes_our_contact_over_the_number_says_it_in_to() -> None:
    registered = trunk(contact_user="c0ffee", registrars=(CARRIER.place,))
    async with held_line(registered) as held:
        world = World(held)
        world.invites("c0ffee", source=OUTSIDE, to=OURS)
        assert [received.called for received in world.taken] == [OURS]


async def test_numbers_of_a_trunk_are_read_in_its_format() -> None:
    digits = trunk(
        inbound_from=(ip_network("192.0.2.2/32"),), numbers=NumberFormat(style=NumberStyle.DIGITS)
    )
    async with held_line(digits) as held:
        world = World(held)
        world.invites(OURS[1:], from_=CALLER[1:])
        [received] = world.taken
        assert (received.caller, received.called) == (CALLER, OURS)
        assert received.call.shown == (CALLER, OURS)


async def test_a_call_of_a_trunk_that_a_reload_has_removed_is_refused() -> None:
    async with serving() as world:
        world.held.endpoint.screen(OpenScreen())  # as if it was judged before
        world.invites()
        assert (world.taken, world.held.words()) == ([], ["403 INVITE"])


# --- refusals, and bans


async def test_a_number_that_is_nobodys_is_404() -> None:
    async with serving() as world:
        world.invites("+6500000000")
        assert world.held.words() == ["404 INVITE"]
        assert (world.taken, world.refused("unknown_number")) == ([], 1)


async def test_without_a_port_for_its_media_a_call_is_asked_to_come_again() -> None:
    async with serving() as world:
        world.held.media.full = True
        world.invites()
        assert world.held.response("503 INVITE").get("retry-after") == "5"
        assert (world.taken, world.refused("no_media")) == ([], 1)


async def test_right_credentials_keep_an_address_from_being_banned() -> None:
    async with serving() as world:
        world.proves("alice", "alice-secret")
        for _ in range(60):
            world.invites("900442079460018", source=OUTSIDE)
        assert world.held.words().count("401 INVITE") == 60
        assert not world.screening.bans(OUTSIDE.host)


async def test_addresses_that_proved_themselves_are_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screening, "REMEMBERED", 2)
    table: OrderedDict[str, float] = OrderedDict()
    for host in ("a", "b", "a", "c"):
        screening._remember(table, host, 1.0)
    assert list(table) == ["a", "c"]


async def test_right_credentials_clear_what_was_wrong_before() -> None:
    async with serving() as world:
        for _ in range(4):
            world.invites("900442079460018", source=OUTSIDE)
        world.proves("alice", "alice-secret")
        assert len(world.screening._bans) == 0


async def test_a_challenge_that_has_grown_old_is_no_offence() -> None:
    async with serving() as world:
        world.screening._auth._lifetime = -1.0
        for _ in range(40):
            world.proves("alice", "alice-secret")
            assert "stale=true" in (world.held.response("401 INVITE").get("www-authenticate") or "")
            world.held.words()
        assert world.screening._bans._records[OUTSIDE.host].points < 90


# --- the call itself


async def test_an_accepted_call_is_answered_and_hung_up_by_a_bye() -> None:
    async with serving() as world:
        world.invites()
        call = world.taken[0].call
        call.accept()
        world.confirms()
        assert call.connected
        assert world.held.media.legs[0].connected_to[-1].remote_host == PEER.host
        end = await call.hang_up()
        assert world.held.words()[-2:] == ["200 INVITE", "BYE"]
        assert (end.status, end.by) == (CallStatus.COMPLETED, Side.SERVER)


async def test_a_call_without_an_offer_is_answered_by_ours_and_counts_from_its_answer() -> None:
    async with serving() as world:
        world.invites(sdp=b"")
        call = world.taken[0].call
        call.accept()
        assert world.held.response("200 INVITE").sdp is not None
        assert not call.connected
        world.confirms(SDP)
        assert call.connected


@pytest.mark.parametrize("body", [b"", SDP.replace(b"RTP/AVP 0 101", b"RTP/AVP 97")])
async def test_a_call_that_never_answers_our_offer_is_hung_up(body: bytes) -> None:
    async with serving() as world:
        world.invites(sdp=b"")
        call = world.taken[0].call
        call.accept()
        world.confirms(body)
        end = await ended(call)
        assert (end.status, world.held.words()[-1]) == (CallStatus.FAILED, "BYE")


async def test_an_offer_that_cannot_be_used_is_488() -> None:
    async with serving() as world:
        world.invites(sdp=SDP.replace(b"RTP/AVP 0 101", b"RTP/AVP 97"))
        call = world.taken[0].call
        call.accept()
        end = await ended(call)
        assert (end.status, end.sip_code) == (CallStatus.FAILED, 488)
        assert world.held.words()[-1] == "488 INVITE"


async def test_hanging_up_before_the_answer_declines() -> None:
    async with serving() as world:
        world.invites()
        end = await world.taken[0].call.hang_up()
        assert (end.status, end.sip_code) == (CallStatus.COMPLETED, 603)
        assert world.held.words()[-1] == "603 INVITE"


async def test_hanging_up_before_the_ack_to_our_offer_is_a_bye() -> None:
    async with serving() as world:
        world.invites(sdp=b"")
        call = world.taken[0].call
        call.accept()
        end = await call.hang_up()
        assert (end.status, end.sip_code) == (CallStatus.COMPLETED, None)
        world.confirms(SDP)
        assert world.held.words()[-2:] == ["200 INVITE", "BYE"]


async def test_a_caller_who_gives_up_is_canceled() -> None:
    async with serving() as world:
        world.invites()
        call = world.taken[0].call
        cancel = request("CANCEL", branch="z9hG4bK-1", uri=f"sip:{OURS}@192.0.2.1", body=b"")
        cancel = cancel.replace(b"<sip:alice@example.org>", f"<sip:{CALLER}@x>".encode())
        world.held.wire.receive(cancel)
        end = await ended(call)
        assert (end.status, end.by, end.sip_code) == (CallStatus.CANCELED, Side.CALLER, 487)


@pytest.mark.parametrize(("host", "status"), [("198.51.100.7", 200), (OUTSIDE.host, 403)])
async def test_hosts_of_the_trunk_may_hang_up_and_others_may_not(host: str, status: int) -> None:
    async with serving() as world:
        world.invites()
        call = world.taken[0].call
        call.accept()
        world.confirms()
        world.asks("BYE", Address("udp", host, 5060))
        assert f"{status} BYE" in world.held.words()
        assert (call.ended is not None) is (status == 200)


@pytest.mark.parametrize("early", [True, False])
async def test_an_unanswered_caller_hears_early_media_where_the_trunk_wants_it(
    *, early: bool
) -> None:
    async with held_line(
        trunk(inbound_from=(ip_network("192.0.2.2/32"),), early_media=early)
    ) as held:
        world = World(held)
        world.invites()
        call = world.taken[0].call
        call.let_hear()
        assert ("183 INVITE" in held.words()) is early
        call.let_hear()
        assert held.words() == []
