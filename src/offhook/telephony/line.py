"""What all calls of one voice process share: the endpoint, the media engine, the trunks, our identity."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from offhook.clock import Clock
from offhook.flow.context import WITHHELD_SOURCES
from offhook.media.engine import MediaEngine, MediaEvent, MediaLeg
from offhook.session.ports.telephony import DialOrder
from offhook.sip import Address, Credentials
from offhook.sip.encoding import host_port
from offhook.sip.grammar import escape_user
from offhook.telephony.endpoint import SipEndpoint, Tap
from offhook.telephony.leg_media import DescriptionOrigin, LegMedia
from offhook.telephony.line_call import LineCall
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.number_formats import Party
from offhook.telephony.prompt_sounds import PromptSounds
from offhook.telephony.sip_trace import SipTraces
from offhook.telephony.trunk_health import TrunkHealth
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)


class Line:
    """The phone line under the calls of :mod:`offhook.telephony`."""

    def __init__(
        self,
        *,
        endpoint: SipEndpoint,
        media: MediaEngine,
        media_host: str,
        trunks: Mapping[str, Trunk],
        media_timeout: float,
        clock: Clock,
        metrics: LineMetrics | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.media = media
        self.sounds = PromptSounds(media)
        self.media_host = media_host
        """The address in our SDP."""
        self.trunks: dict[str, Trunk] = {}
        self.use(trunks, media_timeout=media_timeout)
        self.clock = clock
        self.metrics = metrics or LineMetrics()
        self.health = TrunkHealth(clock, self.metrics)
        self.traces = SipTraces(endpoint.near, clock.now)
        endpoint.tap = self.traces.tap

    def watch_sip(self, also: Tap) -> None:
        """Give every SIP message to one more who listens, besides our own traces."""
        first = self.traces.tap

        def both(direction: str, data: bytes, far: Address) -> None:
            first(direction, data, far)
            also(direction, data, far)

        self.endpoint.tap = both

    def use(self, trunks: Mapping[str, Trunk], *, media_timeout: float) -> None:
        """Use these trunks for new calls; existing calls stay as they are."""
        self.trunks = dict(trunks)
        self.media_timeout = media_timeout

    def invite(self, trunk: Trunk, order: DialOrder, offer: bytes) -> str:
        """Send one INVITE of ``order`` over ``trunk``; returns the endpoint's handle of it."""
        from_uri, headers = self._identity(order, trunk)
        called = escape_user(trunk.numbers.written(order.destination, Party.CALLED))
        with self.endpoint.command() as (agent, now):
            return agent.invite(
                now,
                target=Address(trunk.transport, trunk.host, trunk.port),
                request_uri=f"sip:{called}@{trunk.domain or host_port(trunk.host, trunk.port)}",
                from_uri=from_uri,
                to_uri=f"sip:{called}@{trunk.domain or host_port(trunk.host, None)}",
                sdp=offer,
                headers=headers,
                credentials=Credentials(trunk.username, trunk.password or "")
                if trunk.username
                else None,
                trust=trunk.owns,
                session_expires=trunk.session_timer,
            )

    def _identity(self, order: DialOrder, trunk: Trunk) -> tuple[str, list[tuple[str, str]]]:
        """From and the identity headers (RFC 3325 §9; RFC 3323 §4.1.1.3 for withheld caller ID).

        A withheld number reaches only trunks that are trusted to keep it (RFC 3325 §5, §7).
        """
        if order.source not in WITHHELD_SOURCES:
            uri = self._uri_of(order.source, trunk)
            return uri, [("P-Asserted-Identity", f"<{uri}>")]
        headers = [("Privacy", "id")]
        if trunk.trusted and order.identity is not None:
            headers.append(("P-Asserted-Identity", f"<{self._uri_of(order.identity, trunk)}>"))
        return "sip:anonymous@anonymous.invalid", headers

    def _uri_of(self, number: str, trunk: Trunk) -> str:
        user = escape_user(trunk.numbers.written(number, Party.CALLER))
        return f"sip:{user}@{trunk.domain or host_port(self.media_host, None)}"

    def open_media(
        self, on_media: Callable[[MediaEvent], None], trunk: Trunk | None
    ) -> tuple[MediaLeg, LegMedia]:
        """A new call's media and its offer/answer state; ``trunk`` as far as it is known.

        Raises :class:`offhook.media.engine.PortsExhausted`. After an error nothing stays open.
        """
        media = self.media.open_leg(on_media, media_timeout=self.media_timeout)
        try:
            return media, LegMedia(
                media, self.media_host, self.endpoint.resolve, trunk, self.media.capabilities
            )
        except Exception:
            media.close()
            raise

    def answer_reoffer(
        self, handle: str, sdp: bytes | None, origin: DescriptionOrigin, call: LineCall
    ) -> None:
        """Answer a re-INVITE or UPDATE inside a call: hold, resume, new address (RFC 3264 §8).

        One without an offer gets ours; its ACK brings the answer.
        """

        def accept(body: bytes) -> None:
            with self.endpoint.command() as (agent, now):
                agent.accept_reoffer(handle, now, body)

        if sdp is None:
            accept(call.leg_media.offer())
            return

        def refused(reason: str) -> None:
            log.warning("call %s: re-INVITE refused: %s", call.call_id, reason)
            with self.endpoint.command() as (agent, now):
                agent.reject_reoffer(handle, now, 488)

        call.leg_media.answer(sdp, origin, accept, refused)

    def refresh(self, handle: str, call: LineCall) -> None:
        """Offer again what is in use, so that the session goes on (RFC 4028 §7.4)."""
        offer = call.leg_media.offer()
        with self.endpoint.command() as (agent, now):
            agent.reinvite(handle, now, offer)
