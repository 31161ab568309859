"""The phone on the screen and the desk beside it: what a browser hears and is asked, and what it answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable

import msgspec

from offhook.console.browser_feed import feed_of
from offhook.console.console_parts import ConsoleParts
from offhook.session.ports.hand_answers import (
    HAND_ORDERS,
    HandAnswer,
    HandNews,
    HoldSession,
    hand_topic,
)
from offhook.session.ports.screen_orders import (
    ORDERS,
    SOUND,
    STATE,
    ScreenOrder,
    screen_topic,
)

HOLD_EVERY = 2.0
"""Seconds between two orders that keep the phone."""
LONGEST = 1800.0
"""Seconds of a stream; the browser then asks again, and is let in anew."""
MOST_SCREENS_HERE = 50
"""Streams of this process."""


class ScreenLines:
    """Connects browsers with built-in phones."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._open = 0

    def full(self) -> bool:
        """Whether as many phones are held as may be."""
        return self._open >= MOST_SCREENS_HERE

    def order(self, order: ScreenOrder) -> None:
        """Send an order to the phones."""
        self._parts.fabric.publish(ORDERS, msgspec.json.encode(order))

    async def hear(self, screen: str, number: str) -> AsyncGenerator[bytes, None]:
        """Server-sent events while the browser holds the phone: its state, and sound as base64."""
        hold = msgspec.json.encode(ScreenOrder(screen=screen, number=number, order="hold"))
        async for event in self._held(screen_topic(screen), ORDERS, hold, frame):
            yield event

    async def decide(self, hold: HoldSession) -> AsyncGenerator[bytes, None]:
        """Server-sent events while the browser holds the session: what it asks."""
        encoded = msgspec.json.encode(hold)
        async for event in self._held(hand_topic(hold.desk), HAND_ORDERS, encoded, news_frame):
            yield event

    def hold(self, order: HoldSession) -> None:
        """Hold a session from its begin on, before the browser can ask for that."""
        self._parts.fabric.publish(HAND_ORDERS, msgspec.json.encode(order))

    def answer(self, answer: HandAnswer) -> None:
        """Answer a question."""
        self._parts.fabric.publish(HAND_ORDERS, msgspec.json.encode(answer))

    async def _held(
        self, topic: str, orders: str, hold: bytes, framed: Callable[[bytes], bytes]
    ) -> AsyncGenerator[bytes, None]:
        """What comes for one browser, while the order ``hold`` is repeated for it."""
        clock = self._parts.clock
        held_until = 0.0
        until = clock.monotonic() + LONGEST
        self._open += 1
        try:
            async with feed_of(self._parts, topic) as feed:
                while not feed.over and clock.monotonic() < until:
                    if clock.monotonic() >= held_until:
                        self._parts.fabric.publish(orders, hold)
                        held_until = clock.monotonic() + HOLD_EVERY
                        yield b": held\n\n"
                    message = await feed.next(held_until - clock.monotonic())
                    if message is not None:
                        yield framed(message)
        finally:
            self._open -= 1


def frame(message: bytes) -> bytes:
    """A message of a phone as an event."""
    if message.startswith(SOUND):
        return b"event: sound\ndata: %s\n\n" % base64.b64encode(message[1:])
    state = message[1:] if message.startswith(STATE) else b""
    return b"event: state\ndata: %s\n\n" % (state if state.isalpha() else b"unknown")


def news_frame(message: bytes) -> bytes:
    """What a voice process tells a desk as an event; what is malformed as a comment."""
    try:
        news = msgspec.json.decode(message, type=HandNews)
    except msgspec.DecodeError:
        return b": malformed\n\n"
    return b"event: news\ndata: %s\n\n" % msgspec.json.encode(news)
