"""Calls from outside: the decision, its refusals, and number masking (spec/execution.md, "Inbound")."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support import sipp
from tests.support.caller import Caller
from tests.support.net import RtpSink, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp

OURS = "+6568332048"
ANSWERS, BUSY, SILENT, GONE = "+12025550100", "+12025550102", "+12025550103", "+12025550105"
LEAVES = "+12025550107"


class World(NamedTuple):
    server: Server
    receiver: Receiver
    caller: Caller


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        config = configuration(
            {"+999": f"udp:127.0.0.1:{free_port()}"},
            webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VCS", "VSS")},
            limits={"ring_timeout": 1.0},
            sub_account={"numbers": [{"msisdn": OURS, "reference_id": "PSTN1"}]},
        )
        config["testbed"] = {
            "phones": [
                {"number": ANSWERS, "answer_after": 0.2},
                {"number": BUSY, "outcome": "busy"},
                {"number": SILENT, "outcome": "no-answer"},
                {"number": GONE, "outcome": "unreachable"},
                {"number": LEAVES, "answer_after": 0.2, "hangup_after": 0.5},
            ]
        }
        server = await stack.enter_async_context(Server(tmp_path, config))
        caller = await stack.enter_async_context(Caller(server.sip_port))
        yield World(server, receiver, caller)


def answer(*actions: dict[str, Any]) -> Reply:
    return Reply(body=json.dumps({"callflow": list(actions)}).encode())


def make_call(destination: str) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": SOURCE, "destination": destination}}


HELLO = {"action": "say", "params": {"text": "Hello.", "language": "en-US"}}
LONG = {
    "action": "say",
    "params": {"text": "Hello to whoever has called us. " * 4, "language": "en-US"},
}
HANGUP = {"action": "hangup"}


async def summary(world: World, number: int = 1) -> Any:
    await world.receiver.wait_for(lambda: len(world.receiver.at("/vss")) >= number, 15)
    assert len(world.receiver.at("/vss")) == number
    return world.receiver.at("/vss")[-1].payload


async def test_an_inbound_call_is_asked_about_answered_and_reported(world: World) -> None:
    replies = [answer(HELLO), answer(HANGUP)]
    world.receiver.on("/vca", lambda _request, _body: replies.pop(0))
    call = world.caller.dial(OURS)
    assert await call.answered() is not None
    end = await call.wait_ended()
    assert end.by == "callee"
    told = await summary(world)
    first, second = (one.payload for one in world.receiver.at("/vca"))
    assert first["callStatus"] == "CALL_RECEIVED"
    assert first["callDirection"] == "INBOUND"
    assert (first["source"], first["destination"]) == ("+14155550123", OURS)
    assert first["destinationRefId"] == "PSTN1"
    assert "sourceRefId" not in first
    assert first["dtmf"] is None
    assert second["callStatus"] == "ACTION_COMPLETED"
    assert told["sessionStatus"] == "COMPLETED"
    leg = told["details"]["callA"]
    assert leg["callStatus"] == "COMPLETED"
    assert leg["callDirection"] == "INBOUND"
    assert "connectedTimestamp" in leg
    await world.receiver.wait_for(lambda: len(world.receiver.at("/vcs")) >= 3, timeout=30)
    statuses = {one.payload["callStatus"] for one in world.receiver.at("/vcs")}
    assert statuses == {"CALL_RECEIVED", "CALL_CONNECTED", "CALL_DISCONNECTED"}


@pytest.mark.parametrize("reply", [answer(HANGUP), Reply(body=b"{}"), Reply(status=204, body=b"")])
async def test_hangup_or_nothing_refuses_the_call(world: World, reply: Reply) -> None:
    world.receiver.on("/vca", reply)
    end = await world.caller.dial(OURS).wait_ended()
    assert end.sip_code == 603
    told = await summary(world)
    assert told["sessionStatus"] == "COMPLETED"
    leg = told["details"]["callA"]
    assert (leg["callStatus"], leg["callDuration"]) == ("COMPLETED", 0)
    assert "connectedTimestamp" not in leg


async def test_how_b_fails_is_how_a_is_refused(world: World) -> None:
    expected = {BUSY: (486, "BUSY"), SILENT: (480, "NO_ANSWER"), GONE: (503, "FAILED")}
    for number, (phone, (sip_code, status)) in enumerate(expected.items(), start=1):
        world.receiver.on("/vca", answer(make_call(phone)))
        end = await world.caller.dial(OURS).wait_ended()
        assert end.sip_code == sip_code
        told = await summary(world, number)
        assert told["sessionStatus"] == status
        legs = told["details"]
        assert (legs["callA"]["callStatus"], legs["callA"]["callDuration"]) == ("COMPLETED", 0)
        assert "connectedTimestamp" not in legs["callA"]
        assert legs["callB"]["callStatus"] == status
        assert told["callCount"] == 2


async def test_what_follows_a_failed_b_is_heard_by_a(world: World) -> None:
    replies = [answer(make_call(BUSY), HELLO), answer()]
    world.receiver.on("/vca", lambda _request, _body: replies.pop(0))
    call = world.caller.dial(OURS)
    assert await call.answered() is not None
    await call.wait_ended()
    told = await summary(world)
    assert told["sessionStatus"] == "BUSY"
    assert "connectedTimestamp" in told["details"]["callA"]


async def test_a_rings_until_b_answers_and_what_follows_is_the_next_question(world: World) -> None:
    replies = [answer(make_call(LEAVES), HELLO), answer(HELLO), answer()]
    world.receiver.on("/vca", lambda _request, _body: replies.pop(0))
    call = world.caller.dial(OURS)
    assert await call.answered() is not None
    assert world.caller.heard == [180]
    await call.wait_ended()
    told = await summary(world)
    assert told["sessionStatus"] == "COMPLETED"
    assert told["details"]["callB"]["callStatus"] == "COMPLETED"
    bridged = [
        one.payload
        for one in world.receiver.at("/vcs")
        if one.payload["callStatus"] == "CALL_UPDATED"
        and one.payload.get("sipCode") not in (180, 183)
    ]
    assert len(bridged) == 1
    assert len(world.receiver.at("/vca")) == 3


async def test_number_masking_after_the_vendor_s_sample_dials_b_once(world: World) -> None:
    """Its server answers every question with the same makeCall and never looks at callStatus."""
    world.receiver.on("/vca", answer(make_call(LEAVES)))
    call = world.caller.dial(OURS)
    assert await call.answered() is not None
    end = await call.wait_ended()
    assert (end.by, end.status) == ("callee", "COMPLETED")
    told = await summary(world)
    assert (told["sessionStatus"], told["callCount"]) == ("COMPLETED", 2)
    assert [one.payload["callStatus"] for one in world.receiver.at("/vca")] == ["CALL_RECEIVED"]
    assert await world.server.stop() == 0
    assert len(world.receiver.at("/vca")) == 1
    assert len(world.receiver.at("/vss")) == 1


async def test_a_session_has_ten_legs_at_most(world: World) -> None:
    """A server that answers every later question with a makeCall would dial for ever."""
    replies = [answer(HELLO)]
    again = answer(make_call(LEAVES))
    world.receiver.on("/vca", lambda _request, _body: replies.pop() if replies else again)
    call = world.caller.dial(OURS)
    assert await call.answered() is not None
    await asyncio.wait_for(call.wait_ended(), 45)
    told = await summary(world)
    assert (told["sessionStatus"], told["errorDetails"]["errorCode"]) == ("ERROR", -2003)
    assert list(told["details"]) == [f"call{letter}" for letter in "ABCDEFGHIJ"]
    assert told["callCount"] == 10
    initiated = [
        one for one in world.receiver.at("/vcs") if one.payload["callStatus"] == "CALL_INITIATED"
    ]
    assert len(initiated) == 9


async def test_a_caller_who_gives_up_cancels_both(world: World) -> None:
    world.receiver.on("/vca", answer(make_call(SILENT)))
    call = world.caller.dial(OURS)

    def b_rings() -> bool:
        return any(
            one.payload["callDirection"] == "OUTBOUND" and one.payload.get("sipCode") == 180
            for one in world.receiver.at("/vcs")
        )

    await world.receiver.wait_for(b_rings, 20)
    await call.hang_up()
    told = await summary(world)
    assert told["sessionStatus"] == "CANCELED"
    assert {leg["callStatus"] for leg in told["details"].values()} == {"CANCELED"}


@pytest.mark.parametrize(
    ("reply", "code"),
    [(Reply(status=404), -2002), (Reply(body=b"no json"), -2003)],
)
async def test_a_failed_decision_refuses_with_480(world: World, reply: Reply, code: int) -> None:
    world.receiver.on("/vca", reply)
    end = await world.caller.dial(OURS).wait_ended()
    assert end.sip_code == 480
    told = await summary(world)
    assert (told["sessionStatus"], told["errorDetails"]["errorCode"]) == ("ERROR", code)
    assert told["details"]["callA"]["callStatus"] == "ERROR"


async def test_a_number_nobody_owns_is_404_and_no_session(world: World) -> None:
    end = await world.caller.dial("+6599999999").wait_ended()
    assert end.sip_code == 404
    assert await world.server.stop() == 0  # sends what is due before it ends
    assert world.receiver.received == []


async def test_an_unknown_peer_is_403_then_nothing_once_banned(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        config = configuration(
            {"": "udp:192.0.2.1:5060"},
            webhooks={"VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        config["trunks"][0]["inbound_from"] = ["192.0.2.0/24"]
        async with Server(tmp_path, config) as server, Caller(server.sip_port) as caller:
            for _ in range(10):
                end = await caller.dial(OURS).wait_ended()
                assert end.sip_code == 403
            banned = caller.dial(OURS)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(banned.wait_ended(), 1.5)
            await banned.hang_up()
            assert await server.stop() == 0
            assert receiver.received == []
            assert "address 127.0.0.1: banned for 600 s: unknown address" in server.log()


async def test_a_trunk_is_known_by_its_network_and_is_never_banned(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        receiver.on("/vca", answer(HANGUP))
        config = configuration(
            {"": "udp:192.0.2.1:5060"},
            webhooks={"VCA": receiver.url("/vca")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        config["trunks"][0]["inbound_from"] = ["127.0.0.0/28"]
        async with Server(tmp_path, config) as server, Caller(server.sip_port) as caller:
            end = await caller.dial(OURS).wait_ended()
            assert end.sip_code == 603


async def test_spoofed_packets_do_not_ban_a_trunk(tmp_path: Path) -> None:
    """The trunk is known by digest; its address, 127.0.0.1, is that of the wrong passwords too."""
    async with Receiver() as receiver:
        receiver.on("/vca", answer(HANGUP))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        trunk = config["trunks"][0]
        trunk |= {"username": "carrier", "password": "s3cret", "inbound_from": []}
        async with Server(tmp_path, config) as server:
            async with Caller(server.sip_port, username="carrier", password="no") as spoofer:
                for _ in range(12):
                    assert (await spoofer.dial(OURS).wait_ended()).sip_code == 403
            async with Caller(server.sip_port, username="carrier", password="s3cret") as caller:
                assert (await caller.dial(OURS).wait_ended()).sip_code == 603


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_caller_without_an_offer_answers_ours(tmp_path: Path) -> None:
    async with Receiver() as receiver, RtpSink() as ear:
        receiver.on("/vca", answer(LONG))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        async with (
            Server(tmp_path / "server", config) as server,
            Sipp(
                "late_offer",
                tmp_path,
                keys={"rtp_port": ear.port},
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service=OURS,
            ) as phone,
        ):
            await ear.wait_for(lambda: ear.heard(packets=50) == 1, 30)
            [question] = receiver.at("/vca")
            assert await server.delete_session(question.payload["sessionId"]) == 200
            counts = await phone.finished()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
        assert (counts.successful, counts.failed) == (1, 0)
    told = receiver.at("/vss")[0].payload
    assert told["sessionStatus"] == "COMPLETED"
    assert "connectedTimestamp" in told["details"]["callA"]


async def test_a_trunk_may_be_known_by_digest(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        receiver.on("/vca", answer(HANGUP))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        trunk = config["trunks"][0]
        trunk |= {"username": "carrier", "password": "s3cret", "inbound_from": []}
        async with Server(tmp_path, config) as server:
            for password, sip_code in (("wrong", 403), ("s3cret", 603)):
                async with Caller(server.sip_port, username="carrier", password=password) as caller:
                    end = await caller.dial(OURS).wait_ended()
                    assert end.sip_code == sip_code, password
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_caller_who_finds_the_trunk_full_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        receiver.on("/vca", answer(LONG))
        config = configuration(
            {"": f"udp:127.0.0.1:{free_port()}"},
            webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")},
            sub_account={"numbers": [{"msisdn": OURS}]},
        )
        config["trunks"][0]["channels"] = 1
        async with (
            Server(tmp_path / "server", config) as server,
            Caller(server.sip_port) as caller,
        ):
            first = caller.dial(OURS)
            assert await first.answered() is not None
            target = f"127.0.0.1:{server.sip_port}"
            async with Sipp(
                "call_refused",
                tmp_path,
                keys={"status": 503},
                calls=1,
                target=target,
                service=OURS,
                log_messages=True,
            ) as second:
                assert (await second.finished()).successful == 1
                assert "\nRetry-After: 1" in second.messages()
            await first.hang_up()
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 10)
            assert await caller.dial(OURS).answered() is not None
            assert len(receiver.at("/vss")) == 1
