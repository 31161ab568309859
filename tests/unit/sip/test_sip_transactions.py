"""The transaction machines against models written down from RFC 3261 §17 and RFC 6026, table by table."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.sip.wire import OURS, PEER, answer, request

from offhook.sip import Timers
from offhook.sip.agent_core import Core
from offhook.sip.client import ClientTransaction, ClientTransactions, OutgoingRequest
from offhook.sip.message import Request, Response, parse
from offhook.sip.receive import server_key
from offhook.sip.server import ServerTransaction, ServerTransactions
from offhook.sip.timers import NEVER, Timed, TimerQueue
from offhook.sip.transactions import ClientState
from offhook.sip.transport import Transport


def core() -> Core:
    return Core(
        transports=[Transport(OURS)],
        user_agent="test",
        timers=Timers(),
        rng=random.Random(1),
    )


def never(now: float) -> None:
    raise AssertionError("no error of ours is expected")


class Rule(NamedTuple):
    """What the RFC says happens: the next state, what is sent, whether the application hears of it."""

    state: str
    sends: tuple[str, ...] = ()
    hears: bool = False


INVITE_CLIENT = {
    # figure 5 of RFC 6026 §8.4
    ("Calling", "1xx"): Rule("Proceeding", hears=True),
    ("Calling", "2xx"): Rule("Accepted", hears=True),
    ("Calling", "3xx"): Rule("Completed", ("ACK",), hears=True),
    ("Proceeding", "1xx"): Rule("Proceeding", hears=True),
    ("Proceeding", "2xx"): Rule("Accepted", hears=True),
    ("Proceeding", "3xx"): Rule("Completed", ("ACK",), hears=True),
    ("Completed", "1xx"): Rule("Completed"),
    ("Completed", "2xx"): Rule("Completed"),
    ("Completed", "3xx"): Rule("Completed", ("ACK",)),
    ("Accepted", "1xx"): Rule("Accepted"),
    ("Accepted", "2xx"): Rule("Accepted", hears=True),
    ("Accepted", "3xx"): Rule("Accepted"),
}
OTHER_CLIENT = {
    # figure 6 of RFC 3261 §17.1.2
    ("Trying", "1xx"): Rule("Proceeding", hears=True),
    ("Trying", "2xx"): Rule("Completed", hears=True),
    ("Trying", "3xx"): Rule("Completed", hears=True),
    ("Proceeding", "1xx"): Rule("Proceeding", hears=True),
    ("Proceeding", "2xx"): Rule("Completed", hears=True),
    ("Proceeding", "3xx"): Rule("Completed", hears=True),
    ("Completed", "1xx"): Rule("Completed"),
    ("Completed", "2xx"): Rule("Completed"),
    ("Completed", "3xx"): Rule("Completed"),
}
STATUS = {"1xx": 180, "2xx": 200, "3xx": 486}
LINGER = ("Accepted", "Completed")


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
@given(
    steps=st.lists(
        st.sampled_from(["1xx", "2xx", "3xx"]) | st.sampled_from([0.3, 0.7, 3.0, 9.0]), max_size=14
    )
)
@examples(150)
def test_the_client_machine_does_what_the_rfc_says(method: str, steps: list[str | float]) -> None:
    engine = core()
    heard: list[int | None] = []
    outgoing = OutgoingRequest(
        method,
        "sip:b@192.0.2.2",
        routes="",
        from_="<sip:a@x>;tag=1",
        to="<sip:b@x>",
        call_id="c",
        cseq=1,
        destination=PEER,
    )
    clients = ClientTransactions(engine)
    transaction = ClientTransaction(
        clients, outgoing, "", b"", lambda tx, r, now: heard.append(r.status if r else None), never
    ).start(0.0)
    sent = parse(engine.output.pop()[0])
    assert isinstance(sent, Request)
    table = INVITE_CLIENT if method == "INVITE" else OTHER_CLIENT
    state = "Calling" if method == "INVITE" else "Trying"
    since, now = 0.0, 0.0
    for step in steps:
        heard.clear()
        engine.output.clear()
        if isinstance(step, str):
            if transaction.state is ClientState.TERMINATED:
                continue
            rule = table[state, step]
            response = parse(answer(sent, STATUS[step]))
            assert isinstance(response, Response)
            transaction.receive(response, now)
            assert [parse(d[0]).cseq[1] for d in engine.output] == list(rule.sends)
            assert bool(heard) == rule.hears
            if rule.state != state:
                state, since = rule.state, now
        else:
            now += step
            engine.timers.run(now)
            gone = state in LINGER and now >= since + linger(method, state)
            timed_out = now >= 32.0 and (
                state in ("Calling", "Trying") or (state == "Proceeding" and method != "INVITE")
            )
            if state in LINGER or (state == "Proceeding" and method == "INVITE"):
                assert engine.output == []
            assert heard == ([None] if timed_out and state != "Terminated" else [])
            if gone or timed_out:
                state = "Terminated"
        assert transaction.state.name.title() == state
        assert (len(clients.open) == 0) == (state == "Terminated")
    if state == "Terminated":
        assert len(engine.timers) == 0


def linger(method: str, state: str) -> float:
    """Timers D and M for INVITE, K for the others."""
    return 32.0 if method == "INVITE" else 5.0


INVITE_SERVER = {
    # figure 7 of RFC 6026 §8.5
    ("Proceeding", "request"): Rule("Proceeding", ("last",)),
    ("Proceeding", "1xx"): Rule("Proceeding", ("it",)),
    ("Proceeding", "2xx"): Rule("Accepted", ("it",)),
    ("Proceeding", "3xx"): Rule("Completed", ("it",)),
    ("Proceeding", "ACK"): Rule("Proceeding"),
    ("Accepted", "request"): Rule("Accepted"),
    ("Accepted", "1xx"): Rule("Accepted"),
    ("Accepted", "2xx"): Rule("Accepted"),
    ("Accepted", "3xx"): Rule("Accepted"),
    ("Accepted", "ACK"): Rule("Accepted"),
    ("Completed", "request"): Rule("Completed", ("last",)),
    ("Completed", "1xx"): Rule("Completed"),
    ("Completed", "2xx"): Rule("Completed"),
    ("Completed", "3xx"): Rule("Completed"),
    ("Completed", "ACK"): Rule("Confirmed"),
    ("Confirmed", "request"): Rule("Confirmed"),
    ("Confirmed", "1xx"): Rule("Confirmed"),
    ("Confirmed", "2xx"): Rule("Confirmed"),
    ("Confirmed", "3xx"): Rule("Confirmed"),
    ("Confirmed", "ACK"): Rule("Confirmed"),
}
OTHER_SERVER = {
    # figure 8 of RFC 3261 §17.2.2
    ("Trying", "request"): Rule("Trying"),
    ("Trying", "1xx"): Rule("Proceeding", ("it",)),
    ("Trying", "2xx"): Rule("Completed", ("it",)),
    ("Trying", "3xx"): Rule("Completed", ("it",)),
    ("Proceeding", "request"): Rule("Proceeding", ("last",)),
    ("Proceeding", "1xx"): Rule("Proceeding", ("it",)),
    ("Proceeding", "2xx"): Rule("Completed", ("it",)),
    ("Proceeding", "3xx"): Rule("Completed", ("it",)),
    ("Completed", "request"): Rule("Completed", ("last",)),
    ("Completed", "1xx"): Rule("Completed"),
    ("Completed", "2xx"): Rule("Completed"),
    ("Completed", "3xx"): Rule("Completed"),
}
SERVER_LINGER = {
    ("INVITE", "Accepted"): 32.0,
    ("INVITE", "Completed"): 32.0,
    ("INVITE", "Confirmed"): 5.0,
    ("BYE", "Completed"): 32.0,
}


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
@given(
    steps=st.lists(
        st.sampled_from(["request", "1xx", "2xx", "3xx", "ACK"])
        | st.sampled_from([0.1, 0.3, 0.7, 3.0, 9.0]),
        max_size=14,
    )
)
@examples(150)
def test_the_server_machine_does_what_the_rfc_says(method: str, steps: list[str | float]) -> None:
    engine = core()
    message = parse(request(method))
    assert isinstance(message, Request)
    servers = ServerTransactions(engine, 100)
    transaction = ServerTransaction(servers, server_key(message), message, PEER, "t").start(0.0)
    table = INVITE_SERVER if method == "INVITE" else OTHER_SERVER
    state = "Proceeding" if method == "INVITE" else "Trying"
    since, now, last = 0.0, 0.0, None
    for step in steps:
        engine.output.clear()
        if state == "Terminated":
            break
        if isinstance(step, float):
            now += step
            engine.timers.run(now)
            linger = SERVER_LINGER.get((method, state))
            if linger is not None and now >= since + linger:
                state = "Terminated"
            if engine.output:
                assert method == "INVITE"
                assert state in ("Proceeding", "Completed", "Terminated")
                last = engine.output[-1][0]
        elif step != "ACK" or method == "INVITE":
            rule = table[state, step]
            if step == "request":
                transaction.retransmitted()
            elif step == "ACK":
                transaction.acknowledged(now)
            else:
                transaction.respond(STATUS[step], now)
            data = [d for d, _ in engine.output]
            if rule.sends == ("it",):
                assert len(data) == 1
                last = data[0]
            elif rule.sends == ("last",) and method == "INVITE" and last is None:
                assert data[0].startswith(b"SIP/2.0 100 ")
                last = data[0]
            else:
                assert data == ([last] if rule.sends and last is not None else [])
            if rule.state != state:
                state, since = rule.state, now
        assert transaction.state.name.title() == state
        assert (len(servers.open) == 0) == (state == "Terminated")
    if state == "Terminated":
        assert len(engine.timers) == 0


# --- the timers themselves


class Bell(Timed):
    """A target that notes when it was called."""

    def abandon(self, now: float) -> None:
        raise NotImplementedError

    def __init__(self) -> None:
        self.wake = NEVER
        self.rang: list[float] = []

    def on_timer(self, now: float) -> None:
        self.rang.append(now)


def test_a_timer_rings_once_at_its_latest_time() -> None:
    queue, bell = TimerQueue(), Bell()
    queue.schedule(1.0, bell)
    queue.schedule(3.0, bell)
    queue.run(2.0)
    assert bell.rang == []
    assert queue.next_deadline() == 3.0
    queue.run(3.0)
    queue.run(9.0)
    assert bell.rang == [3.0]
    assert queue.next_deadline() is None


def test_a_timer_that_is_called_off_does_not_ring() -> None:
    queue, bell = TimerQueue(), Bell()
    queue.schedule(1.0, bell)
    queue.linger(0.0, 5.0, bell)
    bell.wake = NEVER
    assert len(queue) == 0
    queue.run(9.0)
    assert bell.rang == []


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.5, 5.0, 32.0]), st.floats(0, 3)), max_size=30
    )
)
def test_timers_ring_in_order_whatever_queue_they_wait_in(
    timers: list[tuple[bool, float, float]],
) -> None:
    queue, now, order = TimerQueue(), 0.0, []

    class Note(Bell):
        def on_timer(self, now: float) -> None:
            order.append(self.due)

        due = 0.0

    for fixed, delay, later in timers:
        now += later
        bell = Note()
        bell.due = now + delay
        if fixed:
            queue.linger(now, delay, bell)
        else:
            queue.schedule(now + delay, bell)
    assert len(queue) == len(timers)
    queue.run(now + 100)
    assert order == sorted(order)
    assert len(order) == len(timers)
