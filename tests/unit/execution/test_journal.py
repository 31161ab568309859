"""The pen of a session: in order, gathered, and not to be stopped by a store that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest

from offhook.clock import new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.events import ActionStarted, AnyEvent, SessionEnded
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.journal import SessionJournal
from offhook.flow.actions import Callflow, MakeCall
from offhook.session.ports.record import (
    Fenced,
    Node,
    OutboxEntry,
    OutboxType,
    StoreUnavailable,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Direction, Leg, Session
from offhook.testing.loop import VirtualLoop

START = datetime(2026, 1, 1, tzinfo=UTC)
NODE = Node(name="n", epoch=1)


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test())
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        assert loop.left_behind() == []


def session(status: SessionStatus = SessionStatus.RUNNING) -> Session:
    leg = Leg(
        call_id="a",
        direction=Direction.OUTBOUND,
        source="+6512341234",
        destination="+12025550100",
        status=CallStatus.COMPLETED if status.final else None,
    )
    call = MakeCall(source=leg.source, destination=leg.destination)
    return Session(
        session_id="s",
        sub_account_id="demo",
        call_flow_request_id="r",
        status=status,
        callflow=Callflow(actions=(call,)),
        created_at=START,
        legs=(leg,),
    )


def fact(index: int) -> ActionStarted:
    return ActionStarted(at=START + timedelta(seconds=index), index=index, action="SAY")


def webhook() -> OutboxEntry:
    return OutboxEntry(
        delivery_id=new_id(),
        sub_account_id="demo",
        type=OutboxType.VCS,
        payload=b"{}",
        created_at=START,
        give_up_at=START,
    )


class Storing:
    """A store's ``save`` that can be away, slow, or somebody else's."""

    def __init__(self) -> None:
        self.saves: list[tuple[float, SessionStatus, list[AnyEvent], int]] = []
        self.notified: list[bool] = []
        self.asked: list[float] = []
        """When each save was asked for."""
        self.away_until = 0.0
        self.takes = 0.0
        self.fenced = False
        self._busy = False

    async def save(
        self,
        node: Node,
        session: Session,
        events: Sequence[AnyEvent] = (),
        outbox: Sequence[OutboxEntry] = (),
    ) -> None:
        now = asyncio.get_running_loop().time()
        self.asked.append(now)
        if now < self.away_until:
            raise StoreUnavailable("away")
        if self.fenced:
            raise Fenced
        assert not self._busy, "two saves of one session at once may change places"
        self._busy = True
        await asyncio.sleep(self.takes)
        self._busy = False
        self.saves.append((now, session.status, list(events), len(outbox)))

    def recorder(self) -> SessionJournal:
        return SessionJournal(
            cast(Store, self), NODE, lambda _id, told: self.notified.append(told), CallMetrics()
        )

    @property
    def facts(self) -> list[AnyEvent]:
        return [event for save in self.saves for event in save[2]]


def end() -> SessionEnded:
    return SessionEnded(at=START + timedelta(minutes=1), status="COMPLETED")


def test_facts_of_a_moment_are_saved_together() -> None:
    async def check() -> None:
        store = Storing()
        recorder = store.recorder()
        for index in range(5):
            recorder.put(session(), [fact(index)])
            await asyncio.sleep(0.01)
        assert store.saves == []
        await asyncio.sleep(0.1)
        assert [save[2] for save in store.saves] == [[fact(index) for index in range(5)]]
        recorder.put(session(), [fact(5)], [webhook()])
        await asyncio.sleep(0.2)
        assert len(store.saves) == 2
        assert store.notified == [False, True]
        await recorder.finish(session(SessionStatus.COMPLETED), [end()], [])

    in_virtual_time(check)


def test_what_comes_while_a_save_takes_its_time_is_saved_next_in_order() -> None:
    async def check() -> None:
        store = Storing()
        store.takes = 1.0
        recorder = store.recorder()
        recorder.put(session(), [fact(0)])
        await asyncio.sleep(0.2)
        recorder.put(session(), [fact(1)])
        recorder.put(session(), [fact(2)])
        await asyncio.sleep(0.3)
        recorder.put(session(), [fact(3)])
        await asyncio.sleep(3)
        assert [save[2] for save in store.saves] == [[fact(0)], [fact(1), fact(2), fact(3)]]
        assert await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        assert store.facts[-1] == end()

    in_virtual_time(check)


@pytest.mark.parametrize("before_the_end", [0.0, 0.05, 0.5, 1.2])
def test_the_end_waits_for_what_is_being_saved_and_takes_the_rest_along(
    before_the_end: float,
) -> None:
    async def check() -> None:
        store = Storing()
        store.takes = 1.0
        recorder = store.recorder()
        recorder.put(session(), [fact(0)])
        await asyncio.sleep(before_the_end)
        recorder.put(session(), [fact(1)])
        assert await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        assert store.facts == [fact(0), fact(1), end()]
        assert store.saves[-1][1] is SessionStatus.COMPLETED
        assert [save[1] for save in store.saves].count(SessionStatus.COMPLETED) == 1
        await asyncio.sleep(10)
        assert store.facts == [fact(0), fact(1), end()]

    in_virtual_time(check)


def test_nothing_is_lost_while_the_store_is_away() -> None:
    async def check() -> None:
        store = Storing()
        store.away_until = 20.0
        recorder = store.recorder()
        recorder.put(session(), [fact(0)])
        await asyncio.sleep(3)
        recorder.put(session(), [fact(1)])
        await asyncio.sleep(3)
        assert await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        assert 20.0 <= asyncio.get_running_loop().time() < 26.0
        assert store.facts == [fact(0), fact(1), end()]

    in_virtual_time(check)


def test_the_end_of_a_session_that_others_have_ended_is_told_as_such() -> None:
    async def check() -> None:
        store = Storing()
        recorder = store.recorder()
        recorder.put(session(), [fact(0)])
        store.fenced = True
        assert not await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        assert store.notified == []

    in_virtual_time(check)


def test_a_bug_while_facts_are_saved_does_not_keep_the_session_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Part of a timeline may be lost to a bug of ours; the outcome and its summary may not."""

    async def check() -> None:
        store = Storing()
        recorder = store.recorder()

        async def broken(*_arguments: object) -> None:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(store, "save", broken)
            recorder.put(session(), [fact(0)])
            await asyncio.sleep(1)
        assert await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        assert store.facts == [end()]

    in_virtual_time(check)
    assert "a part of the timeline is lost" in caplog.text


def test_the_store_is_asked_again_in_growing_steps_and_at_last_every_five_seconds() -> None:
    async def check() -> None:
        store = Storing()
        store.away_until = 30.0
        assert await store.recorder().finish(session(SessionStatus.COMPLETED), [end()], [])
        steps = [after - before for before, after in pairwise(store.asked)]
        assert steps == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0, 5.0])

    in_virtual_time(check)


def test_a_session_that_is_over_is_saved_by_nobody_else() -> None:
    async def check() -> None:
        store = Storing()
        recorder = store.recorder()
        assert await recorder.finish(session(SessionStatus.COMPLETED), [end()], [webhook()])
        recorder.put(session(SessionStatus.COMPLETED), [fact(9)])
        await asyncio.sleep(10)
        assert store.facts == [end()]
        assert store.notified == [True]

    in_virtual_time(check)


def test_the_first_fact_after_a_quiet_time_is_saved_as_soon_as_the_first_of_all() -> None:
    async def check() -> None:
        store = Storing()
        recorder = store.recorder()
        for begin in (0.0, 1.0, 2.0):
            await asyncio.sleep(begin - asyncio.get_running_loop().time())
            recorder.put(session(), [fact(int(begin))])
        await asyncio.sleep(1)
        assert [save[0] for save in store.saves] == pytest.approx([0.1, 1.1, 2.1])
        await recorder.finish(session(SessionStatus.COMPLETED), [end()], [])

    in_virtual_time(check)
