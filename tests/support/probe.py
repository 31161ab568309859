"""A phone that takes the time: answers each INVITE at once and stamps what it hears in the kernel."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from types import TracebackType
from typing import Self

_HEADER = re.compile(rb"^(via|from|to|call-id|cseq)\s*:[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)
_SO_TIMESTAMPNS = 35  # Linux: not in the socket module


class ProbedCall:
    """One call: when it was asked for, answered, and first heard something; ``time.time()`` seconds."""

    __slots__ = ("answered_at", "first_packet_at", "invited_at", "rtp")

    def __init__(self, invited_at: float, rtp: socket.socket) -> None:
        self.invited_at = invited_at
        self.answered_at = 0.0
        self.first_packet_at = 0.0
        self.rtp = rtp


class Probe(asyncio.DatagramProtocol):
    """``async with Probe() as probe``: a carrier on ``probe.port`` for a few calls a second."""

    def __init__(self) -> None:
        self.port = 0
        self.calls: dict[bytes, ProbedCall] = {}
        """By Call-ID."""
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._transport is not None
        self._transport.close()
        for call in self.calls.values():
            _close(call.rtp)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        at = time.time()
        method = data.split(b" ", 1)[0]
        copied = b"".join(match.group(0) for match in _HEADER.finditer(data))
        found = re.search(rb"(?im)^call-id\s*:\s*([^\r\n]+)", data)
        assert self._transport is not None
        assert found is not None
        call_id = found.group(1)
        if method == b"INVITE" and call_id not in self.calls:
            call = self.calls[call_id] = ProbedCall(at, _listening())
            port = call.rtp.getsockname()[1]
            loop = asyncio.get_running_loop()
            loop.add_reader(call.rtp, self._heard, call)
            answer = _ok(
                re.sub(rb"(?im)^(to\s*:[^\r\n]*)", rb"\1;tag=probe", copied), self.port, port
            )
            call.answered_at = time.time()
            self._transport.sendto(answer, addr)
        elif method == b"BYE":
            self._transport.sendto(
                b"SIP/2.0 200 OK\r\n" + copied + b"Content-Length: 0\r\n\r\n", addr
            )
            if (ended := self.calls.get(call_id)) is not None:
                _close(ended.rtp)

    def _heard(self, call: ProbedCall) -> None:
        _, ancillary, _, _ = call.rtp.recvmsg(2048, 128)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", content)
                call.first_packet_at = seconds + nanoseconds / 1e9
        # The rest of the prompt may pile up unread: only its first packet is timed.
        asyncio.get_running_loop().remove_reader(call.rtp)


def _listening() -> socket.socket:
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    rtp.bind(("127.0.0.1", 0))
    rtp.setblocking(False)
    return rtp


def _close(rtp: socket.socket) -> None:
    if rtp.fileno() >= 0:
        asyncio.get_running_loop().remove_reader(rtp)
        rtp.close()


def _ok(headers: bytes, sip_port: int, rtp_port: int) -> bytes:
    body = (
        "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp_port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    ).encode()
    return (
        b"SIP/2.0 200 OK\r\n"
        + headers
        + f"Contact: <sip:probe@127.0.0.1:{sip_port}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
