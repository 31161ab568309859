"""Two user agents over a network that loses, doubles and reorders, in any order Hypothesis finds.

Whatever happens, each side must report a legal history that ends once, both must agree on it, and in
the end nothing may be left: no transaction, no call, no timer.
"""

from __future__ import annotations

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.support.examples import examples
from tests.unit.sip.wire import SDP

from offhook.sip import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    Ended,
    IncomingInvite,
    Info,
    Provisional,
    Rejected,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
    UserAgent,
)
from offhook.sip.transport import Transport

ALICE = Address("udp", "192.0.2.1", 5060)
BOB = Address("udp", "192.0.2.2", 5060)

LEGAL: dict[str, dict[type[AnyEvent], str]] = {
    # what a caller may hear of one call, and what it knows then
    "calling": {Info: "calling", Provisional: "calling", Answered: "up", Rejected: "over"},
    # what a callee may
    "ringing": {Canceled: "over"},
    "accepted": {Confirmed: "up", Ended: "over"},
    "up": {
        Info: "up",
        Reoffer: "up",
        ReofferAnswered: "up",
        ReofferRejected: "up",
        Confirmed: "up",
        Ended: "over",
    },
    "over": {},
}


class Side:
    """One user agent and what its application knows of its calls."""

    def __init__(self, address: Address, seed: int) -> None:
        self.address = address
        self.agent = UserAgent(transports=[Transport(address)], rng=random.Random(seed))
        self.knows: dict[str, str] = {}
        self.call_ids: dict[str, str] = {}
        self.offered: set[str] = set()

    def hear(self, event: AnyEvent) -> None:
        """Check that the event may come now."""
        handle = event.handle
        if isinstance(event, IncomingInvite):
            assert handle not in self.knows
            self.knows[handle] = "ringing"
            call = self.agent.call_of(handle)
            assert call is not None
            self.call_ids[handle] = call.call_id
            return
        state = self.knows[handle]
        if state == "accepted" and isinstance(event, Info | Reoffer):
            return  # the ACK was overtaken
        assert type(event) in LEGAL[state], f"{event} while {state}"
        self.knows[handle] = LEGAL[state][type(event)]
        if isinstance(event, Reoffer):
            self.offered.add(handle)

    def handles(self, *states: str) -> list[str]:
        """The calls in those states."""
        return [handle for handle, state in self.knows.items() if state in states]


class TwoAgents(RuleBasedStateMachine):
    """Commands, datagrams and time in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.sides = {ALICE: Side(ALICE, 1), BOB: Side(BOB, 2)}
        self.network: list[tuple[bytes, Address, Address]] = []
        self.answered: set[str] = set()
        self.accepted: set[str] = set()
        """Call-IDs."""

    def settle(self) -> None:
        """Take events and datagrams of both."""
        for side in self.sides.values():
            for event in side.agent.take_events():
                side.hear(event)
                if isinstance(event, Answered):
                    self.answered.add(side.call_ids[event.handle])
            self.network += [(d, side.address, to) for d, to in side.agent.take_output()]

    def deliver(self, index: int, *, keep: bool) -> None:
        """Hand over one datagram of those under way."""
        data, source, target = self.network[index]
        if not keep:
            del self.network[index]
        if target in self.sides:
            self.sides[target].agent.receive(data, source, self.now)
        self.settle()

    def command(self, data: st.DataObject, *states: str) -> tuple[Side, str] | None:
        """A side and one of its calls in one of the states."""
        found = [(side, handle) for side in self.sides.values() for handle in side.handles(*states)]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(who=st.sampled_from([ALICE, BOB]))
    def invite(self, who: Address) -> None:
        if len(self.sides[ALICE].knows) + len(self.sides[BOB].knows) > 6:
            return
        side, target = self.sides[who], BOB if who == ALICE else ALICE
        handle = side.agent.invite(
            self.now,
            target=target,
            request_uri=f"sip:x@{target.host}",
            from_uri="sip:a@example.org",
            to_uri="sip:b@example.org",
            sdp=SDP,
        )
        call = side.agent.call_of(handle)
        assert call is not None
        side.knows[handle] = "calling"
        side.call_ids[handle] = call.call_id
        self.settle()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if found := self.command(data, "calling", "over", "up"):
            side, handle = found
            side.agent.cancel(handle, self.now)
            self.settle()

    @rule(data=st.data())
    def ring(self, data: st.DataObject) -> None:
        if found := self.command(data, "ringing", "over", "up"):
            side, handle = found
            side.agent.ring(handle, self.now, data.draw(st.sampled_from([180, 183])))
            self.settle()

    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        if found := self.command(data, "ringing"):
            side, handle = found
            side.agent.accept(handle, self.now, SDP)
            if side.agent.call_of(handle) is not None:
                self.accepted.add(side.call_ids[handle])
            side.knows[handle] = "accepted"
            self.settle()

    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        if found := self.command(data, "ringing"):
            side, handle = found
            side.agent.reject(handle, self.now, data.draw(st.sampled_from([302, 486, 503, 603])))
            side.knows[handle] = "over"
            self.settle()

    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        if found := self.command(data, "calling", "accepted", "up", "over"):
            side, handle = found
            side.agent.bye(handle, self.now)
            self.settle()

    @rule(data=st.data())
    def reinvite(self, data: st.DataObject) -> None:
        if found := self.command(data, "accepted", "up", "over"):
            side, handle = found
            side.agent.reinvite(handle, self.now, SDP)
            self.settle()

    @rule(data=st.data())
    def info(self, data: st.DataObject) -> None:
        if found := self.command(data, "accepted", "up", "over"):
            side, handle = found
            side.agent.send_info(handle, self.now, "application/dtmf", b"1")
            self.settle()

    @rule(data=st.data(), accept=st.booleans())
    def answer_reoffer(self, data: st.DataObject, accept: bool) -> None:
        for side in self.sides.values():
            for handle in sorted(side.offered):
                if accept:
                    side.agent.accept_reoffer(handle, self.now, SDP)
                else:
                    side.agent.reject_reoffer(handle, self.now)
            side.offered.clear()
        self.settle()

    @precondition(lambda self: self.network)
    @rule(data=st.data(), keep=st.booleans())
    def datagram(self, data: st.DataObject, keep: bool) -> None:
        index = data.draw(st.integers(0, len(self.network) - 1))
        self.deliver(index, keep=keep and len(self.network) < 50)

    @precondition(lambda self: self.network)
    @rule()
    def in_order(self) -> None:
        for _ in range(len(self.network)):
            self.deliver(0, keep=False)

    @precondition(lambda self: self.network)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        del self.network[data.draw(st.integers(0, len(self.network) - 1))]

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 10.0, 33.0]))
    def wait(self, seconds: float) -> None:
        self.run_until(self.now + seconds)

    def run_until(self, end: float) -> None:
        """Fire what is due, in order."""
        while True:
            deadlines = [s.agent.next_deadline() for s in self.sides.values()]
            due = [deadline for deadline in deadlines if deadline is not None and deadline <= end]
            if not due:
                break
            self.now = max(self.now, min(due))
            for side in self.sides.values():
                side.agent.handle_timers(self.now)
            self.settle()
        self.now = end

    @invariant()
    def holds_no_more_than_the_calls(self) -> None:
        for side in self.sides.values():
            live = len([state for state in side.knows.values() if state != "over"])
            assert side.agent.dialogs <= len(side.knows)
            assert side.agent.dialogs >= live

    def teardown(self) -> None:
        """The network heals, everybody hangs up: nothing is left, and both sides agree."""
        while True:
            while self.network:
                self.deliver(0, keep=False)
            for side in self.sides.values():
                for handle, state in list(side.knows.items()):
                    side.agent.bye(handle, self.now)
                    if state == "ringing":
                        side.knows[handle] = "over"
            self.settle()
            if self.network:
                continue
            deadlines = [side.agent.next_deadline() for side in self.sides.values()]
            due = [deadline for deadline in deadlines if deadline is not None]
            if not due:
                break
            self.run_until(min(due))
        assert self.answered <= self.accepted
        for side in self.sides.values():
            assert set(side.knows.values()) <= {"over"}
            assert (side.agent.transactions, side.agent.dialogs, side.agent.timers) == (0, 0, 0)


TwoAgents.TestCase.settings = settings(
    examples(60),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTwoAgents = TwoAgents.TestCase
