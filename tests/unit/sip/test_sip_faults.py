"""A bug of ours costs one call: every part of the engine raises in turn, and all ends cleanly.

The conversations below go through every kind of request, response and timer. For each function that
they use, it raises the first time it is called. Whatever that was, the peer gets a final answer or a BYE or
CANCEL, the application hears of one end, and when time has passed nothing is held.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, answer, request

from offhook.sip import (
    Address,
    Admitted,
    AnyEvent,
    Canceled,
    Credentials,
    Ended,
    IncomingInvite,
    Judgement,
    Rejected,
    Screen,
    encoding,
)
from offhook.sip import auth as auth_module
from offhook.sip.call import Calls, SipCall
from offhook.sip.client import ClientTransaction, ClientTransactions, OutgoingRequest
from offhook.sip.dialog import Dialog
from offhook.sip.in_dialog import InDialog
from offhook.sip.inbound import InboundCall
from offhook.sip.message import Request
from offhook.sip.outbound import OutboundCall
from offhook.sip.pending import Alarm, Attempt, ChallengeAnswers, PendingAck
from offhook.sip.receive import RequestReceiver
from offhook.sip.server import ServerTransaction

LAST = (Canceled, Ended, Rejected)


class Injected(Exception):
    """The bug."""


class Everybody(Screen):
    """Lets everybody in."""

    def ignores(self, request: Request, source: Address) -> bool:
        return False

    def judge(self, invite: Request, source: Address) -> Judgement:
        return Admitted("carrier")


class Shell(Wire):
    """Does with errors what the endpoint does: it ends the call of a listener, and goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.agent.screen(Everybody())
        self.heard: dict[str, list[AnyEvent]] = {}
        self.begun: set[str] = set()
        """Handles that the application knows."""
        self.faults = 0

    def collect(self) -> None:
        super().collect()
        events, self.events = self.events, []
        for event in events:
            self.heard.setdefault(event.handle, []).append(event)

    def receive(self, message: str | bytes, source: Address = PEER) -> None:
        try:
            super().receive(message, source)
        except Injected:
            self.faults += 1
        self.collect()

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            try:
                super().advance(end - self.now)
            except Injected:
                self.faults += 1

    def command(self, handle: str, command: Callable[..., object], *args: Any) -> None:
        """A command of the application; when it fails, the application gives the call up."""
        try:
            command(handle, self.now, *args)
        except Injected:
            self.faults += 1
            self.agent.abandon(handle, self.now)
        self.collect()

    def handle(self) -> str:
        """The newest received call."""
        invites = [e for es in self.heard.values() for e in es if isinstance(e, IncomingInvite)]
        return invites[-1].handle if invites else "none"

    def out(self, word: str) -> Request | None:
        """The latest request of ours with that method."""
        self.collect()
        return next((s.request for s in reversed(self.sent) if s.word == word), None)

    def respond(self, word: str, status: int, **more: Any) -> None:
        """The peer's response to our latest request, if there is one."""
        sent = self.out(word)
        if sent is not None:
            self.receive(answer(sent, status, **more))


def received_call(shell: Shell) -> None:
    """The peer calls, holds, sends INFO and an UPDATE, and hangs up; one ACK is late."""
    shell.receive(request())
    handle = shell.handle()
    shell.command(handle, shell.agent.ring)
    shell.receive(request())
    shell.advance(0.3)
    shell.command(handle, shell.agent.accept, SDP)
    shell.advance(1.0)
    shell.receive(request("ACK", to_tag=handle))
    shell.receive(request("INVITE", branch="z9hG4bK-2", to_tag=handle, cseq=2))
    shell.command(handle, shell.agent.accept_reoffer, SDP)
    shell.receive(request("ACK", branch="z9hG4bK-2", to_tag=handle, cseq=2))
    shell.receive(request("UPDATE", branch="z9hG4bK-3", to_tag=handle, cseq=3, body=SDP))
    shell.command(handle, shell.agent.reject_reoffer)
    info = "Content-Type: application/dtmf\r\n"
    shell.receive(
        request("INFO", branch="z9hG4bK-4", to_tag=handle, cseq=4, headers=info, body=b"5")
    )
    shell.receive(request("BYE", branch="z9hG4bK-5", to_tag=handle, cseq=5))


def canceled_call(shell: Shell) -> None:
    """The peer calls and cancels; calls again and is refused without ever sending its ACK."""
    shell.receive(request())
    shell.advance(0.3)
    shell.receive(request("CANCEL"))
    shell.receive(request("ACK", to_tag=shell.handle()))
    shell.receive(request(branch="z9hG4bK-8", call_id="call-2"))
    shell.command(shell.handle(), shell.agent.reject, 486)


def unacknowledged_call(shell: Shell) -> None:
    """The peer never acknowledges our 200."""
    shell.receive(request())
    shell.command(shell.handle(), shell.agent.accept, SDP)


def begin(shell: Shell) -> str:
    """Our INVITE, with credentials."""
    try:
        handle = shell.call(credentials=Credentials("alice", "secret"))
    except Injected:
        shell.faults += 1
        return "none"
    shell.begun.add(handle)
    return handle


def made_call(shell: Shell) -> None:
    """We call through a challenge, hold with a glare, send INFO, and hang up."""
    handle = begin(shell)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    shell.respond("INVITE", 401, headers=challenge)
    shell.respond("INVITE", 183, sdp=SDP)
    shell.respond("INVITE", 200, sdp=SDP)
    shell.command(handle, shell.agent.reinvite, SDP)
    shell.respond("INVITE", 491)
    shell.advance(4.5)
    shell.respond("INVITE", 200, sdp=SDP)
    shell.command(handle, shell.agent.send_info, "application/dtmf", b"5")
    shell.advance(1.0)
    shell.respond("INFO", 200)
    shell.command(handle, shell.agent.bye)
    shell.respond("BYE", 200)


def abandoned_call(shell: Shell) -> None:
    """We call and give up; the peer answers the CANCEL."""
    handle = begin(shell)
    shell.respond("INVITE", 180)
    shell.command(handle, shell.agent.cancel)
    shell.respond("CANCEL", 200)
    shell.respond("INVITE", 487)


def crossing_call(shell: Shell) -> None:
    """A 200 crosses our CANCEL, and another branch answers too."""
    handle = begin(shell)
    shell.respond("INVITE", 180)
    shell.command(handle, shell.agent.cancel)
    shell.respond("INVITE", 200, sdp=SDP)
    shell.respond("INVITE", 200, sdp=SDP, tag="other")


def refused_call(shell: Shell) -> None:
    """We call and are refused with a reason; then nobody answers."""
    begin(shell)
    shell.respond("INVITE", 486, headers='Reason: Q.850;cause=17\r\nWarning: 399 x "y"\r\n')
    begin(shell)


CONVERSATIONS = [
    received_call,
    canceled_call,
    unacknowledged_call,
    made_call,
    abandoned_call,
    crossing_call,
    refused_call,
]
PARTS: list[Any] = [
    Alarm,
    Attempt,
    SipCall,
    Calls,
    ChallengeAnswers,
    ClientTransaction,
    ClientTransactions,
    Dialog,
    InDialog,
    InboundCall,
    OutboundCall,
    OutgoingRequest,
    PendingAck,
    RequestReceiver,
    ServerTransaction,
    Everybody,
    auth_module,
    encoding,
]
ONCE = frozenset({"Calls.__init__", "ClientTransactions.__init__", "RequestReceiver.__init__"})
"""What makes the agent itself: a bug there is seen at the start."""
CLEANERS = frozenset({"abandon", "_abandon", "_abandoned"})
"""What ends things after an error; the only functions that must not fail."""


def functions() -> list[tuple[Any, str]]:
    """Every function and method of the parts."""
    found = []
    for part in PARTS:
        for name, value in vars(part).items():
            own = inspect.isclass(part) or getattr(value, "__module__", "") == part.__name__
            once = name_of((part, name)) in ONCE
            if inspect.isfunction(value) and own and name not in CLEANERS and not once:
                found.append((part, name))
    return found


def name_of(function: tuple[Any, str]) -> str:
    part, name = function
    return f"{part.__name__.rpartition('.')[2]}.{name}"


def use(shell: Shell) -> None:
    """All conversations, then time enough for every timer, with a peer that has gone."""
    for conversation in CONVERSATIONS:
        conversation(shell)
        shell.advance(70)
        shell.sent.clear()
    for handle in list(shell.heard):
        shell.command(handle, shell.agent.bye)  # what an application does at last
    shell.advance(140)


def used() -> set[str]:
    """The functions that the conversations go through."""
    names: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        for part, name in functions():
            original = vars(part)[name]

            def note(
                *args: Any, _original: Any = original, _key: Any = (part, name), **more: Any
            ) -> Any:
                names.add(name_of(_key))
                return _original(*args, **more)

            patch.setattr(part, name, functools.wraps(original)(note))
        use(Shell())
    return names


USED = used()


def check(shell: Shell) -> None:
    """Nothing is held, and every call that the application knew has ended once."""
    assert shell.empty()
    for handle in shell.begun | set(shell.heard):
        ends = [event for event in shell.heard.get(handle, []) if isinstance(event, LAST)]
        refused = not ends and handle not in shell.begun  # by the application: it knows
        assert len(ends) == 1 or refused, (handle, shell.heard.get(handle))


def test_the_conversations_work_and_go_through_nearly_everything() -> None:
    shell = Shell()
    use(shell)
    assert shell.faults == 0
    check(shell)
    assert len(USED) >= 110, len(USED)


@pytest.mark.parametrize("function", [f for f in functions() if name_of(f) in USED], ids=name_of)
def test_a_bug_in_any_function_ends_one_call_and_leaves_nothing(
    function: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    part, name = function
    original = vars(part)[name]
    failed = False

    @functools.wraps(original)
    def fail_once(*args: Any, **more: Any) -> Any:
        nonlocal failed
        if not failed:
            failed = True
            raise Injected
        return original(*args, **more)

    monkeypatch.setattr(part, name, fail_once)
    shell = Shell()
    use(shell)
    assert failed
    assert shell.faults == 1
    check(shell)
