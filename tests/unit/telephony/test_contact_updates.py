"""What a REGISTER of a phone changes (RFC 3261 §10.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from offhook import config
from offhook.session.ports.phone_bindings import PhoneBinding
from offhook.sip import Address, ContactWish, IncomingRegister
from offhook.telephony.contact_updates import BEHIND_NAT, LONGEST, ContactUpdate, update
from offhook.telephony.sip_users import sip_user_of

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
DESK, SOFT = "sip:alice@198.51.100.7:5060", "sip:alice@198.51.100.7:5070"
USER = sip_user_of(
    config.SipUserSection(
        username="alice", password="alice-secret", number="+12025550123", max_phones=2
    )
)


def wish(
    *contacts: tuple[str, int],
    cseq: int = 1,
    call_id: str = "c1",
    user: str = "alice",
    clears: bool = False,
    source: str = "198.51.100.7",
    path: tuple[str, ...] = (),
    transport: str = "udp",
) -> IncomingRegister:
    return IncomingRegister(
        handle="h",
        source=Address(transport, source, 5060),
        admitted_as="alice",
        user=user,
        call_id=call_id,
        cseq=cseq,
        contacts=tuple(ContactWish(*contact) for contact in contacts),
        clears=clears,
        path=path,
        user_agent="Zoiper",
    )


def decided(asked: IncomingRegister, *known: PhoneBinding) -> ContactUpdate:
    return update(asked, USER, known, node="n1", now=NOW)


def phone(contact: str = DESK, *, seconds: int = 600, age: int = 10) -> PhoneBinding:
    [made] = decided(wish((contact, seconds))).put
    return msgspec.structs.replace(made, registered_at=NOW - timedelta(seconds=age))


def test_a_phone_is_registered_for_the_time_that_it_wishes() -> None:
    asked = decided(wish((DESK, 600)))
    [made] = asked.put
    assert asked.status == 200
    assert ("Contact", f"<{DESK}>;expires=600") in asked.headers
    assert (made.user, made.contact, made.host, made.port) == ("alice", DESK, "198.51.100.7", 5060)
    assert made.expires_at == NOW + timedelta(seconds=600)


def test_a_phone_may_name_itself_by_its_number() -> None:
    assert decided(wish((DESK, 600), user="+12025550123")).status == 200
    assert decided(wish((DESK, 600), user="bob")) == ContactUpdate(403)


def test_a_lifetime_is_bounded() -> None:
    assert decided(wish((DESK, 30))) == ContactUpdate(423, (("Min-Expires", "60"),))
    [made] = decided(wish((DESK, 2**31))).put
    assert made.expires_at == NOW + timedelta(seconds=LONGEST)


def test_a_phone_behind_a_nat_keeps_its_source_and_registers_again_soon() -> None:
    [made] = decided(wish(("sip:alice@192.168.1.20:5060", 3600))).put
    assert (made.host, made.port) == ("198.51.100.7", 5060)
    assert made.expires_at == NOW + timedelta(seconds=BEHIND_NAT)


def test_a_phone_over_a_connection_needs_no_short_lifetime() -> None:
    [made] = decided(wish(("sip:alice@192.168.1.20:5060", 3600), transport="tcp")).put
    assert made.expires_at == NOW + timedelta(seconds=3600)


def test_a_phone_behind_a_proxy_keeps_its_path() -> None:
    edge = "<sip:edge.example;lr>"
    asked = decided(wish(("sip:alice@192.168.1.20:5060", 3600), path=(edge,)))
    assert asked.put[0].path == (edge,)
    assert asked.put[0].expires_at == NOW + timedelta(seconds=3600)
    assert ("Path", edge) in asked.headers


def test_a_refresh_keeps_the_time_of_the_first_registration() -> None:
    known = phone(age=500)
    [made] = decided(wish((DESK, 600), cseq=2), known).put
    assert made.registered_at == known.registered_at


def test_a_phone_unregisters_itself_and_asks_what_is_left() -> None:
    gone = decided(wish((DESK, 0), cseq=2), phone(DESK), phone(SOFT))
    assert (gone.put, gone.drop) == ((), (DESK,))
    assert [value for name, value in gone.headers if name == "Contact"] == [f"<{SOFT}>;expires=600"]
    asked = decided(wish(cseq=3), phone(SOFT))
    assert (asked.status, asked.put, asked.drop) == (200, (), ())


def test_a_star_unregisters_all() -> None:
    gone = decided(wish(clears=True, cseq=2), phone(DESK), phone(SOFT))
    assert (gone.status, set(gone.drop)) == (200, {DESK, SOFT})


@pytest.mark.parametrize("clears", [False, True])
def test_an_old_register_of_the_same_call_id_changes_nothing(clears: bool) -> None:
    known = msgspec.structs.replace(phone(), cseq=5)
    contacts = () if clears else ((DESK, 600),)
    assert decided(wish(*contacts, cseq=5, clears=clears), known) == ContactUpdate(500)
    assert decided(wish(*contacts, cseq=6, clears=clears), known).status == 200
    assert decided(wish(*contacts, cseq=1, call_id="c2", clears=clears), known).status == 200


def test_one_phone_too_many_takes_the_place_of_the_oldest() -> None:
    third = "sip:alice@198.51.100.7:5080"
    asked = decided(wish((third, 600), cseq=9), phone(DESK, age=100), phone(SOFT, age=50))
    assert asked.drop == (DESK,)
    assert [each.contact for each in asked.put] == [third]
    shown = [value for name, value in asked.headers if name == "Contact"]
    assert shown == [f"<{SOFT}>;expires=600", f"<{third}>;expires=600"]


def test_a_phone_that_registers_again_does_not_make_place_for_a_new_one() -> None:
    third = "sip:alice@198.51.100.7:5080"
    known = (phone(DESK, age=100), phone(SOFT, age=50))
    asked = decided(wish((DESK, 600), (third, 600), cseq=9), *known)
    assert asked.drop == (SOFT,)
    assert {each.contact for each in asked.put} == {DESK, third}


def test_more_contacts_than_a_user_may_have_are_refused_at_once() -> None:
    three = [(f"sip:alice@198.51.100.7:{port}", 600) for port in (1, 2, 3)]
    assert decided(wish(*three)) == ContactUpdate(403)
