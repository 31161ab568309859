"""Phones in browsers, as the console sees them: who may be which user's phone, and a stream of its news."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from importlib.util import find_spec
from typing import Final

import msgspec

from offhook.config import SipUserSection
from offhook.console.browser_feed import BrowserFeed, feed_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.sign_ins import Visitor
from offhook.session.ports.browser_phones import (
    ORDERS,
    PhoneNews,
    PhoneOrder,
    PhoneState,
    PhoneWish,
    news_topic,
)
from offhook.session.scopes import Scope

KEEP_EVERY: Final = 2.0
"""Seconds between two orders that keep the phone."""
CHECK_EVERY: Final = 5
"""After so many of them it is asked again whether the browser is still signed in."""
MOST_STREAMS: Final = 50
"""Browser phones of this process."""
PATIENCE: Final = 2
"""Orders without an answer after which the browser is told that there is no gateway."""
NO_GATEWAY: Final = (
    "The gateway of browser phones does not answer: it starts with a voice node that has "
    "[browser_phone] enabled"
)


def lacking(parts: ConsoleParts) -> str:
    """What this server lacks for phones in browsers: ``extra``, ``enabled`` or nothing, ''."""
    if not parts.config.browser_phone.enabled:
        return "enabled"
    return "extra" if find_spec("aiortc") is None else ""


def users_for(parts: ConsoleParts, visitor: Visitor) -> list[SipUserSection]:
    """The users whose phone a visitor's browser may be.

    A user without ``subaccounts`` may be rung by all of them, so it is the operator's, or anybody's where
    there is one sub-account.
    """
    if not visitor.may(Scope.CALLFLOWS_WRITE):
        return []
    own = {one.sub_account_id for one in visitor.sub_accounts()}
    alone = len(parts.directory.sub_accounts()) == 1 and len(own) == 1
    return [
        user
        for user in parts.config.sip_users
        if visitor.is_operator or (alone if user.subaccounts is None else own & {*user.subaccounts})
    ]


def owner_of(visitor: Visitor) -> str:
    """Who gives a phone its orders: this sign-in and no other."""
    return hashlib.sha256(visitor.form_token.encode()).hexdigest()[:32]


class WebPhoneLines:
    """Connects browsers with the gateway of their phones."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._open = 0

    def full(self) -> bool:
        """Whether there are as many phones as may be."""
        return self._open >= MOST_STREAMS

    def order(self, order: PhoneOrder) -> None:
        """Send an order."""
        self._parts.fabric.publish(ORDERS, msgspec.json.encode(order))

    async def listen(
        self, keep: PhoneOrder, still_allowed: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[bytes, None]:
        """Server-sent events while a browser is a phone; ``keep`` is the order that keeps it.

        They end when the browser leaves, when it is not allowed any more, and when the server stops.
        """
        self._open += 1
        try:
            async with feed_of(self._parts, news_topic(keep.phone)) as feed:
                async for event in self._events(keep, feed, still_allowed):
                    yield event
        finally:
            self._open -= 1
            self.order(msgspec.structs.replace(keep, wish=PhoneWish.LEAVE))

    async def _events(
        self,
        keep: PhoneOrder,
        feed: BrowserFeed,
        still_allowed: Callable[[], Awaitable[bool]],
    ) -> AsyncGenerator[bytes, None]:
        clock = self._parts.clock
        next_keep = clock.monotonic()
        kept = unanswered = 0
        while not feed.over:
            if clock.monotonic() >= next_keep:
                if kept % CHECK_EVERY == 0 and not await still_allowed():
                    return
                if unanswered == PATIENCE:
                    keep = msgspec.structs.replace(keep, gateway=None)
                    yield frame(PhoneNews(state=PhoneState.REFUSED, text=NO_GATEWAY))
                self.order(keep)
                kept, unanswered = kept + 1, unanswered + 1
                next_keep = clock.monotonic() + KEEP_EVERY
                yield b": kept\n\n"
            message = await feed.next(next_keep - clock.monotonic())
            news = None if message is None else news_of(message)
            if news is None:
                continue
            unanswered = 0
            if news.state is not PhoneState.FREE:
                yield frame(news)
            elif keep.gateway is None:
                keep = msgspec.structs.replace(keep, gateway=news.gateway)
                self.order(keep)


def news_of(message: bytes) -> PhoneNews | None:
    """News that the fabric brought; None: nothing that we understand."""
    try:
        return msgspec.json.decode(message, type=PhoneNews)
    except msgspec.DecodeError:
        return None


def frame(news: PhoneNews) -> bytes:
    """News as an event."""
    return b"event: news\ndata: %s\n\n" % msgspec.json.encode(news)
