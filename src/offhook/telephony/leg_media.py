"""One leg's media as SIP sees it: offers and answers go in, the media engine follows.

The offer/answer state (:class:`offhook.sip.negotiation.Negotiation`) alone holds what was negotiated.
Each time it changes, the media leg is connected anew, with the hosts that it may accept packets from
(``spec/execution.md``, "Media"). A connection address may be a host name. It is looked up first, so
results are given by a callback: at once for an address, after the lookup for a name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import msgspec

from offhook.faults import FaultLog
from offhook.media.engine import MediaCapabilities, MediaLeg, MediaSources
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.sip.agent_events import DescriptionEvent
from offhook.sip.descriptions import SdpError
from offhook.sip.hosts import is_ip
from offhook.sip.negotiation import Negotiation
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)
faults = FaultLog(log)

_PRIVATE = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
            *("100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "0.0.0.0/32"),  # RFC 6598, 3927
            *("fc00::/7", "fe80::/10", "::1/128", "::/128"),  # RFC 4193, 4291
        ),
    )
)
"""Addresses with no meaning outside the peer's own network. Python's ``is_private`` covers more."""

Resolve = Callable[[str], Awaitable[str | None]]
"""Looks up a host name, with a deadline of its own; None: it could not be found."""
Refused = Callable[[str], None]
"""Called with the reason why a description cannot be used. The media stays as it was."""


class DescriptionOrigin(NamedTuple):
    """The source of the message with a description."""

    host: str | None = None
    """The SIP source, an address literal."""
    via_below: str | None = None
    """Of a request through a proxy: the address that the proxy received it from (``received``, else the
    host)."""


class LegMedia:
    """Joins one leg's offer/answer state with its media leg."""

    def __init__(
        self,
        media: MediaLeg,
        host: str,
        resolve: Resolve,
        trunk: Trunk | None,
        capabilities: MediaCapabilities = MediaCapabilities(),  # noqa: B008 frozen
    ) -> None:
        """``host``: the address in our descriptions. ``capabilities``: of the media's engine."""
        self._capabilities = capabilities
        self.host = host
        self.media = media
        self.trunk = trunk
        self._resolve = resolve
        self._negotiation = Negotiation(host, media.local_port)
        self._lookup: asyncio.Task[None] | None = None

    @property
    def ip_version(self) -> int:
        """Of the media."""
        return 6 if ":" in self.host else 4

    @property
    def settled(self) -> NegotiatedMedia | None:
        """The negotiated media; None before the first answer."""
        return self._negotiation.media

    @property
    def codec(self) -> Codec:
        """The codec we send; before the first answer the one we prefer."""
        return Codec.PCMU if self.settled is None else self.settled.codec

    def offer(self) -> bytes:
        """Our offer. Raises :class:`SdpError` where the trunk asks for what the engine has not."""
        self._use_terms()
        return self._negotiation.offer()

    def answer(
        self,
        offer: bytes,
        origin: DescriptionOrigin,
        done: Callable[[bytes], None],
        refused: Refused,
    ) -> None:
        """Answer the peer's offer; ``done`` gets the answer, to be sent."""
        before = self.settled
        try:
            self._use_terms()
            body = self._negotiation.answer(offer)
        except SdpError as error:
            refused(str(error))
            return
        self._connect(before, origin, lambda: done(body), refused)

    def take_answer(
        self, body: bytes, origin: DescriptionOrigin, done: Callable[[], None], refused: Refused
    ) -> None:
        """Take the peer's answer to our offer."""
        before = self.settled
        try:
            self._negotiation.accept(body)
        except SdpError as error:
            refused(str(error))
            return
        self._connect(before, origin, done, refused)

    def _use_terms(self) -> None:
        if self.trunk is not None:
            if (lacking := self.trunk.beyond(self._capabilities)) is not None:
                raise SdpError(lacking)
            self._negotiation.terms = self.trunk.terms(self._capabilities)

    def close(self) -> None:
        """The leg is over; the result of a lookup is no longer needed."""
        lookup, self._lookup = self._lookup, None
        if lookup is not None:
            lookup.cancel()

    def _connect(
        self,
        before: NegotiatedMedia | None,
        origin: DescriptionOrigin,
        done: Callable[[], None],
        refused: Refused,
    ) -> None:
        """Connect the media as negotiated. If that is impossible, restore the state from before."""
        media = self._negotiation.media
        assert media is not None
        if not is_ip(media.remote_host):
            work = self._look_up(media, before, origin, done, refused)
            self._lookup = asyncio.get_running_loop().create_task(work)
            return
        try:
            self.media.connect(media, self._sources(media, origin))
        except ValueError as error:
            self._negotiation.media = before
            refused(str(error))
            return
        done()

    async def _look_up(
        self,
        media: NegotiatedMedia,
        before: NegotiatedMedia | None,
        origin: DescriptionOrigin,
        done: Callable[[], None],
        refused: Refused,
    ) -> None:
        try:
            address = await self._resolve(media.remote_host)
        except Exception:
            faults.report(f"looking up the connection address {media.remote_host}")
            address = None
        self._lookup = None
        if address is None:
            self._negotiation.media = before
            refused(f"the connection address {media.remote_host} cannot be looked up")
            return
        self._negotiation.media = msgspec.structs.replace(media, remote_host=address)
        try:
            self._connect(before, origin, done, refused)
        except Exception:
            faults.report(f"using the connection address {media.remote_host}")
            refused("internal error")

    def _sources(self, media: NegotiatedMedia, origin: DescriptionOrigin) -> MediaSources:
        """The hosts from which packets are accepted besides the signalled one."""
        hosts: set[str] = set()
        if origin.host is not None and _is_private(media.remote_host):
            hosts.add(origin.host)
            through_trunk = self.trunk is not None and self.trunk.owns(origin.host)
            if origin.via_below is not None and through_trunk:
                hosts.add(origin.via_below)
        networks = () if self.trunk is None else self.trunk.media_from
        return MediaSources(hosts=frozenset(hosts), networks=networks)

    def refused_source(self, call_id: str, host: str) -> None:
        """Log a host that sends RTP which is dropped, with the setting that would allow it."""
        signalled = "?" if self.settled is None else self.settled.remote_host
        trunk = "?" if self.trunk is None else self.trunk.name
        log.warning(
            "call %s: RTP from %s is dropped: the SDP names %s. If it is the carrier's, set"
            ' media_from = ["%s"] in [[trunks]] "%s"',
            call_id,
            host,
            signalled,
            host,
            trunk,
        )


@lru_cache(maxsize=1024)
def _is_private(host: str) -> bool:
    address = ip_address(host)
    return any(address in network for network in _PRIVATE if network.version == address.version)


def origin_of(event: DescriptionEvent) -> DescriptionOrigin:
    """The source of the message that caused an event."""
    return DescriptionOrigin(event.source.host if event.source else None, event.via_below)
