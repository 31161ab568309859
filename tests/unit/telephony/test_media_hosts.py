"""Which of our addresses stands in a session description."""

from __future__ import annotations

import pytest

from offhook.telephony.media_hosts import MediaHosts


def offer(host: str, *, port: int = 4000) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 x", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=video {port} RTP/AVP 99", f"m=audio {port} RTP/AVP 0"]
    return ("\r\n".join(lines) + "\r\n").encode()


@pytest.mark.parametrize(
    ("body", "source", "version"),
    [
        (offer("192.0.2.2"), "2001:db8::2", 4),
        (offer("2001:db8::2"), "192.0.2.2", 6),
        (offer("0.0.0.0"), "2001:db8::2", 4),
        (offer("phone.example"), "2001:db8::2", 6),
        (offer("2001:db8::2", port=0), "192.0.2.2", 4),
        (None, "2001:db8::2", 6),
        (b"\xff\x00", "192.0.2.2", 4),
        (b"", None, None),
    ],
)
def test_a_received_call_has_media_of_its_offers_version_else_of_its_source(
    body: bytes | None, source: str | None, version: int | None
) -> None:
    assert MediaHosts("192.0.2.1", "2001:db8::1").version_for(body, source) == version
    assert MediaHosts("192.0.2.1").version_for(body, source) is None


def test_a_dialled_call_has_media_of_its_servers_version() -> None:
    hosts = MediaHosts("2001:db8::1", "192.0.2.1")
    assert hosts.version_towards(["192.0.2.2", "2001:db8::2"]) == 4
    assert hosts.version_towards(["2001:db8::2"]) == 6
    assert hosts.version_towards(["carrier.example"]) is None
    assert hosts.version_towards([]) is None
    assert [hosts.of(version) for version in (4, 6, None)] == [
        "192.0.2.1",
        "2001:db8::1",
        "2001:db8::1",
    ]
    assert hosts.beside("192.0.2.9") == "192.0.2.1"
    assert hosts.beside("carrier.example") == "2001:db8::1"


def test_a_new_public_address_takes_the_place_of_its_version() -> None:
    hosts = MediaHosts("2001:db8::1", "10.0.0.1")
    hosts.use("203.0.113.1")
    assert (hosts.of(4), hosts.of(6), hosts.first) == ("203.0.113.1", "2001:db8::1", "2001:db8::1")
    alone = MediaHosts("10.0.0.1")
    alone.use("203.0.113.1")
    assert (alone.first, alone.of(None), alone.both) == ("203.0.113.1", "203.0.113.1", False)
