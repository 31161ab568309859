"""Whom the limits per address apply to."""

from __future__ import annotations

import pytest

from offhook.http.edge.addresses import Addresses


def source(peer: str, *forwarded: str, trusted: tuple[str, ...] = ()) -> str:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return Addresses(trusted).of({"client": (peer, 40000), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("::1", "::"),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_network(peer: str, expected: str) -> None:
    assert source(peer) == expected


def test_the_header_of_an_untrusted_peer_is_ignored() -> None:
    assert source("192.0.2.1", "198.51.100.7") == "192.0.2.1"
    assert source("192.0.2.1", "198.51.100.7", trusted=("10.0.0.0/8",)) == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (("198.51.100.7",), "198.51.100.7"),
        (("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
        (("198.51.100.7, 10.0.0.2",), "198.51.100.7"),
        (("198.51.100.7", "10.0.0.2"), "198.51.100.7"),
        (("::ffff:198.51.100.7",), "198.51.100.7"),
        (("2001:db8:1:2::1",), "2001:db8:1:2::"),
        (("spoofed, nonsense",), "10.0.0.1"),
        (("",), "10.0.0.1"),
        ((), "10.0.0.1"),
    ],
)
def test_the_nearest_hop_that_is_no_proxy_of_ours_is_the_source(
    forwarded: tuple[str, ...], expected: str
) -> None:
    assert source("10.0.0.1", *forwarded, trusted=("10.0.0.0/8",)) == expected


def test_without_a_peer_all_are_one() -> None:
    assert Addresses(()).of({"client": None, "headers": []}) == ""
