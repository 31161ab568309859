"""RTP and RTCP between a browser's stream and the voice node: packets pass as they are, but for the
payload type, which each side numbers for itself (RFC 3264 §5.1)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Final, final

from offhook.media import rtp
from offhook.media.python.port_pool import SocketPair
from offhook.media.telephone_event import DtmfReceiver
from offhook.negotiated import NegotiatedMedia
from offhook.webphone.browser_description import StreamTypes

log = logging.getLogger(__name__)

_BATCH: Final = 32
"""Packets that are read from a socket at once."""
_LONGEST: Final = 2048
"""Octets of a packet."""
_MARKER: Final = 0x80


def is_rtcp(packet: bytes) -> bool:
    """Whether a packet of a shared port is RTCP (RFC 5761 §4)."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


def translated(packet: bytes, types: Mapping[int, int]) -> bytes | None:
    """An RTP packet with the other side's payload type; None: the other side does not know it."""
    if len(packet) < rtp.HEADER.size:
        return None
    marker, number = packet[1] & _MARKER, packet[1] & ~_MARKER
    other = types.get(number)
    if other is None:
        return None
    return packet if other == number else packet[:1] + bytes([marker | other]) + packet[2:]


@final
class PacketRelay:
    """The side of the voice node of one call."""

    def __init__(
        self,
        pair: SocketPair,
        to_browser: Callable[[bytes], None],
        on_digit: Callable[[str], None],
    ) -> None:
        """``pair`` is closed by :meth:`close`. ``on_digit`` gets the keys that the far end presses."""
        self._pair = pair
        self._to_browser = to_browser
        self._on_digit = on_digit
        self._loop = asyncio.get_running_loop()
        self._rtp_to: tuple[str, int] | None = None
        self._rtcp_to: tuple[str, int] | None = None
        self._outward: Mapping[int, int] = {}
        self._inward: Mapping[int, int] = {}
        self._event: int | None = None
        self._digits = DtmfReceiver()
        self._loop.add_reader(pair.rtp.fileno(), self._readable, pair.rtp)
        self._loop.add_reader(pair.rtcp.fileno(), self._readable, pair.rtcp)

    def use(self, host: str, media: NegotiatedMedia, types: StreamTypes) -> None:
        """Relay as negotiated with the node, whose media is at ``host``; ``types`` are the browser's."""
        self._rtp_to = (host, media.remote_port)
        self._rtcp_to = (host, media.remote_rtcp_port or media.remote_port + 1)
        inward = {
            number: types.audio
            for number, codec in media.receive_types.items()
            if codec is media.codec
        }
        outward = {types.audio: media.payload_type}
        self._event = media.dtmf_receive_payload_type
        if types.event is not None:
            if self._event is not None:
                inward[self._event] = types.event
            if media.dtmf_payload_type is not None:
                outward[types.event] = media.dtmf_payload_type
        self._inward, self._outward = inward, outward

    def from_browser(self, packet: bytes) -> None:
        """Send what the browser sent to the node; dropped before the node's media is known."""
        if is_rtcp(packet):
            self._send(self._pair.rtcp, packet, self._rtcp_to)
            return
        other = translated(packet, self._outward)
        if other is not None:
            self._send(self._pair.rtp, other, self._rtp_to)

    def close(self) -> None:
        """Stop, and close the sockets. Idempotent."""
        for sock in (self._pair.rtp, self._pair.rtcp):
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
        self._pair.close()

    def _send(self, sock: socket.socket, packet: bytes, to: tuple[str, int] | None) -> None:
        if to is None or sock.fileno() < 0:
            return
        try:
            sock.sendto(packet, to)
        except OSError as error:  # as on any network: a lost packet
            log.debug("sending to %s: %s", to[0], error)

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):
            try:
                packet, source = sock.recvfrom(_LONGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an ICMP error of a packet before
                log.debug("receiving: %s", error)
                continue
            if self._rtp_to is None or source[0] != self._rtp_to[0]:
                continue
            if sock is self._pair.rtcp:
                self._to_browser(packet)
            else:
                self._take(packet)

    def _take(self, packet: bytes) -> None:
        parsed = rtp.parse(packet)
        if parsed is None:
            return
        if parsed.payload_type == self._event:
            digit = self._digits.packet(
                parsed.sequence, parsed.timestamp, parsed.payload, marker=parsed.marker
            )
            if digit is not None:
                self._on_digit(digit)
        other = translated(packet, self._inward)
        if other is not None:
            self._to_browser(other)
