"""A user agent under test, with its time and its wire in the test's hands."""

from __future__ import annotations

import random
from collections.abc import Sequence

from offhook.sip import Address, AnyEvent, Credentials, Timers, UserAgent
from offhook.sip.message import Request, Response, parse
from offhook.sip.transport import Transport

OURS = Address("udp", "192.0.2.1", 5060)
PEER = Address("udp", "192.0.2.2", 5070)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Sent:
    """A datagram that the agent sent."""

    def __init__(self, at: float, data: bytes, to: Address) -> None:
        self.at = at
        self.data = data
        self.to = to
        self.message = parse(data)

    @property
    def word(self) -> str:
        """The method, or the status and the method it answers: ``BYE``, ``200 INVITE``."""
        if isinstance(self.message, Request):
            return self.message.method
        return f"{self.message.status} {self.message.cseq[1]}"

    @property
    def request(self) -> Request:
        """The message, which must be a request."""
        assert isinstance(self.message, Request)
        return self.message

    @property
    def response(self) -> Response:
        """The message, which must be a response."""
        assert isinstance(self.message, Response)
        return self.message


class Wire:
    """Drives one :class:`UserAgent`; ``sent`` and ``events`` collect what it did."""

    def __init__(
        self,
        *,
        timers: Timers | None = None,
        max_dialogs: int | None = None,
        max_transactions: int = 64_000,
        seed: int = 1,
        transports: Sequence[Transport] = (Transport(OURS),),
    ) -> None:
        self.agent = UserAgent(
            transports=transports,
            timers=timers or Timers(),
            max_dialogs=max_dialogs,
            max_transactions=max_transactions,
            rng=random.Random(seed),
        )
        self.now = 100.0
        self.sent: list[Sent] = []
        self.events: list[AnyEvent] = []

    def collect(self) -> None:
        """Take what the agent wants sent and told."""
        self.sent += [Sent(self.now, data, to) for data, to in self.agent.take_output()]
        self.events += self.agent.take_events()

    def words(self) -> list[str]:
        """What was sent since the last call, in short; forgotten then."""
        self.collect()
        words = [sent.word for sent in self.sent]
        self.sent.clear()
        return words

    def took(self) -> list[AnyEvent]:
        """The events since the last call; forgotten then."""
        self.collect()
        events, self.events = self.events, []
        return events

    def last(self, word: str) -> Sent:
        """The latest datagram of that kind."""
        self.collect()
        return next(sent for sent in reversed(self.sent) if sent.word == word)

    def receive(self, message: str | bytes, source: Address = PEER) -> None:
        """The agent receives a datagram."""
        data = message.encode() if isinstance(message, str) else message
        self.agent.receive(data, source, self.now)
        self.collect()

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        self.collect()
        end = self.now + seconds
        while (deadline := self.agent.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.agent.handle_timers(self.now)
            self.collect()
        self.now = end

    # --- as a caller

    def call(
        self,
        *,
        credentials: Credentials | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        target: Address = PEER,
    ) -> str:
        """The agent calls the peer; returns the handle."""
        handle = self.agent.invite(
            self.now,
            target=target,
            request_uri="sip:bob@192.0.2.2:5070",
            from_uri="sip:alice@example.org",
            to_uri="sip:bob@example.org",
            sdp=SDP,
            headers=headers,
            credentials=credentials,
        )
        self.collect()
        return handle

    def empty(self) -> bool:
        """Whether nothing is held any more."""
        return (self.agent.transactions, self.agent.dialogs, self.agent.timers) == (0, 0, 0)


def answer(
    request: Request,
    status: int,
    *,
    tag: str = "bob",
    headers: str = "",
    sdp: bytes | None = None,
    contact: str = "<sip:bob@192.0.2.2:5070>",
) -> bytes:
    """The peer's response to a request of the agent."""
    to = request.get("to") or ""
    if tag and not request.to_tag:
        to += f";tag={tag}"
    vias = "".join(f"Via: {via}\r\n" for via in request.lines("via"))
    body = sdp or b""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    head = (
        f"SIP/2.0 {status} Whatever\r\n{vias}From: {request.get('from')}\r\nTo: {to}\r\n"
        f"Call-ID: {request.call_id}\r\nCSeq: {request.get('cseq')}\r\nContact: {contact}\r\n"
        f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def request(
    method: str = "INVITE",
    *,
    branch: str = "z9hG4bK-1",
    cseq: int = 1,
    call_id: str = "call-1",
    from_tag: str = "alice",
    to_tag: str = "",
    uri: str = "sip:offhook@192.0.2.1:5060",
    via: str | None = None,
    headers: str = "",
    body: bytes | None = None,
    cseq_method: str | None = None,
) -> bytes:
    """A request of the peer; an INVITE has an offer unless ``body`` says otherwise."""
    if body is None:
        body = SDP if method == "INVITE" else b""
    if via is None:
        via = f"SIP/2.0/UDP 192.0.2.2:5070;branch={branch}"
    to = "<sip:offhook@192.0.2.1>" + (f";tag={to_tag}" if to_tag else "")
    kind = "" if not body or "Content-Type" in headers else "Content-Type: application/sdp\r\n"
    head = (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@example.org>;tag={from_tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} {cseq_method or method}\r\nContact: <sip:alice@192.0.2.2:5070>\r\n"
        f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
