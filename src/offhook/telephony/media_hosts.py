"""The addresses in our session descriptions: one, or one for each IP version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from offhook.sip.descriptions import SdpError, SessionDescription
from offhook.sip.hosts import ip_of


def ip_version(host: str) -> int | None:
    """Of an address literal; None for a name."""
    address = ip_of(host)
    return None if address is None else address.version


@final
class MediaHosts:
    """Where media comes to us, and which of it suits a peer.

    A leg has one IP version. That of a received call is the one of its offer, that of a dialled call the one
    of the server that it goes to; where they do not tell, the first.
    """

    def __init__(self, first: str, other: str | None = None) -> None:
        """``other``: of the other IP version; None: there is one version only."""
        self.first = first
        self._by_version = {ip_version(host): host for host in (first, other) if host is not None}

    @property
    def both(self) -> bool:
        """Whether there are two versions to choose from."""
        return len(self._by_version) > 1

    def of(self, version: int | None) -> str:
        """The address of an IP version, or the first."""
        return self._by_version.get(version, self.first)

    def beside(self, host: str) -> str:
        """The address that suits a peer at ``host``."""
        return self.of(ip_version(host)) if self.both else self.first

    def use(self, host: str) -> None:
        """Use another public address for new legs."""
        version = ip_version(host)
        if version == ip_version(self.first) or len(self._by_version) == 1:
            self.first = host
        self._by_version[version] = host

    def version_for(self, offer: bytes | None, source: str | None) -> int | None:
        """The version of a received call: of its offer, else of the peer. None: there is no choice."""
        if not self.both:
            return None
        return _offered(offer) or ip_version(source or "")

    def version_towards(self, hosts: Sequence[str]) -> int | None:
        """The version of a dialled call, by the first of the hosts that it goes to. None: no choice."""
        if not self.both or not hosts:
            return None
        return ip_version(hosts[0])


def _offered(offer: bytes | None) -> int | None:
    """The IP version of the audio stream; None: it does not tell."""
    try:
        description = SessionDescription(offer or b"")
    except SdpError:
        return None
    for media in description.media:
        if media.kind == "audio" and media.port and media.host is not None:
            return ip_version(media.host)
    return None
