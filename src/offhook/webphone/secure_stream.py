"""The encrypted stream to one browser: ICE by aioice, DTLS-SRTP by aiortc, packets in and out.

aiortc's peer connection decodes and encodes audio; here packets pass as they are. So its DTLS transport is
used alone, over an ICE connection that we open ourselves:

* host candidates are of the configured address only, loopback included;
* the browser's candidates are never used: its checks, which prove that it knows our password, tell where it
  is. aioice answers them for as long as the end of candidates has not come;
* what waits to be read is bounded: anyone who finds the port can send anything to it.

Four names of aiortc's transport that are not documented are used: ``_send_rtp``, ``_set_role``,
``_handle_rtp_data`` and ``_handle_rtcp_data``. ``tests/integration/test_webphone_secure_stream.py`` fails
where a new version has changed them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, cast, final

from aioice import Candidate, Connection
from aioice.ice import StunProtocol
from aioice.stun import Message
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceTransport,
)

from offhook.aio import end_all
from offhook.webphone.browser_description import BrowserOffer, Fingerprint, IceDtlsTransport

log = logging.getLogger(__name__)

CONNECT_WITHIN: Final = 15.0
"""Seconds until a browser's stream must be there."""
MOST_WAITING: Final = 200
"""Packets that wait for the browser, or to be read, at the most."""
MOST_PLACES: Final = 20
"""Addresses that the browser's checks may come from: each is asked back."""
_DIGEST: Final = "sha-256"


class StreamFailed(Exception):
    """The stream cannot be opened; the text is for the person at the browser."""


@final
class OwnConnection(Connection):
    """ICE on one address of this machine."""

    def __init__(self, address: str, advertised: str | None, stun: tuple[str, int] | None) -> None:
        super().__init__(ice_controlling=False, stun_server=stun)
        self._address = address
        self._advertised = advertised

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[Candidate]:
        """Those of the configured address, whatever the machine has."""
        return await super().get_component_candidates(component, [self._address], timeout)

    def data_received(self, data: bytes, component: int) -> None:
        """Drop what would wait too long."""
        if self._queue.qsize() < MOST_WAITING:
            super().data_received(data, component)

    def check_incoming(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """Answer a check that gave our password, from no more addresses than a browser has."""
        known = {pair.remote_addr for pair in self._check_list}
        if addr in known or len(known) < MOST_PLACES:
            super().check_incoming(message, addr, protocol)

    def places(self) -> list[str]:
        """The candidates for the browser."""
        return [self._shown(candidate) for candidate in self.local_candidates]

    def _shown(self, candidate: Candidate) -> str:
        text = candidate.to_sdp()
        if candidate.type != "host" or self._advertised is None:
            return text
        words = text.split()
        words[4] = self._advertised
        return " ".join(words)


@final
class _IceTransport:
    """What aiortc's DTLS transport needs of ICE."""

    role = "controlled"

    def __init__(self, connection: Connection) -> None:
        self._recv = connection.recv
        self._send = connection.send


@final
class _PacketTransport(RTCDtlsTransport):
    """DTLS-SRTP that gives the decrypted packets as they are."""

    def __init__(
        self,
        transport: RTCIceTransport,
        certificates: list[RTCCertificate],
        on_packet: Callable[[bytes], None],
    ) -> None:
        super().__init__(transport, certificates)
        self._on_packet = on_packet

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_packet(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_packet(data)


@final
class SecureStream:
    """One browser's stream."""

    def __init__(
        self,
        address: str,
        on_packet: Callable[[bytes], None],
        *,
        advertised: str | None = None,
        stun: tuple[str, int] | None = None,
    ) -> None:
        """``address`` is bound; ``on_packet`` gets RTP and RTCP of the browser, decrypted."""
        self._ice = OwnConnection(address, advertised, stun)
        transport = cast(RTCIceTransport, _IceTransport(self._ice))
        certificate = RTCCertificate.generateCertificate()
        self._dtls = _PacketTransport(transport, [certificate], on_packet)
        self._dtls._set_role("server")
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._sending: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        """Set when the browser has closed it, or was lost."""
        self._dtls.on("statechange", self._changed)

    async def gather(self) -> IceDtlsTransport:
        """Bind, and say where the browser finds us. Raises :class:`StreamFailed`."""
        await self._ice.gather_candidates()
        candidates = self._ice.places()
        if not candidates:
            raise StreamFailed("The server cannot use the address of [browser_phone]")
        prints = self._dtls.getLocalParameters().fingerprints
        value = next(one.value for one in prints if one.algorithm == _DIGEST)
        name, password = self._ice.local_username, self._ice.local_password
        return IceDtlsTransport(name, password, candidates, Fingerprint(_DIGEST, value))

    async def connect(self, offer: BrowserOffer) -> None:
        """Wait for the browser. Raises :class:`StreamFailed` where it does not come in time."""
        self._ice.remote_username, self._ice.remote_password = offer.name, offer.password
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await self._ice.connect()
                await self._dtls.start(_parameters(offer))
        except (TimeoutError, ConnectionError):
            raise StreamFailed(
                "The browser's sound does not reach the server: is the address of [browser_phone] "
                "one that the browser reaches?"
            ) from None
        if self._dtls.state != "connected":
            raise StreamFailed("The browser and the server did not agree on the encryption")
        self._sending = asyncio.create_task(self._send_all())

    def send(self, packet: bytes) -> None:
        """Send RTP or RTCP to the browser; what it is too slow for is dropped."""
        if not self._waiting.full():
            self._waiting.put_nowait(packet)

    async def close(self) -> None:
        """End the stream."""
        self._dtls.remove_all_listeners()
        if self._sending is not None:
            await end_all(self._sending)
        await self._dtls.stop()
        await self._ice.close()
        self.closed.set()

    def _changed(self, *_: object) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.closed.set()

    async def _send_all(self) -> None:
        while True:
            packet = await self._waiting.get()
            try:
                await self._dtls._send_rtp(packet)
            except ConnectionError:
                self.closed.set()
                return
            except Exception as error:  # a packet that libsrtp does not take
                log.debug("a packet is not sent to the browser: %s", error)


def _parameters(offer: BrowserOffer) -> RTCDtlsParameters:
    prints: Sequence[Fingerprint] = offer.fingerprints
    return RTCDtlsParameters(
        fingerprints=[
            RTCDtlsFingerprint(algorithm=one.algorithm, value=one.value) for one in prints
        ]
    )
