"""Which redirections (3xx) of our calls are followed, and which never are."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import Wire, answer

from offhook.sip import Rejected
from offhook.telephony.number_formats import NumberFormat, NumberStyle
from offhook.telephony.redirects import Redirections
from offhook.telephony.trunks import Trunk

CALLED, OTHER = "+6512341234", "+6598765432"


def trunk(name: str, host: str, **more: object) -> Trunk:
    fields = {"name": name, "transport": "udp", "host": host, "port": 5060, "redirects": 2} | more
    return Trunk(**fields)  # type: ignore[arg-type]


ONE, TWO = trunk("one", "192.0.2.1"), trunk("two", "192.0.2.2")
DIGITS = trunk("digits", "192.0.2.3", numbers=NumberFormat(style=NumberStyle.DIGITS))
TRUNKS = {each.name: each for each in (ONE, TWO, DIGITS)}


def routes(number: str) -> tuple[str, ...]:
    return () if number.startswith("+882") else ("one", "two", "digits")


def redirections() -> Redirections:
    made = Redirections(routes)
    made.went(ONE, CALLED)
    return made


@pytest.mark.parametrize(
    ("contacts", "leads"),
    [
        ([f"sip:{OTHER}@192.0.2.1"], ("one", OTHER)),
        ([f"sip:{CALLED}@192.0.2.2:5060;transport=UDP"], ("two", CALLED)),
        (["sip:6512341234@192.0.2.3"], ("digits", CALLED)),
        ([f"sip:{CALLED}@198.51.100.1", f"sip:{CALLED}@192.0.2.2"], ("two", CALLED)),
        ([f"sip:{CALLED}@192.0.2.1"], None),  # where it came from
        ([f"sip:{CALLED}@198.51.100.1"], None),  # no trunk of ours
        ([f"sip:{CALLED}@192.0.2.2:5070"], None),
        ([f"sip:{CALLED}@192.0.2.2;transport=tcp"], None),
        ([f"sips:{CALLED}@192.0.2.2"], None),
        (["sip:+88212345678@192.0.2.2"], None),  # no route, or not in the coverage
        (["sip:alice@192.0.2.1", "sip:999@192.0.2.1"], None),  # no number
        (["tel:+6512341234", "sip:", "nonsense", ""], None),
        ([], None),
    ],
)
def test_a_redirection_leads_to_trunks_and_covered_numbers_only(
    contacts: list[str], leads: tuple[str, str] | None
) -> None:
    found = redirections().next(302, contacts, ONE, TRUNKS)
    assert (None if found is None else (found.trunk.name, found.number)) == leads


def test_redirections_end_after_as_many_as_the_trunk_allows_and_never_circle() -> None:
    made = redirections()
    first = made.next(302, [f"sip:{OTHER}@192.0.2.1"], ONE, TRUNKS)
    assert first is not None
    made.went(first.trunk, first.number)
    assert made.next(302, [f"sip:{OTHER}@192.0.2.1"], ONE, TRUNKS) is None
    second = made.next(302, [f"sip:{OTHER}@192.0.2.2"], ONE, TRUNKS)
    assert second is not None
    made.went(second.trunk, second.number)
    assert made.next(302, [f"sip:{CALLED}@192.0.2.2"], ONE, TRUNKS) is None


def test_an_address_of_a_trunks_name_is_the_trunk() -> None:
    named = trunk("named", "sip.carrier.example")
    made = Redirections(
        lambda _number: ("named",),
        lambda host, address: (host, address) == ("sip.carrier.example", "192.0.2.9"),
    )
    made.went(ONE, CALLED)
    for host, followed in (("192.0.2.8", False), ("192.0.2.9", True)):
        found = made.next(302, [f"sip:{CALLED}@{host}"], ONE, {"named": named})
        assert (found is not None) is followed


@pytest.mark.parametrize(
    ("contact", "leads"),
    [
        (f"sip:{OTHER}@Carrier.example", "own"),
        (f"sip:{OTHER}@carrier.example:5060", None),  # a host of that name, not the domain
        (f"sips:{OTHER}@192.0.2.7", "secure"),
        (f"sip:{OTHER}@192.0.2.7;transport=tls", "secure"),
        (f"sip:{OTHER}@192.0.2.7", None),
        (f"sips:{OTHER}@192.0.2.7:5060", None),
    ],
)
def test_a_trunk_is_known_by_its_domain_and_its_transports_usual_port(
    contact: str, leads: str | None
) -> None:
    own = trunk("own", "192.0.2.5", domain="carrier.example")
    secure = trunk("secure", "192.0.2.7", transport="tls", port=5061)
    made = Redirections(lambda _number: ("own", "secure"))
    found = made.next(302, [contact], ONE, {"own": own, "secure": secure})
    assert (None if found is None else found.trunk.name) == leads


def test_of_two_trunks_at_one_address_the_one_that_redirects_is_meant() -> None:
    twin = trunk("twin", ONE.host)
    made = Redirections(lambda _number: ("one", "twin"))
    found = made.next(302, [f"sip:{OTHER}@{ONE.host}"], ONE, {"twin": twin, "one": ONE})
    assert found is not None
    assert found.trunk is ONE


def test_a_redirection_needs_a_route_over_the_very_trunk_it_leads_to() -> None:
    made = Redirections(lambda _number: ("one",))
    assert made.next(302, [f"sip:{OTHER}@192.0.2.2"], ONE, TRUNKS) is None


@pytest.mark.parametrize("status", [305, 380])
def test_a_proxy_or_a_service_is_not_followed(status: int) -> None:
    assert redirections().next(status, [f"sip:{OTHER}@192.0.2.1"], ONE, TRUNKS) is None


def test_without_routes_or_by_default_none_is_followed() -> None:
    target = [f"sip:{OTHER}@192.0.2.1"]
    assert Redirections(None).next(302, target, ONE, TRUNKS) is None
    careful = trunk("one", "192.0.2.1", redirects=0)
    assert redirections().next(302, target, careful, TRUNKS) is None


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        ("<sip:a@x>", ["sip:a@x"]),
        ("<sip:a@x>;q=0.2, <sip:b@x>;q=0.9, <sip:c@x>", ["sip:c@x", "sip:b@x", "sip:a@x"]),
        ("<sip:a@x?Route=%3Csip:evil%3E>", ["sip:a@x"]),
        ("<sip:a@x", []),
        ("<sip:a @x>", []),
        (", ".join(f"<sip:{n}@x>" for n in range(20)), [f"sip:{n}@x" for n in range(8)]),
    ],
)
def test_the_contacts_of_a_302_come_best_first(contact: str, told: list[str]) -> None:
    wire = Wire()
    wire.call()
    wire.receive(answer(wire.last("INVITE").request, 302, contact=contact))
    (refused,) = wire.took()
    assert isinstance(refused, Rejected)
    assert list(refused.contacts) == told
