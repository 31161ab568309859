"""Decisions by hand: which desk is asked, and what becomes of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import pytest
from tests.support.console_sessions import Told, recent

from offhook.clock import Clock
from offhook.codes import SessionStatus
from offhook.fabric.memory import MemoryFabric
from offhook.session.ports.hand_answers import (
    HAND_ORDERS,
    HELD_FOR,
    HandAnswer,
    HandNews,
    HandOrder,
    HandState,
    HoldSession,
    hand_topic,
)
from offhook.session.ports.webhooks import Question, Reply
from offhook.session.tenancy import SubAccount
from offhook.webhooks import by_hand
from offhook.webhooks.by_hand import HandDesks

ONE, TWO = "1" * 32, "2" * 32
T = Told("t", recent())
LEG = T.leg("A", connected_at=T.at(1))
SESSION = T.session(SessionStatus.RUNNING, LEG)
OWNER = SubAccount(sub_account_id="acme_corp", account_id="acme")
QUESTION = Question(
    event_id="e1", session=SESSION, leg=LEG, received=False, digits="1", client_action_id=None
)
HOLD = HoldSession(desk=ONE, session_id=SESSION.session_id)
ANSWER = HandAnswer(desk=ONE, event_id="e1", body='{"callflow": []}')


class HeldTime(Clock):
    """Stands still until it is set."""

    seconds = 0.0

    def now(self) -> datetime:
        return T.at(9)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Room:
    """The desks of a voice process, and what the desk ONE is told."""

    fabric: MemoryFabric
    clock: HeldTime
    desks: HandDesks
    told: list[HandNews] = field(default_factory=list)

    async def order(self, *orders: HandOrder) -> None:
        for order in orders:
            self.fabric.publish(HAND_ORDERS, msgspec.json.encode(order))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def asked(self) -> asyncio.Task[Reply]:
        """A question that was put."""
        task = asyncio.create_task(self.desks.ask(OWNER, QUESTION))
        await self.settle()
        return task


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    fabric, clock = MemoryFabric(), HeldTime()
    await fabric.start()
    made = Room(fabric, clock, HandDesks(fabric, clock))
    fabric.subscribe(
        hand_topic(ONE),
        lambda _topic, message: made.told.append(msgspec.json.decode(message, type=HandNews)),
    )
    yield made
    made.desks.close()
    await fabric.close()


async def test_the_first_desk_has_a_session_until_it_stops_to_ask_for_it(room: Room) -> None:
    assert not room.desks.take(SESSION.session_id)
    await room.order(HOLD, msgspec.structs.replace(HOLD, desk=TWO))
    assert room.desks.take(SESSION.session_id)
    task = await room.asked()
    assert [one.state for one in room.told] == [HandState.ASKED], "the second desk has it not"
    await room.order(ANSWER)
    await task
    room.clock.seconds = HELD_FOR + 0.1
    assert not room.desks.take(SESSION.session_id)
    assert (await room.desks.ask(OWNER, QUESTION)).body is None


async def test_the_desk_gets_the_question_of_a_webhook_and_its_answer_is_the_webhooks(
    room: Room,
) -> None:
    await room.order(HOLD)
    task = await room.asked()
    (news,) = room.told
    assert (news.state, news.event_id, news.seconds) == (HandState.ASKED, "e1", 10.0)
    assert '"dtmf":"1"' in news.question
    await room.order(
        msgspec.structs.replace(ANSWER, desk=TWO, body="another desk"),
        msgspec.structs.replace(ANSWER, event_id="e0", body="another question"),
    )
    assert not task.done()
    await room.order(ANSWER, msgspec.structs.replace(ANSWER, body="twice"))
    reply = await task
    assert (reply.body, reply.question.decode()) == (b'{"callflow": []}', news.question)
    await room.settle()
    assert room.told[-1].state is HandState.ANSWERED


async def test_an_answer_that_comes_too_late_is_none(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "BUDGET", 0.01)
    await room.order(HOLD)
    reply = await (await room.asked())
    assert (reply.body, reply.detail) == (None, "nobody answered by hand within 0.01 s")
    await room.order(ANSWER)
    assert room.told[-1].state is HandState.OVER


async def test_a_caller_who_hangs_up_ends_the_question(room: Room) -> None:
    await room.order(HOLD)
    task = await room.asked()
    task.cancel()
    await room.settle()
    assert room.told[-1].state is HandState.OVER


@pytest.mark.parametrize(
    "order",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"type": "hold", "desk": "1", "session_id": "s"}',
        b'{"type": "other", "desk": "%s", "session_id": "s"}' % ONE.encode(),
        b'{"type": "hold", "desk": "%s", "session_id": "%s"}' % (ONE.encode(), b"s" * 65),
    ],
)
async def test_strange_orders_hold_nothing(room: Room, order: bytes) -> None:
    room.fabric.publish(HAND_ORDERS, order)
    await room.settle()
    assert not room.desks.take("s")
    assert not room.desks.take("s" * 65)


async def test_desks_hold_a_bounded_number_of_sessions(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "MOST_SESSIONS", 2)
    holds = [msgspec.structs.replace(HOLD, session_id=name) for name in "abc"]
    await room.order(*holds)
    assert [room.desks.take(name) for name in "abc"] == [True, True, False]
    room.clock.seconds = HELD_FOR + 0.1
    await room.order(holds[2])
    assert room.desks.take("c")
