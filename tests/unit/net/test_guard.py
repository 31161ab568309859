"""Which addresses may be connected to."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.net.guard import Reach, may_connect, reach

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.255"]
PUBLIC += ["2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888"]
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1"]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255"]
PRIVATE += ["192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1"]
PRIVATE += ["198.18.0.1", "203.0.113.9", "fe80::1", "febf::1", "fec0::1", "fc00::1"]
PRIVATE += ["fd12:3456::1", "64:ff9b:1::808:808", "2001:db8::1", "3fff::1", "2001:20::1"]
NONE = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"]
NONE += ["::", "ff02::1", "4000::1", "100::1", "::ffff:0:7f00:1", "5f00::1"]
NONE += ["", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "1.2.3.4.5", ":::"]


def mapped(v4: str) -> str:
    return f"::ffff:{v4}"


def compatible(v4: str) -> str:
    return f"::{v4}"


def nat64(v4: str) -> str:
    return f"64:ff9b::{v4}"


def six_to_four(v4: str) -> str:
    return str(IPv6Address(0x2002 << 112 | int(IPv4Address(v4)) << 80 | 1))


def teredo_client(v4: str) -> str:
    server = int(IPv4Address("65.54.227.120"))
    return str(IPv6Address(0x20010000 << 96 | server << 64 | (~int(IPv4Address(v4)) & 0xFFFFFFFF)))


def teredo_server(v4: str) -> str:
    client = ~int(IPv4Address("8.8.8.8")) & 0xFFFFFFFF
    return str(IPv6Address(0x20010000 << 96 | int(IPv4Address(v4)) << 64 | client))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert reach(address) is Reach.PUBLIC
    assert may_connect(address, allow_private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_open_only_where_allowed(address: str) -> None:
    assert reach(address) is Reach.PRIVATE
    assert not may_connect(address, allow_private=False)
    assert may_connect(address, allow_private=True)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_open_where_it_or_every_private_address_is_allowed(address: str) -> None:
    assert reach(address) is Reach.LOOPBACK
    assert not may_connect(address, allow_private=False)
    assert may_connect(address, allow_private=False, allow_loopback=True)
    assert may_connect(address, allow_private=True)


@pytest.mark.parametrize("address", [*PRIVATE, "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::1%lo"])
def test_where_only_loopback_is_allowed_no_private_network_is_open(address: str) -> None:
    assert not may_connect(address, allow_private=False, allow_loopback=True)


@pytest.mark.parametrize("address", NONE)
def test_what_is_no_single_host_is_never_open(address: str) -> None:
    assert reach(address) is Reach.NONE
    assert not may_connect(address, allow_private=True, allow_loopback=True)


@pytest.mark.parametrize(
    "wrap", [mapped, compatible, nat64, six_to_four, teredo_client, teredo_server]
)
@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("127.0.0.1", Reach.PRIVATE),
        ("10.1.2.3", Reach.PRIVATE),
        ("169.254.169.254", Reach.PRIVATE),
        ("100.64.1.1", Reach.PRIVATE),
        ("224.0.0.1", Reach.NONE),
        ("0.1.2.3", Reach.NONE),
        ("8.8.8.8", Reach.PUBLIC),
    ],
)
def test_an_ipv4_address_inside_an_ipv6_one_decides(
    wrap: Callable[[str], str], inner: str, expected: Reach
) -> None:
    assert reach(wrap(inner)) is expected


@pytest.mark.parametrize("address", ["2606:4700::1111%eth0", "fe80::1%1", "::1%lo", "8.8.8.8%1"])
def test_a_zone_id_is_never_public(address: str) -> None:
    assert not may_connect(address, allow_private=False)


@given(st.ip_addresses(v=4), st.sampled_from([mapped, compatible, nat64, six_to_four]))
def test_wrapping_never_opens_an_ipv4_address(
    address: IPv4Address, wrap: Callable[[str], str]
) -> None:
    if address in (IPv4Address("0.0.0.0"), IPv4Address("0.0.0.1")) and wrap is compatible:
        return  # these are :: and ::1 themselves
    plain = reach(str(address))
    expected = Reach.PRIVATE if plain is Reach.LOOPBACK else plain
    assert reach(wrap(str(address))) is expected


@given(st.ip_addresses(v=4))
def test_nothing_the_library_calls_private_is_public(address: IPv4Address) -> None:
    if address.is_private or address.is_loopback or address.is_multicast or address.is_reserved:
        assert reach(str(address)) is not Reach.PUBLIC


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert reach(text) in Reach
