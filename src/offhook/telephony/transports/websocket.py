"""SIP over WebSocket (RFC 7118): one SIP message in each WebSocket message; signalling only.

The library does the handshake and the frames, without I/O. A peer that does not ask for the subprotocol
``sip`` is refused (RFC 7118 §4).
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from offhook.sip.message import MAX_MESSAGE
from offhook.sip.stream import StreamError, StreamFraming

_SIP: Final = Subprotocol("sip")
_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


@final
class WebSocketFraming(StreamFraming):
    """The server's side of one connection."""

    __slots__ = ("_messages", "_parts", "_pongs", "_protocol", "_replies")

    def __init__(self) -> None:
        self._protocol = ServerProtocol(subprotocols=[_SIP], max_size=MAX_MESSAGE)
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []
        """The fragments of a message that is not complete."""
        self._replies = b""
        self._pongs = 0

    def feed(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._replies += self._output()

    def next(self) -> bytes | None:
        if self._messages:
            return self._messages.popleft()
        if self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is not None:
            raise StreamError("no WebSocket")
        if self._protocol.state in (State.CLOSING, State.CLOSED):
            raise StreamError("the WebSocket is closed")
        return None

    def take_replies(self) -> bytes:
        replies, self._replies = self._replies, b""
        return replies

    def wrap(self, message: bytes) -> bytes:
        if self._protocol.state is not State.OPEN:
            return b""
        try:
            message.decode()
        except UnicodeDecodeError:
            self._protocol.send_binary(message)
        else:
            self._protocol.send_text(message)
        return self._output()

    def ping(self) -> bytes:
        if self._protocol.state is not State.OPEN:
            return b""
        self._protocol.send_ping(b"")
        return self._output()

    @property
    def partial(self) -> bool:
        return self._protocol.state is State.CONNECTING or bool(self._parts)

    @property
    def pongs(self) -> int:
        return self._pongs

    def _open(self, request: Request) -> None:
        # Without the subprotocol the library's answer is 400.
        self._protocol.send_response(self._protocol.accept(request))

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._pongs += 1
        if frame.opcode not in _DATA:
            return
        self._parts.append(bytes(frame.data))
        if sum(map(len, self._parts)) > MAX_MESSAGE:
            self._protocol.fail(1009, "too long")
        elif frame.fin:
            self._messages.append(b"".join(self._parts))
            self._parts.clear()

    def _output(self) -> bytes:
        return b"".join(self._protocol.data_to_send())
