"""Trunks: the SIP peers calls go to and come from."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from offhook import config
from offhook.config import TrunkPlace, trunk_address
from offhook.events import Attestation
from offhook.media.engine import MediaCapabilities
from offhook.negotiated import LAWS, Codec
from offhook.sip.descriptions import MediaTerms, Security
from offhook.sip.encoding import host_port
from offhook.sip.hosts import ip_of
from offhook.telephony.number_formats import NumberFormat, NumberStyle, rules_of


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk, its address in parts."""

    name: str
    transport: str
    """Empty: what the domain says (RFC 3263)."""
    host: str
    port: int
    """0: what the domain says."""
    tls_name: str | None = None
    """Whose certificate it shows; None: that of ``host``."""
    username: str | None = None
    password: str | None = None
    inbound_from: tuple[IPv4Network | IPv6Network, ...] = ()
    """The networks that its calls come from."""
    trusted: bool = False
    """Whether it may learn a withheld caller's number (RFC 3325 §5)."""
    early_media: bool = False
    """Whether an unanswered caller over it gets 183 with the other leg's early media."""

    codecs: tuple[Codec, ...] = LAWS
    """In our order of preference."""
    security: Security = Security.OFF
    """Whether its media is encrypted."""

    attest: Attestation | None = None
    """How well we know our callers, in the signature on calls over it (STIR/SHAKEN); None: not signed."""
    follows_refer: bool = False
    """Whether a phone over it may transfer a bridged call (REFER)."""
    redirects: int = 0
    """How many redirections (3xx) of a call are followed."""
    response_timeout: float | None = None
    """Seconds without any response to an INVITE before the next trunk is tried; None: 32 (RFC 3261)."""
    session_timer: int = 1800
    """Seconds that a call lasts without a refresh (RFC 4028), as we ask for it; 0: we do not ask."""
    options_every: float = 0
    """Seconds between two OPTIONS; 0: none are sent."""
    media_from: tuple[IPv4Network | IPv6Network, ...] = ()
    """The networks that its media may come from, besides the signalled hosts."""
    domain: str | None = None
    """Behind the ``@`` of From, To and Request-URI; None: addresses."""
    from_user: str | None = None
    """The user part of From; None: the caller's number, or ``anonymous``."""
    numbers: NumberFormat = NumberFormat()
    registrars: tuple[TrunkPlace, ...] = ()
    registers_on_one: bool = False
    """Whether one machine registers, of all with the same database."""
    """Where it is to be registered, in this order; none: nowhere."""
    register_expires: int = 600
    """Seconds that are asked for."""
    contact_user: str | None = None
    """The user part of the contact that is registered; None: it is not registered."""

    def terms(self, capabilities: MediaCapabilities) -> MediaTerms:
        """What may be negotiated over it with an engine."""
        codecs = tuple(codec for codec in self.codecs if codec in capabilities.codecs)
        return MediaTerms(codecs, self.security, capabilities.suites)

    def beyond(self, capabilities: MediaCapabilities) -> str | None:
        """What it asks for that an engine has not, for the operator; None: nothing."""
        if self.security is Security.REQUIRED and not capabilities.suites:
            return f'[[trunks]] "{self.name}": srtp = "required", but the media engine has no SRTP'
        if not self.terms(capabilities).codecs:
            names = ", ".join(self.codecs)
            return f'[[trunks]] "{self.name}": the media engine has none of the codecs {names}'
        return None

    def silence(self, waited: float) -> str:
        """``no response from udp:192.0.2.1:5060 for 32 s``."""
        return f"no response from {self.address} for {waited:.0f} s"

    @property
    def place(self) -> TrunkPlace:
        """Where it is, to be looked up."""
        return TrunkPlace(self.transport or None, self.host, self.port or None)

    @property
    def address(self) -> str:
        """As it is configured."""
        return f"{self.transport or 'sip'}:{self.host_port}"

    @property
    def host_port(self) -> str:
        """For a URI."""
        return host_port(self.host, self.port or None)

    def sends_from(self, host: str) -> bool:
        """Whether an address literal is one of ``inbound_from``."""
        return in_networks(host, self.inbound_from)

    def owns(self, host: str) -> bool:
        """Whether an address literal is the trunk's: the one we send to, or one that it calls from."""
        return host == self.host or self.sends_from(host)


def in_networks(host: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address literal lies in one of the networks.

    An IPv4 address that came over an IPv6 socket (``::ffff:192.0.2.1``) counts as itself.
    """
    address = ip_of(host.partition("%")[0])
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address in network for network in networks if network.version == address.version)


def trunk_of(section: config.TrunkSection) -> Trunk:
    """The trunk of a ``[[trunks]]`` section. Its address was checked when the file was read."""
    place = trunk_address(section.address)
    return Trunk(
        name=section.name,
        transport=place.transport or "",
        host=place.host,
        port=place.port or 0,
        tls_name=section.tls_name,
        username=section.username,
        password=section.password,
        inbound_from=tuple(ip_network(text, strict=False) for text in section.inbound_from),
        trusted=section.trusted,
        early_media=section.early_media,
        options_every=section.options_every,
        response_timeout=section.response_timeout,
        session_timer=section.session_timer,
        attest=None if section.attest is None else Attestation(section.attest),
        redirects=section.redirects,
        follows_refer=section.refer == "followed",
        media_from=tuple(ip_network(text, strict=False) for text in section.media_from),
        codecs=tuple(Codec(name) for name in section.codecs),
        security=Security(section.srtp),
        domain=section.domain,
        from_user=section.username if section.from_user == "username" else None,
        numbers=NumberFormat(
            style=NumberStyle(section.numbers),
            country=section.country,
            rules=rules_of(section.number_rules),
        ),
        registrars=_registrars_of(section, place) if section.register else (),
        register_expires=section.register_expires,
        registers_on_one=section.register_on == "one",
        contact_user=contact_user_of(section) if section.register else None,
    )


def trunks_of(settings: config.Config) -> dict[str, Trunk]:
    """The trunks of the configuration, by name."""
    return {section.name: trunk_of(section) for section in settings.trunks}


def _registrars_of(section: config.TrunkSection, place: TrunkPlace) -> tuple[TrunkPlace, ...]:
    return tuple(map(trunk_address, section.registrars)) or (place,)


def contact_user_of(section: config.TrunkSection) -> str:
    """The user part of the contact that is registered with a trunk: by it the trunk's calls are known.

    It is made of the password, so nobody else can guess it, all workers know it, and it is the same after a
    restart.
    """
    secret = (section.password or "").encode()
    return hmac.new(secret, f"contact {section.name}".encode(), "sha256").hexdigest()[:20]


def split_address(address: str) -> tuple[str, str, int]:
    """``udp:127.0.0.1:5080`` or ``udp:[::1]:5080`` → transport, host, port.

    Raises ValueError for anything else.
    """
    transport, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    if transport not in ("udp", "tcp", "tls") or not host:
        raise ValueError(f"{address!r} is not of the form udp:host:port")
    return transport, host.strip("[]"), int(port)


def why_challenged(trunk: Trunk | None) -> str:
    """Why a challenge was the last answer (RFC 3261 §22)."""
    if trunk is None or not trunk.username:
        return "it asks for a username and a password, and the trunk has none"
    return "it does not accept the trunk's username and password"
