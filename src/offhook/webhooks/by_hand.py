"""Asks a person in the playground instead of the VCA webhook, where there is no server yet."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, final

import msgspec

from offhook.aio import first_of
from offhook.clock import Clock
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.hand_answers import (
    HAND_ORDERS,
    HELD_FOR,
    HandAnswer,
    HandNews,
    HandOrder,
    Hands,
    HandState,
    HoldSession,
    hand_topic,
)
from offhook.session.ports.webhooks import Question, Reply
from offhook.session.tenancy import SubAccount
from offhook.webhooks.vca import BUDGET, question_payload

MOST_SESSIONS = 200
"""Sessions that desks hold at once."""

_orders: msgspec.json.Decoder[HandOrder] = msgspec.json.Decoder(HandOrder)


class _Holder(NamedTuple):
    desk: str
    until: float
    """Of the monotonic time."""


class _OpenQuestion(NamedTuple):
    desk: str
    answer: asyncio.Future[str]


@final
class HandDesks(Hands):
    """The desks of all browsers, heard over the fabric."""

    def __init__(self, fabric: Fabric, clock: Clock) -> None:
        self._fabric = fabric
        self._clock = clock
        self._holders: dict[str, _Holder] = {}
        self._asked: dict[str, _OpenQuestion] = {}
        self._unsubscribe = fabric.subscribe(HAND_ORDERS, self._on_order)

    def close(self) -> None:
        """Hear no more orders."""
        self._unsubscribe()

    def take(self, session_id: str) -> bool:
        return self._holder(session_id) is not None

    async def ask(self, sub_account: SubAccount, question: Question) -> Reply:
        payload = question_payload(sub_account, question, self._clock.now())
        holder = self._holder(question.session.session_id)
        if holder is None:
            return Reply(body=None, detail="nobody answers by hand any more", question=payload)
        asked = _OpenQuestion(holder.desk, asyncio.get_running_loop().create_future())
        self._asked[question.event_id] = asked
        self._tell(
            holder.desk,
            HandNews(
                state=HandState.ASKED,
                event_id=question.event_id,
                seconds=BUDGET,
                question=payload.decode(),
            ),
        )
        became = HandState.OVER
        try:
            given = await first_of(asked.answer, timeout=BUDGET)
            if given is None:
                detail = f"nobody answered by hand within {BUDGET:g} s"
                return Reply(body=None, detail=detail, question=payload)
            became = HandState.ANSWERED
            return Reply(body=str(given.result).encode(), question=payload)
        finally:
            del self._asked[question.event_id]
            self._tell(holder.desk, HandNews(state=became, event_id=question.event_id))

    def _holder(self, session_id: str) -> _Holder | None:
        holder = self._holders.get(session_id)
        return holder if holder is not None and holder.until >= self._clock.monotonic() else None

    def _tell(self, desk: str, news: HandNews) -> None:
        self._fabric.publish(hand_topic(desk), msgspec.json.encode(news))

    def _on_order(self, _topic: str, message: bytes) -> None:
        try:
            order = _orders.decode(message)
        except msgspec.DecodeError:
            return
        match order:
            case HoldSession():
                self._hold(order)
            case HandAnswer():
                asked = self._asked.get(order.event_id)
                if asked is not None and asked.desk == order.desk and not asked.answer.done():
                    asked.answer.set_result(order.body)

    def _hold(self, order: HoldSession) -> None:
        """The first desk has the session until it stops to ask for it."""
        holder = self._holder(order.session_id)
        if holder is not None and holder.desk != order.desk:
            return
        if len(self._holders) >= MOST_SESSIONS:
            self._holders = {
                name: one for name, one in self._holders.items() if self._holder(name) is not None
            }
        if len(self._holders) < MOST_SESSIONS or order.session_id in self._holders:
            until = self._clock.monotonic() + HELD_FOR
            self._holders[order.session_id] = _Holder(order.desk, until)
