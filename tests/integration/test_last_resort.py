"""The callflow of last resort, over real calls: the customer's server does not answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.node_world import ACME, ANSWERS, SOURCE, World, world

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import ActionStarted, AnyEvent
from offhook.flow.actions import MakeCall, Say
from offhook.session.last_resort_callflow import InvalidLastResort, last_resort_of_text
from offhook.session.session import Session

SORRY: dict[str, object] = {"action": "playFile", "params": {"fileUrl": "https://a.example/a.wav"}}
MAKE_CALL = MakeCall(source=SOURCE, destination=ANSWERS)


@pytest.fixture
async def node() -> AsyncIterator[World]:
    async with world() as made:
        made.decision = None
        yield made


def with_last_resort(node: World, *actions: dict[str, object]) -> None:
    text = last_resort_of_text(json.dumps({"callflow": actions}))
    node.owner = msgspec.structs.replace(ACME, last_resort=text)


async def begun(node: World, session: Session) -> list[str]:
    events: list[AnyEvent] = [event for _, event in await node.store.events(session.session_id)]
    return [event.action for event in events if isinstance(event, ActionStarted)]


async def test_it_is_run_and_the_session_ends_with_the_error_all_the_same(node: World) -> None:
    with_last_resort(node, SORRY, {"action": "hangup"})
    session = await node.run(MAKE_CALL, Say(text="Hello.", language="en-US"))
    assert await begun(node, session) == ["MAKE_CALL", "SAY", "PLAY_FILE", "HANGUP"]
    assert session.status is SessionStatus.ERROR
    assert session.error is not None
    assert (session.error.code, session.error.action) == (RuntimeCode.CONNECTIVITY, "SAY")
    assert session.legs[0].status is CallStatus.COMPLETED


async def test_without_one_the_call_is_hung_up_at_once(node: World) -> None:
    session = await node.run(MAKE_CALL)
    assert await begun(node, session) == ["MAKE_CALL"]
    assert session.error is not None
    assert session.error.code is RuntimeCode.CONNECTIVITY


async def test_one_that_cannot_be_spoken_changes_nothing_of_the_outcome(node: World) -> None:
    unspeakable: dict[str, object] = {
        "action": "playFile",
        "params": {"fileUrl": "https://a.example/unspeakable"},
    }
    with_last_resort(node, unspeakable)
    session = await node.run(MAKE_CALL)
    assert session.error is not None
    assert session.error.code is RuntimeCode.CONNECTIVITY
    assert await begun(node, session) == ["MAKE_CALL", "PLAY_FILE"]


async def test_a_call_from_outside_is_answered_for_it(node: World) -> None:
    with_last_resort(node, SORRY)
    await node.ring()
    [session] = (await node.store.sessions("acme"))[0]
    assert session.status is SessionStatus.ERROR
    assert session.legs[0].connected_at is not None
    assert await begun(node, session) == ["PLAY_FILE"]


async def test_an_invalid_answer_is_another_matter(node: World) -> None:
    node.decision = b"not JSON"
    with_last_resort(node, SORRY)
    session = await node.run(MAKE_CALL)
    assert await begun(node, session) == ["MAKE_CALL"]
    assert session.error is not None
    assert session.error.code is RuntimeCode.INVALID_CALLFLOW


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", r"\$: must be an object"),
        ('{"callflow": []}', "callflow: must be an array of 1 to 20"),
        ('{"callflow": [{"action": "makeCall"}]}', r"callflow\[0\].action: must be say"),
        ('{"callflow": ["say"]}', r"callflow\[0\].action: must be say"),
        ("{", r"\$: not JSON"),
    ],
)
def test_what_it_may_be(text: str, why: str) -> None:
    with pytest.raises(InvalidLastResort, match=why):
        last_resort_of_text(text)
