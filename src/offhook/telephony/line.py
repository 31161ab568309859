"""What all calls of one voice process share: the endpoint, the media engine, the trunks, our identity."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime

from offhook.clock import Clock
from offhook.flow.context import WITHHELD_SOURCES
from offhook.media.engine import MediaEngine, MediaEvent, MediaLeg
from offhook.session.ports.phone_bindings import PhoneBinding
from offhook.session.ports.telephony import DialOrder
from offhook.session.routing import user_of_route
from offhook.sip import Address, Credentials
from offhook.sip import agent_events as sip
from offhook.sip.encoding import host_port
from offhook.sip.grammar import escape_user
from offhook.telephony.endpoint import SipEndpoint, Tap
from offhook.telephony.leg_media import DescriptionOrigin, LegMedia, origin_of
from offhook.telephony.line_call import LineCall
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.media_hosts import MediaHosts
from offhook.telephony.number_formats import Party
from offhook.telephony.prompt_sounds import PromptSounds
from offhook.telephony.sip_trace import SipTraces
from offhook.telephony.sip_users import SipUser
from offhook.telephony.stir_service import StirService
from offhook.telephony.transfers import answer_refer
from offhook.telephony.trunk_health import StateListener, TrunkHealth, unheard
from offhook.telephony.trunk_servers import TrunkServers
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)


PhonesOf = Callable[[str], Sequence[tuple[PhoneBinding, Address]]]
"""The registered phones of a user, and where each is called."""


def no_phones(_user: str) -> Sequence[tuple[PhoneBinding, Address]]:
    """Where no phone can register."""
    return ()


class Line:
    """The phone line under the calls of :mod:`offhook.telephony`."""

    def __init__(
        self,
        *,
        endpoint: SipEndpoint,
        media: MediaEngine,
        media_host: str,
        other_media_host: str | None = None,
        trunks: Mapping[str, Trunk],
        media_timeout: float,
        clock: Clock,
        users: Mapping[str, SipUser] | None = None,
        metrics: LineMetrics | None = None,
        stir: StirService = StirService(),  # noqa: B008 frozen
        phones: PhonesOf = no_phones,
        on_trunk_change: StateListener = unheard,
    ) -> None:
        self.endpoint = endpoint
        self.media = media
        self.sounds = PromptSounds(media)
        self.media_hosts = MediaHosts(media_host, other_media_host)
        self.trunks: dict[str, Trunk] = {}
        self.users: dict[str, SipUser] = {}
        """Users whose phones may register, by name."""
        self._phones = phones
        self.use(trunks, users=users, media_timeout=media_timeout)
        self.clock = clock
        self.metrics = metrics or LineMetrics()
        self.stir = stir
        self.health = TrunkHealth(clock, self.metrics, on_trunk_change)
        self.servers = TrunkServers(endpoint.locator, clock)
        self.traces = SipTraces(endpoint.near, clock.now)
        endpoint.tap = self.traces.tap

    def advertise(self, host: str) -> None:
        """Use another public address in SIP and SDP from now on; calls that are up keep theirs."""
        self.endpoint.advertise(host)
        self.media_hosts.use(host)

    def watch_sip(self, also: Tap) -> None:
        """Give every SIP message to one more who listens, besides our own traces."""
        first = self.traces.tap

        def both(direction: str, data: bytes, far: Address) -> None:
            first(direction, data, far)
            also(direction, data, far)

        self.endpoint.tap = both

    def use(
        self,
        trunks: Mapping[str, Trunk],
        *,
        media_timeout: float,
        users: Mapping[str, SipUser] | None = None,
    ) -> None:
        """Use these trunks and users for new calls; existing calls stay as they are."""
        self.trunks = dict(trunks)
        self.endpoint.tls_names = {
            trunk.host: trunk.tls_name for trunk in trunks.values() if trunk.tls_name is not None
        }
        self.users = dict(users or {})
        self.media_timeout = media_timeout

    def peer(self, name: str) -> Trunk | None:
        """A trunk, or what stands for the phones of a user; None: neither is configured."""
        user = user_of_route(name)
        if user is None:
            return self.trunks.get(name)
        known = self.users.get(user)
        return None if known is None else known.trunk

    def invite(
        self, trunk: Trunk, server: Address | None, order: DialOrder, offer: bytes
    ) -> list[str]:
        """Send one INVITE of ``order`` over ``trunk``, or one to each phone of a user.

        Returns the endpoint's handles of them; none: no phone is registered.
        """
        user = user_of_route(trunk.name)
        if user is not None:
            phones = self._phones(user)
            return [self._ring(*phone, trunk, order, offer) for phone in phones]
        if server is None:
            return []
        from_uri, headers = self._identity(order, trunk)
        called = escape_user(trunk.numbers.written(order.destination, Party.CALLED))
        with self.endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=server,
                request_uri=f"sip:{called}@{trunk.domain or trunk.host_port}",
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
        return [handle]

    def _ring(
        self,
        phone: PhoneBinding,
        address: Address,
        trunk: Trunk,
        order: DialOrder,
        offer: bytes,
    ) -> str:
        """Call one phone, where its REGISTER came from."""
        from_uri, headers = self._identity(order, trunk)
        with self.endpoint.command() as (agent, now):
            return agent.invite(
                now,
                target=address,
                request_uri=phone.contact,
                from_uri=from_uri,
                to_uri=f"sip:{escape_user(phone.user)}@{self._own_host(phone.host)}",
                sdp=offer,
                headers=headers,
                routes=phone.path,
                trust=lambda host: host == phone.host,
            )

    def _identity(self, order: DialOrder, trunk: Trunk) -> tuple[str, list[tuple[str, str]]]:
        """From and the identity headers (RFC 3325 §9; RFC 3323 §4.1.1.3 for withheld caller ID).

        A withheld number reaches only trunks that are trusted to keep it (RFC 3325 §5, §7).
        """
        account = None if trunk.from_user is None else self._uri(trunk.from_user, trunk)
        if order.source not in WITHHELD_SOURCES:
            uri = self._uri_of(order.source, trunk)
            return account or uri, [
                ("P-Asserted-Identity", f"<{uri}>"),
                *self._signature(order, trunk),
            ]
        headers = [("Privacy", "id")]
        if trunk.trusted and order.identity is not None:
            headers.append(("P-Asserted-Identity", f"<{self._uri_of(order.identity, trunk)}>"))
        return account or "sip:anonymous@anonymous.invalid", headers

    def _signature(self, order: DialOrder, trunk: Trunk) -> list[tuple[str, str]]:
        """Identity and Date (RFC 8224 §4) where the trunk's calls are signed."""
        signer = self.stir.signer
        if signer is None or trunk.attest is None or not order.source.startswith("+"):
            return []
        date = format_datetime(self.clock.now(), usegmt=True)
        return [("Date", date), ("Identity", signer.identity_of(order, order.source, trunk.attest))]

    def _uri_of(self, number: str, trunk: Trunk) -> str:
        return self._uri(trunk.numbers.written(number, Party.CALLER), trunk)

    def _uri(self, user: str, trunk: Trunk) -> str:
        return f"sip:{escape_user(user)}@{trunk.domain or self._own_host(trunk.host)}"

    def _own_host(self, peer: str) -> str:
        """Our address in URIs for a peer."""
        return host_port(self.media_hosts.beside(peer), None)

    def media_version(self, trunk: Trunk, server: Address | None) -> int | None:
        """The IP version of the media of a call to a server of ``trunk``, or to a user's phones; None: the
        first."""
        if server is not None:
            return self.media_hosts.version_towards((server.host,))
        user = user_of_route(trunk.name)
        phones = () if user is None or not self.media_hosts.both else self._phones(user)
        return self.media_hosts.version_towards([address.host for _, address in phones])

    def open_media(
        self,
        on_media: Callable[[MediaEvent], None],
        trunk: Trunk | None,
        ip_version: int | None = None,
    ) -> tuple[MediaLeg, LegMedia]:
        """A new call's media and its offer/answer state; ``trunk`` as far as it is known.

        ``ip_version``: None is the first. Raises :class:`offhook.media.engine.PortsExhausted`. After an
        error nothing stays open.
        """
        host = self.media_hosts.of(ip_version)
        resolve = functools.partial(self.endpoint.resolve, wide=":" in host)
        media = self.media.open_leg(
            on_media, media_timeout=self.media_timeout, ip_version=ip_version
        )
        try:
            return media, LegMedia(media, host, resolve, trunk, self.media.capabilities)
        except Exception:
            media.close()
            raise

    def _answer_reoffer(
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

    def heard(self, trunk: Trunk | None) -> None:
        """A response came from a trunk (the phones of a user are none)."""
        if trunk is not None and user_of_route(trunk.name) is None:
            self.health.heard(trunk.name)

    def silent(self, trunk: Trunk | None, detail: str) -> None:
        """No response came from a trunk; ``detail`` says it in words."""
        if trunk is not None and user_of_route(trunk.name) is None:
            self.health.silent(trunk.name, detail)

    def in_dialog(self, event: sip.AnyEvent, call: LineCall) -> None:
        """Handle what a dialled and a received call answer alike: a new offer, a transfer, a refresh."""
        match event:
            case sip.Reoffer(sdp=sdp):
                self._answer_reoffer(event.handle, sdp, origin_of(event), call)
            case sip.Referred():
                answer_refer(self.endpoint, event, call)
            case sip.RefreshDue():
                self._refresh(event.handle, call)

    def _refresh(self, handle: str, call: LineCall) -> None:
        """Offer again what is in use, so that the session goes on (RFC 4028 §7.4)."""
        offer = call.leg_media.offer()
        with self.endpoint.command() as (agent, now):
            agent.reinvite(handle, now, offer)
