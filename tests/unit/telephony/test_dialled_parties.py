"""What a call that we dial tells the far end of itself, and what the far end may do with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from tests.support.held_line import HeldLine, held_line, trunk
from tests.unit.sip.wire import SDP

from offhook import config
from offhook.codes import CallStatus
from offhook.session.ports.phone_bindings import PhoneBinding
from offhook.sip import Address
from offhook.telephony.outgoing import OutgoingCall
from offhook.telephony.sip_users import sip_user_of

OTHER = "+6598765432"


@pytest.mark.parametrize(
    ("source", "facts", "from_", "asserted", "privacy"),
    [
        ("+6512341234", {}, "<sip:+6512341234@192.0.2.1>", "<sip:+6512341234@192.0.2.1>", None),
        ("private", {}, "<sip:anonymous@anonymous.invalid>", None, "id"),
        (
            "anonymous",
            {"trusted": True},
            "<sip:anonymous@anonymous.invalid>",
            "<sip:+6511111111@192.0.2.1>",
            "id",
        ),
        (
            "private",
            {"from_user": "line1", "domain": "c.example"},
            "<sip:line1@c.example>",
            None,
            "id",
        ),
        (
            "+6512341234",
            {"domain": "c.example"},
            "<sip:+6512341234@c.example>",
            "<sip:+6512341234@c.example>",
            None,
        ),
    ],
)
async def test_a_withheld_number_reaches_only_trunks_that_are_trusted(
    source: str,
    facts: dict[str, Any],
    from_: str,
    asserted: str | None,
    privacy: str | None,
) -> None:
    async with held_line(trunk(**facts)) as held:
        held.dials(source=source, identity="+6511111111")
        invite = held.request("INVITE")
        assert (invite.get("from") or "").partition(";")[0] == from_
        assert invite.get("p-asserted-identity") == asserted
        assert invite.get("privacy") == privacy


@pytest.mark.parametrize(
    ("follows", "takes", "target", "asked", "status", "why"),
    [
        (True, True, f"<sip:{OTHER}@x>", [OTHER], 202, None),
        (True, False, f"<sip:{OTHER}@x>", [OTHER], 603, "the session may not call this number"),
        (False, True, f"<sip:{OTHER}@x>", [], 603, "transfers over this trunk are not followed"),
        (
            *(True, True, f"<sip:{OTHER}@x?Replaces=a%3Bto-tag%3Db>", [], 603),
            "attended transfers (Replaces) are not followed",
        ),
    ],
)
async def test_a_transfer_is_followed_where_trunk_and_session_take_it_else_refused_with_the_reason(
    target: str, asked: list[str], status: int, why: str | None, *, follows: bool, takes: bool
) -> None:
    async with held_line(trunk(follows_refer=follows)) as held:
        call = held.dials()
        held.answers(200)
        heard: list[str] = []

        def listener(number: str) -> bool:
            heard.append(number)
            return takes

        call.on_transfer(listener)
        held.asks("REFER", headers=f"Refer-To: {target}\r\n")
        told = held.response(f"{status} REFER").get("warning")
        assert told == (None if why is None else f'399 offhook "{why}"')
        assert heard == asked


async def test_a_party_that_is_not_the_second_of_a_bridge_may_not_transfer() -> None:
    async with held_line(trunk(follows_refer=True)) as held:
        held.dials()
        held.answers(200)
        held.asks("REFER", headers=f"Refer-To: <sip:{OTHER}@x>\r\n")
        why = "only the second party of a bridged call may transfer it"
        assert held.response("603 REFER").get("warning") == f'399 offhook "{why}"'


async def test_the_trunk_is_asked_to_keep_the_session_by_its_timer() -> None:
    async with held_line(trunk(session_timer=900)) as held:
        held.dials()
        assert held.request("INVITE").get("session-expires") == "900"


@pytest.mark.parametrize(("host", "status"), [("198.51.100.7", 200), ("203.0.113.9", 403)])
async def test_the_hosts_of_the_trunk_may_hang_up_and_others_may_not(
    host: str, status: int
) -> None:
    async with held_line(trunk(inbound_from=(ip_network("198.51.100.0/28"),))) as held:
        call = held.dials()
        held.answers(200)
        held.asks("BYE", Address("udp", host, 5060))
        assert f"{status} BYE" in held.words()
        assert (call.ended is not None) is (status == 200)


# --- the phones of a user

ALICE = sip_user_of(config.SipUserSection(username="alice", password="alice-secret"))


def phone(host: str, path: tuple[str, ...] = ()) -> tuple[PhoneBinding, Address]:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    binding = PhoneBinding(
        user="alice",
        contact=f"sip:alice@{host}:5060",
        call_id="c",
        cseq=1,
        transport="udp",
        host=host,
        port=5060,
        path=path,
        registered_at=at,
        expires_at=at,
        node="n1",
    )
    return binding, Address("udp", host, 5060)


@asynccontextmanager
async def ringing(
    *phones: tuple[PhoneBinding, Address],
) -> AsyncIterator[tuple[HeldLine, OutgoingCall]]:
    async with held_line(phones=lambda user: phones if user == "alice" else ()) as held:
        held.line.use(held.line.trunks, users={"alice": ALICE}, media_timeout=60.0)
        yield held, held.dials("user:alice")


async def test_all_phones_of_a_user_ring_and_the_first_to_answer_has_the_call() -> None:
    async with ringing(phone("198.51.100.1"), phone("198.51.100.2")) as (held, call):
        first, second = [sent for sent in held.wire.sent if sent.word == "INVITE"]
        assert (first.to.host, second.to.host) == ("198.51.100.1", "198.51.100.2")
        assert first.request.uri == "sip:alice@198.51.100.1:5060"
        assert first.request.get("to") == "<sip:alice@192.0.2.1>"
        held.answers_to(second.request, 180)
        held.answers_to(first.request, 200, sdp=SDP)
        assert call.connected
        assert held.words() == ["INVITE", "INVITE", "ACK", "CANCEL"]
        assert held.line.health.state("user:alice") is None


async def test_a_phone_behind_a_proxy_is_called_through_it() -> None:
    async with ringing(phone("198.51.100.1", ("<sip:edge.example;lr>",))) as (held, _):
        assert held.request("INVITE").values("route") == ["<sip:edge.example;lr>"]


async def test_a_phone_may_hang_up_from_where_it_registered() -> None:
    async with ringing(phone("198.51.100.1")) as (held, call):
        held.answers(200, contact="<sip:alice@192.168.1.5>")
        held.asks("BYE", Address("udp", "198.51.100.1", 40_000))
        assert "200 BYE" in held.words()
        assert call.ended is not None


async def test_a_user_without_a_phone_cannot_be_called() -> None:
    async with ringing() as (held, call):
        end = await held.end_of(call)
        assert (end.status, held.words()) == (CallStatus.FAILED, [])
        assert end.detail == "no phone of user alice is registered"
