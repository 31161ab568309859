"""Whose certificate it is (RFC 5922 §7.1 and §7.2)."""

from __future__ import annotations

import pytest

from offhook.sip.certificate_names import belongs_to, identities

COMMON = ((("commonName", "cn.example"),),)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((("URI", "sip:a.example"), ("DNS", "b.example")), ("a.example",)),
        ((("URI", "sip:ann@a.example"), ("DNS", "b.example")), ("b.example",)),
        ((("URI", "https://a.example"), ("DNS", "B.Example")), ("b.example",)),
        ((("DNS", "b.example"), ("DNS", "c.example")), ("b.example", "c.example")),
        ((("IP Address", "192.0.2.1"),), ()),
        ((), ("cn.example",)),
    ],
)
def test_the_domains_of_a_certificate(
    names: tuple[tuple[str, str], ...], found: tuple[str, ...]
) -> None:
    assert identities({"subjectAltName": names, "subject": COMMON}) == found


@pytest.mark.parametrize(
    ("name", "domain", "is_its"),
    [
        (("DNS", "sip.example"), "SIP.example", True),
        (("DNS", "*.example"), "sip.example", False),
        (("DNS", "*.example"), "*.example", True),
        (("URI", "sip:sip.example"), "sip.example", True),
        (("URI", "sip:sip.example:5061;transport=tls"), "sip.example", True),
        (("DNS", "192.0.2.1"), "192.0.2.1", False),
        (("IP Address", "192.0.2.1"), "192.0.2.1", True),
        (("IP Address", "2001:DB8:0:0:0:0:0:1"), "2001:db8::1", True),
        (("IP Address", "192.0.2.1"), "192.0.2.2", False),
    ],
)
def test_a_name_with_a_star_stands_for_itself_only(
    name: tuple[str, str], domain: str, *, is_its: bool
) -> None:
    assert belongs_to({"subjectAltName": (name,)}, domain) is is_its
