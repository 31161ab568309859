"""Built-in phones that a person holds in a browser: what they hear goes out over the fabric, keys come in.

A browser takes a number with the order ``hold`` and repeats it every few seconds; the first one has it
until it stops. Another one may take the number over (``take``) while no call is on it; who had it gets it
back when that one leaves. A call to a held number rings, is answered, and its audio is published for this
browser only: the browser's id is random, and nobody else knows it. Audio that the fabric loses is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from offhook.aio import first_of
from offhook.media.tap_listener import TapListener
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.screen_orders import (
    ORDERS,
    SOUND,
    STATE,
    ScreenOrder,
    ScreenState,
    screen_topic,
)
from offhook.telephony.incoming import IncomingCall

HELD_FOR = 6.0
"""Seconds after which a phone is free that nobody asks for any more."""
MOST_SCREENS = 100


class PhoneScreen:
    """One browser that holds a phone."""

    def __init__(self, name: str, until: float) -> None:
        self.name = name
        self.until = until
        self.call: IncomingCall | None = None
        self.rings = False
        """A call has come, and is not over."""
        self.hung_up = asyncio.Event()


class ScreenPhones:
    """Who holds which phone."""

    def __init__(self, fabric: Fabric, monotonic: Callable[[], float]) -> None:
        self._fabric = fabric
        self._monotonic = monotonic
        self._screens: dict[str, PhoneScreen] = {}
        self._unsubscribe = fabric.subscribe(ORDERS, self._on_order)

    def close(self) -> None:
        """Take no more orders."""
        self._unsubscribe()

    def holder(self, number: str) -> PhoneScreen | None:
        """The browser that holds a number."""
        screen = self._screens.get(number)
        if screen is None or (screen.until < self._monotonic() and screen.call is None):
            return None
        return screen

    def tell(self, screen: PhoneScreen, state: ScreenState) -> None:
        """Say what the phone does."""
        self._fabric.publish(screen_topic(screen.name), STATE + state.value.encode())

    @contextmanager
    def ringing(self, screen: PhoneScreen) -> Iterator[None]:
        """Say that a call has come; until it is over no other browser takes the phone."""
        screen.rings = True
        self.tell(screen, ScreenState.RINGING)
        try:
            yield
        finally:
            screen.rings = False

    async def talk(self, screen: PhoneScreen, call: IncomingCall) -> None:
        """Answer a call and let the browser hear it, until it is over or the person hangs up."""
        screen.call = call
        screen.hung_up.clear()
        call.accept()
        self.tell(screen, ScreenState.TALKING)
        listener = TapListener(call.media, lambda pcm: self._hear(screen, pcm))
        try:
            await first_of(call.wait_ended(), screen.hung_up.wait())
        finally:
            listener.close()
            screen.call = None
            self.tell(screen, ScreenState.OVER)

    def _hear(self, screen: PhoneScreen, pcm: bytes) -> None:
        if screen.until >= self._monotonic():
            self._fabric.publish(screen_topic(screen.name), SOUND + pcm)

    def _on_order(self, _topic: str, message: bytes) -> None:
        try:
            order = msgspec.json.decode(message, type=ScreenOrder)
        except msgspec.DecodeError:
            return
        holder = self.holder(order.number)
        if order.order == "take" and holder is not None and not holder.rings:
            self._screens.pop(order.number)
            self.tell(holder, ScreenState.TAKEN)
            self._hold(order, None)
        elif order.order in ("hold", "take"):
            self._hold(order, holder)
        elif holder is not None and holder.name == order.screen and holder.call is not None:
            self._act(holder, holder.call, order.order)

    def _hold(self, order: ScreenOrder, holder: PhoneScreen | None) -> None:
        until = self._monotonic() + HELD_FOR
        if holder is None:
            if len(self._screens) >= MOST_SCREENS:
                self._screens = {
                    number: one for number, one in self._screens.items() if self.holder(number)
                }
            if len(self._screens) < MOST_SCREENS:
                holder = self._screens[order.number] = PhoneScreen(order.screen, until)
        if holder is None or holder.name != order.screen:
            self.tell(PhoneScreen(order.screen, until), ScreenState.TAKEN)
            return
        holder.until = until
        if not holder.rings:
            self.tell(holder, ScreenState.HELD)

    def _act(self, screen: PhoneScreen, call: IncomingCall, order: str) -> None:
        if order == "hangup":
            screen.hung_up.set()
        elif call.ended is None:
            with suppress(ValueError):
                call.media.send_digit(order.removeprefix("key:"))
