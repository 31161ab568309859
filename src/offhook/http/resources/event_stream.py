"""A session's events as server-sent events (WHATWG HTML §9.2), from the first to the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from offhook.aio import end_all, first_of
from offhook.events import SessionEnded
from offhook.http.deps import Deps
from offhook.http.edge.places_taken import PlacesTaken, ShareTaken
from offhook.http.edge.request_context import RequestContext
from offhook.http.http_metrics import HttpMetrics
from offhook.http.refusals import RETRY, TOO_MANY, Refused, unavailable
from offhook.http.resources.session_views import event_view
from offhook.session.ports.record import StoreUnavailable
from offhook.session.session import Session

POLL_SECONDS = 1.0
"""Seconds by which an event may be late when the fabric lost its wake-up."""
HEARTBEAT_POLLS = 15
"""A comment goes out after this many polls without an event, so that proxies keep the connection open."""


class EventStreams:
    """Opens streams, as many at once as the limits allow."""

    def __init__(self, deps: Deps, metrics: HttpMetrics) -> None:
        self._deps = deps
        self._metrics = metrics
        limits = deps.limits
        self._all = PlacesTaken(limits.streams)
        self._by_sub_account = PlacesTaken(limits.sub_account_streams)
        self._by_address = PlacesTaken(limits.address_streams)

    def open(
        self, session: Session, after: int, request: RequestContext
    ) -> AsyncGenerator[bytes, None]:
        """The stream of ``session`` from event ``after`` + 1 on, for as long as ``request`` lasts.

        Raises a 429 :class:`.Refused` when the sub-account or the address holds its share of streams,
        503 when all together hold all of them, or while the process stops.
        """
        if self._deps.phase.draining.is_set():
            raise unavailable()
        shares = (
            (self._by_sub_account, session.sub_account_id),
            (self._by_address, request.address),
        )
        try:
            for share, owner in shares:
                request.held.enter_context(share.held(owner))
        except ShareTaken:
            raise Refused(
                TOO_MANY, f"{TOO_MANY.message}: too many open event streams", headers=(RETRY,)
            ) from None
        try:
            request.held.enter_context(self._all.held(""))
        except ShareTaken:
            raise unavailable() from None
        return self._stream(session, after)

    async def _stream(self, session: Session, after: int) -> AsyncGenerator[bytes, None]:
        wake = asyncio.Event()
        unsubscribe = self._deps.fabric.subscribe(
            f"session.{session.session_id}.events", lambda _topic, _message: wake.set()
        )
        self._metrics.streams.inc()
        stopping = asyncio.ensure_future(self._deps.phase.draining.wait())
        try:
            quiet_polls = 0
            while not stopping.done():
                wake.clear()
                try:
                    numbered = await self._deps.store.events(session.session_id, after)
                except StoreUnavailable:
                    numbered = ()
                ended = False
                for number, event in numbered:
                    after = number
                    view = event_view(number, event)
                    yield _frame(number, view["event"], msgspec.json.encode(view))
                    ended = ended or isinstance(event, SessionEnded)
                if ended:
                    return
                if not numbered and await self._is_final(session):
                    if not await self._deps.store.events(session.session_id, after):
                        return
                    continue
                quiet_polls = 0 if numbered else quiet_polls + 1
                if quiet_polls >= HEARTBEAT_POLLS:
                    quiet_polls = 0
                    yield b": still here\n\n"
                await first_of(wake.wait(), stopping, timeout=POLL_SECONDS)
        finally:
            unsubscribe()
            self._metrics.streams.dec()
            await end_all(stopping)

    async def _is_final(self, session: Session) -> bool:
        if session.status.final:
            return True
        try:
            current = await self._deps.store.session(session.sub_account_id, session.session_id)
        except StoreUnavailable:
            return False
        return current is None or current.status.final


def _frame(number: int, name: str, data: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode("ascii"), data)
