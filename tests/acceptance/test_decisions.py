"""The decision point over real calls to the built-in phones: what the VCA webhook may answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration

LISTENER, PRESSES_ONE = "+12025550100", "+12025550101"


def make_call(destination: str) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": SOURCE, "destination": destination}}


def say(text: str) -> dict[str, Any]:
    return {"action": "say", "params": {"text": text, "language": "en-US"}}


def capture(prompt: str, **params: Any) -> dict[str, Any]:
    return {
        "action": "sayAndCapture",
        "params": {"promptMessage": prompt, "language": "en-US", **params},
    }


def answer(*actions: dict[str, Any], **members: Any) -> Reply:
    return Reply(body=json.dumps({"callflow": list(actions), **members}).encode())


def phone_configuration(receiver: Receiver, **phones: dict[str, Any]) -> dict[str, Any]:
    """A server whose trunk is the built-in phones, with all three call webhooks."""
    config = configuration(
        {}, webhooks={type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VCS", "VSS")}
    )
    config["testbed"] = {
        "phones": [
            {"number": LISTENER, "answer_after": 0.1},
            {"number": PRESSES_ONE, "answer_after": 0.1, "press": "1"},
            *({"number": number, **phone} for number, phone in phones.items()),
        ]
    }
    return config


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Server, Receiver]]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        config = phone_configuration(receiver)
        server = await stack.enter_async_context(Server(tmp_path, config))
        yield server, receiver


async def summary_of(receiver: Receiver, session_id: str, timeout: float = 30.0) -> Any:
    def found() -> list[Any]:
        return [
            one.payload for one in receiver.at("/vss") if one.payload["sessionId"] == session_id
        ]

    await receiver.wait_for(lambda: bool(found()), timeout)
    assert len(found()) == 1
    return found()[0]


async def test_digits_are_asked_about_and_the_answer_is_run(
    world: tuple[Server, Receiver],
) -> None:
    server, receiver = world
    answers = [answer(say("You pressed one."), clientActionId="second"), answer()]
    receiver.on("/vca", lambda _request, _body: answers.pop(0))
    flow = {
        "callflow": [make_call(PRESSES_ONE), capture("Please press one.", maxDigits=1)],
        "clientRequestId": "mine",
        "clientActionId": "first",
    }
    session_id = await server.place(flow)
    summary = await summary_of(receiver, session_id)
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["lastAction"] == "SAY"
    first, second = (one.payload for one in receiver.at("/vca"))
    assert first["callStatus"] == "ACTION_COMPLETED"
    assert (first["dtmf"], first["eventData"]) == ("1", {"dtmf": "1"})
    assert first["clientRequestId"] == "mine"
    assert "clientActionId" not in first  # that of a submitted callflow is ignored
    assert (second["dtmf"], second["eventData"]) == (None, {"dtmf": None})
    assert second["clientActionId"] == "second"
    assert first["eventId"] != second["eventId"]
    await receiver.wait_for(lambda: len(receiver.at("/vcs")) >= 5, timeout=30)
    statuses = [one.payload["callStatus"] for one in receiver.at("/vcs")]
    assert sorted(statuses) == sorted(
        [
            "CALL_INITIATED",
            "CALL_UPDATED",
            "CALL_CONNECTED",
            "DTMF_RECEIVED",
            "CALL_DISCONNECTED",
        ]
    )


Script = Callable[[web.Request, bytes], Reply]


def failing_once(reply: Reply) -> Script:
    """500 the first time each event is asked about, then ``reply``."""
    seen: set[str] = set()

    def script(_request: web.Request, body: bytes) -> Reply:
        event = json.loads(body)["payload"]["eventId"]
        if event in seen:
            return reply
        seen.add(event)
        return Reply(status=500)

    return script


def always(reply: Reply) -> Script:
    return lambda _request, _body: reply


ENDINGS: list[tuple[str, Script, str, int | None]] = [
    ("an empty object", always(Reply(body=b"{}")), "COMPLETED", None),
    ("an empty body", always(Reply(body=b"")), "COMPLETED", None),
    ("204", always(Reply(status=204, body=b"")), "COMPLETED", None),
    ("a status", always(Reply(body=b'{"status":"ignored"}')), "COMPLETED", None),
    ("hangup", always(answer({"action": "hangup"})), "COMPLETED", None),
    ("500 then hangup", failing_once(answer({"action": "hangup"})), "COMPLETED", None),
    ("404", always(Reply(status=404)), "ERROR", -2002),
    ("a redirect", always(Reply(status=302, headers={"Location": "/vss"})), "ERROR", -2002),
    ("garbage", always(Reply(body=b"<html>")), "ERROR", -2003),
    ("a trailing comma", always(Reply(body=b'{"callflow":[],}')), "ERROR", -2003),
    ("an unknown action", always(answer({"action": "dance"})), "ERROR", -2003),
    ("a huge body", always(Reply(body=b" " * 300_000)), "ERROR", -2003),
    (
        "an unlisted source",
        always(
            answer(
                {"action": "makeCall", "params": {"source": "+4930123456", "destination": LISTENER}}
            )
        ),
        "ERROR",
        -2008,
    ),
]


async def test_what_the_answers_make_of_their_sessions(world: tuple[Server, Receiver]) -> None:
    server, receiver = world
    scripts = {name: script for name, script, _, _ in ENDINGS}

    def dispatch(request: web.Request, body: bytes) -> Reply:
        return scripts[json.loads(body)["payload"]["clientRequestId"]](request, body)

    receiver.on("/vca", dispatch)
    flow = {"callflow": [make_call(LISTENER), say("Hello.")]}
    sessions = {name: await server.place({**flow, "clientRequestId": name}) for name in scripts}
    for name, _, status, code in ENDINGS:
        summary = await summary_of(receiver, sessions[name])
        assert summary["sessionStatus"] == status, name
        assert summary["details"]["callA"]["callStatus"] == "COMPLETED", name
        if code is not None:
            assert summary["errorDetails"]["errorCode"] == code, name
            assert summary["errorDetails"]["action"] == "SAY", name
            record = await server.session(sessions[name])
            made = [event for event in record["events"] if event["event"] == "DECISION_MADE"]
            assert made[0]["problem"], name


async def test_no_answer_within_ten_seconds_is_an_error_and_nobody_else_waits(
    world: tuple[Server, Receiver],
) -> None:
    server, receiver = world
    slow = Reply(after=11.0)
    receiver.on("/vca", lambda _r, body: slow if b'"slow"' in body else Reply())
    waiting = await server.place(
        {"callflow": [make_call(LISTENER), say("Hello.")], "clientRequestId": "slow"}
    )
    quick = await server.place({"callflow": [make_call(LISTENER), say("Hello.")]})
    assert (await summary_of(receiver, quick))["sessionStatus"] == "COMPLETED"
    assert not [one for one in receiver.at("/vss") if one.payload["sessionId"] == waiting]
    summary = await summary_of(receiver, waiting)
    assert summary["errorDetails"]["errorCode"] == -2002
