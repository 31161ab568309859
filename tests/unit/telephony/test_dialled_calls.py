"""A call that we dial, message by message: trunks and servers in turn, redirections, transfers."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from tests.support.held_line import HeldLine, held_line, trunk
from tests.unit.sip.wire import OURS, PEER, SDP

from offhook.codes import CallStatus
from offhook.events import Side
from offhook.sip import Address
from offhook.telephony import outgoing
from offhook.telephony.media_hosts import MediaHosts

OTHER = "+6598765432"
SECOND = Address("udp", "192.0.2.22", 5060)
ONE, TWO = trunk("one", redirects=1), trunk("two", host=SECOND.host, port=SECOND.port)


def routes(_number: str) -> tuple[str, ...]:
    return ("one", "two")


def redirected(held: HeldLine, host: str) -> None:
    held.answers(302, contact=f"<sip:{OTHER}@{host}>")


async def test_an_answered_call_is_acknowledged_and_hung_up_by_a_bye() -> None:
    async with held_line() as held:
        call = held.dials()
        held.answers(180)
        held.answers(200)
        assert call.connected
        assert held.rung == [(180, False)]
        assert held.media.legs[0].connected_to[-1].remote_host == PEER.host
        end = await call.hang_up()
        assert held.words() == ["INVITE", "ACK", "BYE"]
        assert (end.status, end.by) == (CallStatus.COMPLETED, Side.SERVER)
        assert held.media.legs[0].closed


async def test_hanging_up_before_the_answer_cancels_the_invite() -> None:
    async with held_line() as held:
        call = held.dials()
        held.answers(180)
        end = await call.hang_up()
        assert held.words() == ["INVITE", "CANCEL"]
        assert (end.status, end.by) == (CallStatus.CANCELED, Side.SERVER)


async def test_a_phone_that_rings_too_long_is_canceled() -> None:
    async with held_line() as held:
        call = held.dials(ring_timeout=0.0)
        held.answers(180)
        end = await held.end_of(call)
        assert held.words() == ["INVITE", "CANCEL"]
        assert (end.status, end.detail) == (CallStatus.NO_ANSWER, "ring timeout")
        assert [each.trunk for each in end.tries] == ["carrier"]


async def test_where_not_even_a_100_came_the_call_has_failed_and_the_trunk_is_silent() -> None:
    async with held_line() as held:
        end = await held.end_of(held.dials(ring_timeout=0.0))
        assert end.status is CallStatus.FAILED
        assert end.detail == f"no response from udp:{PEER.host}:{PEER.port} for 0 s"
        state = held.line.health.state("carrier")
        assert state is not None
        assert not state.up


async def test_a_200_without_usable_media_is_acknowledged_and_hung_up() -> None:
    async with held_line() as held:
        call = held.dials()
        held.answers(200, sdp=SDP.replace(b"RTP/AVP 0 101", b"RTP/AVP 97"))
        end = await held.end_of(call)
        assert held.words() == ["INVITE", "ACK", "BYE"]
        assert (end.status, end.sip_code) == (CallStatus.FAILED, 200)


async def test_each_provisional_status_is_told_once_and_again_with_early_media() -> None:
    async with held_line() as held:
        held.dials()
        for status, sdp in ((180, None), (180, None), (183, SDP), (183, SDP), (180, None)):
            held.answers(status, sdp=sdp)
        assert held.rung == [(180, False), (183, True), (180, True)]


async def test_media_of_the_servers_ip_version_is_opened_once() -> None:
    async with held_line() as held:
        held.line.media_hosts = MediaHosts(OURS.host, "2001:db8::1")
        held.dials()
        assert len(held.media.legs) == 1
        assert f"c=IN IP4 {OURS.host}".encode() in (held.request("INVITE").sdp or b"")


async def test_without_a_free_port_nothing_is_sent() -> None:
    async with held_line() as held:
        held.media.full = True
        end = await held.end_of(held.dials())
        assert (end.status, end.detail, held.words()) == (CallStatus.ERROR, "no port is free", [])


async def test_a_trunk_that_was_removed_is_passed_over() -> None:
    async with held_line(TWO) as held:
        held.dials("one", "two")
        assert held.last("INVITE").to == SECOND
        end = await held.end_of(held.dials("one"))
        assert end.detail == "trunk one is no longer configured"


@pytest.mark.parametrize("status", [408, 500, 503, 599])
async def test_a_trunk_that_cannot_leaves_the_call_to_the_next(status: int) -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", "two")
        held.answers(status)
        await held.settles()
        assert held.asked_for == ["two"]
        assert held.last("INVITE").to == SECOND
        held.answers(486)
        end = await held.end_of(call)
        assert (end.status, end.sip_code) == (CallStatus.BUSY, 486)
        assert [(each.trunk, each.sip_code) for each in end.tries] == [
            ("one", status),
            ("two", 486),
        ]


@pytest.mark.parametrize("status", [404, 486, 600])
async def test_a_refusal_of_the_called_is_not_taken_elsewhere(status: int) -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", "two")
        held.answers(status)
        assert (await held.end_of(call)).sip_code == status
        assert held.asked_for == []


async def test_what_has_rung_is_not_dialled_again() -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", "two")
        held.answers(180)
        held.answers(503)
        assert (await held.end_of(call)).sip_code == 503
        assert held.asked_for == []


async def test_without_a_channel_of_the_next_trunk_the_refusal_stands() -> None:
    async with held_line(ONE, TWO) as held:
        held.free = False
        call = held.dials("one", "two")
        held.answers(503)
        end = await held.end_of(call)
        assert (end.status, end.sip_code) == (CallStatus.FAILED, 503)
        assert held.words() == ["INVITE", "ACK"]


async def test_a_call_that_is_hung_up_while_a_channel_is_asked_for_dials_no_more() -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", "two")
        held.answers(503)
        await call.hang_up()
        await held.settles()
        assert held.words() == ["INVITE", "ACK"]


async def test_a_redirection_takes_a_channel_of_the_trunk_it_leads_to() -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", routes=routes)
        redirected(held, f"{SECOND.host}:{SECOND.port}")
        await held.settles()
        assert held.asked_for == ["two"]
        assert held.last("INVITE").to == SECOND
        assert held.request("INVITE").uri == f"sip:{OTHER}@{SECOND.host}:{SECOND.port}"
        held.answers(486)
        assert (await held.end_of(call)).status is CallStatus.BUSY


async def test_a_redirection_within_a_trunk_needs_no_further_channel() -> None:
    async with held_line(ONE, TWO) as held:
        held.free = False
        held.dials("one", routes=routes)
        redirected(held, f"{PEER.host}:{PEER.port}")
        await held.settles()
        assert held.asked_for == []
        assert held.request("INVITE").uri == f"sip:{OTHER}@{PEER.host}:{PEER.port}"


async def test_without_a_channel_the_redirection_is_the_answer() -> None:
    async with held_line(ONE, TWO) as held:
        held.free = False
        call = held.dials("one", routes=routes)
        redirected(held, f"{SECOND.host}:{SECOND.port}")
        end = await held.end_of(call)
        assert (end.status, end.sip_code) == (CallStatus.FAILED, 302)
        assert held.words() == ["INVITE", "ACK"]


async def test_a_redirection_that_comes_after_the_end_is_not_followed() -> None:
    async with held_line(ONE, TWO) as held:
        call = held.dials("one", routes=routes)
        redirected(held, f"{SECOND.host}:{SECOND.port}")
        await call.hang_up()
        await held.settles()
        assert held.words() == ["INVITE", "ACK"]


@pytest.mark.parametrize("trunks", [("one", "two"), ("one",)])
async def test_a_fault_while_a_channel_is_asked_for_ends_the_call(
    trunks: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async with held_line(ONE, TWO) as held:
        held.free = RuntimeError("injected")
        call = held.dials(*trunks, routes=routes)
        if len(trunks) == 1:
            redirected(held, f"{SECOND.host}:{SECOND.port}")
        else:
            held.answers(503)
        end = await held.end_of(call)
        assert (end.status, end.fault) == (CallStatus.ERROR, True)


# --- several servers of a trunk


class Servers:
    """What the name service says of ``sip.example.net``."""

    def __init__(self, *servers: Address) -> None:
        self.servers = servers

    def known(self, _place: object) -> tuple[Address, ...] | None:
        return self.servers

    async def close(self) -> None:
        return


def several(held: HeldLine) -> None:
    servers = cast(Any, Servers(PEER, SECOND))
    held.endpoint.locator = servers
    held.line.servers._locator = servers


async def test_the_second_server_is_called_when_the_first_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE", 0.0)
    async with held_line(trunk("one", host="sip.example.net", port=0)) as held:
        several(held)
        held.dials("one")
        await asyncio.sleep(0)
        await held.settles()
        assert [sent.to for sent in held.wire.sent if sent.word == "INVITE"] == [PEER, SECOND]
        held.dials("one")
        assert held.last("INVITE").to == SECOND, "the silent one comes last for a while"


async def test_a_server_that_has_said_100_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE", 0.0)
    async with held_line(trunk("one", host="sip.example.net", port=0)) as held:
        several(held)
        held.dials("one")
        held.answers(100)
        await held.settles()
        assert held.words() == ["INVITE"]


async def test_a_late_answer_of_a_server_that_was_given_up_is_hung_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE", 0.0)
    async with held_line(trunk("one", host="sip.example.net", port=0)) as held:
        several(held)
        call = held.dials("one")
        first = held.last("INVITE").request
        await held.settles()
        held.words()
        held.answers_to(first, 200, sdp=SDP)
        assert held.words() == ["ACK", "BYE"]
        assert not call.connected


async def test_an_overloaded_server_leaves_the_call_to_the_next() -> None:
    async with held_line(trunk("one", host="sip.example.net", port=0)) as held:
        several(held)
        call = held.dials("one")
        held.answers(503)
        assert held.last("INVITE").to == SECOND
        held.answers(486)
        end = await held.end_of(call)
        assert [each.sip_code for each in end.tries] == [503, 486]


async def test_a_server_that_has_rung_is_the_last_one() -> None:
    async with held_line(trunk("one", host="sip.example.net", port=0)) as held:
        several(held)
        call = held.dials("one")
        held.answers(180)
        held.answers(503)
        assert (await held.end_of(call)).sip_code == 503


# --- what is known of trunks


@pytest.mark.parametrize("status", [100, 180, 200, 404])
async def test_any_answer_shows_that_a_trunk_is_up_again(status: int) -> None:
    async with held_line() as held:
        held.line.health.silent("carrier", "no response")
        held.dials()
        held.answers(status)
        state = held.line.health.state("carrier")
        assert state is not None
        assert state.up is (status != 100)


async def test_a_trunk_that_does_not_answer_in_its_time_leaves_the_call_to_the_next() -> None:
    async with held_line(trunk("one", response_timeout=0.0), TWO) as held:
        held.dials("one", "two")
        await held.settles()
        assert held.last("INVITE").to == SECOND
        assert held.line.health.avoided("one", asked_by_options=True)


async def test_the_last_trunk_has_the_whole_time_of_the_call() -> None:
    async with held_line(trunk("one", response_timeout=0.0)) as held:
        held.dials("one")
        await held.settles()
        assert held.words() == ["INVITE"]


@pytest.mark.parametrize("tag", ["bob", "another-branch"])
async def test_an_answer_without_a_description_after_early_media_keeps_that_media(
    tag: str,
) -> None:
    async with held_line() as held:
        call = held.dials()
        held.answers(183, sdp=SDP)
        held.answers(200, sdp=b"", tag=tag)
        assert call.connected


async def test_a_redirection_back_to_where_the_call_came_from_is_the_answer() -> None:
    async with held_line(trunk("one", redirects=5)) as held:
        call = held.dials("one", routes=routes)
        held.answers(302, contact=f"<sip:+12025550101@{PEER.host}:{PEER.port}>")
        assert (await held.end_of(call)).sip_code == 302
