"""Which worker behind one SIP address a datagram is for."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import Address, UserAgent
from offhook.sip.demux import Distribution, mark_of, route_of
from offhook.sip.transport import Transport

ALL = frozenset(range(4))
HOST = "192.0.2.1"


def invite(
    call_id: str, *, to: str = "<sip:+6568332048@192.0.2.1>", name: str = "Call-ID"
) -> bytes:
    return (
        "INVITE sip:+6568332048@192.0.2.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKabc\r\n"
        f"From: <sip:+14155550123@192.0.2.9>;tag=1\r\nTo: {to}\r\n"
        f"{name}: {call_id}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def agent(worker: int, port: int = 5060) -> UserAgent:
    return UserAgent(
        transports=[Transport(Address("udp", HOST, port))],
        rng=random.Random(worker),
        mark=mark_of(worker),
    )


def sent(agent: UserAgent) -> list[bytes]:
    return [data for data, _ in agent.take_output()]


def test_what_a_peer_sends_in_a_call_of_ours_goes_to_the_worker_that_made_it() -> None:
    """A real peer, another user agent: its responses and its BYE."""
    for worker in ALL:
        ours, peer = (
            agent(worker),
            UserAgent(transports=[Transport(Address("udp", "192.0.2.9", 5060))]),
        )
        ours.invite(
            0.0,
            target=Address("udp", "192.0.2.9", 5060),
            request_uri="sip:a@192.0.2.9",
            from_uri="sip:b@192.0.2.1",
            to_uri="sip:a@192.0.2.9",
            sdp=b"",
        )
        for data in sent(ours):
            peer.receive(data, Address("udp", HOST, 5060), 0.0)
        (incoming,) = peer.take_events()
        peer.ring(incoming.handle, 0.0)
        peer.accept(incoming.handle, 0.0, b"v=0\r\n")
        responses = sent(peer)
        for data in responses:
            ours.receive(data, Address("udp", "192.0.2.9", 5060), 0.0)
        for data in sent(ours):
            peer.receive(data, Address("udp", HOST, 5060), 0.0)
        peer.bye(incoming.handle, 1.0)
        requests = sent(peer)
        assert len(responses) >= 2 and len(requests) == 1  # noqa: PT018
        for data in responses + requests:
            assert Distribution(len(ALL)).worker_for(data, ALL) == worker


def test_what_a_peer_sends_in_a_call_of_its_own_goes_to_one_worker() -> None:
    """INVITE, its repetition, CANCEL by the Call-ID; what follows the answer by our tag."""
    distribution = Distribution(len(ALL))
    for number in range(50):
        first = invite(f"call-{number}@192.0.2.9")
        worker = distribution.worker_for(first, ALL)
        assert worker is not None
        cancel = first.replace(b"INVITE", b"CANCEL")
        assert distribution.worker_for(cancel, ALL) == worker
        ours = agent(worker)
        ours.receive(first, Address("udp", "192.0.2.9", 5060), 0.0)
        ours.accept(ours.take_events()[0].handle, 0.0, b"v=0\r\n")
        to = next(
            line[4:] for line in sent(ours)[-1].decode().split("\r\n") if line.startswith("To: ")
        )
        for method in ("ACK", "BYE", "INFO", "INVITE"):
            inside = invite(f"call-{number}@192.0.2.9", to=to).replace(b"INVITE", method.encode())
            assert distribution.worker_for(inside, ALL) == worker
            elsewhere = invite("of-another-worker", to=to).replace(b"INVITE", method.encode())
            assert distribution.worker_for(elsewhere, ALL) == worker


def test_calls_are_spread_evenly() -> None:
    distribution = Distribution(4)
    calls = Counter(distribution.worker_for(invite(f"{n}@x"), ALL) for n in range(4000))
    assert all(800 < calls[worker] < 1200 for worker in ALL)


@pytest.mark.parametrize("name", ["Call-ID", "call-id", "CALL-ID", "i", "I", "Call-ID "])
def test_a_call_id_is_known_by_all_its_names(name: str) -> None:
    assert route_of(invite("abc@x", name=name)).call_id == b"abc@x"


@pytest.mark.parametrize(
    "to",
    [
        "<sip:a@h>;tag=w02-77",
        '"tag=w03-1" <sip:a@h>;tag=w02-77',
        "<sip:a@h> ; Tag = w02-77",
        "<sip:a@h>\r\n ;tag=w02-77",
        "<sip:a@h>;x=y;tag=w02-77;z",
        "sip:a@h;tag=w02-77",
    ],
)
def test_our_tag_is_found_in_every_form_of_to(to: str) -> None:
    assert route_of(invite("abc@x", to=to)).worker == 2
    assert route_of(invite("abc@x", to=to).replace(b"\r\nTo:", b"\r\nt :")).worker == 2


def test_a_tag_in_the_body_or_of_another_kind_is_not_ours() -> None:
    assert route_of(invite("a@x", to="<sip:a@h>;tag=77")).worker is None
    assert route_of(invite("a@x") + b"To: <sip:a@h>;tag=w01-1\r\n").worker is None
    assert route_of(invite("a@x").replace(b";tag=1\r\n", b";tag=w01-1\r\n")).worker is None


def test_calls_of_a_dead_worker_go_to_others_and_the_rest_stay() -> None:
    distribution = Distribution(3)
    living = frozenset({0, 2})
    usual = {n: distribution.worker_for(invite(f"{n}@x"), range(3)) for n in range(300)}
    now = {n: distribution.worker_for(invite(f"{n}@x"), living) for n in range(300)}
    assert {n: w for n, w in now.items() if usual[n] != 1} == {
        n: w for n, w in usual.items() if w != 1
    }
    moved = Counter(w for n, w in now.items() if usual[n] == 1)
    assert moved.keys() == living
    again = {n: distribution.worker_for(invite(f"{n}@x"), range(3)) for n in range(300)}
    assert again == now, "the CANCEL of a call that was moved follows it when its worker is back"


def test_a_dead_worker_s_dialogs_get_an_answer_and_its_responses_are_dropped() -> None:
    distribution = Distribution(2)
    inside = invite("a@x", to="<sip:a@h>;tag=w01-1").replace(b"INVITE", b"BYE")
    assert distribution.worker_for(inside, {0}) == 0
    response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKw01-5\r\n\r\n"
    assert distribution.worker_for(response, {0}) is None
    assert distribution.worker_for(response, {0, 1}) == 1
    assert distribution.worker_for(b"SIP/2.0 200 OK\r\n\r\n", {0, 1}) is None


def test_nobody_lives() -> None:
    assert Distribution(2).worker_for(invite("a@x"), ()) is None


@given(st.binary(max_size=300))
def test_any_octets_have_a_worker_or_none(data: bytes) -> None:
    assert Distribution(4).worker_for(data, ALL) in {*ALL, None}


def test_what_a_hostile_peer_sends_takes_no_long_time() -> None:
    """Time grows with the length only: twenty times as many lines, not four hundred times the steps."""
    lines = [b"t:" + b";tag=w" * 5000, b"t:;tag=\r\n ;" * 4000, b"t:\n " * 16_000, b"i:" * 30_000]
    for data in lines:
        assert route_of(b"INVITE x SIP/2.0\r\n" + data).worker is None
