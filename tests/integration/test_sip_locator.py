"""The servers of SIP domains, as a name server says (RFC 3263, RFC 2782)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.support.name_server import NameServer

from offhook.config import TrunkPlace, trunk_address
from offhook.sip import Address
from offhook.telephony.transports import locator as locator_module
from offhook.telephony.transports.locator import MOST_SERVERS, CannotLocate, Kind, Locator

RECORDS = f"""
_sip._udp.both.example. 300 SRV 20 0 5062 127.0.0.3.
_sip._udp.both.example. 300 SRV 10 0 5061 localhost.
_sip._tcp.both.example. 300 SRV 10 0 5060 localhost.
_sips._tcp.both.example. 300 SRV 10 0 5071 localhost.
_sip._udp.weighted.example. 300 SRV 10 75 5060 localhost.
_sip._udp.weighted.example. 300 SRV 10 25 5062 localhost.
_sip._udp.none.example. 300 SRV 0 0 0 .
_sip._udp.away.example. 1 SRV 10 0 5061 localhost.
naptr.example. 300 NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.both.example.
naptr.example. 300 NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.both.example.
naptr.example. 300 NAPTR 5 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
{chr(10).join(f"_sip._udp.many.example. 300 SRV {n} 0 {6000 + n} localhost." for n in range(40))}
"""
V4: list[Kind] = [("udp", False), ("tcp", False), ("tls", False)]


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with NameServer(RECORDS) as server:
        yield server


def at(port: int, transport: str = "udp") -> Address:
    return Address(transport, "127.0.0.1", port)


BOTH = [at(5061), Address("udp", "127.0.0.3", 5062)]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("udp:192.0.2.1:5080", [Address("udp", "192.0.2.1", 5080)]),
        ("tls:192.0.2.1", [Address("tls", "192.0.2.1", 5061)]),
        ("sip:192.0.2.1", [Address("udp", "192.0.2.1", 5060)]),
        ("tcp:localhost:5080", [at(5080, "tcp")]),
        ("udp:both.example", BOTH),
        ("tls:both.example", [at(5071, "tls")]),
        ("sip:both.example", BOTH),
        ("sip:naptr.example", [at(5071, "tls")]),
        ("sip:localhost", [at(5060)]),
        ("tls:localhost", [at(5061, "tls")]),
        ("udp:many.example", [at(6000 + n) for n in range(MOST_SERVERS)]),
    ],
)
async def test_where_an_address_leads(
    server: NameServer, written: str, found: list[Address]
) -> None:
    locator = Locator(V4, resolver=server.resolver)
    assert list(await locator.find(trunk_address(written))) == found


async def test_a_transport_that_we_do_not_speak_is_not_chosen(server: NameServer) -> None:
    locator = Locator([("udp", False)], resolver=server.resolver)
    assert await locator.find(TrunkPlace(None, "naptr.example", None)) == tuple(BOTH)


async def test_weights_decide_how_often_a_server_comes_first(server: NameServer) -> None:
    place = TrunkPlace("udp", "weighted.example", None)
    first: Counter[int] = Counter()
    for _ in range(200):
        found = await Locator(V4, resolver=server.resolver).find(place)
        assert {address.port for address in found} == {5060, 5062}
        first[found[0].port] += 1
    assert 120 <= first[5060] <= 180  # of 200, with probability 0.75: 4.9 standard deviations


async def test_a_domain_that_offers_no_service_says_so(server: NameServer) -> None:
    locator = Locator(V4, resolver=server.resolver)
    with pytest.raises(CannotLocate, match="the service is not offered"):
        await locator.find(TrunkPlace("udp", "none.example", None))


async def test_an_answer_is_used_again_and_found_by_its_addresses(server: NameServer) -> None:
    locator = Locator(V4, resolver=server.resolver)
    place = TrunkPlace("udp", "both.example", None)
    assert locator.known(place) is None
    one, other = await asyncio.gather(locator.find(place), locator.find(place))
    assert one == other == locator.known(place)
    assert server.asked == ["_sip._udp.both.example. SRV"]
    assert locator.is_server_of("both.example", "127.0.0.1")
    assert not locator.is_server_of("both.example", "127.0.0.2")
    assert locator.domains_of("127.0.0.1", 5061) == ["both.example"]


async def test_the_last_answer_stays_in_use_while_the_name_service_is_away(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locator_module, "TIMEOUT", 0.2)
    monkeypatch.setattr(locator_module, "SHORTEST", 0.0)
    monkeypatch.setattr(locator_module, "LONGEST", 0.0)
    locator = Locator(V4, resolver=server.resolver)
    place = TrunkPlace("udp", "away.example", None)
    assert await locator.find(place) == (at(5061),)
    server.silent = True
    assert await locator.find(place) == (at(5061),)
    with pytest.raises(CannotLocate, match=r"no answer from the name service in 0\.2 s"):
        await locator.find(TrunkPlace("udp", "both.example", None))
    await locator.close()


async def test_only_addresses_of_our_ip_versions_are_used(server: NameServer) -> None:
    locator = Locator([("udp", True)], resolver=server.resolver)
    place = TrunkPlace("udp", "127.0.0.1.nip.invalid", 5060)
    with pytest.raises(CannotLocate):
        await locator.find(place)
