"""The addresses that a customer's URL may lead to: only public ones, unless the operator allows others.

Pure: it judges the text of an address, after the name was resolved. Ranges are those of the IANA
special-purpose registries (RFC 6890) for IPv4; of IPv6 only global unicast (2000::/3, RFC 4291 §2.4)
is public. IPv6 addresses that contain an IPv4 address are judged by the IPv4 address.
"""

from __future__ import annotations

from enum import Enum, auto
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)


class Reach(Enum):
    """How far an address reaches."""

    PUBLIC = auto()
    LOOPBACK = auto()
    """This machine, plainly written (127.0.0.0/8, ::1): also open where only loopback is allowed."""
    PRIVATE = auto()
    """A private network, or loopback in another form: open only where the operator allows it."""
    NONE = auto()
    """Nothing to connect to over TCP: multicast, unspecified, broadcast, reserved, malformed."""


_PRIVATE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "10.0.0.0/8",  # RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the clouds' metadata services
        "172.16.0.0/12",  # RFC 1918
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # RFC 1918
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
    )
)
_NONE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this network"; Linux connects 0.0.0.0 to itself
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PRIVATE_V6 = tuple(
    IPv6Network(text)
    for text in (
        "::1/128",  # loopback
        "64:ff9b:1::/48",  # local-use NAT64, RFC 8215
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local, deprecated
        "2001::/23",  # IETF protocol assignments; Teredo is unwrapped before
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Address("::1")
_UNSPECIFIED_V6 = IPv6Address("::")
_LOW_32 = 0xFFFFFFFF


def reach(address: str) -> Reach:
    """How far ``address``, an IPv4 or IPv6 address in text form, reaches.

    A zone id (``fe80::1%eth0``, RFC 4007) makes any address private: it belongs to a local link.
    """
    bare, zone, _ = address.partition("%")
    try:
        parsed = ip_address(bare)
    except (AddressValueError, ValueError):
        return Reach.NONE
    if isinstance(parsed, IPv4Address):
        found = Reach.LOOPBACK if parsed in _LOOPBACK_V4 else _reach_v4(parsed)
    else:
        found = Reach.LOOPBACK if parsed == _LOOPBACK_V6 else _reach_v6(parsed)
    return Reach.PRIVATE if zone and found is not Reach.NONE else found


def may_connect(address: str, *, allow_private: bool, allow_loopback: bool = False) -> bool:
    """Whether a connection to ``address`` may be opened; ``allow_private`` includes loopback."""
    match reach(address):
        case Reach.PUBLIC:
            return True
        case Reach.LOOPBACK:
            return allow_private or allow_loopback
        case Reach.PRIVATE:
            return allow_private
        case Reach.NONE:
            return False


def is_address(host: str) -> bool:
    """Whether ``host`` is a literal address, and no name to be looked up."""
    try:
        ip_address(host)
    except (AddressValueError, ValueError):
        return False
    return True


def _reach_v4(address: IPv4Address) -> Reach:
    if any(address in network for network in _NONE_V4):
        return Reach.NONE
    if any(address in network for network in _PRIVATE_V4):
        return Reach.PRIVATE
    return Reach.PUBLIC


def _reach_v6(address: IPv6Address) -> Reach:
    carried = _carried_v4(address)
    if carried:
        return max((_reach_v4(inner) for inner in carried), key=lambda found: found.value)
    if any(address in network for network in _PRIVATE_V6):
        return Reach.PRIVATE
    return Reach.PUBLIC if address in _GLOBAL_UNICAST else Reach.NONE


def _carried_v4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses a packet to ``address`` may end at; empty for a plain IPv6 address."""
    number = int(address)
    low = IPv4Address(number & _LOW_32)
    if address in _MAPPED or address in _NAT64:
        return (low,)
    if address in _COMPATIBLE and address not in (_LOOPBACK_V6, _UNSPECIFIED_V6):
        return (low,)
    if address in _6TO4:
        return (IPv4Address(number >> 80 & _LOW_32),)
    if address in _TEREDO:  # RFC 4380 §4: the server, and the client with every bit inverted
        return (IPv4Address(number >> 64 & _LOW_32), IPv4Address(~number & _LOW_32))
    return ()
